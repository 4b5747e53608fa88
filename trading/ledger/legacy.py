"""Legacy memory: the older installation's tables as the place of state."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from eventstore.rows import insert_rows, update_rows, upsert_rows
from trading.ledger.links import LEGACY_LINKS, LinkBook, follow_order
from trading.ledger.memory import ROWLESS, AnyAggregate, Change, Entry, Held
from trading.ledger.stream import load_with_backlog
from trading.ledger.tables import IN_PROGRESS, OffchainTrade, OnchainTrade, SymbolLock, TradeAccumulator
from trading.offchain_order import view as order_view
from trading.offchain_order.aggregate import OffchainOrder, OrderState
from trading.offchain_order.events import OffchainOrderEvent
from trading.onchain_trade import view as trade_view
from trading.onchain_trade.aggregate import OnChainTrade
from trading.onchain_trade.events import OnChainTradeEvent, OpenSharesSet, Reorged
from trading.onchain_trade.view import FRESH
from trading.position import view as position_view
from trading.position.aggregate import Position
from trading.values.arithmetic import ZERO
from trading.values.identifiers import BrokerOrderId, ClientOrderId, OrderId, TradeId
from trading.values.symbols import Symbol


class LegacyMemory:
    """Reads and writes the legacy tables; one object serves one step, since it remembers which rows it locked."""

    def __init__(self) -> None:
        self._trade_rows: dict[str, int] = {}
        self._order_rows: set[str] = set()

    # Reading

    def load(self, aggregate: AnyAggregate, ids: Collection[str]) -> dict[str, Held]:
        if aggregate is OnChainTrade:
            return self._load_trades(ids)
        if aggregate is Position:
            return self._load_positions(ids)
        if aggregate in ROWLESS:
            return load_with_backlog(aggregate, ids)
        return self._load_orders(ids)

    def positions(self) -> list[Position]:
        return [position_view.state_of(row) for row in TradeAccumulator.objects.order_by("symbol")]

    def orders(self, states: Iterable[OrderState]) -> list[OffchainOrder]:
        rows = OffchainTrade.objects.filter(detailed_status__in=[s.value for s in states]).order_by("id")
        return [order_view.state_of(row, order_id=row.id) for row in rows]

    def recently_ended(self, *, since: datetime) -> list[OffchainOrder]:
        rows = OffchainTrade.objects.filter(ended_at__gte=since).order_by("id")
        return [order_view.state_of(row, order_id=row.id) for row in rows]

    def order_under_way(self, symbol: Symbol) -> OrderId | None:
        rows = OffchainTrade.objects.filter(symbol=symbol, status__in=IN_PROGRESS).values_list("id", flat=True)
        found = rows.first()
        return None if found is None else OrderId(found)

    def order(self, order: OrderId, *, locked: bool = False) -> OffchainOrder | None:
        rows = OffchainTrade.objects.select_for_update() if locked else OffchainTrade.objects
        row = rows.filter(id=order).first()
        return None if row is None else order_view.state_of(row, order_id=row.id)

    def order_named(self, client_order_id: ClientOrderId) -> OffchainOrder | None:
        row = OffchainTrade.objects.filter(client_order_id=client_order_id).first()
        return None if row is None else order_view.state_of(row, order_id=row.id)

    def known_broker_orders(self, ids: Collection[BrokerOrderId]) -> set[BrokerOrderId]:
        rows = OffchainTrade.objects.filter(broker_order_id__in=list(ids))
        return {BrokerOrderId(id) for id in rows.values_list("broker_order_id", flat=True) if id is not None}

    def trades_in_block(self, block_hash: str) -> list[OnChainTrade]:
        rows = OnchainTrade.objects.filter(block_hash=block_hash, reorged_at=None).order_by("log_index")
        return [trade_view.state_of(row) for row in rows]

    def trades_without_gas(self, *, limit: int) -> list[OnChainTrade]:
        rows = OnchainTrade.objects.filter(gas_used=None, reorged_at=None).order_by("block_number", "log_index")
        return [trade_view.state_of(row) for row in rows[:limit]]

    def newest_trades(self, *, limit: int) -> list[OnChainTrade]:
        rows = OnchainTrade.objects.filter(block_number__isnull=False, reorged_at=None)
        return [trade_view.state_of(row) for row in rows.order_by("-block_number", "-log_index")[:limit]]

    def trade(self, trade: TradeId) -> OnChainTrade | None:
        rows = OnchainTrade.objects.filter(tx_hash=trade.tx_hash, log_index=trade.log_index).order_by("-id")
        row = rows.first()
        return None if row is None else trade_view.state_of(row)

    def _load_trades(self, ids: Collection[str]) -> dict[str, Held]:
        held = {id: Held(OnChainTrade.initial(id), 0) for id in ids}
        hashes = {id.partition(":")[0] for id in ids}
        # By id, so that the newest row of a fill that came back after a reorg is the one that stays.
        for row in OnchainTrade.objects.select_for_update().filter(tx_hash__among=hashes).order_by("id"):
            id = str(row.trade)
            if id in held:
                held[id] = Held(trade_view.state_of(row), row.stream_version)
                self._trade_rows[id] = row.id
        return held

    def _load_positions(self, ids: Collection[str]) -> dict[str, Held]:
        rows = self._locked_positions(ids)
        if missing := sorted(set(ids) - set(rows)):
            # Insert if missing, then lock: of two that find no row, one waits for the other.
            TradeAccumulator.objects.bulk_create(
                [TradeAccumulator(symbol=symbol, last_updated=EPOCH) for symbol in missing], ignore_conflicts=True
            )
            rows = self._locked_positions(ids)
        return {symbol: Held(position_view.state_of(row), row.stream_version) for symbol, row in rows.items()}

    def _locked_positions(self, ids: Collection[str]) -> dict[str, TradeAccumulator]:
        # In the order of symbols, so that two steps with several never wait for each other.
        rows = TradeAccumulator.objects.select_for_update().filter(symbol__in=sorted(ids)).order_by("symbol")
        return {row.symbol: row for row in rows}

    def _load_orders(self, ids: Collection[str]) -> dict[str, Held]:
        held = {id: Held(OffchainOrder.initial(id), 0) for id in ids}
        rows = OffchainTrade.objects.select_for_update().filter(pk__in=[int(id) for id in ids]).order_by("id")
        for row in rows:
            held[str(row.id)] = Held(order_view.state_of(row, order_id=row.id), row.stream_version)
            self._order_rows.add(str(row.id))
        return held

    # Writing

    def write(self, changes: Sequence[Change], entries: Sequence[Entry], *, at: datetime) -> None:
        """Write states, then what follows from the events, in the order in which they happened: links, locks.

        What has no row here is passed over.
        """
        trades = [change for change in changes if change.aggregate is OnChainTrade]
        orders = [change for change in changes if change.aggregate is OffchainOrder]
        positions = [change for change in changes if change.aggregate is Position]
        self._write_trades(trades, at)
        self._write_orders(orders, at)
        self._write_positions(positions, at)
        book = LinkBook(LEGACY_LINKS)
        for entry in entries:
            if isinstance(entry.event, Reorged):
                book.reorg(self._trade_rows[entry.id])
            elif entry.aggregate is OffchainOrder:
                follow_order(book, OrderId(int(entry.id)), cast(OffchainOrderEvent, entry.event), at=at)

    def _write_trades(self, changes: Sequence[Change], at: datetime) -> None:
        fresh, changed, counted = [], [], dict[int, Decimal]()
        for change in changes:
            told = cast(Sequence[OnChainTradeEvent], change.events)
            at_last = trade_view.dated(told[-1], at)
            row = trade_view.columns(change.after.state, version=change.after.version, at=at_last)
            first = next((event for event in told if isinstance(event, FRESH)), None)
            if first is not None:
                row["created_at"] = trade_view.dated(first, at)
                row["unlinked_shares"] = trade_view.unlinked_after(first, None)
                fresh.append(row)
            else:
                row["id"] = self._trade_rows[change.id]
                changed.append(row)
                for event in told:
                    if isinstance(event, OpenSharesSet):
                        counted[row["id"]] = event.unlinked_shares
        insert_rows(OnchainTrade, fresh)
        update_rows(OnchainTrade, changed, key="id")
        gone = [row["id"] for row in changed if row["reorged_at"] is not None]
        if gone:
            OnchainTrade.objects.filter(pk__in=gone).update(unlinked_shares=ZERO)
        update_rows(OnchainTrade, [{"id": id, "unlinked_shares": shares} for id, shares in counted.items()], key="id")

    def _write_positions(self, changes: Sequence[Change], at: datetime) -> None:
        upsert_rows(
            TradeAccumulator,
            [position_view.columns(c.after.state, version=c.after.version, at=at) for c in changes],
            key="symbol",
        )

    def _write_orders(self, changes: Sequence[Change], at: datetime) -> None:
        if not changes:
            return
        fresh, changed = [], []
        for change in changes:
            row = order_row(change.after.state, change.after.version)
            if change.id in self._order_rows:
                changed.append(row)
            else:
                fresh.append(row | {"unallocated_shares": ZERO, "unallocated_cause": None})
        # Ends come first: a symbol has one order in progress, and the next may be placed in the commit of an end.
        update_rows(OffchainTrade, changed, key="id")
        insert_rows(OffchainTrade, fresh)
        self._order_rows.update(change.id for change in changes)
        self._write_locks({change.after.state.symbol for change in changes}, at)

    def _write_locks(self, symbols: Collection[str], at: datetime) -> None:
        in_progress = OffchainTrade.objects.filter(symbol__in=symbols, status__in=IN_PROGRESS)
        locked = set(in_progress.values_list("symbol", flat=True))
        SymbolLock.objects.filter(symbol__in=set(symbols) - locked).delete()
        rows = [SymbolLock(symbol=symbol, locked_at=at) for symbol in sorted(locked)]
        SymbolLock.objects.bulk_create(rows, ignore_conflicts=True)  # Who was locked stays so since then.


def order_row(order: OffchainOrder, version: int) -> dict[str, Any]:
    return order_view.columns(order, version=version) | {
        "id": order.order_id,
        "order_id": order.broker_order_id,
        "status": order_view.legacy_word(order),
    }


EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
