"""Links: which fills each order was placed for, kept in either memory by the same rule."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, cast

from django.db import models
from django.db.models import F, Q

from eventstore.projections import Projector, Views
from eventstore.rows import insert_rows, update_rows
from eventstore.store import Recorded
from trading.ledger.allocation import Allocation, Cover, OpenTrade, allocate, cover, released
from trading.ledger.link_views import NettingLinkView, TradeLinkView
from trading.ledger.tables import NettingLink, OffchainTrade, OnchainTrade, TradeExecutionLink
from trading.offchain_order.aggregate import OffchainOrder
from trading.offchain_order.events import (
    Cancelled,
    Failed,
    Filled,
    LateFilled,
    Links,
    OffchainOrderEvent,
    Placed,
    Relinked,
)
from trading.offchain_order.events import Migrated as OrderMigrated
from trading.offchain_order.view import OffchainOrderProjector, OffchainOrderView
from trading.onchain_trade.aggregate import OnChainTrade
from trading.onchain_trade.events import Filled as OnChainFilled
from trading.onchain_trade.events import Migrated, Reorged
from trading.onchain_trade.view import OnChainTradeProjector, OnChainTradeView
from trading.values.arithmetic import ZERO, add, subtract, total
from trading.values.identifiers import OrderId, TradeId
from trading.values.sides import Side
from trading.values.symbols import Symbol


class Linked(NamedTuple):
    """A fill that is linked to: as it stands, or as it stood before a reorg."""

    trade: TradeId
    reorged: bool


class LinkTables(NamedTuple):
    """The tables of one memory; their fields have the same names in both."""

    trades: type[models.Model]
    orders: type[models.Model]
    links: type[models.Model]
    nettings: type[models.Model]
    keys: Callable[[Collection[Linked]], dict[Linked, Any]]
    """The keys of fills in the table of trades."""


class LinkBook:
    """Keeps the links of one memory."""

    def __init__(self, tables: LinkTables) -> None:
        self._trades: models.Manager[Any] = tables.trades._default_manager
        self._orders: models.Manager[Any] = tables.orders._default_manager
        self._links: models.Manager[Any] = tables.links._default_manager
        self._nettings: models.Manager[Any] = tables.nettings._default_manager
        self._keys = tables.keys

    def place(self, order: OrderId, placed: Placed, *, at: datetime) -> None:
        """Link an order to the fills that it hedges, and net the others; a second time changes nothing."""
        if self._links.filter(execution_id=order).exists() or self._orders.get(pk=order).unallocated_shares:
            return
        trades = self._open_trades(placed.symbol)
        allocation = allocate(list(trades.values()), order_side=placed.side, shares=placed.shares)
        self._take(trades, allocation)
        self._insert(order, allocation, at)
        if allocation.unallocated_shares:
            cause = placed.unallocated_cause or self._cause(placed.symbol)
            self._leave_unallocated(order, allocation.unallocated_shares, cause)

    def stand(self, order: OrderId, standing: Links) -> None:
        """Let these links, and no others, stand behind an order. What they leave open, their fills are told apart."""
        self._links.filter(execution_id=order).delete()
        self._nettings.filter(execution_id=order).delete()
        ends = [(netting.trade, netting.opposite, netting.reorged) for netting in standing.nettings]
        keys = self._keys(
            {Linked(link.trade, link.reorged) for link in standing.links}
            | {Linked(trade, reorged) for *both, reorged in ends for trade in both}
        )
        insert_rows(
            self._links.model,
            [
                {
                    "trade_id": keys[Linked(link.trade, link.reorged)],
                    "execution_id": order,
                    "contributed_shares": link.contributed_shares,
                    "released_shares": link.released_shares,
                    "reorged": link.reorged,
                    "created_at": link.created_at,
                }
                for link in standing.links
            ],
        )
        insert_rows(
            self._nettings.model,
            [
                {
                    "trade_id": keys[Linked(netting.trade, netting.reorged)],
                    "opposite_id": keys[Linked(netting.opposite, netting.reorged)],
                    "execution_id": order,
                    "netted_shares": netting.netted_shares,
                    "reorged": netting.reorged,
                    "created_at": netting.created_at,
                }
                for netting in standing.nettings
            ],
        )
        self._orders.filter(pk=order).update(
            unallocated_shares=standing.unallocated_shares, unallocated_cause=standing.unallocated_cause
        )

    def settle(self, order: OrderId, filled: Decimal, *, cause: str, at: datetime) -> None:
        """Bring an ended order's links to what it filled: release the rest, or cover what it filled besides."""
        row = self._orders.get(pk=order)
        links = list(self._links.filter(execution_id=order).order_by("id"))
        held = _held(row, links)
        if held > filled:
            self._release(row, links, subtract(held, filled))
        elif held < filled:
            self._cover_more(row, subtract(filled, held), cause, at)

    def reorg(self, trade: Any) -> None:
        """Mark a reorged fill's links, and reopen the fills that were netted with it."""
        self._links.filter(trade_id=trade).update(reorged=True)
        nettings = list(self._nettings.filter(Q(trade_id=trade) | Q(opposite_id=trade), reorged=False).order_by("id"))
        for netting in nettings:
            other = netting.opposite_id if netting.trade_id == trade else netting.trade_id
            self._reopen([Cover(other, netting.netted_shares)])
        self._nettings.filter(pk__in=[netting.pk for netting in nettings]).update(reorged=True)

    def _open_trades(self, symbol: Symbol) -> dict[Any, OpenTrade]:
        rows = (
            self._trades.filter(base_symbol=symbol, reorged_at=None)
            .exclude(unlinked_shares=ZERO)
            # In the order of the chain; a migrated fill without a block number is older than those with one. What
            # decides between equals must be the same in both memories, so no key of a table.
            .order_by(F("block_number").asc(nulls_first=True), "block_timestamp", "log_index", "tx_hash")
            .values_list("pk", "side", "unlinked_shares")
        )
        return {key: OpenTrade(key, Side(side), unlinked) for key, side, unlinked in rows}

    def _take(self, trades: dict[Any, OpenTrade], allocation: Allocation) -> None:
        left = {key: trade.unlinked_shares for key, trade in trades.items()}
        for trade, shares in allocation.covers:
            left[trade] = subtract(left[trade], shares)
        for trade, opposite, shares in allocation.nettings:
            left[trade] = subtract(left[trade], shares)
            left[opposite] = subtract(left[opposite], shares)
        changed = [key for key, trade in trades.items() if left[key] != trade.unlinked_shares]
        self._write_unlinked({key: left[key] for key in changed})

    def _insert(self, order: OrderId, allocation: Allocation, at: datetime) -> None:
        insert_rows(
            self._links.model,
            [
                {
                    "trade_id": trade,
                    "execution_id": order,
                    "contributed_shares": shares,
                    "released_shares": ZERO,
                    "reorged": False,
                    "created_at": at,
                }
                for trade, shares in allocation.covers
            ],
        )
        insert_rows(
            self._nettings.model,
            [
                {
                    "trade_id": trade,
                    "opposite_id": opposite,
                    "execution_id": order,
                    "netted_shares": shares,
                    "reorged": False,
                    "created_at": at,
                }
                for trade, opposite, shares in allocation.nettings
            ],
        )

    def _release(self, order: Any, links: Sequence[Any], shares: Decimal) -> None:
        from_none = min(order.unallocated_shares, shares)
        if from_none:
            self._leave_unallocated(order.pk, from_none.copy_negate(), order.unallocated_cause)
        # By link and not by trade: a fill that came back after a reorg may be linked to the order a second time.
        by_key = {link.pk: link for link in links}
        contributions = [Cover(link.pk, _effective(link)) for link in links]
        back = released(contributions, subtract(shares, from_none))
        for key, given in back:
            self._links.filter(pk=key).update(released_shares=add(by_key[key].released_shares, given))
        self._reopen([Cover(by_key[key].trade_id, given) for key, given in back if not by_key[key].reorged])

    def _cover_more(self, order: Any, shares: Decimal, cause: str, at: datetime) -> None:
        trades = self._open_trades(order.symbol)
        hedged = Side(order.side).opposite
        covers, _, needed = cover([trade for trade in trades.values() if trade.side is hedged], shares)
        known = {link.trade_id: link for link in self._links.filter(execution_id=order.pk, reorged=False)}
        for trade, taken in covers:
            if (link := known.get(trade)) is not None:
                self._links.filter(pk=link.pk).update(contributed_shares=add(link.contributed_shares, taken))
        fresh = Allocation([each for each in covers if each.trade not in known], [], needed)
        self._insert(order.pk, fresh, at)
        self._take(trades, Allocation(covers, [], needed))
        if needed:
            self._leave_unallocated(order.pk, needed, cause)

    def _reopen(self, covers: Sequence[Cover]) -> None:
        standing = self._trades.filter(pk__in=[each.trade for each in covers], reorged_at=None)
        unlinked = dict(standing.values_list("pk", "unlinked_shares"))
        for trade, shares in covers:
            if trade in unlinked:
                unlinked[trade] = add(unlinked[trade], shares)
        self._write_unlinked(unlinked)

    def _write_unlinked(self, unlinked: dict[Any, Decimal]) -> None:
        key = self._trades.model._meta.pk.attname
        update_rows(
            self._trades.model,
            [{key: trade, "unlinked_shares": shares} for trade, shares in unlinked.items()],
            key=key,
        )

    def _leave_unallocated(self, order: OrderId, shares: Decimal, cause: str | None) -> None:
        row = self._orders.get(pk=order)
        left = add(row.unallocated_shares, shares)
        self._orders.filter(pk=order).update(unallocated_shares=left, unallocated_cause=cause if left else None)

    def _cause(self, symbol: Symbol) -> str:
        """Tell why fills can't cover an order: what moved the net without a fill that stands."""
        orders = self._orders.filter(symbol=symbol)
        # A reorged fill that no order was placed for left nothing to explain.
        reorged = self._links.filter(reorged=True, execution_id__in=orders.values("pk"))
        if any(_effective(link) for link in reorged):
            return "reorg"
        # By what is booked: an order's row may know already of a fill whose turn has not come.
        rows = orders.only("shares", "filled_shares", "unallocated_shares")
        over = [order for order in rows if order.filled_shares > order.shares]
        if any(_held(order, self._links.filter(execution_id=order.pk)) > order.shares for order in over):
            return "overfill"
        if orders.filter(unallocated_cause="late fill").exists():
            return "late fill"
        return "migrated position"


