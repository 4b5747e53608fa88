"""Rows: all of a state goes into a row and comes back out of it, in the legacy tables and in the views."""

from datetime import UTC, datetime

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings

from eventstore.rows import insert_rows
from tests.trading.ledger.states import ORDER_STATES, POSITION_STATES, TRADE_STATES
from trading.ledger.legacy import LegacyMemory, order_row
from trading.ledger.memory import Held
from trading.ledger.tables import OffchainTrade, OnchainTrade, TradeAccumulator
from trading.offchain_order import view as order_view
from trading.offchain_order.aggregate import OffchainOrder
from trading.offchain_order.view import OffchainOrderView
from trading.onchain_trade import view as trade_view
from trading.onchain_trade.aggregate import OnChainTrade
from trading.onchain_trade.view import OnChainTradeView
from trading.position import view as position_view
from trading.position.aggregate import Position
from trading.position.view import PositionView
from trading.values.arithmetic import ZERO

AT = datetime(2025, 11, 3, 14, 30, 0, 123_456, tzinfo=UTC)
VERSION = 7

pytestmark = pytest.mark.django_db

drawn = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@drawn
@given(TRADE_STATES)
def test_a_trade(state):
    row = trade_view.columns(state, version=VERSION, at=AT) | {"unlinked_shares": state.fill.amount}
    with transaction.atomic():
        insert_rows(OnchainTrade, [row | {"created_at": AT}])
        insert_rows(OnChainTradeView, [row | {"id": str(state.trade), "recorded_at": AT}])

        assert LegacyMemory().load(OnChainTrade, [str(state.trade)]) == {str(state.trade): Held(state, VERSION)}
        assert trade_view.state_of(OnChainTradeView.objects.get()) == state
        transaction.set_rollback(True)


@drawn
@given(POSITION_STATES)
def test_a_position(state):
    row = position_view.columns(state, version=VERSION, at=AT)
    with transaction.atomic():
        insert_rows(TradeAccumulator, [row])
        insert_rows(PositionView, [row])

        assert LegacyMemory().load(Position, [state.symbol]) == {state.symbol: Held(state, VERSION)}
        assert position_view.state_of(PositionView.objects.get()) == state
        transaction.set_rollback(True)


@drawn
@given(ORDER_STATES)
def test_an_order(state):
    open_shares = {"unallocated_shares": ZERO, "unallocated_cause": None}
    viewed = {"execution_id": state.order_id, "status": order_view.legacy_word(state).capitalize()}
    with transaction.atomic():
        insert_rows(OffchainTrade, [order_row(state, VERSION) | open_shares])
        insert_rows(OffchainOrderView, [order_view.columns(state, version=VERSION) | viewed | open_shares])

        assert LegacyMemory().load(OffchainOrder, [str(state.order_id)]) == {str(state.order_id): Held(state, VERSION)}
        row = OffchainOrderView.objects.get()
        assert order_view.state_of(row, order_id=row.execution_id) == state
        transaction.set_rollback(True)
