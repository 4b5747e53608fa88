"""Pyth: the right feed's price in a trace, or the reason why there is none."""

from decimal import Decimal

import pytest

from trading.chain.feeds import FEEDS, feeds_of
from trading.chain.pyth import (
    BadPythAnswer,
    NoMatchingFeed,
    NoPythCall,
    NoPythPrice,
    NotATrace,
    PythPrice,
    pyth_price,
)

PYTH = "0x8250f4aF4B972684F7b336503E2D6dFeDeB1487a"
AAPL, NVDA = FEEDS["AAPL"][0], FEEDS["NVDA"][0]
UNSAFE = "0x96834ad3"


def answer(price=18250000000, confidence=10000000, exponent=-8, publish_time=1700000000):
    return (
        "0x"
        + price.to_bytes(32, signed=True).hex()
        + confidence.to_bytes(32).hex()
        + exponent.to_bytes(32, signed=True).hex()
        + publish_time.to_bytes(32).hex()
    )


def asks(feed, *, selector=UNSAFE, output=None, **changes):
    return {
        "type": "STATICCALL",
        "to": PYTH.lower(),
        "input": selector + feed[2:] + "00" * 32,
        "output": answer() if output is None else output,
    } | changes


def trace(*calls, **changes):
    return {"type": "CALL", "to": "0x" + "0b" * 20, "input": "0x12345678", "calls": list(calls)} | changes


def price_in(*calls, feeds=(AAPL,)):
    return pyth_price(trace(*calls), contract=PYTH, feeds=feeds)


def test_the_answer_as_pyth_encodes_it():
    output = (
        "0x000000000000000000000000000000000000000000000000000000043fc8e680"
        "0000000000000000000000000000000000000000000000000000000000989680"
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff8"
        "000000000000000000000000000000000000000000000000000000006553f100"
    )
    assert output == answer()
    assert price_in(asks(AAPL, output=output)) == PythPrice(
        feed_id=AAPL,
        price=Decimal("182.5"),
        confidence=Decimal("0.1"),
        exponent=-8,
        publish_time=1700000000,
        raw_price=18250000000,
        raw_confidence=10000000,
    )


@pytest.mark.parametrize(
    ("price", "exponent", "value"),
    [
        (123456789, -8, "1.23456789"),
        (42, 0, "42"),
        (123, 3, "123000"),
        (-50000000, -6, "-50"),
        (18250, -2, "182.5"),
        (2**63 - 1, 0, str(2**63 - 1)),
        (-(2**63), -18, "-9.223372036854775808"),
        (0, -8, "0"),
    ],
)
def test_a_price_is_scaled_exactly(price, exponent, value):
    found = price_in(asks(AAPL, output=answer(price=price, confidence=2**64 - 1, exponent=exponent)))
    assert str(found.price) == value
    assert found.confidence == Decimal(2**64 - 1).scaleb(exponent)


@pytest.mark.parametrize("selector", ["a4ae35e0", "96834ad3", "711a2e28", "9474f45b", "31d98b3f", "b5dcc911"])
def test_every_way_to_ask(selector):
    short = {"input": f"0x{selector}{AAPL[2:]}"}
    assert price_in(asks(AAPL, selector=f"0x{selector}")).price == Decimal("182.5")
    assert price_in(asks(AAPL, **short)).price == Decimal("182.5")
    assert price_in(asks(AAPL, **short, to=PYTH)).price == Decimal("182.5")


def test_a_parent_comes_before_its_children_and_they_before_its_sibling():
    def priced(price, *calls):
        return asks(AAPL, output=answer(price=price), calls=list(calls))

    elsewhere = trace
    assert price_in(priced(1, priced(2)), priced(3)).raw_price == 1
    assert price_in(elsewhere(elsewhere(priced(1)), priced(2)), priced(3)).raw_price == 1
    assert pyth_price(priced(9, priced(1)), contract=PYTH, feeds=[AAPL]).raw_price == 9


