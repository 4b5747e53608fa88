"""The broker's word held against the books: nothing is changed by it, strays are taken in, differences are told."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.books import books
from tests.support.made_chain import know_tokens, log_of, take
from tests.support.stations import MODES, Clock, Stations, notices
from tests.support.venue import Venue
from trading.brokers.orders import OrderRequest, OrderStatus
from trading.brokers.outcomes import BrokerUnavailable, NotAuthorised, OrderRejected, RateLimited
from trading.conductor.reconciling import adoption
from trading.conductor.reconciling.adoption import is_marked
from trading.conductor.reconciling.holding_checks import HoldingCheck, set_baseline
from trading.conductor.reconciling.reconciler import EVERY, Reconciler
from trading.ledger.mode import Installation, next_order
from trading.notices.models import Notice
from trading.offchain_order.aggregate import OrderState
from trading.submission.pauses import BrokerPause
from trading.values.identifiers import ClientOrderId
from trading.values.quantities import shares
from trading.values.sides import Side
from trading.values.symbols import symbol

pytestmark = pytest.mark.django_db

AAPL = symbol("AAPL")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def venue(clock):
    return Venue(clock)


@pytest.fixture(params=MODES)
def stations(request, clock, venue):
    know_tokens("tAAPL")
    return Stations(mode=request.param, clock=clock, broker=venue)


@pytest.fixture
def reconciler(stations, venue):
    return Reconciler(broker=venue, ledger=stations.ledger)


def look(reconciler: Reconciler, stations: Stations, *, times: int = 1) -> None:
    for _ in range(times):
        stations.clock.forward(EVERY.total_seconds())
        assert reconciler.run_once(now=stations.clock()) is False


def hedged(stations: Stations, venue: Venue) -> None:
    """Let 2 AAPL be bought at the broker, and be held there."""
    stations.fill(log_of(take("SELL", "2.5", "tAAPL", usdc="500"), block=100))
    stations.hedge()
    venue.tell(OrderStatus.FILLED, "2")
    stations.forward(1)
    stations.hedge()
    venue.held[AAPL] = Decimal(2)


def stray(venue: Venue, clock: Clock, *, number: int = 7, count: int = 3, side: Side = Side.BUY) -> ClientOrderId:
    """An order at the venue under an id of ours that our books do not know."""
    mark = Installation.objects.get().mark
    name = ClientOrderId(f"ht-{mark}-{number}-1")
    venue.submit(OrderRequest(client_order_id=name, symbol=AAPL, side=side, shares=shares(count), created_at=clock()))
    return name


def test_a_broker_that_answers_again_is_not_told_of_any_more_though_no_order_asks_it(stations, venue, reconciler):
    venue.fail("holdings", NotAuthorised("401"))
    look(reconciler, stations)
    assert notices() == [("broker_refuses_us", "dry_run")]

    look(reconciler, stations)

    assert notices() == []
    assert not BrokerPause.objects.exists()


# Holdings.


def test_holdings_that_agree_are_shown_and_tell_nothing(stations, venue, reconciler):
    hedged(stations, venue)
    look(reconciler, stations, times=3)

    row = HoldingCheck.objects.get()
    assert (row.symbol, row.held_shares, row.booked_shares, row.difference_shares) == ("AAPL", 2, 2, 0)
    assert row.differs_since is None
    assert notices() == []


def test_a_difference_is_told_at_the_second_look_and_changes_nothing(stations, venue, reconciler):
    """G2-22: a snapshot of holdings compares, and never moves the exposure."""
    hedged(stations, venue)
    venue.held[AAPL] = Decimal("1.5")
    before = stations.position("AAPL")

    look(reconciler, stations)
    assert notices() == []
    look(reconciler, stations)

    assert notices() == [("holding_difference", "dry_run AAPL")]
    assert "a difference of -0.5" in Notice.objects.get().text
    assert stations.position("AAPL") == before
    assert len(stations.orders()) == 1

    venue.held[AAPL] = Decimal(2)
    look(reconciler, stations)
    assert notices() == []


def test_a_difference_that_changes_is_another_one(stations, venue, reconciler):
    hedged(stations, venue)
    for held in ("1", "1.5", "1"):
        venue.held[AAPL] = Decimal(held)
        look(reconciler, stations)

    assert notices() == []


def test_a_fill_that_was_not_polled_yet_is_no_difference(stations, venue, reconciler):
    stations.fill(log_of(take("SELL", "2.5", "tAAPL", usdc="500"), block=100))
    stations.hedge()
    venue.held[AAPL] = Decimal(2)

    look(reconciler, stations, times=3)

    assert not HoldingCheck.objects.exists()
    assert notices() == []


def test_what_was_held_before_is_a_baseline(stations, venue, reconciler, clock):
    hedged(stations, venue)
    venue.held[AAPL] += 40
    venue.held[symbol("MSFT")] = Decimal(5)
    set_baseline("dry_run", AAPL, shares(40), actor="ada", reason="bought in 2024", now=clock())

    look(reconciler, stations, times=2)

    assert {row.symbol: row.difference_shares for row in HoldingCheck.objects.all()} == {"AAPL": 0, "MSFT": 5}
    assert notices() == [("holding_difference", "dry_run MSFT")]


def test_other_books_count_too(stations, venue, clock):
    hedged(stations, venue)
    venue.held[AAPL] += 10
    reconciler = Reconciler(broker=venue, ledger=stations.ledger, other_books=[lambda: {AAPL: Decimal(10)}])

    look(reconciler, stations, times=2)

    assert HoldingCheck.objects.get().difference_shares == 0


def test_a_list_that_can_not_be_had_compares_nothing(stations, venue, reconciler):
    """G3-39: who is absent from a list holds nothing only where the list is complete."""
    hedged(stations, venue)
    venue.fail("holdings", BrokerUnavailable("down"), times=2)

    look(reconciler, stations, times=2)

    assert not HoldingCheck.objects.exists()
    assert notices() == []


def test_it_looks_once_a_minute(stations, venue, reconciler, clock):
    for _ in range(120):
        reconciler.run_once(now=clock())
        clock.forward(1)

    assert len(venue.questions("holdings")) == 2


def test_a_rate_limit_pauses_it(stations, venue, reconciler, clock):
    venue.fail("holdings", RateLimited("429", retry_after=timedelta(seconds=200)))
    look(reconciler, stations, times=3)
    assert len(venue.questions("holdings")) == 1

    clock.forward(200)
    look(reconciler, stations)
    assert len(venue.questions("holdings")) == 2


# Strays.


def test_an_order_of_ours_that_the_books_do_not_know_is_taken_in_and_told(stations, venue, reconciler, clock):
    """G3-27: an orphan at the broker."""
    name = stray(venue, clock)
    look(reconciler, stations)

    order = stations.only_order()
    assert (order.order_id, order.client_order_id, order.state) == (7, name, OrderState.SUBMITTED)
    assert stations.position("AAPL").pending.order_id == 7
    assert notices() == [("stray_at_broker", name)]
    books(stations.ledger)

    venue.tell(OrderStatus.FILLED, "3")
    stations.forward(1)
    stations.hedge()
    assert stations.orders()[0].state is OrderState.FILLED
    assert stations.orders()[0].filled_shares == 3
    assert next_order()[0] > 7


def test_its_fills_so_far_are_booked_with_it(stations, venue, reconciler, clock):
    stray(venue, clock)
    venue.tell(OrderStatus.PARTIALLY_FILLED, "1")
    look(reconciler, stations)

    assert stations.only_order().filled_shares == 1
    assert stations.net("AAPL") == 1
    books(stations.ledger)


def test_a_second_look_takes_nothing_in_twice(stations, venue, reconciler, clock):
    stray(venue, clock)
    look(reconciler, stations, times=3)

    assert len(stations.orders()) == 1
    assert Notice.objects.get().times == 1


def test_a_stray_of_a_symbol_with_an_order_under_way_is_for_the_operator(stations, venue, reconciler, clock):
    stations.fill(log_of(take("SELL", "2.5", "tAAPL", usdc="500"), block=100))
    stations.hedge()
    name = stray(venue, clock)

    look(reconciler, stations)

    assert len(stations.orders()) == 1
    assert notices() == [("stray_at_broker", name)]
    assert "is under way" in Notice.objects.get().text


def test_a_stray_under_a_number_that_another_order_has_is_for_the_operator(stations, venue, reconciler, clock):
    hedged(stations, venue)
    mark = Installation.objects.get().mark
    name = ClientOrderId(f"ht-{mark}-1-2")
    venue.submit(OrderRequest(client_order_id=name, symbol=AAPL, side=Side.BUY, shares=shares(1), created_at=clock()))

    look(reconciler, stations)

    assert len(stations.orders()) == 1
    assert "order 1 is in our books" in Notice.objects.get().text


def test_an_order_that_we_hold_to_be_refused_and_that_stands_there_is_followed_and_told(stations, venue, reconciler):
    """The books know its name, so it was no stray, and nobody looked at it."""
    stations.fill(log_of(take("SELL", "2.5", "tAAPL", usdc="500"), block=100))
    venue.fail("submit", OrderRejected("no"), taken=True)
    stations.run(stations.hedger)
    stations.run(stations.dispatcher)
    venue.tell(OrderStatus.PARTIALLY_FILLED, "1")
    venue.held[AAPL] = Decimal(1)

    look(reconciler, stations, times=2)

    order = stations.only_order()
    assert (order.state, order.broker_order_id, order.filled_shares) == (OrderState.REJECTED, "V-1", 1)
    assert stations.net("AAPL") == Decimal("-1.5")
    assert notices() == [("late_fill", "order 1"), ("symbol_halted", "AAPL")]
    books(stations.ledger)

    venue.tell(OrderStatus.PARTIALLY_FILLED, "1.5")
    look(reconciler, stations)
    assert stations.net("AAPL") == -1


def test_orders_of_others_are_left_alone(stations, venue, reconciler, clock):
    for name in ("somebody-elses", "ht-other-1-1"):
        venue.submit(
            OrderRequest(
                client_order_id=ClientOrderId(name), symbol=AAPL, side=Side.BUY, shares=shares(1), created_at=clock()
            )
        )
    look(reconciler, stations)

    assert stations.orders() == []
    assert notices() == []


@pytest.mark.parametrize(
    ("form", "ours"),
    [
        ("ht-{mark}-1-1", True),
        ("ht-{mark}-12-3", True),
        ("ht-{mark}-0-1", False),
        ("ht-{mark}-1", False),
        ("ht-{mark}-x-1", False),
        ("ht-{mark}x-1-1", False),
        ("hd-{mark}-1-1", False),
    ],
)
def test_our_mark_is_known(form, ours, db):
    mark = Installation.objects.get().mark

    assert is_marked(ClientOrderId(form.format(mark=mark))) is ours


def test_who_dies_right_after_a_stray_was_taken_in_has_told_of_it(stations, venue, reconciler, clock, monkeypatch):
    name = stray(venue, clock)
    take_in = adoption._take_in

    def dies(*arguments):
        assert take_in(*arguments) is None
        raise KeyboardInterrupt

    monkeypatch.setattr(adoption, "_take_in", dies)
    with pytest.raises(KeyboardInterrupt):
        look(reconciler, stations)
    monkeypatch.undo()

    # Nobody finds it missing again, so nobody else would tell.
    look(reconciler, stations)
    assert notices() == [("stray_at_broker", name)]
    stations.hedge()
    assert stations.only_order().state is OrderState.SUBMITTED
