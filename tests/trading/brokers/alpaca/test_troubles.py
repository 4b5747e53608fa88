"""At a venue where things go wrong: no order is lost, and none is made twice."""

from dataclasses import replace
from decimal import Decimal

import pytest

from config.venues.alpaca import AlpacaVenue
from config.venues.exchange import Exchange
from config.venues.faults import (
    FaultPlan,
    cut_after,
    cut_before,
    cut_within,
    fail_after,
    gateway_page,
    html,
    rate_limited,
    refuse,
    status_word,
)
from config.venues.hours import Door
from tests.support.alpaca import OURS, Kept, make_alpaca, request
from tests.support.venues import NOON
from trading.brokers.orders import OrderStatus, same_order
from trading.brokers.outcomes import (
    BrokerUnavailable,
    NotAuthorised,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    UnknownStatus,
    UnusableReport,
)
from trading.values.quantities import shares
from trading.values.sides import Side
from trading.values.symbols import symbol

MOST_TRIES = 60


@pytest.fixture
def venue():
    with AlpacaVenue(Exchange(clock=NOON)) as opened:
        yield opened


@pytest.fixture
def alpaca(venue, wire):
    def alpaca(**changes):
        exchange = venue.exchange
        who = {"key": venue.key, "secret": venue.secret, "account": exchange.account().number, **changes}
        return make_alpaca(venue.url, Kept(), transport=wire, clock=exchange.clock.now, data_url=venue.url, **who)

    return alpaca


def order(**changes):
    return request(created_at=NOON, side=Side.BUY, **changes)


@pytest.mark.parametrize(
    ("fault", "error", "taken"),
    [
        (cut_after(), OutcomeUnknown, 1),
        (cut_within(), OutcomeUnknown, 1),
        (fail_after(500), OutcomeUnknown, 1),
        (fail_after(504), OutcomeUnknown, 1),
        (html("submit"), OutcomeUnknown, 1),
        (status_word("quantum", "submit"), UnknownStatus, 1),
        (cut_before("submit"), OutcomeUnknown, 0),
        (refuse(503, "submit"), OutcomeUnknown, 0),
        (gateway_page(403, "submit"), OutcomeUnknown, 0),
        (rate_limited("7", "submit"), RateLimited, 0),
        (refuse(401, "submit"), NotAuthorised, 0),
        (refuse(403, "submit"), OrderRejected, 0),
        (refuse(403, "submit", message="account is not authorized to trade"), NotAuthorised, 0),
    ],
    ids=lambda value: str(value) if not isinstance(value, type) else value.__name__,
)
def test_whatever_went_wrong_the_same_order_sent_again_is_there_once(alpaca, venue, fault, error, taken):
    """G3-24, G3-41: no trouble makes two orders of one id."""
    broker = alpaca()
    venue.faults.add(fault)

    with pytest.raises(error):
        broker.submit(order())
    assert len(venue.exchange.orders) == taken
    report = broker.submit(order())

    assert len(venue.exchange.orders) == 1
    assert same_order(order(), report) is None
    assert broker.find(OURS) == broker.report(report.broker_order_id)


def test_where_nobody_listens_nothing_was_sent(alpaca, venue):
    broker = alpaca()
    broker.submit(order(name="ht-test-9-1"))

    with venue.refusing_connections(), pytest.raises(BrokerUnavailable):
        broker.submit(order())

    assert len(venue.exchange.orders) == 1


def test_an_order_that_is_not_shown_at_once_is_not_made_twice(alpaca, venue):
    """Alpaca's reads lag behind: an order was not there at once for who listed them (alpaca-py 262)."""
    broker = alpaca()
    venue.faults.add(cut_after())
    with pytest.raises(OutcomeUnknown):
        broker.submit(order())
    venue.exchange.orders[0].hidden = {"find": 2}

    assert broker.find(OURS) is None
    with pytest.raises(OutcomeUnknown, match="has no order of that id"):
        broker.submit(order())
    assert broker.submit(order()).client_order_id == OURS

    assert len(venue.exchange.orders) == 1


