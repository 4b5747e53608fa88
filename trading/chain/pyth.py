"""Pyth: the oracle's price that a transaction read, found in the trace of its calls."""

from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from trading.values.arithmetic import EXACT, canonical

SELECTORS = {
    "0xa4ae35e0": "getPriceNoOlderThan(bytes32,uint256)",
    "0x96834ad3": "getPriceUnsafe(bytes32)",
    "0x711a2e28": "getEmaPriceNoOlderThan(bytes32,uint256)",
    "0x9474f45b": "getEmaPriceUnsafe(bytes32)",
    "0x31d98b3f": "getPrice(bytes32)",
    "0xb5dcc911": "getEmaPrice(bytes32)",
}

# The last second of the year 9999.
LATEST_TIME = 253_402_300_799
GREATEST_EXPONENT = 100

_SELECTOR_DIGITS, _WORD_DIGITS = 10, 64
_ANSWER_BYTES = 128


class NoPythPrice(ValueError):
    """The trace has no price for us. The trade stands without one."""


class NotATrace(NoPythPrice):
    """The node's answer is no trace of calls: the tracer may be another, or missing."""


class NoPythCall(NoPythPrice):
    """The transaction never asked Pyth for a price."""


class NoMatchingFeed(NoPythPrice):
    """Pyth was asked, but for none of the symbol's feeds."""


class BadPythAnswer(NoPythPrice):
    """Pyth was asked for one of the symbol's feeds, and what the trace shows of its answer is no price."""


class PythPrice(NamedTuple):
    """A price with its confidence, scaled and as answered."""

    feed_id: str
    price: Decimal
    confidence: Decimal
    exponent: int
    publish_time: int
    raw_price: int
    raw_confidence: int


def pyth_price(trace: object, *, contract: str, feeds: Collection[str]) -> PythPrice:
    """Read the first price of these feeds that the transaction asked for. Raises NoPythPrice, as one of its kinds.

    Only the feeds named count: another's price in the same transaction is no price of ours.
    """
    if not isinstance(trace, Mapping) or not isinstance(trace.get("input"), str):
        raise NotATrace(f"expected a trace by callTracer, found {repr(trace)[:200]}")
    ours = {feed.lower() for feed in feeds}
    asked = []
    for frame in _frames(trace):
        feed = _feed_asked_for(frame, contract.lower())
        if feed in ours:
            return _answer(feed, frame["output"])
        if feed is not None:
            asked.append(feed)
    if asked:
        raise NoMatchingFeed(f"expected one of the feeds {_listed(ours)}, found {_listed(asked)}")
    raise NoPythCall(f"expected a call of {contract.lower()}, found none")


def _frames(trace: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Walk the calls, a parent before its children. What was undone had no part in the trade, nor had its children."""
    waiting = [trace]
    while waiting:
        frame = waiting.pop()
        if frame.get("error"):
            continue
        yield frame
        children = frame.get("calls")
        if isinstance(children, list | tuple):
            waiting.extend(child for child in reversed(children) if isinstance(child, Mapping))


def _feed_asked_for(frame: Mapping[str, Any], contract: str) -> str | None:
    """Tell the feed of a call to Pyth that was answered; None for any other call."""
    to, data, output = frame.get("to"), frame.get("input"), frame.get("output")
    if not isinstance(to, str) or to.lower() != contract or not isinstance(data, str):
        return None
    # Delegated, Pyth's code would run over the prices of the caller.
    if frame.get("type") in ("DELEGATECALL", "CALLCODE"):
        return None
    lowered = data.lower()
    if lowered[:_SELECTOR_DIGITS] not in SELECTORS or len(lowered) < _SELECTOR_DIGITS + _WORD_DIGITS:
        return None
    if not isinstance(output, str) or output in ("", "0x"):
        return None
    return "0x" + lowered[_SELECTOR_DIGITS : _SELECTOR_DIGITS + _WORD_DIGITS]


def _answer(feed: str, output: str) -> PythPrice:
    """Read `(int64 price, uint64 conf, int32 expo, uint256 publishTime)`."""
    try:
        answer = bytes.fromhex(output.removeprefix("0x"))
    except ValueError as error:
        raise BadPythAnswer(f"expected the answer for feed {feed} in hex, found {output[:200]!r}") from error
    if len(answer) != _ANSWER_BYTES:
        raise BadPythAnswer(f"expected {_ANSWER_BYTES} bytes for feed {feed}, found {len(answer)}")
    price = _within("a price", feed, answer[:32], -(2**63), 2**63 - 1)
    confidence = _within("a confidence", feed, answer[32:64], 0, 2**64 - 1)
    exponent = _within("an exponent", feed, answer[64:96], -GREATEST_EXPONENT, GREATEST_EXPONENT)
    publish_time = _within("a publish time", feed, answer[96:], 0, LATEST_TIME)
    return PythPrice(
        feed_id=feed,
        price=canonical(Decimal(price).scaleb(exponent, EXACT)),
        confidence=canonical(Decimal(confidence).scaleb(exponent, EXACT)),
        exponent=exponent,
        publish_time=publish_time,
        raw_price=price,
        raw_confidence=confidence,
    )


def _within(what: str, feed: str, word: bytes, lowest: int, highest: int) -> int:
    number = int.from_bytes(word, signed=lowest < 0)
    if not lowest <= number <= highest:
        raise BadPythAnswer(f"expected {what} from {lowest} to {highest} for feed {feed}, found {number}")
    return number


def _listed(feeds: Collection[str]) -> str:
    return ", ".join(sorted(set(feeds))[:10]) or "none"
