"""Asking: strategies one by one, none of which can harm another or let a record vanish. Rows: Q3, L8."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_trail.strategies.asking import ask
from audit_trail.strategies.known import Known
from audit_trail.strategies.records import CongressTrade, InsiderTrade, RecordRef
from audit_trail.strategies.registry import REGISTRY
from audit_trail.strategies.signals import Opinion, Reason, Signal
from audit_trail.strategies.strategy import NoSuchStrategy, NotAStrategy, Registry, Strategy, StrategyParameters
from tests.audit_trail.strategies.situations import (
    NOW,
    TODAY,
    congress_trade,
    d,
    insider_trade,
    known,
    parameters,
    score,
    setting,
    signal,
)


class NoParameters(StrategyParameters, frozen=True):
    """Nothing is set."""


def strategy(rule, name: str = "mine", **given) -> Strategy:
    values = {
        "name": name,
        "version": "1",
        "parameters": NoParameters,
        "sources": ("quiver_congress",),
        "candidates": (CongressTrade,),
        "rule": rule,
    }
    return Strategy(**{**values, **given})


def asked(rule, *records, **given):
    mine = strategy(rule, **given)
    (heard,) = ask(
        known(*records),
        parameters=parameters(strategies={mine.name: setting("1", NoParameters())}),
        registry=Registry(mine),
    )
    return heard


def saying(*signals):
    return lambda known, parameters: Opinion(signals=signals)


def test_a_strategy_that_raises_has_said_nothing_and_says_why():
    def broken(known, parameters):
        raise ZeroDivisionError("of an average over nobody")

    heard = asked(broken, congress_trade())

    assert (heard.signals, heard.dropped) == ((), ())
    assert heard.failure == "ZeroDivisionError: of an average over nobody"


def test_to_say_that_there_is_nothing_is_no_failure():
    heard = asked(saying())

    assert (heard.failure, heard.signals, heard.candidates) == (None, (), 0)


TRADE = congress_trade()


@pytest.mark.parametrize(
    ("signals", "failure"),
    [
        ([signal("mine", 1, records=(TRADE.ref,)), signal("mine", 1, records=(TRADE.ref,))], "several of AAPL"),
        ([signal("other", 1, records=(TRADE.ref,))], "found one of other"),
        ([signal("mine", 1, records=(RecordRef("made_up", 1),))], "to rest on records known"),
        (
            [signal("mine", 1, records=(TRADE.ref,), known_at=NOW + timedelta(seconds=1))],
            "expected what was known as of",
        ),
    ],
)
def test_what_breaks_a_rule_that_all_keep_is_a_failure(signals, failure):
    heard = asked(saying(*signals), TRADE)

    assert heard.signals == ()
    assert failure in heard.failure


def test_a_signal_on_a_record_that_was_not_known_yet_is_a_failure():
    late = congress_trade(known_at=NOW + timedelta(days=1))

    assert "to rest on records known" in asked(saying(signal("mine", 1, records=(late.ref,))), late).failure


def test_what_is_no_opinion_is_a_failure():
    assert "AttributeError" in asked(lambda known, parameters: None).failure


def test_a_record_of_which_nothing_is_said_is_told():
    heard = asked(saying(signal("mine", 1, records=(TRADE.ref,))), TRADE, other := congress_trade("MSFT"))

    assert [(one.symbol, one.reason, one.records) for one in heard.dropped] == [("MSFT", Reason.NOT_USED, (other.ref,))]


def test_only_what_is_enabled_is_asked():
    found = ask(known(), parameters=parameters(congress="1", insiders="0"), registry=REGISTRY)

    assert [heard.strategy for heard in found] == ["congressional"]


def test_the_registry_knows_its_strategies_by_name():
    assert [one.name for one in REGISTRY] == ["congressional", "insider"]
    assert REGISTRY.of("insider").sources == ("quiver_insiders",)
    with pytest.raises(NoSuchStrategy, match="expected one of congressional, insider, was 'lobbying'"):
        REGISTRY.of("lobbying")


class WithADefault(StrategyParameters, frozen=True):
    days: int = 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Registry(strategy(saying()), strategy(saying())), "found mine again"),
        (lambda: strategy(saying(), name="Mine"), "small letters"),
        (lambda: strategy(saying(), name="m" * 65), "at most 64"),
        (lambda: strategy(saying(), name="hedge"), "none of hedge"),
        (lambda: strategy(saying(), version=""), "a version"),
        (lambda: strategy(saying(), sources=()), "sources"),
        (lambda: strategy(saying(), candidates=()), "chooses among"),
        (lambda: strategy(saying(), parameters=WithADefault), "without defaults, found one of days"),
    ],
)
def test_what_is_no_strategy_is_refused(make, message):
    with pytest.raises(NotAStrategy, match=message):
        make()


TICKERS = st.sampled_from(["AAPL", "BRK.B", "BRK/B", "--", "msft", ""])
DAYS_AGO = st.integers(-2, 60).map(lambda days: TODAY - timedelta(days=days))
KNOWN_AT = st.integers(-48, 48).map(lambda hours: NOW - timedelta(hours=hours))
CONGRESS = st.builds(
    congress_trade,
    TICKERS,
    st.sampled_from("ABC"),
    transaction_type=st.sampled_from(["Purchase", "Sale", "Exchange"]),
    asset_type=st.sampled_from(["CS", "OP"]),
    transaction_date=DAYS_AGO,
    known_at=KNOWN_AT,
)
INSIDERS = st.builds(
    insider_trade,
    TICKERS,
    st.sampled_from(["Jane", "John"]),
    usd=st.sampled_from([5_000, 50_000, 500_000]),
    transaction_code=st.sampled_from("PAS"),
    officer_title=st.sampled_from([None, "CEO"]),
    transaction_date=DAYS_AGO,
    known_at=KNOWN_AT,
)
SCORES = st.builds(score, st.sampled_from("ABC"), st.sampled_from([2, 5, 9]), known_at=KNOWN_AT)


@settings(deadline=None)
@given(records=st.lists(st.one_of(CONGRESS, INSIDERS, SCORES), max_size=30), seed=st.randoms())
def test_every_record_is_in_a_signal_or_told_why_not_and_their_order_says_nothing(records, seed):
    given = parameters()
    all_known = Known(records, as_of=NOW)
    seed.shuffle(records)

    found = ask(Known(records, as_of=NOW), parameters=given, registry=REGISTRY)

    assert found == ask(all_known, parameters=given, registry=REGISTRY)
    for heard, kind in zip(found, (CongressTrade, InsiderTrade), strict=True):
        assert heard.failure is None
        used = {ref for one in heard.signals for ref in one.records}
        dropped = {ref for one in heard.dropped for ref in one.records}
        not_known = {ref for one in all_known.dropped for ref in one.records}
        candidates = {record.ref for record in records if isinstance(record, kind)}
        assert candidates <= used | dropped | not_known
        assert not used & dropped
        assert not used & not_known
        by_ref = {record.ref: record for record in records}
        assert all(by_ref[ref].known_at <= NOW for ref in used)
        assert all(d(0) < one.score <= d(1) for one in heard.signals)


def test_a_signal_says_when_its_newest_record_was_known():
    older, newer = congress_trade(known_at=NOW - timedelta(days=2)), congress_trade(known_at=NOW)

    made = Signal.resting_on([newer, older], strategy="mine", symbol="AAPL", score=d(1), trigger="mine_buy", facts={})

    assert (made.known_at, made.records) == (NOW, (older.ref, newer.ref))
