"""The exchange: what becomes of orders, of cash and of shares, whichever protocol they came by."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from config.venues.accounts import Account
from config.venues.exchange import Exchange
from config.venues.filling import Ending
from config.venues.hours import Door, Hours
from config.venues.orders import Ask, NotOpen, Refusal, Refused, State
from tests.support.venues import NOON
from trading.values.sides import Side

D = Decimal


def ask(shares="4", side=Side.BUY, symbol="AAPL", **more):
    return Ask(symbol=symbol, side=side, shares=None if shares is None else D(shares), **more)


def after(exchange, seconds):
    exchange.set_time(lambda clock: clock.advance(seconds))


# Filling.


@pytest.mark.parametrize(
    ("shares", "half"),
    [
        ("4", "2"),
        # The smaller half comes first, and whole shares stay whole.
        ("5", "2"),
        ("0.000000003", "0.000000001"),
        ("1234567.000000003", "617283.500000001"),
    ],
)
def test_an_order_is_half_filled_after_half_the_time_and_whole_after_all_of_it(exchange, shares, half):
    exchange.account().cash_usd = D(10**12)
    order = exchange.place(ask(shares))
    seen = [order.filled]
    for _ in range(2):
        after(exchange, 1)
        seen.append(order.filled)

    assert seen == [0, D(half), D(shares)]
    assert order.state is State.FILLED
    assert [fill.at for fill in order.fills] == [NOON + timedelta(seconds=1), NOON + timedelta(seconds=2)]


def test_a_single_share_is_filled_at_once_at_the_end(exchange):
    order = exchange.place(ask("1"))

    after(exchange, 1)
    assert order.fills == []
    after(exchange, 1)

    assert [fill.shares for fill in order.fills] == [1]


def test_fills_are_dated_by_when_they_were_due_however_late_somebody_looks(exchange):
    order = exchange.place(ask())

    after(exchange, 3600)

    assert [fill.at for fill in order.fills] == [NOON + timedelta(seconds=1), NOON + timedelta(seconds=2)]


def test_an_order_that_ends_half_filled_keeps_its_half():
    exchange = Exchange(clock=NOON, ending=Ending.CANCELLED)
    order = exchange.place(ask("5"))

    after(exchange, 2)

    assert (order.state, order.filled, order.reason) == (State.CANCELLED, 2, "cancelled by the venue")


def test_without_a_time_nothing_is_filled_until_a_test_says_so():
    exchange = Exchange(clock=NOON, fill_seconds=None)
    order = exchange.place(ask())
    after(exchange, 86_400)
    assert order.fills == []

    exchange.fill(order, 3, D("270.5"))
    exchange.fill(order)

    assert (order.state, order.filled, order.average_price) == (State.FILLED, 4, D("270.7475"))


def test_one_fill_may_have_several_prices(exchange):
    order = exchange.place(ask("30"))

    exchange.fill(order, legs=[(D(10), D("100")), (D(20), D("101"))])

    assert order.average_price == D("100.6666666666666666666666666666666666667")
    assert order.state is State.FILLED


def test_more_may_be_filled_than_was_asked_for_and_after_the_end(exchange):
    order = exchange.place(ask())
    exchange.fill(order, 6)
    assert (order.state, order.filled, order.remaining) == (State.FILLED, 6, 0)

    exchange.fill(order, 1)

    assert (order.state, order.filled) == (State.FILLED, 7)
    assert exchange.account().shares_of("AAPL") == 7


def test_dollars_buy_what_they_buy_at_the_price_of_the_first_fill(exchange):
    order = exchange.place(ask(None, notional_usd=D("100")))
    exchange.set_price("AAPL", D("300"))
    assert order.shares is None

    after(exchange, 2)

    assert (order.shares, order.filled) == (D("0.333333333"), D("0.333333333"))


def test_a_limit_waits_for_its_price(exchange):
    order = exchange.place(ask(limit_price_usd=D("270")))
    after(exchange, 10)
    assert order.fills == []

    exchange.set_price("AAPL", D("269.99"))
    after(exchange, 0)

    assert (order.state, order.average_price) == (State.FILLED, D("269.99"))
    assert {fill.at for fill in order.fills} == {NOON + timedelta(seconds=10)}


def test_a_limit_to_sell_waits_for_the_price_to_rise(exchange):
    exchange.account().hold("AAPL", D(4), D(200))
    order = exchange.place(ask(side=Side.SELL, limit_price_usd=D("272")))
    after(exchange, 10)
    assert order.fills == []

    exchange.set_price("AAPL", D("272"))
    after(exchange, 0)

    assert order.state is State.FILLED


# Cash and shares.


def test_a_fill_moves_cash_and_shares_to_the_last_digit(exchange):
    exchange.set_price("AAPL", D("0.123456789012345678901234567890123456789"))
    order = exchange.place(ask("0.000000001"))

    exchange.fill(order)

    account = exchange.account()
    assert account.shares_of("AAPL") == D("0.000000001")
    assert account.cash_usd == D("99999.999999999876543210987654321098765432109876543211")


def test_what_was_sold_and_not_held_is_owed(exchange):
    order = exchange.place(ask(side=Side.SELL))
    exchange.fill(order, price_usd=D(100))
    assert exchange.account().shares_of("AAPL") == -4

    cover = exchange.place(ask("6"))
    exchange.fill(cover, price_usd=D(90))

    held = exchange.account().holdings["AAPL"]
    assert (held.shares, held.average_price) == (2, 90)


def test_the_price_paid_is_averaged(exchange):
    for shares, price in ((1, 100), (3, 200)):
        exchange.fill(exchange.place(ask(str(shares))), price_usd=D(price))

    assert exchange.account().holdings["AAPL"].average_price == 175


def test_who_sells_all_holds_nothing(exchange):
    exchange.account().hold("AAPL", D(4), D(200))

    exchange.fill(exchange.place(ask(side=Side.SELL)))

    assert exchange.account().holdings == {}


def test_open_orders_hold_cash_until_they_end(exchange):
    order = exchange.place(ask("200"))
    with pytest.raises(Refused) as refused:
        exchange.place(ask("200"))
    assert refused.value.refusal is Refusal.BUYING_POWER
    assert refused.value.figures == {"buying_power": D("45700"), "cost_basis": D("54300")}

    exchange.cancel(order)

    assert exchange.place(ask("200")).number == 2


def test_open_sells_hold_shares(exchange):
    exchange.account().hold("AAPL", D(5), D(200))
    exchange.place(ask("3", side=Side.SELL))

    with pytest.raises(Refused) as refused:
        exchange.place(ask("3", side=Side.SELL))

    figures = {"requested": 3, "available": 2, "existing": 5, "held_for_orders": 3}
    assert (refused.value.refusal, refused.value.figures) == (Refusal.SHARES, figures)


@pytest.mark.parametrize(
    ("setting", "refusal"),
    [
        (lambda exchange: setattr(exchange.account(), "shorting", False), Refusal.SHARES),
        (lambda exchange: setattr(exchange.book.instruments["AAPL"], "shortable", False), Refusal.NOT_SHORTABLE),
        (lambda exchange: setattr(exchange.book.instruments["AAPL"], "tradable", False), Refusal.NOT_TRADABLE),
        (lambda exchange: setattr(exchange.account(), "blocked", True), Refusal.BLOCKED),
        (lambda exchange: exchange.book.instruments.pop("AAPL"), Refusal.NO_SUCH_SYMBOL),
    ],
    ids=lambda value: value if isinstance(value, Refusal) else "",
)
def test_what_may_not_be_sold_is_refused_and_leaves_nothing(exchange, setting, refusal):
    setting(exchange)

    with pytest.raises(Refused) as refused:
        exchange.place(ask(side=Side.SELL))

    assert refused.value.refusal is refusal
    assert exchange.orders == []
    assert exchange.happenings == []


def test_a_fraction_can_not_be_owed(exchange):
    with pytest.raises(Refused) as refused:
        exchange.place(ask("0.5", side=Side.SELL))

    assert refused.value.refusal is Refusal.NOT_SHORTABLE


def test_an_id_is_used_once_for_ever(exchange):
    first = exchange.place(ask(client_id="ht-1"))
    exchange.cancel(first)

    with pytest.raises(Refused) as refused:
        exchange.place(ask(client_id="ht-1"))

    assert refused.value.refusal is Refusal.SAME_ID
    assert exchange.book.by_client_id("ht-1") is first


# Ends.


def test_a_cancel_ends_an_order_and_a_second_one_has_nothing_to_end(exchange):
    order = exchange.place(ask("5"))
    after(exchange, 1)

    exchange.cancel(order)

    assert (order.state, order.filled) == (State.CANCELLED, 2)
    with pytest.raises(NotOpen):
        exchange.cancel(order)


def test_a_cancel_that_takes_its_time_may_come_too_late():
    exchange = Exchange(clock=NOON, cancel_seconds=5)
    order = exchange.place(ask())

    exchange.cancel(order)
    assert order.is_open
    with pytest.raises(NotOpen):
        exchange.cancel(order)
    after(exchange, 5)

    assert (order.state, order.filled) == (State.FILLED, 4)


def test_a_cancel_that_takes_its_time_ends_what_is_not_filled_by_then():
    exchange = Exchange(clock=NOON, cancel_seconds=5, fill_seconds=20)
    order = exchange.place(ask())

    exchange.cancel(order)
    after(exchange, 5)

    assert (order.state, order.ended_at) == (State.CANCELLED, NOON + timedelta(seconds=5))


def test_a_replacement_ends_the_old_order_and_frees_what_it_held(exchange):
    exchange.account().hold("AAPL", D(4), D(200))
    old = exchange.place(ask(side=Side.SELL))

    new = exchange.replace(old, ask(side=Side.SELL, limit_price_usd=D(300)))

    assert (old.state, old.replaced_by, new.replaces, new.state) == (State.REPLACED, 2, 1, State.OPEN)


def test_a_replacement_that_is_refused_leaves_the_old_order_open(exchange):
    old = exchange.place(ask())

    with pytest.raises(Refused):
        exchange.replace(old, ask("1000000"))

    assert exchange.open_orders() == [old]


def test_an_order_is_rejected_or_expired_by_hand(exchange):
    rejected, expired = exchange.place(ask()), exchange.place(ask())

    exchange.reject(rejected, "not today")
    exchange.expire(expired)

    assert (rejected.state, rejected.reason, expired.state) == (State.REJECTED, "not today", State.EXPIRED)
    with pytest.raises(NotOpen):
        exchange.expire(rejected)


# Hours.


def test_while_the_market_is_closed_orders_wait(exchange):
    exchange.set_door(Door.CLOSED)
    order = exchange.place(ask())
    after(exchange, 3600)
    assert order.fills == []

    exchange.set_door(Door.OPEN)
    after(exchange, 2)

    assert [fill.at - NOON for fill in order.fills] == [timedelta(seconds=3601), timedelta(seconds=3602)]


def test_by_the_calendar_an_order_of_the_weekend_is_filled_on_monday():
    saturday = datetime(2026, 2, 28, 17, tzinfo=UTC)
    exchange = Exchange(clock=saturday, hours=Hours(Door.CALENDAR))
    order = exchange.place(ask())

    after(exchange, 4 * 86_400)

    monday_at_half_past_nine = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
    assert order.ended_at == monday_at_half_past_nine + timedelta(seconds=2)


def test_by_the_calendar_an_order_for_the_day_expires_at_the_bell():
    exchange = Exchange(clock=NOON, hours=Hours(Door.CALENDAR), fill_seconds=10 * 3600)
    day, forever = exchange.place(ask()), exchange.place(ask(good_for_day=False))

    after(exchange, 9 * 3600)

    assert (day.state, day.ended_at) == (State.EXPIRED, datetime(2026, 3, 2, 21, tzinfo=UTC))
    assert forever.is_open
    assert forever.filled == 2


# The record.


def test_everything_that_happened_is_told_in_its_order(exchange):
    first, second = exchange.place(ask()), exchange.place(ask("1"))
    after(exchange, 1)
    exchange.cancel(first)
    after(exchange, 1)

    assert [(happening.order, happening.what) for happening in exchange.happenings] == [
        (1, "taken: BUY 4 shares of AAPL"),
        (2, "taken: BUY 1 shares of AAPL"),
        (1, "filled 2 at 271.49"),
        (1, "cancel asked for"),
        (1, "cancelled"),
        (2, "filled 1 at 271.49"),
        (2, "filled"),
    ]
    assert exchange.orders == [first, second]


def test_accounts_are_told_apart():
    exchange = Exchange(clock=NOON, accounts=[Account(number="1"), Account(number="2")])

    exchange.fill(exchange.place(ask(), account="2"))

    assert (exchange.account("1").shares_of("AAPL"), exchange.account("2").shares_of("AAPL")) == (0, 4)
