"""Gate: every order was let through, on figures that allow it, with no kill switch on and the market open."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from trading.invariants.looking import Look
from trading.invariants.switches import Switches
from trading.invariants.violations import Wrong, invariant
from trading.market_hours.calendar import session_at
from trading.notices.models import Notice
from trading.risk.records import RiskCheck
from trading.risk.rules import LimitRule
from trading.values.arithmetic import add, plain

ADOPTED = "stray_at_broker"
"""The notice of an order that stood at the broker before it was in our books: no gate was asked about it."""


@invariant("I10")
def nothing_is_placed_while_stopped(look: Look) -> Iterator[Wrong]:
    """While a kill switch was on, nothing that it reaches was let through, a hedge or a decision."""
    switches = Switches()
    for row in look.each(_checks(look)):
        on = switches.on_at(row.checked_at, broker=row.broker, symbol=row.symbol, strategy=row.strategy)
        if on is not None:
            yield _wrong(row, f"nothing let through while the kill switch ({on}) is on", row.checked_at.isoformat())


@invariant("I11")
def hedge_was_let_through(look: Look) -> Iterator[Wrong]:
    """Each hedge passed the risk gate, for the shares that it was placed for; one that was adopted was told of."""
    for orders in look.pages(look.orders().filter(client_order_id__isnull=False)):
        names = [order.client_order_id for order in orders]
        checks = RiskCheck.objects.in_bulk(names)
        adopted = set(Notice.objects.filter(kind=ADOPTED, subject__in=names).values_list("subject", flat=True))
        for order in orders:
            check = checks.get(order.client_order_id)
            placed = (order.pk, order.broker, order.symbol, order.side, plain(order.shares))
            where = f"manage.py show_stream OffchainOrder {order.pk}; the risk checks in the admin"
            if check is None:
                if order.client_order_id not in adopted:
                    yield Wrong(f"order {order.pk}", "a record of what the risk gate saw", "none", where)
                continue
            passed = (check.order_id, check.broker, check.symbol, check.side, plain(check.allowed_shares))
            if passed != placed:
                yield Wrong(f"order {order.pk}", f"placed as it was let through: {_told(passed)}", _told(placed), where)


def _told(order: tuple[Any, ...]) -> str:
    number, broker, symbol, side, shares = order
    return f"order {number}, {side} {shares} {symbol} at {broker}"


@invariant("I11")
def limits_were_kept(look: Look) -> Iterator[Wrong]:
    """No order was let through that a limit forbids, what is under way and was placed before counted in."""
    for row in look.each(_checks(look)):
        figures = msgspec.json.decode(row.figures, type=dict[str, str])
        if row.allowed_shares > row.asked_shares:
            yield _wrong(row, f"no more than the {plain(row.asked_shares)} shares asked for", plain(row.allowed_shares))
        for name, value in figures.items():
            needed = _needed(row, name, figures)
            if needed is not None and needed > Decimal(value):
                yield _wrong(row, f"{name} of {value} at most", plain(needed))


def _needed(row: RiskCheck, name: str, figures: dict[str, str]) -> Decimal | None:
    """What an order needs of a figure; None where the figure is no limit."""
    rule, _, used = name.partition(" of ")
    if used.endswith(", used"):
        return None
    before = Decimal(figures.get(f"{name}, used", "0"))
    match rule:
        case LimitRule.MAX_ORDER_SHARES:
            return row.allowed_shares
        case LimitRule.MAX_ORDER_NOTIONAL_USD:
            return row.notional_usd
        case LimitRule.DAILY_NOTIONAL_USD:
            return add(before, row.notional_usd)
        case LimitRule.ORDERS_PER_MINUTE:
            return before + 1
        case "buying_power_usd":
            return add(Decimal(figures.get("open_orders_usd", "0")), row.notional_usd)
        case _:
            return None


@invariant("I12")
def market_was_open(look: Look) -> Iterator[Wrong]:
    """No order was let through while the market was closed, by the broker's clock or by the calendar."""
    for row in look.each(_checks(look)):
        figures = msgspec.json.decode(row.figures, type=dict[str, str])
        if figures.get("clock_open") != "yes":
            yield _wrong(row, "a market that is open by the broker's clock", f"{figures.get('clock_open')}")
        if "calendar_open" in figures and (figures["calendar_open"] != "yes" or session_at(row.checked_at) is None):
            yield _wrong(row, "a market that is open by the calendar", f"closed at {row.checked_at.isoformat()}")


def _checks(look: Look) -> Any:
    return look.begun(RiskCheck.objects.all(), "checked_at")


def _wrong(row: RiskCheck, expected: str, found: str) -> Wrong:
    return Wrong(f"order {row.client_order_id}", expected, found, "the risk checks and risk changes in the admin")