def _effective(link: Any) -> Decimal:
    return subtract(link.contributed_shares, link.released_shares)


def _held(order: Any, links: Iterable[Any]) -> Decimal:
    """What is booked of an order, to fills or to none."""
    return add(order.unallocated_shares, total([_effective(link) for link in links]))


def _rows_of(linked: Collection[Linked]) -> dict[Linked, int]:
    """The newest row of each fill; of the two in which a fill came back after a reorg, the one that is meant."""
    found: dict[Linked, int] = {}
    rows = OnchainTrade.objects.filter(tx_hash__among={each.trade.tx_hash for each in linked}).order_by("id")
    for key, tx_hash, log_index, reorged_at in rows.values_list("id", "tx_hash", "log_index", "reorged_at"):
        trade = TradeId(tx_hash, log_index)
        found[Linked(trade, reorged_at is not None)] = key
    # A netting is marked as reorged when one of its two fills was.
    return {each: found.get(each) or found[each._replace(reorged=not each.reorged)] for each in linked}


LEGACY_LINKS = LinkTables(OnchainTrade, OffchainTrade, TradeExecutionLink, NettingLink, _rows_of)
VIEWED_LINKS = LinkTables(
    OnChainTradeView,
    OffchainOrderView,
    TradeLinkView,
    NettingLinkView,
    lambda linked: {each: str(each.trade) for each in linked},
)


