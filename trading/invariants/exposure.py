"""Exposure: each net is what chain and broker come to, and what is open is hedged, or somebody was told."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from eventstore.models import StoredEvent
from trading.conductor.exposure_age import KIND, LIMIT, Exposure, open_in_session
from trading.conductor.work import SymbolWait
from trading.invariants.looking import Look
from trading.invariants.violations import Wrong, invariant
from trading.market_hours.calendar import session_at
from trading.notices.models import is_open
from trading.position.aggregate import Position
from trading.position.view import state_of
from trading.risk.controls import standing_switch
from trading.risk.records import Denial
from trading.risk.scopes import BROKERS, HEDGE
from trading.values.arithmetic import ZERO, add, plain, subtract
from trading.values.sides import Side

PATIENCE = 2 * LIMIT + timedelta(minutes=1)
"""Whoever watches exposure is late by no more than its own limit, and one turn."""


class _Sums(NamedTuple):
    """What fills of one symbol come to."""

    bought: Decimal = ZERO
    sold: Decimal = ZERO

    def with_fill(self, side: str, shares: Decimal) -> "_Sums":
        if side == Side.BUY:
            return self._replace(bought=add(self.bought, shares))
        return self._replace(sold=add(self.sold, shares))


@invariant("I1", "I2")
def net_is_what_was_filled(look: Look) -> Iterator[Wrong]:
    """The net of a symbol is the fills on chain that stand, what brokers filled, and what operators set; exactly."""
    positions = [row for row in look.each(look.positions()) if row.stream_version]
    on_chain, at_brokers, migrated = _sums(look, None if look.since is None else [row.symbol for row in positions])
    for row in positions:
        if row.symbol in migrated or _is_migrated(row.symbol):
            continue  # It came with a net, and without all the fills that it is made of.
        chain, brokers = on_chain[row.symbol], at_brokers[row.symbol]
        for column, total in (
            ("onchain_bought", chain.bought),
            ("onchain_sold", chain.sold),
            ("broker_bought", brokers.bought),
            ("broker_sold", brokers.sold),
        ):
            if (counted := getattr(row, column)) != total:
                yield _wrong(row.symbol, f"{column} {plain(total)}, which its fills come to", plain(counted))
        net = add(subtract(chain.bought, chain.sold), subtract(brokers.bought, brokers.sold))
        net = add(net, row.adjusted_shares)
        if row.net_position != net:
            yield _wrong(row.symbol, f"a net of {plain(net)}, which its fills come to", plain(row.net_position))


def _sums(look: Look, symbols: list[str] | None) -> tuple[dict[str, _Sums], dict[str, _Sums], set[str]]:
    on_chain: defaultdict[str, _Sums] = defaultdict(_Sums)
    at_brokers: defaultdict[str, _Sums] = defaultdict(_Sums)
    migrated: set[str] = set()
    trades, orders = look.all_trades(), look.all_orders()
    if symbols is not None:
        trades, orders = trades.filter(base_symbol__in=symbols), orders.filter(symbol__in=symbols)
    columns = ("base_symbol", "side", "amount", "reorged_at", "migrated")
    for trade in look.each(trades.only(*columns)):
        if trade.migrated:
            migrated.add(trade.base_symbol)
        if trade.reorged_at is None:
            on_chain[trade.base_symbol] = on_chain[trade.base_symbol].with_fill(trade.side, trade.amount)
    for order in look.each(orders.only("symbol", "side", "filled_shares", "client_order_id")):
        if order.client_order_id is None:
            migrated.add(order.symbol)
        at_brokers[order.symbol] = at_brokers[order.symbol].with_fill(order.side, order.filled_shares)
    return on_chain, at_brokers, migrated


def _is_migrated(symbol: str) -> bool:
    events = StoredEvent.objects.filter(aggregate_type=Position.aggregate_type, aggregate_id=symbol)
    return events.filter(version=1, type="PositionEvent::Migrated").exists()


def _wrong(symbol: str, expected: str, found: str) -> Wrong:
    return Wrong(f"position {symbol}", expected, found, f"manage.py show_stream Position {symbol}; compare_ledgers")


@invariant("V1")
def open_exposure_is_told(look: Look) -> Iterator[Wrong]:
    """While the market is open, what is past its threshold is hedged soon, held up by a rule, or told of."""
    session = session_at(look.now)
    ages = {row.symbol: row.since_at for row in Exposure.objects.all()}
    for row in look.each(look.positions()):
        position = state_of(row)
        if session is None or position.hedge_due(fractional_digits=None) is None:
            continue
        since = ages.get(row.symbol, row.last_updated)
        waited = open_in_session(since, session, now=look.now)
        if waited is None or waited < PATIENCE or _is_held_up(row.symbol):
            continue
        yield Wrong(
            f"position {row.symbol}",
            f"a hedge, or a notice of it, within {PATIENCE} of {since.isoformat()}",
            f"a net of {plain(row.net_position)}, no order under way and no word of it",
            "manage.py status; whether `manage.py conduct` runs",
        )


def _is_held_up(symbol: str) -> bool:
    """Tell whether an operator knows of it, or something stands against it that is written down."""
    return (
        is_open(KIND, symbol)
        or SymbolWait.objects.filter(symbol=symbol).exists()
        or Denial.objects.filter(symbol=symbol, strategy=HEDGE, ended_at=None).exists()
        or any(standing_switch(broker=broker, symbol=symbol, strategy=HEDGE) for broker in BROKERS)
    )
