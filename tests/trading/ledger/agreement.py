"""Agreement: the two memories read independently of the code that compares them, and held against each other."""

from django.db import connection

from eventstore.models import StoredEvent
from eventstore.store import streams, verify_chain
from trading.ledger.backlog import BackloggedEvent, drafts_of
from trading.ledger.invariants import LEGACY_BOOKS, VIEWED_BOOKS, broken
from trading.ledger.link_views import NettingLinkView, TradeLinkView
from trading.ledger.mode import Mode
from trading.ledger.tables import (
    NettingLink,
    OffchainTrade,
    OnchainTrade,
    SymbolLock,
    TradeAccumulator,
    TradeExecutionLink,
)
from trading.offchain_order import view as order_view
from trading.offchain_order.aggregate import OffchainOrder, OrderState
from trading.offchain_order.view import OffchainOrderView
from trading.onchain_trade import view as trade_view
from trading.onchain_trade.aggregate import OnChainTrade
from trading.onchain_trade.view import OnChainTradeView
from trading.position import view as position_view
from trading.position.aggregate import Position
from trading.position.view import PositionView

AGGREGATES = [OnChainTrade, Position, OffchainOrder]
LEGACY_TABLES = [
    "onchain_trades",
    "offchain_trades",
    "trade_accumulators",
    "trade_execution_links",
    "trade_netting_links",
    "symbol_locks",
]
LINK_VIEWS = ["trade_link_view", "netting_link_view"]
VIEW_TABLES = ["onchain_trade_view", "position_view", "offchain_order_view", *LINK_VIEWS]


def empty(tables):
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608


# States


def rows_of(aggregate):
    """State and version of every aggregate as its legacy row has it; a fill that came back has its newest row."""
    if aggregate is OnChainTrade:
        rows = OnchainTrade.objects.order_by("id")
        return {str(row.trade): (trade_view.state_of(row), row.stream_version) for row in rows}
    if aggregate is Position:
        rows = TradeAccumulator.objects.all()
        found = {row.symbol: (position_view.state_of(row), row.stream_version) for row in rows}
        # A row that only waits for its first event says nothing.
        return {id: held for id, held in found.items() if held != (Position.initial(id), 0)}
    rows = OffchainTrade.objects.all()
    return {str(row.id): (order_view.state_of(row, order_id=row.id), row.stream_version) for row in rows}


def views_of(aggregate):
    if aggregate is OnChainTrade:
        return {row.id: (trade_view.state_of(row), row.stream_version) for row in OnChainTradeView.objects.all()}
    if aggregate is Position:
        return {row.symbol: (position_view.state_of(row), row.stream_version) for row in PositionView.objects.all()}
    return {
        str(row.execution_id): (order_view.state_of(row, order_id=row.execution_id), row.stream_version)
        for row in OffchainOrderView.objects.all()
    }


def streams_of(aggregate, *, backlog):
    """State and version of every aggregate as its events add up, with those that wait on the backlog or without."""
    kind = aggregate.aggregate_type
    ids = set(StoredEvent.objects.filter(aggregate_type=kind).values_list("aggregate_id", flat=True))
    events = {id: [(r.version, r.event) for r in found] for id, found in streams(kind, ids).items()}
    if backlog:
        for row in BackloggedEvent.objects.filter(aggregate_type=kind).order_by("id"):
            (draft,) = drafts_of([row])
            events.setdefault(draft.aggregate_id, []).append((draft.version, draft.event))
    states = {}
    for id, happened in events.items():
        assert [version for version, _ in happened] == list(range(1, len(happened) + 1)), f"{kind} {id} has a gap"
        state = aggregate.initial(id)
        for _, event in happened:
            state = state.evolve(event)
        states[id] = state, len(happened)
    return states


# Links


def legacy_links():
    rows = TradeExecutionLink.objects.select_related("trade").order_by("id")
    return [(str(r.trade.trade), r.execution_id, *_of_link(r)) for r in rows]


def viewed_links():
    return [(r.trade_id, r.execution_id, *_of_link(r)) for r in TradeLinkView.objects.order_by("id")]


def legacy_nettings():
    rows = NettingLink.objects.select_related("trade", "opposite").order_by("id")
    return [(str(r.trade.trade), str(r.opposite.trade), r.execution_id, *_of_netting(r)) for r in rows]


