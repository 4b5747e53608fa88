"""The judge leaves out what only clocks that were put forward and back tell of, and nothing else.

Where there was nothing to be judged, it says so.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from tests.simulation.real.conduct import Clock
from tests.simulation.real.judge import is_by_clocks_alone, unfelt, unjudged
from trading.ledger.tables import OnchainTrade

FORWARD_SECONDS = 40.0


def sent_unmeant(*, committed: datetime, sent: datetime) -> dict[str, str]:
    return {
        "invariant": "nothing_is_sent_unmeant",
        "expected": f"sent after {committed.isoformat()}, when it was committed",
        "found": sent.isoformat(),
    }


@pytest.fixture
def clock(tmp_path) -> Clock:
    return Clock(tmp_path / "clock")


@pytest.fixture
def jumped(clock) -> tuple[Clock, datetime, datetime]:
    """A clock that was put forward and back, and a time that it told before it was put back, and one after."""
    clock.set(FORWARD_SECONDS)
    before = datetime.now(UTC) + timedelta(seconds=FORWARD_SECONDS)
    clock.set(0)
    return clock, before, datetime.now(UTC)


def test_an_order_that_was_sent_first_by_a_clock_that_was_put_back_between_was_not(jumped):
    clock, committed, sent = jumped

    assert is_by_clocks_alone(sent_unmeant(committed=committed, sent=sent), [clock])


def test_one_that_was_sent_before_it_was_committed_is_told_though_a_clock_was_put_back(jumped):
    clock, told_while_forward, _ = jumped
    sent = told_while_forward - timedelta(seconds=FORWARD_SECONDS + 1)

    assert not is_by_clocks_alone(sent_unmeant(committed=told_while_forward, sent=sent), [clock])


def test_one_that_was_sent_before_it_was_committed_is_told_where_clocks_are_right(clock):
    sent = datetime.now(UTC)

    assert not is_by_clocks_alone(sent_unmeant(committed=sent + timedelta(milliseconds=1), sent=sent), [clock])


def test_what_else_is_wrong_is_told_whatever_clocks_did(jumped):
    clock, committed, sent = jumped
    told = sent_unmeant(committed=committed, sent=sent)

    assert not is_by_clocks_alone({**told, "invariant": "order_was_taken_once"}, [clock])
    assert not is_by_clocks_alone({**told, "expected": "an order that was meant before it was sent"}, [clock])


def at_the_venue(*orders):
    return SimpleNamespace(venue=SimpleNamespace(exchange=SimpleNamespace(orders=orders)))


@pytest.mark.django_db
def test_a_run_without_orders_or_fills_is_no_run_in_which_nothing_was_wrong(monkeypatch):
    unfilled, filled = SimpleNamespace(fills=[]), SimpleNamespace(fills=["a fill"])
    no_fill = "nothing was judged: no fill of the chain is booked"

    assert unjudged(at_the_venue()) == ["nothing was judged: no order came to the venue", no_fill]
    assert unjudged(at_the_venue(unfilled)) == ["nothing was judged: nothing was filled at the venue", no_fill]
    assert unjudged(at_the_venue(unfilled, filled)) == [no_fill]

    monkeypatch.setattr(OnchainTrade.objects, "filter", lambda **_: SimpleNamespace(exists=lambda: True))
    assert unjudged(at_the_venue(filled)) == []


def test_a_run_in_which_no_disturbance_met_anybody_is_none_either():
    assert unfelt(SimpleNamespace(felt=Counter({"kill -9": 0}))) == ["nothing was judged: no disturbance met a process"]
    assert unfelt(SimpleNamespace(felt=Counter({"kill -9": 0, "way cut": 1}))) == []
