"""Tokens: what an ERC-20 contract says its symbol and decimals are."""

from trading.chain.fills import TokenFacts
from trading.chain.node import CallReverted, Node

SYMBOL = "0x95d89b41"
DECIMALS = "0x313ce567"

LONGEST_SYMBOL_BYTES = 64
_WORD = 32


class UnreadableToken(ValueError):
    """The contract does not say what a token must say. Asking again gives the same; an operator has to look."""


def read_token(node: Node, address: str, block: int | str = "latest") -> TokenFacts:
    """Ask a token for its symbol and decimals. Raises UnreadableToken, NodeError."""
    address = address.lower()
    symbol = _answer(node, address, SYMBOL, "symbol", block)
    decimals = _answer(node, address, DECIMALS, "decimals", block)
    try:
        return TokenFacts(address=address, symbol=parse_symbol(symbol), decimals=parse_decimals(decimals))
    except UnreadableToken as error:
        raise UnreadableToken(f"token {address}: {error}") from None


def parse_symbol(answer: bytes) -> str:
    """Read a symbol as the ABI has strings, or as the 32 bytes that old tokens answer. Raises UnreadableToken."""
    if len(answer) == _WORD:
        content = answer.rstrip(b"\0")
    elif len(answer) >= 2 * _WORD:
        offset, length = _number(answer[:_WORD]), _number(answer[_WORD : 2 * _WORD])
        content = answer[2 * _WORD : 2 * _WORD + length]
        if offset != _WORD or length > LONGEST_SYMBOL_BYTES or len(content) != length:
            raise UnreadableToken(f"expected a symbol as a string, was {_shown(answer)}")
    else:
        raise UnreadableToken(f"expected a symbol as a string or 32 bytes, was {_shown(answer)}")
    try:
        symbol = content.decode()
    except UnicodeDecodeError:
        raise UnreadableToken(f"expected a symbol in UTF-8, was {_shown(content)}") from None
    # Nothing is trimmed: "USDC " is not USDC, and a sign that cannot be seen is no part of a symbol.
    if not symbol or not symbol.isprintable():
        raise UnreadableToken(f"expected a symbol that can be printed, was {symbol!r}")
    return symbol


def parse_decimals(answer: bytes) -> int:
    """Read decimals, one word from 0 to 255. Raises UnreadableToken."""
    if len(answer) != _WORD or (decimals := _number(answer)) > 255:
        raise UnreadableToken(f"expected decimals from 0 to 255, was {_shown(answer)}")
    return decimals


def _answer(node: Node, address: str, selector: str, name: str, block: int | str) -> bytes:
    try:
        return node.call(address, selector, block)
    except CallReverted as error:
        raise UnreadableToken(f"token {address}: {name}() is refused: {error}") from None


def _number(word: bytes) -> int:
    return int.from_bytes(word, "big")


def _shown(answer: bytes) -> str:
    return f"0x{answer[:100].hex()}" + ("…" if len(answer) > 100 else "") if answer else "nothing"
