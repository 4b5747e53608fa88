"""The refresher: asks for what the gate must know while there is something to hedge, each fact by itself."""

from datetime import timedelta

import pytest

from tests.support.made_chain import know_tokens, log_of, take
from tests.support.stations import Clock, Stations
from tests.support.venue import Venue
from tests.trading.risk.test_controls import restrict
from trading.brokers.outcomes import (
    BrokerUnavailable,
    NoSuchAsset,
    NotAuthorised,
    RateLimited,
    UnusableAnswer,
)
from trading.conductor.refresher import Refresher
from trading.conductor.work import halt, refuse
from trading.risk.facts import BrokerFact, FactKind, known
from trading.risk.records import Denial
from trading.submission.pauses import BrokerPause, is_paused, pause
from trading.values.symbols import Symbol

pytestmark = pytest.mark.django_db

AAPL, MSFT = Symbol("AAPL"), Symbol("MSFT")
ALL = ["clock", "account", "holdings", "asset AAPL", "quote AAPL"]


@pytest.fixture(autouse=True)
def tokens():
    know_tokens("tAAPL", "tMSFT")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def venue(clock) -> Venue:
    return Venue(clock)


@pytest.fixture
def stations(clock, venue) -> Stations:
    """Stations with one position past its threshold."""
    stations = Stations(broker=venue, clock=clock, refreshed=True)
    stations.fill(log_of(take("SELL", "2.5", "tAAPL"), block=100))
    return stations


def questions(venue: Venue) -> list[str]:
    """What was asked since the last time, in alphabetic order but for the clock, which comes first."""
    asked = [f"{question} {about}".strip() for question, about in venue.asked]
    venue.asked.clear()
    return asked[:1] + sorted(asked[1:])


def asked_after(stations: Stations, venue: Venue, seconds: float) -> list[str]:
    stations.forward(seconds)
    stations.refresher.run_once(now=stations.clock())
    return sorted(questions(venue))


def facts(symbol=AAPL):
    return known("dry_run", [symbol])[symbol]


def test_with_nothing_to_hedge_nothing_is_asked(clock, venue):
    stations = Stations(broker=venue, clock=clock, refreshed=True)
    stations.fill(log_of(take("SELL", "0.5", "tAAPL"), block=100))

    assert stations.refresher.run_once(now=clock()) is False
    assert venue.asked == []
    assert not BrokerFact.objects.exists()


def test_what_the_gate_needs_is_asked_once_and_stored_with_its_time(stations, venue):
    assert stations.refresher.run_once(now=stations.clock()) is True
    assert stations.refresher.run_once(now=stations.clock()) is False

    assert questions(venue) == ["clock", "account", "asset AAPL", "holdings", "quote AAPL"]
    kept = facts()
    assert (kept.clock, kept.account, kept.holdings) == (venue.clock(), venue.account(), venue.holdings())
    assert (kept.quote, kept.asset) == (venue.quote(AAPL), venue.asset(AAPL))
    assert {row.as_of for row in BrokerFact.objects.all()} == {stations.clock()}


def test_each_fact_is_asked_for_again_at_its_own_time(stations, venue):
    stations.refresher.run_once(now=stations.clock())
    questions(venue)

    assert asked_after(stations, venue, 4.9) == []
    assert asked_after(stations, venue, 0.1) == ["quote AAPL"]
    assert asked_after(stations, venue, 5) == ["quote AAPL"]
    assert asked_after(stations, venue, 5) == ["account", "clock", "holdings", "quote AAPL"]
    assert asked_after(stations, venue, 3585) == ["account", "asset AAPL", "clock", "holdings", "quote AAPL"]


