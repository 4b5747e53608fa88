"""Stream memory: the event store as the place of state, its inline views as the place of questions."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from eventstore.handling import load_many
from eventstore.locks import lock_streams
from eventstore.store import Draft
from trading.ledger.backlog import waiting_events
from trading.ledger.memory import AnyAggregate, Entry, Held
from trading.offchain_order import view as order_view
from trading.offchain_order.aggregate import OPEN, OffchainOrder, OrderState
from trading.offchain_order.view import OffchainOrderView
from trading.onchain_trade import view as trade_view
from trading.onchain_trade.aggregate import OnChainTrade
from trading.onchain_trade.view import OnChainTradeView
from trading.position import view as position_view
from trading.position.aggregate import Position
from trading.position.view import PositionView
from trading.values.identifiers import BrokerOrderId, ClientOrderId, OrderId, TradeId
from trading.values.symbols import Symbol


class StreamMemory:
    """Reads streams to change them, and views to find what there is to do."""

    def load(self, aggregate: AnyAggregate, ids: Collection[str]) -> dict[str, Held]:
        if aggregate is not OnChainTrade:
            # The expected version would refuse the second of two; waiting spares it the work.
            lock_streams(aggregate.aggregate_type, ids)
        loaded = load_many(aggregate, ids)
        return {id: Held(loaded[id].state, loaded[id].version) for id in ids}

    def positions(self) -> list[Position]:
        return [position_view.state_of(row) for row in PositionView.objects.order_by("symbol")]

    def orders(self, states: Iterable[OrderState]) -> list[OffchainOrder]:
        rows = OffchainOrderView.objects.filter(detailed_status__in=[s.value for s in states])
        return [order_view.state_of(row, order_id=row.execution_id) for row in rows.order_by("execution_id")]

    def recently_ended(self, *, since: datetime) -> list[OffchainOrder]:
        rows = OffchainOrderView.objects.filter(ended_at__gte=since).order_by("execution_id")
        return [order_view.state_of(row, order_id=row.execution_id) for row in rows]

    def order_under_way(self, symbol: Symbol) -> OrderId | None:
        rows = OffchainOrderView.objects.filter(symbol=symbol, detailed_status__in=[s.value for s in OPEN])
        found = rows.values_list("execution_id", flat=True).first()
        return None if found is None else OrderId(found)

    def order(self, order: OrderId, *, locked: bool = False) -> OffchainOrder | None:
        if locked:
            lock_streams(OffchainOrder.aggregate_type, [str(order)])
        row = OffchainOrderView.objects.filter(execution_id=order).first()
        return None if row is None else order_view.state_of(row, order_id=row.execution_id)

    def order_named(self, client_order_id: ClientOrderId) -> OffchainOrder | None:
        row = OffchainOrderView.objects.filter(client_order_id=client_order_id).first()
        return None if row is None else order_view.state_of(row, order_id=row.execution_id)

    def known_broker_orders(self, ids: Collection[BrokerOrderId]) -> set[BrokerOrderId]:
        rows = OffchainOrderView.objects.filter(broker_order_id__in=list(ids))
        return {BrokerOrderId(id) for id in rows.values_list("broker_order_id", flat=True) if id is not None}

    def trades_in_block(self, block_hash: str) -> list[OnChainTrade]:
        rows = OnChainTradeView.objects.filter(block_hash=block_hash, reorged_at=None).order_by("log_index")
        return [trade_view.state_of(row) for row in rows]

    def trades_without_gas(self, *, limit: int) -> list[OnChainTrade]:
        rows = OnChainTradeView.objects.filter(gas_used=None, reorged_at=None).order_by("block_number", "log_index")
        return [trade_view.state_of(row) for row in rows[:limit]]

    def newest_trades(self, *, limit: int) -> list[OnChainTrade]:
        rows = OnChainTradeView.objects.filter(block_number__isnull=False, reorged_at=None)
        return [trade_view.state_of(row) for row in rows.order_by("-block_number", "-log_index")[:limit]]

    def trade(self, trade: TradeId) -> OnChainTrade | None:
        row = OnChainTradeView.objects.filter(pk=str(trade)).first()
        return None if row is None else trade_view.state_of(row)


def load_with_backlog(aggregate: AnyAggregate, ids: Collection[str]) -> dict[str, Held]:
    """Read streams, to change them, as what is stored of them and what waits for the event store add up to."""
    lock_streams(aggregate.aggregate_type, ids)
    # The backlog first: what is drained meanwhile is then met twice, in it and in the stream, and never missed.
    waiting = waiting_events(aggregate.aggregate_type, ids)
    held = StreamMemory().load(aggregate, ids)
    for draft in waiting:
        before = held[draft.aggregate_id]
        if draft.version > before.version:
            held[draft.aggregate_id] = Held(before.state.evolve(draft.event), draft.version)
    return held


def drafts(entries: Sequence[Entry]) -> list[Draft]:
    """Make a step's entries ready for the event store, in the order in which they were decided."""
    return [
        Draft(entry.aggregate.aggregate_type, entry.id, entry.version, entry.event, entry.metadata) for entry in entries
    ]
