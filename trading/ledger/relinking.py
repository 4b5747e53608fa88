"""Relinking: what would stand behind a symbol's orders, had its fills and orders been linked by the rule of today.

The rule itself is run, over the legacy tables, in the order in which fills came and orders were placed and ended; then
all that is taken back, and only what it came to is kept.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple, cast

from django.db import transaction

from trading.ledger.legacy import EPOCH
from trading.ledger.links import LEGACY_LINKS, LinkBook, LinkTables
from trading.offchain_order.aggregate import ENDS
from trading.offchain_order.events import Links, Netting, Placed, TradeLink
from trading.values.arithmetic import ZERO
from trading.values.identifiers import ClientOrderId, OrderId, TradeId
from trading.values.quantities import Shares
from trading.values.sides import Side
from trading.values.symbols import Symbol

# Of what happened at one time: fills came first, and an order had ended before the next was placed.
CAME, WENT, ENDED, PLACED = range(4)


class Standing(NamedTuple):
    """What stands behind each order of a symbol, and what of each fill that stands is open."""

    orders: dict[int, Links]
    open_shares: dict[TradeId, Decimal]


class _Act(NamedTuple):
    at: datetime
    rank: int
    number: int
    do: Callable[[], None]


def standing(tables: LinkTables, symbol: Symbol) -> Standing:
    """Read what stands behind a symbol's orders now."""
    orders: Sequence[Any] = _rows(tables.orders, {"symbol": symbol})
    trades: Sequence[Any] = _rows(tables.trades, {"base_symbol": symbol})
    places = {trade.pk: trade.trade for trade in trades}
    links: defaultdict[int, list[TradeLink]] = defaultdict(list)
    of_symbol = {"execution_id__in": [order.pk for order in orders]}
    for link in _rows(tables.links, of_symbol):
        links[link.execution_id].append(
            TradeLink(
                trade=places[link.trade_id],
                contributed_shares=link.contributed_shares,
                released_shares=link.released_shares,
                reorged=link.reorged,
                created_at=link.created_at,
            )
        )
    nettings: defaultdict[int, list[Netting]] = defaultdict(list)
    for netting in _rows(tables.nettings, of_symbol):
        nettings[netting.execution_id].append(
            Netting(
                trade=places[netting.trade_id],
                opposite=places[netting.opposite_id],
                netted_shares=netting.netted_shares,
                reorged=netting.reorged,
                created_at=netting.created_at,
            )
        )
    return Standing(
        {
            order.pk: Links(
                links=tuple(links[order.pk]),
                nettings=tuple(nettings[order.pk]),
                unallocated_shares=Shares(order.unallocated_shares),
                unallocated_cause=order.unallocated_cause,
            )
            for order in orders
        },
        {trade.trade: trade.unlinked_shares for trade in trades if trade.reorged_at is None},
    )


def worked_out(symbol: Symbol, *, cause: str | None) -> Standing:
    """Work out again what stands behind a symbol's orders; `cause` explains what no fill covers, where one is known.

    The legacy tables are asked: there a fill that was reorged and came back has a row for each time.
    """
    tables = LEGACY_LINKS
    with transaction.atomic():
        orders = _rows(tables.orders, {"symbol": symbol})
        trades = _rows(tables.trades, {"base_symbol": symbol})
        _begin_anew(tables, symbol)
        for act in sorted([*_of_trades(tables, trades), *_of_orders(tables, orders, cause)], key=lambda act: act[:3]):
            act.do()
        found = standing(tables, symbol)
        transaction.set_rollback(True)
    return found


def _rows(model: Any, of_symbol: Mapping[str, Any]) -> Sequence[Any]:
    return list(model._default_manager.filter(**of_symbol).order_by("pk"))


def _begin_anew(tables: LinkTables, symbol: Symbol) -> None:
    orders = tables.orders._default_manager.filter(symbol=symbol)
    for model in (tables.links, tables.nettings):
        model._default_manager.filter(execution_id__in=orders.values("pk")).delete()
    orders.update(unallocated_shares=ZERO, unallocated_cause=None)
    # No fill has come yet, and one that has not come is as little there as one that went.
    tables.trades._default_manager.filter(base_symbol=symbol).update(unlinked_shares=ZERO, reorged_at=EPOCH)


def _of_trades(tables: LinkTables, trades: Sequence[Any]) -> Iterator[_Act]:
    for number, trade in enumerate(trades):
        row = tables.trades._default_manager.filter(pk=trade.pk)

        def come(row: Any = row, amount: Decimal = trade.amount) -> None:
            row.update(unlinked_shares=amount, reorged_at=None)

        def go(row: Any = row, trade: Any = trade) -> None:
            row.update(unlinked_shares=ZERO, reorged_at=trade.reorged_at)
            LinkBook(tables).reorg(trade.pk)

        yield _Act(trade.created_at, CAME, number, come)
        if trade.reorged_at is not None:
            yield _Act(max(trade.reorged_at, trade.created_at), WENT, number, go)


def _of_orders(tables: LinkTables, orders: Sequence[Any], cause: str | None) -> Iterator[_Act]:
    """One order of a symbol is open at a time, so each ended before the next was placed, whatever a clock says."""
    ends = {state.value for state in ENDS}
    placed = [_placed_at(tables, order) for order in orders]
    for number, order in enumerate(orders):
        begins = placed[number]

        def place(order: Any = order, at: datetime = begins) -> None:
            LinkBook(tables).place(OrderId(order.pk), _intent(order, cause), at=at)

        def end(order: Any = order, at: datetime = order.ended_at) -> None:
            LinkBook(tables).settle(OrderId(order.pk), order.filled_shares, cause="overfill", at=at)

        yield _Act(begins, PLACED, 2 * number, place)
        if order.detailed_status in ends:
            ended = max(order.ended_at, begins)
            if number + 1 < len(orders):
                ended = min(ended, placed[number + 1])
            rank = PLACED if ended == begins else ENDED
            yield _Act(ended, rank, 2 * number + 1, end)


def _placed_at(tables: LinkTables, order: Any) -> datetime:
    """When an order was placed; of a migrated one, as far as anything tells: when it was linked, or ended."""
    if order.placed_at is not None:
        return cast(datetime, order.placed_at)
    linked = tables.links._default_manager.filter(execution_id=order.pk).order_by("created_at").first()
    known = getattr(linked, "created_at", None) or order.ended_at
    return known or datetime.max.replace(tzinfo=UTC)


def _intent(order: Any, cause: str | None) -> Placed:
    return Placed(
        symbol=Symbol(order.symbol),
        shares=Shares(order.shares),
        side=Side(order.side),
        broker=order.broker,
        client_order_id=ClientOrderId(order.client_order_id or ""),
        attempt=order.attempt,
        placed_at=order.placed_at or EPOCH,
        unallocated_cause=order.unallocated_cause or cause,
    )