def test_only_what_waits_to_be_hedged_is_asked_about(stations, venue):
    stations.fill(log_of(take("BUY", "3", "tMSFT"), block=101))
    refuse(MSFT, "no", now=stations.clock())
    stations.refresher.run_once(now=stations.clock())
    assert {"quote MSFT", "quote AAPL"} <= set(questions(venue))

    # A halted symbol waits for its operator, and an order under way is none that is to be placed.
    halt(MSFT, "stop", now=stations.clock())
    assert asked_after(stations, venue, 5) == ["quote AAPL"]
    stations.run(stations.hedger)
    assert stations.hedges() == ["BUY 2 AAPL"]
    assert asked_after(stations, venue, 20) == []


def test_each_facts_failure_is_its_own(stations, venue):
    """G3-34: a quote that can't be had keeps nothing else from being known."""
    stations.fill(log_of(take("BUY", "3", "tMSFT"), block=101))
    venue.fail("account", BrokerUnavailable("503"))
    venue.fail("quote", UnusableAnswer("no price"))
    stations.refresher.run_once(now=stations.clock())

    assert facts().quote is None
    assert facts().account is None
    assert facts().troubles == {"account": "BrokerUnavailable: 503", "quote": "UnusableAnswer: no price"}
    assert facts(MSFT).quote == venue.quote(MSFT)
    assert facts(MSFT).holdings is not None
    venue.asked.clear()

    # Both are tried again, after a wait that doubles while they fail.
    venue.fail("account", NotAuthorised("401"), times=2)
    assert asked_after(stations, venue, 0.9) == []
    assert asked_after(stations, venue, 0.1) == ["account", "quote AAPL"]
    assert asked_after(stations, venue, 1.9) == []
    assert asked_after(stations, venue, 0.1) == ["account"]
    assert BrokerFact.objects.get(kind="account").tries == 3
    assert asked_after(stations, venue, 3.9) == ["quote AAPL", "quote MSFT"]
    assert asked_after(stations, venue, 0.1) == ["account"]
    assert (facts().account, facts().troubles) == (venue.account(), {})


def test_an_error_of_our_own_is_told_after_all_had_their_turn(stations, venue, monkeypatch):
    def broken():
        raise ValueError("not this one")

    monkeypatch.setattr(venue, "account", broken)
    with pytest.raises(ValueError, match="not this one"):
        stations.refresher.run_once(now=stations.clock())

    assert facts().quote is not None
    assert facts().troubles == {"account": "ValueError: not this one"}


def test_an_old_answer_stays_while_there_is_no_new_one(stations, venue):
    stations.refresher.run_once(now=stations.clock())
    before = facts().quote
    venue.fail("quote", BrokerUnavailable("503"))
    asked_after(stations, venue, 5)

    assert facts().quote == before
    assert facts().troubles == {"quote": "BrokerUnavailable: 503"}


@pytest.mark.parametrize(("told", "seconds"), [(timedelta(seconds=30), 30), (None, 1)])
def test_a_broker_that_has_had_enough_is_left_alone_for_as_long_as_it_says(stations, venue, told, seconds):
    """G3-32: it is the calls that wait; no order has spent a try."""
    venue.fail("account", RateLimited("429", retry_after=told))
    stations.refresher.run_once(now=stations.clock())
    assert questions(venue) == ["clock", "account"]

    assert asked_after(stations, venue, seconds - 0.1) == []
    assert set(asked_after(stations, venue, 0.1)) >= {"account", "holdings", "quote AAPL", "asset AAPL"}


def test_once_the_account_is_answered_about_again_the_pause_is_over(stations, venue):
    """G3-32: the next time that the broker has had enough is the first in a row, and waits no longer than that."""
    venue.fail("account", RateLimited("429"))
    stations.refresher.run_once(now=stations.clock())
    stations.forward(1)
    assert not is_paused("dry_run", now=stations.clock())
    assert BrokerPause.objects.exists()

    stations.refresher.run_once(now=stations.clock())

    assert not BrokerPause.objects.exists()


def test_an_answer_about_a_quote_ends_no_pause(stations, venue):
    """Prices may come from another host than the one that has had enough of us."""
    stations.refresher.run_once(now=stations.clock())
    pause("dry_run", NotAuthorised("401"), now=stations.clock())
    stations.forward(5)
    questions(venue)

    stations.refresher.run_once(now=stations.clock())

    assert questions(venue) == ["quote AAPL"]
    assert BrokerPause.objects.exists()