def follow_order(book: LinkBook, order: OrderId, event: OffchainOrderEvent, *, at: datetime) -> None:
    """Keep an order's links as its events say."""
    match event:
        case Placed():
            book.place(order, event, at=at)
        case Filled(shares_filled=filled):
            book.settle(order, filled, cause="overfill", at=at)
        case Cancelled(shares_filled=filled) | Failed(shares_filled=filled):
            book.settle(order, filled, cause="overfill", at=at)
        case LateFilled(shares_filled=filled):
            book.settle(order, filled, cause="late fill", at=at)
        case OrderMigrated(standing=standing) | Relinked(standing=standing):
            book.stand(order, standing)
        case _:
            pass  # What happens in between moves no link.


class OrderLinkProjector:
    """Keeps the link views; stands behind the order view, whose rows it writes the unallocated shares to."""

    name = "trade_link_view"
    aggregate_type = OffchainOrder.aggregate_type

    def __init__(self, tables: LinkTables = VIEWED_LINKS) -> None:
        self._tables = tables

    def project(self, batch: Sequence[Recorded]) -> None:
        book = LinkBook(self._tables)
        for recorded in batch:
            event = cast(OffchainOrderEvent, recorded.event)
            follow_order(book, OrderId(int(recorded.aggregate_id)), event, at=recorded.recorded_at)


class ReorgLinkProjector:
    """Marks the links of reorged fills in the views."""

    name = "trade_link_view_reorgs"
    aggregate_type = OnChainTrade.aggregate_type

    def __init__(self, tables: LinkTables = VIEWED_LINKS) -> None:
        self._tables = tables

    def project(self, batch: Sequence[Recorded]) -> None:
        for recorded in batch:
            if isinstance(recorded.event, Reorged):
                LinkBook(self._tables).reorg(recorded.aggregate_id)


def _projectors(trades: Any, orders: Any, links: Any, nettings: Any) -> Sequence[Projector]:
    tables = LinkTables(trades, orders, links, nettings, VIEWED_LINKS.keys)
    # The link projectors stand behind those whose rows they write to.
    return [
        OnChainTradeProjector(trades),
        OffchainOrderProjector(orders),
        OrderLinkProjector(tables),
        ReorgLinkProjector(tables),
    ]


def _comes_again(recorded: Recorded) -> bool:
    """Tell a fill that a reorg had taken: what the reorg did to links comes before it."""
    return isinstance(recorded.event, OnChainFilled | Migrated) and recorded.version > 1


TRADE_VIEWS = Views(
    name="trades",
    version=1,
    tables=VIEWED_LINKS[:4],
    projectors=_projectors,
    begins_run=_comes_again,
)