def test_only_the_feeds_of_the_symbol_count():
    calls = [asks(NVDA, output=answer(price=1)), asks(AAPL, output=answer(price=2))]
    assert price_in(*calls).raw_price == 2
    assert price_in(*calls, feeds=[NVDA.upper().replace("X", "x", 1)]).raw_price == 1
    with pytest.raises(NoMatchingFeed, match=rf"found {AAPL}, {NVDA}"):
        price_in(*calls, feeds=FEEDS["TSLA"])
    with pytest.raises(NoMatchingFeed, match="expected one of the feeds none"):
        price_in(*calls, feeds=())


def test_a_symbol_may_have_several_feeds():
    old, new = feeds_of("TSLA")
    for feed in (old, new):
        assert price_in(asks(feed), feeds=feeds_of("TSLA")).feed_id == feed


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "0x" + "0b" * 20},
        {"to": None},
        {"input": "0x96834ad4" + AAPL[2:]},
        {"input": "0x96834a"},
        {"input": UNSAFE + AAPL[2:-2]},
        {"input": None},
        {"output": "0x"},
        {"output": None},
        {"error": "execution reverted"},
        # Pyth's code over another contract's prices.
        {"type": "DELEGATECALL"},
        {"type": "CALLCODE"},
    ],
)
def test_what_is_no_answered_question_to_pyth(changes):
    with pytest.raises(NoPythCall, match=rf"expected a call of {PYTH.lower()}, found none"):
        price_in(asks(AAPL) | changes)
    assert price_in(asks(AAPL, output=answer(price=1)) | changes, asks(AAPL)).raw_price == 18250000000


def test_what_was_asked_in_a_call_that_was_undone_does_not_count():
    with pytest.raises(NoPythCall):
        price_in(trace(asks(AAPL), error="execution reverted"))


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (answer(publish_time=2**256 - 1), "expected a publish time from 0 to 253402300799"),
        (answer(exponent=101), "expected an exponent from -100 to 100"),
        (answer(exponent=-(2**31)), "expected an exponent from -100 to 100"),
        (answer(price=2**63), "expected a price from"),
        (answer(price=-(2**63) - 1), "expected a price from"),
        (answer(confidence=2**64), "expected a confidence from"),
        (answer()[:-2], "expected 128 bytes for feed 0x49f6.*, found 127"),
        (answer() + "00" * 32, "expected 128 bytes for feed 0x49f6.*, found 160"),
        ("0x0", "in hex"),
        ("0xzz", "in hex"),
    ],
)
def test_an_answer_that_is_no_price(output, message):
    with pytest.raises(BadPythAnswer, match=message):
        price_in(asks(AAPL, output=output), asks(AAPL))


@pytest.mark.parametrize("found", [None, [], "0x", {}, {"calls": []}, {"gas": 1, "structLogs": []}])
def test_what_is_no_trace_of_calls(found):
    with pytest.raises(NotATrace, match="expected a trace by callTracer"):
        pyth_price(found, contract=PYTH, feeds=[AAPL])


@pytest.mark.parametrize("calls", [None, {}, "calls", [None, 7, "call"]])
def test_calls_that_are_none_are_passed_over(calls):
    with pytest.raises(NoPythCall):
        pyth_price(trace() | {"calls": calls}, contract=PYTH, feeds=[AAPL])


def test_every_reason_is_a_missing_price():
    assert all(issubclass(reason, NoPythPrice) for reason in (NoPythCall, NoMatchingFeed, BadPythAnswer, NotATrace))


def test_a_deep_trace_is_walked_to_its_end():
    deep = asks(AAPL)
    for _ in range(50_000):
        deep = trace(deep)
    assert pyth_price(deep, contract=PYTH, feeds=[AAPL]).price == Decimal("182.5")
    while "calls" in deep:  # Let it go piece by piece.
        deep = deep.pop("calls")[0]


def test_feeds_are_ids_in_lower_case_and_of_one_symbol_each():
    ids = [feed for feeds in FEEDS.values() for feed in feeds]
    assert len(ids) == len(set(ids)) == 14
    assert all(len(feed) == 66 and feed == feed.lower() and int(feed, 16) for feed in ids)
    assert feeds_of("ZZZZ") == ()