def viewed_nettings():
    return [
        (r.trade_id, r.opposite_id, r.execution_id, *_of_netting(r)) for r in NettingLinkView.objects.order_by("id")
    ]


def _of_link(row):
    return row.contributed_shares, row.released_shares, row.reorged, row.created_at


def _of_netting(row):
    return row.netted_shares, row.reorged, row.created_at


def open_shares(model):
    """What is left open of each fill that stands, and unallocated of each order."""
    trades = model.objects.filter(reorged_at=None)
    return {str(row.trade): row.unlinked_shares for row in trades}


def unallocated(model):
    return {row.pk: (row.unallocated_shares, row.unallocated_cause) for row in model.objects.all()}


# Holding


def keeps_rows(ledger):
    return ledger.mode is not Mode.EVENTS or ledger.legacy_projection


def keeps_events(ledger):
    return ledger.mode is not Mode.LEGACY


def hold_states(ledger):
    """Rows are what stored and backlogged events add up to, views what the stored ones do."""
    for aggregate in AGGREGATES:
        if keeps_rows(ledger) and keeps_events(ledger):
            assert rows_of(aggregate) == streams_of(aggregate, backlog=True)
        if keeps_events(ledger):
            assert views_of(aggregate) == streams_of(aggregate, backlog=False)


def hold_links(ledger):
    """Links add up in each memory, and are alike in both."""
    if keeps_rows(ledger):
        assert list(broken(LEGACY_BOOKS)) == []
    if not keeps_events(ledger):
        return
    # A view may be behind, and is then what the rows were earlier: it adds up all the same.
    assert list(broken(VIEWED_BOOKS)) == []
    if keeps_rows(ledger) and not BackloggedEvent.objects.exists():
        assert sorted(legacy_links()) == sorted(viewed_links())
        assert sorted(legacy_nettings()) == sorted(viewed_nettings())
        assert open_shares(OnchainTrade) == open_shares(OnChainTradeView)
        assert unallocated(OffchainTrade) == unallocated(OffchainOrderView)


def hold_world(world, ledger):
    """The ledger's own memory has what really happened: fills, positions, orders."""
    positions, orders = story(ledger)
    nets = {position.symbol: position for position in positions}
    for symbol, position in nets.items():
        assert position.net == world.net(symbol)
        totals = position.onchain_bought - position.onchain_sold + position.broker_bought - position.broker_sold
        assert totals == position.net
        assert min(position.accumulated_long, position.accumulated_short) >= 0
    for fill in world.fills.values():
        trade = ledger.memory().trade(fill.trade)
        assert (trade.stands, trade.fill.amount, trade.fill.block_hash) == (fill.stands, fill.amount, fill.block_hash)
    filled = {
        order.order_id: (order.symbol, order.side, order.requested_shares, order.filled_shares) for order in orders
    }
    assert filled == {o.id: (o.symbol, o.side, o.shares, o.filled) for o in world.orders.values()}
    under_way = {order.symbol: order.id for order in world.orders.values() if not order.ended}
    assert {symbol: p.pending.order_id for symbol, p in nets.items() if p.pending} == under_way
    for symbol in nets:
        assert ledger.memory().order_under_way(symbol) == under_way.get(symbol)
    if keeps_rows(ledger):
        assert set(SymbolLock.objects.values_list("symbol", flat=True)) == set(under_way)


def hold_chains():
    for kind, id in set(StoredEvent.objects.values_list("aggregate_type", "aggregate_id")):
        verify_chain(kind, id)


def dump(tables):
    """Every column of every row as the database has it, without Django in between."""
    found = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT * FROM {table}")  # noqa: S608
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, map(str, row), strict=True)) for row in cursor.fetchall()]
            if table in LINK_VIEWS:
                # Their keys say only which symbol's link was written first, and a backlog changes that.
                rows = [{name: cell for name, cell in row.items() if name != "id"} for row in rows]
            # A position's row may be there before its first event, to be locked; it says nothing.
            said = [row for row in rows if table != "trade_accumulators" or row["stream_version"] != "0"]
            found[table] = sorted(said, key=lambda row: tuple(row.values()))
    return found


def story(ledger):
    """What a ledger makes of a history: every position and every order, as its own memory has them."""
    memory = ledger.memory()
    positions = [position for position in memory.positions() if position != Position.initial(position.symbol)]
    return positions, memory.orders(OrderState)
