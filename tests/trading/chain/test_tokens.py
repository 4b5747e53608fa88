import pytest
from eth_abi import encode

from tests.support.chains import V4, V6, node_at
from tests.support.replay_node import Refusal, recorded, replaying
from trading.chain.fills import TokenFacts
from trading.chain.node import NodeUnavailable
from trading.chain.tokens import DECIMALS, SYMBOL, UnreadableToken, parse_decimals, parse_symbol, read_token

USDC = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"


def word(number):
    return number.to_bytes(32, "big")


@pytest.mark.parametrize(
    "symbol", ["USDC", "tAAPL", "NVDAs1", "wtBRK.B", "USD₮0", "x" * 31, "x" * 32, "x" * 33, "x" * 64]
)
def test_a_symbol_as_a_string(symbol):
    assert parse_symbol(encode(["string"], [symbol])) == symbol


def test_a_symbol_as_a_string_without_padding():
    assert parse_symbol(word(32) + word(4) + b"USDC") == "USDC"


@pytest.mark.parametrize("symbol", ["MKR", "x" * 32])
def test_a_symbol_as_32_bytes(symbol):
    assert parse_symbol(symbol.encode().ljust(32, b"\0")) == symbol


def test_a_symbol_is_not_trimmed():
    assert parse_symbol(encode(["string"], [" USDC "])) == " USDC "


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "was nothing"),
        (b"USDC", "a string or 32 bytes"),
        (word(0), "can be printed"),
        (encode(["string"], [""]), "can be printed"),
        (encode(["string"], ["US\nDC"]), "can be printed"),
        (encode(["string"], ["US\0DC"]), "can be printed"),
        # A sign of no width: looks like USDC, is not.
        (encode(["string"], ["US\u200bDC"]), "can be printed"),
        (encode(["string"], ["\u202eCDSU"]), "can be printed"),
        (b"US\0DC".ljust(32, b"\0"), "can be printed"),
        (word(32) + word(4) + b"\xff\xfe\xfd\xfc".ljust(32, b"\0"), "UTF-8"),
        (b"\xff".ljust(32, b"\0"), "UTF-8"),
        (encode(["string"], ["x" * 65]), "as a string"),
        # Offsets and lengths that point elsewhere.
        (word(64) + word(4) + b"USDC".ljust(32, b"\0"), "as a string"),
        (word(32) + word(2**255), "as a string"),
        (word(32) + word(40) + b"USDC".ljust(32, b"\0"), "as a string"),
        (word(32) + word(4) + b"US", "as a string"),
    ],
)
def test_what_is_no_symbol(answer, why):
    with pytest.raises(UnreadableToken, match=why):
        parse_symbol(answer)


@pytest.mark.parametrize("decimals", [0, 6, 18, 255])
def test_decimals(decimals):
    assert parse_decimals(word(decimals)) == decimals


@pytest.mark.parametrize("answer", [b"", word(256), word(2**256 - 1), b"\x06", word(6) + b"\0", word(6) * 2])
def test_what_are_no_decimals(answer):
    with pytest.raises(UnreadableToken, match="0 to 255"):
        parse_decimals(answer)


@pytest.fixture
def replay():
    with replaying(V6) as replay:
        yield replay


@pytest.fixture
def node(replay):
    node = node_at(replay.url)
    yield node
    node.close()


def test_a_token_of_the_recording(node):
    assert read_token(node, USDC) == TokenFacts(address=USDC.lower(), symbol="USDC", decimals=6)


@pytest.mark.parametrize("path", [V4, V6])
def test_every_token_of_the_recordings(path):
    with replaying(path) as replay:
        node = node_at(replay.url)
        symbols = {read_token(node, address).symbol for address in recorded(path)["calls"] if is_token(path, address)}

    assert "USDC" in symbols
    assert len(symbols) > 3


def is_token(path, address):
    return {SYMBOL, DECIMALS} <= recorded(path)["calls"][address].keys()


def test_a_contract_that_is_no_token_is_named(node):
    with pytest.raises(UnreadableToken, match=r"token 0x7{40}: symbol\(\) is refused"):
        read_token(node, "0x" + "7" * 40)


def test_an_address_without_a_contract_is_named(node, replay, monkeypatch):
    monkeypatch.setitem(recorded(V6)["calls"], "0x" + "7" * 40, {SYMBOL: "0x", DECIMALS: "0x"})

    with pytest.raises(UnreadableToken, match=r"token 0x7{40}: .* was nothing"):
        read_token(node, "0x" + "7" * 40)


def test_a_node_that_does_not_answer_is_no_unreadable_token(node, replay):
    replay.refuses = lambda method, params: Refusal(-32011, "no backend is currently healthy to serve traffic")

    with pytest.raises(NodeUnavailable):
        read_token(node, USDC)
