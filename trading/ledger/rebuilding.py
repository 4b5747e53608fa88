"""Rebuilding: positions and links worked out again from fills and filled orders, and taken over by commands.

Fills and orders are the facts, and must be alike in both memories. What either memory makes of them otherwise is shown,
and becomes events, so that both say the same afterwards: an event puts the whole of a position's sums, or of an order's
links, in their place.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from trading.ledger.book import Ledger
from trading.ledger.compare import Difference, different_kind, text
from trading.ledger.invariants import LEGACY_BOOKS, VIEWED_BOOKS, Books, broken
from trading.ledger.legacy import EPOCH
from trading.ledger.mode import Mode
from trading.ledger.relinking import Standing, standing, worked_out
from trading.ledger.replay import ORDERS, TRADES
from trading.ledger.step import Step
from trading.ledger.tables import OffchainTrade, OnchainTrade, TradeAccumulator
from trading.offchain_order.aggregate import OPEN, OffchainOrder
from trading.offchain_order.commands import Relink
from trading.offchain_order.events import Links
from trading.onchain_trade.aggregate import OnChainTrade
from trading.onchain_trade.commands import SetOpenShares
from trading.position import view as position_view
from trading.position.aggregate import Position
from trading.position.commands import Rebuild
from trading.position.events import PendingOrder
from trading.values.arithmetic import ZERO, total
from trading.values.identifiers import OrderId, TradeId
from trading.values.quantities import Shares
from trading.values.sides import Side
from trading.values.symbols import Symbol

SUMS = (
    "net_position",
    "accumulated_long",
    "accumulated_short",
    "onchain_bought",
    "onchain_sold",
    "broker_bought",
    "broker_sold",
    "pending_execution_id",
    "pending_side",
    "pending_shares",
    "pending_filled_shares",
)


class Change(NamedTuple):
    """A cell that would be another one, and in which memory."""

    memory: str
    subject: str
    column: str
    before: str | None
    after: str | None


class FactsDiffer(Exception):
    """The memories have other fills or orders, so it is not known what follows from them. Nothing was done."""

    def __init__(self, differences: list[Difference]) -> None:
        super().__init__(
            f"expected the same fills and orders in both memories, found {len(differences)} cells that differ"
        )
        self.differences = differences


class NoLegacyTables(Exception):
    """The legacy tables are not kept, so there is nothing to rebuild."""


class Rebuilding(NamedTuple):
    """What would be changed, and the commands that change it."""

    changes: list[Change]
    commands: list[tuple[Symbol, Any, object, Any]]


def rebuild(step: Step, ledger: Ledger, *, symbols: Collection[Symbol], reason: str) -> Rebuilding:
    """Work out what is wrong, in a step that holds the positions, and handle the commands that put it right.

    The links of `symbols` are worked out whatever they are; without any, all symbols are looked at, and links where
    they do not add up or are not the same in both memories. Whoever only wants to see it takes the step back.
    Raises NoLegacyTables and FactsDiffer.
    """
    if ledger.mode is Mode.EVENTS and not ledger.legacy_projection:
        raise NoLegacyTables("LEGACY_PROJECTION is off, so there are no legacy tables to rebuild")
    memories = {"legacy": LEGACY_BOOKS} | ({} if ledger.mode is Mode.LEGACY else {"views": VIEWED_BOOKS})
    looked_at = sorted(symbols) or _symbols()
    step.load(symbols=looked_at)
    if len(memories) > 1:
        _refuse_other_facts()
    unsound = set(symbols) or _unsound(memories, looked_at)
    found = Rebuilding([], [])
    for symbol in looked_at:
        position = step.position(symbol)
        if position.threshold is None:
            continue  # It only waits for its first fill.
        if symbol in unsound:
            cause = "set" if position.adjusted else None
            _relink(found, memories, symbol, worked_out(symbol, cause=cause))
        _sum_up(found, memories, position, _rebuild(symbol, reason))
    # In a step, fills come before orders.
    for kind in (OnChainTrade, OffchainOrder, Position):
        for symbol, aggregate, id, command in found.commands:
            if aggregate is kind:
                with step.group(correlation=f"rebuild:{symbol}", reason=reason):
                    step.handle(kind, id, command)
    return found


def _refuse_other_facts() -> None:
    found = [
        difference
        for kind in (TRADES, ORDERS)
        for difference in different_kind(kind)
        if difference.what not in kind.linked
    ]
    if found:
        raise FactsDiffer(found)


def _symbols() -> list[Symbol]:
    orders = OffchainTrade.objects.values_list("symbol", flat=True)
    trades = OnchainTrade.objects.values_list("base_symbol", flat=True)
    positions = TradeAccumulator.objects.values_list("symbol", flat=True)
    return sorted({Symbol(symbol) for each in (orders, trades, positions) for symbol in each.distinct()})


def _unsound(memories: Mapping[str, Books], symbols: Collection[Symbol]) -> set[Symbol]:
    """The symbols whose links do not add up, or are not the same everywhere."""
    unsound = {Symbol(each.symbol) for books in memories.values() for each in broken(books)}
    if len(memories) > 1:
        one, other = memories.values()
        unsound |= {symbol for symbol in symbols if standing(one.links, symbol) != standing(other.links, symbol)}
    return unsound


# Links


def _relink(found: Rebuilding, memories: Mapping[str, Books], symbol: Symbol, wanted: Standing) -> None:
    orders: set[int] = set()
    trades: set[TradeId] = set()
    for name, books in memories.items():
        has = standing(books.links, symbol)
        for order, links in wanted.orders.items():
            if (before := has.orders.get(order)) is not None and before != links:
                orders.add(order)
                found.changes.extend(_changed_links(name, order, before, links))
        for trade, shares in wanted.open_shares.items():
            if (open_shares := has.open_shares.get(trade)) is not None and open_shares != shares:
                trades.add(trade)
                found.changes.append(Change(name, f"trade {trade}", "unlinked_shares", text(open_shares), text(shares)))
    for trade in sorted(trades):
        command = SetOpenShares(unlinked_shares=Shares(wanted.open_shares[trade]))
        found.commands.append((symbol, OnChainTrade, trade, command))
    for order in sorted(orders):
        found.commands.append((symbol, OffchainOrder, OrderId(order), Relink(standing=wanted.orders[order])))


def _changed_links(memory: str, order: int, before: Links, after: Links) -> Iterator[Change]:
    was, becomes = _cells_of_links(before), _cells_of_links(after)
    for key in dict.fromkeys([*was, *becomes]):
        subject, column = key
        if was.get(key) != becomes.get(key):
            yield Change(memory, f"order {order}{subject}", column, was.get(key), becomes.get(key))


def _cells_of_links(links: Links) -> dict[tuple[str, str], str | None]:
    cells: dict[tuple[str, str], str | None] = {
        ("", "unallocated_shares"): text(links.unallocated_shares),
        ("", "unallocated_cause"): links.unallocated_cause,
    }
    for number, link in enumerate(links.links, start=1):
        subject = f", link {number} to trade {link.trade}"
        cells[subject, "contributed_shares"] = text(link.contributed_shares)
        cells[subject, "released_shares"] = text(link.released_shares)
        cells[subject, "reorged"] = text(link.reorged)
        cells[subject, "created_at"] = text(link.created_at)
    for number, netting in enumerate(links.nettings, start=1):
        subject = f", netting {number} of trades {netting.trade} and {netting.opposite}"
        cells[subject, "netted_shares"] = text(netting.netted_shares)
        cells[subject, "reorged"] = text(netting.reorged)
        cells[subject, "created_at"] = text(netting.created_at)
    return cells


# Sums


def _rebuild(symbol: Symbol, reason: str) -> Rebuild:
    trades = list(OnchainTrade.objects.filter(base_symbol=symbol, reorged_at=None))
    orders = list(OffchainTrade.objects.filter(symbol=symbol).order_by("pk"))
    open_states = {state.value for state in OPEN}
    under_way = next((order for order in orders if order.detailed_status in open_states), None)

    def summed(rows: Sequence[Any], side: Side, shares: Callable[[Any], Decimal]) -> Shares:
        return Shares(total([shares(row) for row in rows if row.side == side]))

    return Rebuild(
        onchain_bought=summed(trades, Side.BUY, lambda trade: trade.amount),
        onchain_sold=summed(trades, Side.SELL, lambda trade: trade.amount),
        broker_bought=summed(orders, Side.BUY, lambda order: order.filled_shares),
        broker_sold=summed(orders, Side.SELL, lambda order: order.filled_shares),
        pending=None
        if under_way is None
        else PendingOrder(
            order_id=OrderId(under_way.pk),
            side=Side(under_way.side),
            shares=Shares(under_way.shares),
            filled_shares=Shares(under_way.filled_shares or ZERO),
        ),
        reason=reason,
    )


def _sum_up(found: Rebuilding, memories: Mapping[str, Books], position: Position, command: Rebuild) -> None:
    (event,) = position.decide(command)
    wanted = position_view.columns(position.evolve(event), version=0, at=EPOCH)
    changes = []
    for name, books in memories.items():
        row = books.positions._default_manager.filter(pk=position.symbol).first()
        for column in SUMS if row is not None else ():
            if (has := getattr(row, column)) != wanted[column]:
                subject = f"position {position.symbol}"
                changes.append(Change(name, subject, column, text(has), text(wanted[column])))
    if changes:
        found.changes.extend(changes)
        found.commands.append((position.symbol, Position, position.symbol, command))