def test_a_symbol_that_the_broker_does_not_list_is_not_tradable(stations, venue):
    """Which is an answer, and no trouble."""
    venue.fail("asset", NoSuchAsset("AAPL is not listed"))
    stations.refresher.run_once(now=stations.clock())

    assert facts().asset is not None
    assert (facts().asset.tradable, facts().troubles) == (False, {})


def test_while_the_market_is_closed_only_the_clock_is_asked_and_at_the_open_at_once(stations, venue, monkeypatch):
    opens_at = stations.clock() + timedelta(seconds=40)
    venue.is_open = False
    told = venue.clock

    def clock():
        answer = told()
        return type(answer)(
            is_open=answer.is_open,
            broker_time=answer.broker_time,
            next_open_at=None if answer.is_open else opens_at,
            next_close_at=None,
            as_of=answer.as_of,
        )

    monkeypatch.setattr(venue, "clock", clock)
    stations.refresher.run_once(now=stations.clock())
    # It was not known to be closed before it was asked.
    assert questions(venue) == ["clock", "account", "asset AAPL", "holdings", "quote AAPL"]

    assert asked_after(stations, venue, 15) == ["clock"]
    assert asked_after(stations, venue, 15) == ["clock"]
    assert asked_after(stations, venue, 9.9) == []
    venue.is_open = True
    assert asked_after(stations, venue, 0.1) == ["clock"]
    assert asked_after(stations, venue, 0) == ["account", "holdings", "quote AAPL"]


def test_two_processes_ask_once(stations, venue):
    other = Refresher(broker=venue, wanting=stations.hedger.asked_about)

    def ask_too(question, about):
        other.run_once(now=stations.clock())

    venue.meanwhile = ask_too
    stations.refresher.run_once(now=stations.clock())
    other.run_once(now=stations.clock())

    assert sorted(questions(venue)) == sorted(ALL)


def test_what_an_operator_stopped_is_not_asked_about_until_that_is_lifted(stations, venue):
    stations.fill(log_of(take("BUY", "3", "tMSFT"), block=101))
    restrict("MSFT")
    stations.refresher.run_once(now=stations.clock())
    stations.run(stations.hedger)
    assert stations.hedges() == ["BUY 2 AAPL"]
    questions(venue)
    assert asked_after(stations, venue, 100) == []

    restrict("MSFT", expires_at=stations.clock())
    stations.forward(1)
    stations.run(stations.hedger)
    assert stations.hedges() == ["BUY 2 AAPL"]
    assert asked_after(stations, venue, 0.2) == ["account", "clock", "holdings", "quote MSFT"]
    stations.forward(0.2)
    stations.run(stations.hedger)
    assert stations.hedges() == ["BUY 2 AAPL", "SELL 3 MSFT"]
    assert [row.rule for row in Denial.objects.all()] == ["restricted_symbol"]


def test_the_quotes_of_many_symbols_leave_the_broker_its_patience(clock, venue):
    symbols = [Symbol(f"S{number}") for number in range(40)]
    refresher = Refresher(broker=venue, wanting=lambda: symbols)
    refresher.run_once(now=clock())
    questions(venue)

    asked = []
    for _ in range(60):
        refresher.run_once(now=clock.forward(1))
        asked += [each for each in questions(venue) if each.startswith("quote")]
    assert len(asked) == 3 * len(symbols)


def test_how_often_is_for_the_wiring_to_say(stations, venue):
    slower = Refresher(broker=venue, wanting=stations.hedger.asked_about, every={FactKind.QUOTE: timedelta(seconds=20)})
    slower.run_once(now=stations.clock())
    questions(venue)
    stations.forward(15)
    slower.run_once(now=stations.clock())
    assert "quote AAPL" not in questions(venue)
