"""Questions: what either memory is asked, and answers alike from its own tables."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.db.models import QuerySet

from tests.trading.ledger.steps import AT, Steps, block_hash, tx_hash
from trading.broker_auth.aggregate import SchwabAuth
from trading.ledger import stream
from trading.ledger.book import Ledger
from trading.ledger.mode import Installation, Mode
from trading.ledger.tables import OffchainTrade
from trading.offchain_order.aggregate import OffchainOrder, OrderState
from trading.onchain_trade.aggregate import OnChainTrade
from trading.onchain_trade.commands import Migrate
from trading.position.aggregate import Position
from trading.values.identifiers import OrderId, TradeId
from trading.values.sides import Side

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[Mode.LEGACY, Mode.EVENTS])
def steps(request):
    """Each of the two memories by itself."""
    return Steps(request.param, legacy_projection=False)


@pytest.fixture
def orders(steps):
    """Four orders: the first ended after the second, the third is submitted, the fourth placed."""
    for token in ("tAAPL", "tTSLA", "tMSFT", "tGME"):
        steps.fill("BUY", "1", token)
    numbers = [steps.hedge(symbol) for symbol in ("AAPL", "TSLA", "MSFT", "GME")]
    for number in numbers[:3]:
        steps.submit(number)
    steps.complete(numbers[1])
    steps.complete(numbers[0])
    return numbers


def numbers_of(orders):
    return [order.order_id for order in orders]


def migrated(steps, amount):
    """A fill of which no block is known."""
    trade = TradeId(tx_hash("migrated"), 0)
    with steps.step() as step, step.group("migrate"):
        migrate = Migrate(
            symbol="AAPL",
            token_symbol="tAAPL",
            side=Side.BUY,
            amount=Decimal(amount),
            price_usdc=None,
            block_timestamp=AT - timedelta(days=9),
        )
        step.handle(OnChainTrade, trade, migrate)
    return trade


def in_step(steps, *keys):
    """The same states as a step reads them, to change them."""
    with steps.step() as step:
        return [step.trade(key) if isinstance(key, TradeId) else step.order(key) for key in keys]


# Positions and orders


def test_positions_are_told_by_symbol(steps):
    for token, amount in (("tTSLA", "3"), ("tAAPL", "1"), ("tMSFT", "2")):
        steps.fill("BUY", amount, token)

    positions = steps.ledger.memory().positions()

    assert [(position.symbol, position.net) for position in positions] == [("AAPL", 1), ("MSFT", 2), ("TSLA", 3)]
    assert positions == [steps.position(position.symbol) for position in positions]


def test_orders_are_told_by_their_state_in_the_order_of_their_numbers(steps, orders):
    memory, (one, two, three, four) = steps.ledger.memory(), orders

    assert numbers_of(memory.orders([OrderState.PLACED])) == [four]
    assert numbers_of(memory.orders([OrderState.PLACED, OrderState.SUBMITTED, OrderState.FILLED])) == orders
    assert memory.orders([OrderState.FILLED, OrderState.SUBMITTED]) == in_step(steps, one, two, three)
    assert memory.orders([]) == memory.orders([OrderState.UNKNOWN]) == []


def test_orders_that_ended_at_a_time_or_after_it_are_told_in_the_order_of_their_numbers(steps, orders):
    memory, (one, two, *_) = steps.ledger.memory(), orders
    first, second = in_step(steps, one, two)
    assert second.ended_at < first.ended_at

    assert memory.recently_ended(since=second.ended_at) == [first, second]
    assert memory.recently_ended(since=first.ended_at) == [first]
    assert memory.recently_ended(since=first.ended_at + timedelta(milliseconds=1)) == []


def test_a_symbol_has_the_order_under_way_that_is_open(steps, orders):
    memory, (one, _, three, four) = steps.ledger.memory(), orders

    assert [memory.order_under_way(symbol) for symbol in ("MSFT", "GME")] == [three, four]
    assert [memory.order_under_way(symbol) for symbol in ("AAPL", "TSLA", "NONE")] == [None, None, None]
    steps.fill("BUY", "2")
    again = steps.hedge("AAPL")
    assert again > one
    assert memory.order_under_way("AAPL") == again


def test_an_order_is_found_by_its_number_and_by_the_name_that_we_gave_it(steps, orders):
    memory, mark = steps.ledger.memory(), Installation.objects.get().mark
    (third,) = in_step(steps, orders[2])

    assert memory.order(orders[2]) == memory.order_named(f"ht-{mark}-{orders[2]}-1") == third
    assert (memory.order(99), memory.order_named("ht-another-3-1")) == (None, None)


def test_of_some_ids_of_a_brokers_those_are_known_that_stand_with_an_order(steps, orders):
    memory, (one, _, three, _) = steps.ledger.memory(), orders

    known = memory.known_broker_orders([f"B-{three}", "B-99", f"B-{one}"])

    assert known == {f"B-{one}", f"B-{three}"}
    assert memory.known_broker_orders([]) == set()


# Fills


def test_the_fills_of_a_block_are_those_that_stand_in_the_order_of_the_chain(steps):
    late = steps.fill("BUY", "1", block=7, log_index=5)
    early = steps.fill("BUY", "2", block=7, log_index=2)
    gone = steps.fill("BUY", "3", block=7, log_index=3)
    steps.fill("BUY", "4", block=8, log_index=1)
    steps.reorg(gone)

    assert steps.ledger.memory().trades_in_block(block_hash(7)) == in_step(steps, early, late)
    assert steps.ledger.memory().trades_in_block(block_hash(9)) == []


def test_the_oldest_fills_without_gas_come_first_and_no_more_than_asked_for(steps):
    third = steps.fill("BUY", "1", block=12, log_index=3)
    second = steps.fill("BUY", "2", block=12, log_index=1)
    first = steps.fill("BUY", "3", block=9, log_index=8)
    known, gone = steps.fill("BUY", "4", block=8), steps.fill("BUY", "5", block=8, log_index=1)
    steps.enrich(known)
    steps.reorg(gone)
    memory = steps.ledger.memory()

    assert memory.trades_without_gas(limit=9) == in_step(steps, first, second, third)
    assert memory.trades_without_gas(limit=2) == in_step(steps, first, second)


def test_the_newest_fills_come_first_without_those_that_have_no_block(steps):
    older = steps.fill("BUY", "1", block=9, log_index=8)
    newest = steps.fill("BUY", "2", block=12, log_index=3)
    newer = steps.fill("BUY", "3", block=12, log_index=1)
    steps.reorg(steps.fill("BUY", "4", block=13))
    migrated(steps, "5")
    memory = steps.ledger.memory()

    assert memory.newest_trades(limit=9) == in_step(steps, newest, newer, older)
    assert memory.newest_trades(limit=2) == in_step(steps, newest, newer)


def test_a_fill_is_told_as_it_stands_and_one_that_nobody_saw_is_not_there(steps):
    fill, other = steps.fill("BUY", "1", block=5), steps.fill("BUY", "2", block=5, log_index=1)
    # At the same place of another transaction, and taken in later.
    elsewhere = steps.fill("BUY", "4", block=4)
    memory = steps.ledger.memory()
    assert [memory.trade(each) for each in (fill, other, elsewhere)] == in_step(steps, fill, other, elsewhere)
    assert memory.trade(TradeId(fill.tx_hash, 7)) is None

    steps.reorg(fill)
    assert not memory.trade(fill).stands
    # It comes back in another block.
    steps.fill("BUY", "3", block=6, tx=fill.tx_hash)
    assert [memory.trade(fill)] == in_step(steps, fill)
    assert (memory.trade(fill).stands, memory.trade(fill).fill.amount) == (True, 3)


# Locks


@pytest.mark.parametrize(
    ("mode", "aggregate", "id", "times"),
    [
        (Mode.EVENTS, Position, "AAPL", 1),
        (Mode.EVENTS, OffchainOrder, "7", 1),
        # Nobody changes a fill but who takes it in, and the version that is expected refuses the second of two.
        (Mode.EVENTS, OnChainTrade, str(TradeId(tx_hash("a fill"), 0)), 0),
        # Before the backlog is read, and again with the stream; rows are locked as rows.
        (Mode.LEGACY, SchwabAuth, "schwab", 2),
        (Mode.DUAL, Position, "AAPL", 0),
    ],
)
def test_a_stream_that_will_be_changed_is_locked_by_its_kind_and_name(mode, aggregate, id, times, monkeypatch):
    asked = []
    monkeypatch.setattr(stream, "lock_streams", lambda kind, ids: asked.append((kind, list(ids))))

    with transaction.atomic():
        Ledger(mode).memory().load(aggregate, [id])

    assert asked == [(aggregate.aggregate_type, [id])] * times


@pytest.mark.parametrize(("locked", "asked"), [({}, []), ({"locked": True}, [(OffchainOrder.aggregate_type, ["7"])])])
def test_an_order_is_locked_by_its_kind_and_number_where_who_looks_will_act_on_it(locked, asked, monkeypatch):
    told = []
    monkeypatch.setattr(stream, "lock_streams", lambda kind, ids: told.append((kind, list(ids))))

    with transaction.atomic():
        Ledger(Mode.EVENTS).memory().order(OrderId(7), **locked)

    assert told == asked


@pytest.mark.parametrize(("locked", "times"), [({}, 0), ({"locked": False}, 0), ({"locked": True}, 1)])
def test_a_row_of_an_order_is_locked_where_who_looks_will_act_on_it(locked, times, monkeypatch):
    asked, lock = [], QuerySet.select_for_update
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows: [asked.append(rows.model), lock(rows)][1])

    with transaction.atomic():
        Ledger(Mode.DUAL).memory().order(OrderId(7), **locked)

    assert asked == [OffchainTrade] * times