@pytest.mark.parametrize("seed", range(12))
def test_an_order_gets_through_any_weather_once(alpaca, venue, seed):
    """As a dispatcher does it: look, and send only what is not there; and what is told wrongly stops."""
    venue.faults = FaultPlan.random(seed, Decimal("0.5"))
    names = [f"ht-test-{number}-1" for number in range(1, 4)]
    for name in names:
        assert get_through(alpaca(), order(name=name)) is not None

    venue.faults.clear()
    broker = alpaca()
    assert [one.ask.client_id for one in venue.exchange.orders] == names
    assert [broker.find(name).client_order_id for name in names] == names


def get_through(broker, wanted):
    for _ in range(MOST_TRIES):
        try:
            return broker.find(wanted.client_order_id) or broker.submit(wanted)
        except (BrokerUnavailable, OutcomeUnknown):
            continue
    return None


# What only a venue with a memory shows.


def test_an_order_that_a_person_replaced_is_followed_unless_it_had_fills(alpaca, venue):
    broker, exchange = alpaca(), venue.exchange
    exchange.set_rule(None)
    first = broker.submit(order())
    second = replaced_at(venue, exchange.orders[0])

    report = broker.report(first.broker_order_id)
    assert report.broker_order_id == first.broker_order_id
    assert venue.name_of(second) in report.notes[0]
    assert broker.find(OURS).requested_shares == 3

    exchange.fill(second, 1)
    third = replaced_at(venue, second)
    with pytest.raises(UnusableReport, match=f"(?s)when 1 shares.*{venue.name_of(third)}"):
        broker.report(first.broker_order_id)


def replaced_at(venue, taken):
    asked = replace(taken.ask, shares=Decimal(3), client_id=f"of-a-person-{taken.number}")
    return venue.exchange.replace(taken, asked)


def test_orders_in_a_closed_market_wait_and_stay_open(alpaca, venue):
    venue.exchange.set_door(Door.CLOSED)
    broker = alpaca()

    report = broker.submit(order())

    assert report.status is OrderStatus.ACCEPTED
    assert broker.clock().is_open is False
    assert [one.client_order_id for one in broker.open_orders()] == [OURS]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"symbol": symbol("ZZZZ")}, "not found"),
        ({"shares": shares(1_000_000)}, "insufficient buying power.*buying_power"),
        ({"shares": None, "notional_usd": Decimal("0.5")}, "minimal amount"),
    ],
)
def test_a_refusal_is_told_in_the_venues_words(alpaca, venue, wanted, words):
    with pytest.raises(OrderRejected, match=f"{OURS}.*{words}"):
        alpaca().submit(order(**wanted))

    assert venue.exchange.orders == []


def test_a_blocked_account_is_no_matter_of_the_order(alpaca, venue):
    venue.exchange.account().blocked = True
    broker = alpaca()

    with pytest.raises(NotAuthorised, match="rejected by user request"):
        broker.submit(order())
    assert broker.account().blocked is not None

    venue.exchange.account().blocked = False
    assert broker.submit(order()).status is OrderStatus.ACCEPTED


@pytest.mark.parametrize("who", [{"key": "PKANOTHERKEY0000"}, {"account": "010203OTHER"}])
def test_wrong_keys_and_a_wrong_account_leave_nothing(alpaca, venue, who):
    with pytest.raises(NotAuthorised):
        alpaca(**who).submit(order())

    assert venue.exchange.orders == []
    assert venue.asked("submit") == []


def test_a_report_that_can_not_be_is_no_report(alpaca, venue):
    broker = alpaca()
    taken = broker.submit(order())
    venue.exchange.set_time(lambda clock: clock.advance(5))
    venue.faults.add(status_word("new", "report"))

    # Filled, and told as new: what is filled counts.
    assert broker.report(taken.broker_order_id).status is OrderStatus.PARTIALLY_FILLED

    venue.faults.add(status_word("", "report"))
    with pytest.raises(UnusableReport):
        broker.report(taken.broker_order_id)
