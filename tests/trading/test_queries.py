"""Questions to the views: which rows each answers with, in which order, and through which kind of read."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from tests.support import factories as make
from tests.support.factories import NOON, tx_hash
from tests.support.plans import indexes_read, whole_table_reads
from trading.ledger import both_venues
from trading.offchain_order import queries as orders
from trading.offchain_order.aggregate import OrderState
from trading.offchain_order.view import OffchainOrderView
from trading.onchain_trade import queries as trades
from trading.onchain_trade.view import OnChainTradeView
from trading.position import queries as positions
from trading.position.view import PositionView

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
HASH = tx_hash(0xABC)


@pytest.fixture
def fills():
    def fill(log_index, **facts):
        at = facts.pop("recorded_at")
        row = make.onchain_trade_view(log_index=log_index, **facts)
        OnChainTradeView.objects.filter(pk=row.pk).update(recorded_at=at)
        return row.pk

    return {
        "a": fill(7, tx_hash=HASH, block_number=10, recorded_at=NOON),
        "b": fill(3, tx_hash=HASH, block_number=10, base_symbol="TSLA", recorded_at=NOON + MINUTE),
        "c": fill(1, block_number=11, recorded_at=NOON + 2 * MINUTE),
        "d": fill(1, block_number=12, recorded_at=NOON + 3 * MINUTE, reorged_at=NOON),
    }


@pytest.mark.parametrize(
    ("ask", "found"),
    [
        (lambda: trades.of_transaction(tx_hash=HASH), "ba"),
        (lambda: trades.of_transaction(tx_hash=tx_hash(0xDEF)), ""),
        (lambda: trades.of_symbol(symbol="AAPL"), "dca"),
        (lambda: trades.of_symbol(symbol="AAPL", since=NOON, until=NOON + 2 * MINUTE), "a"),
        (lambda: trades.of_symbol(symbol="AAPL", since=NOON + MINUTE), "dc"),
        (lambda: trades.of_symbol(symbol="tAAPL"), ""),
        (lambda: trades.in_blocks(first=10, end=12), "bac"),
        (lambda: trades.in_blocks(first=12, end=12), ""),
        (lambda: trades.recorded_between(since=NOON, until=NOON + 2 * MINUTE), "ba"),
        (lambda: trades.recorded_between(since=NOON + MINUTE, until=NOON + 9 * MINUTE).filter(reorged_at=None), "cb"),
    ],
)
def test_trades_are_found(fills, ask, found):
    assert [row.pk for row in ask()] == [fills[name] for name in found]


@pytest.fixture
def placed():
    for number, state, symbol, broker, minutes, ended in [
        (1, "filled", "AAPL", "dry_run", 0, 5),
        (2, "submitted", "AAPL", "alpaca", 1, None),
        (3, "rejected", "TSLA", "alpaca", 2, 3),
        (4, "unknown", "TSLA", "dry_run", 3, None),
    ]:
        make.order_view(
            execution_id=number,
            detailed_status=state,
            symbol=symbol,
            broker=broker,
            broker_order_id=f"B-{number % 2}",
            client_order_id=f"ht-x-{number}-1",
            placed_at=NOON + minutes * MINUTE,
            ended_at=None if ended is None else NOON + ended * MINUTE,
        )


@pytest.mark.parametrize(
    ("ask", "found"),
    [
        (lambda: orders.of_symbol(symbol="AAPL"), [2, 1]),
        (lambda: orders.in_states(states=[OrderState.REJECTED, OrderState.FILLED]), [3, 1]),
        (lambda: orders.in_states(states=[]), []),
        (lambda: orders.pending(), [4, 2]),
        (lambda: orders.of_broker(broker="alpaca"), [3, 2]),
        # Two brokers may use one id.
        (lambda: orders.of_broker_order(broker="alpaca", broker_order_id="B-1"), [3]),
        (lambda: orders.of_client_order(client_order_id="ht-x-2-1"), [2]),
        (lambda: orders.placed_between(since=NOON + MINUTE, until=NOON + 3 * MINUTE), [3, 2]),
        (lambda: orders.ended_between(since=NOON + 3 * MINUTE, until=NOON + 5 * MINUTE), [3]),
    ],
)
def test_orders_are_found(placed, ask, found):
    assert [row.execution_id for row in ask()] == found


@pytest.fixture
def held():
    for symbol, net, order, minutes in [
        ("A", "0", None, 0),
        ("B", "-10", 7, 1),
        ("C", "9.5", 3, 2),
        ("D", "2", None, 3),
    ]:
        make.position_view(
            symbol=symbol,
            net_position=Decimal(net),
            pending_execution_id=order,
            last_updated=NOON + minutes * MINUTE,
        )


@pytest.mark.parametrize(
    ("ask", "found"),
    [
        (lambda: positions.of_symbol(symbol="B"), "B"),
        (lambda: positions.of_symbol(symbol="E"), ""),
        (lambda: positions.of_order(order=3), "C"),
        (lambda: positions.with_order_under_way(), "CB"),
        (lambda: positions.not_flat(), "BCD"),
        # As text, 9.5 would be more than 10, and -10 less than both.
        (lambda: positions.at_least(shares=Decimal("2.0")), "BCD"),
        (lambda: positions.at_least(shares=Decimal("9.6")), "B"),
        (lambda: positions.updated_between(since=NOON, until=NOON + 2 * MINUTE), "BA"),
    ],
)
def test_positions_are_found(held, ask, found):
    assert [row.symbol for row in ask()] == list(found)


QUESTIONS = {
    "trades of a transaction": lambda: trades.of_transaction(tx_hash=tx_hash(77)),
    "trades of a symbol": lambda: trades.of_symbol(symbol="S7")[:50],
    "trades of a symbol and a time": lambda: trades.of_symbol(symbol="S7", since=NOON, until=NOON + 9 * MINUTE)[:50],
    "trades in blocks": lambda: trades.in_blocks(first=70, end=90),
    "trades of a time": lambda: trades.recorded_between(since=NOON, until=NOON + 9 * MINUTE),
    "orders of a symbol": lambda: orders.of_symbol(symbol="S7")[:50],
    "orders in states": lambda: orders.in_states(states=[OrderState.REJECTED])[:50],
    "pending orders": lambda: orders.pending(),
    "orders of a broker": lambda: orders.of_broker(broker="alpaca")[:50],
    "an order of a broker": lambda: orders.of_broker_order(broker="alpaca", broker_order_id="B-77"),
    "an order by our id": lambda: orders.of_client_order(client_order_id="ht-test-77-1"),
    "orders placed in a time": lambda: orders.placed_between(since=NOON, until=NOON + 9 * MINUTE),
    "orders ended in a time": lambda: orders.ended_between(since=NOON, until=NOON + 9 * MINUTE),
    "the position of a symbol": lambda: positions.of_symbol(symbol="S7"),
    "the position of an order": lambda: positions.of_order(order=7),
    "positions with an order": lambda: positions.with_order_under_way(),
    "positions that are not flat": lambda: positions.not_flat(),
    "positions changed in a time": lambda: positions.updated_between(since=NOON, until=NOON + 9 * MINUTE),
}

MANY = 4000


@pytest.fixture
def many():
    """Tables so long that reading them whole is the slower way."""
    numbered = [(n, NOON + n * MINUTE) for n in range(MANY)]
    OnChainTradeView.objects.bulk_create(
        OnChainTradeView(
            id=f"{tx_hash(n)}:7",
            recorded_at=at,
            **make.fill_facts(n, {"base_symbol": f"S{n % 100}", "block_number": n}),
        )
        for n, at in numbered
    )
    OffchainOrderView.objects.bulk_create(
        OffchainOrderView(
            execution_id=n,
            status="Filled",
            **make.order_facts(
                n,
                {
                    "symbol": f"S{n % 100}",
                    # Most have ended well, at one broker.
                    "detailed_status": {0: "submitted", 9: "rejected"}.get(n % 100, "filled"),
                    "broker": "alpaca" if n % 50 == 0 else "dry_run",
                    "broker_order_id": f"B-{n}",
                    "placed_at": at,
                    "ended_at": at,
                },
            ),
        )
        for n, at in numbered
    )
    PositionView.objects.bulk_create(
        PositionView(
            pending_execution_id=None if n % 100 else n,
            **make.position_facts(n, {"net_position": Decimal(0 if n % 100 else 1), "last_updated": at}),
        )
        for n, at in numbered
    )
    if connection.vendor == "postgresql":  # As its autovacuum does; nothing does so on SQLite.
        with connection.cursor() as cursor:
            for model in (OnChainTradeView, OffchainOrderView, PositionView):
                cursor.execute(f"ANALYZE {model._meta.db_table}")


def test_no_question_reads_a_whole_table(many):
    assert {name: reads for name, ask in QUESTIONS.items() if (reads := whole_table_reads(ask()))} == {}


def test_an_order_is_found_by_the_brokers_id_and_not_among_all_of_the_broker(many):
    asked = orders.of_broker_order(broker="dry_run", broker_order_id="B-77")

    assert indexes_read(asked) == ["offchain_order_view_theirs"]


def test_the_newest_trades_of_both_venues_are_the_newest_of_each_through_an_index(many, django_assert_num_queries):
    (by_date,) = indexes_read(both_venues.at_brokers()[:50])
    (by_time,) = indexes_read(both_venues.on_chain()[:50])
    assert by_date == "offchain_order_view_dated"
    assert by_time.startswith("onchain_trade_view_recorded_at")
    with django_assert_num_queries(2):
        assert len(both_venues.newest(limit=50)) == 50


def test_reading_a_whole_table_would_be_found_out(many):
    assert len(whole_table_reads(OnChainTradeView.objects.filter(token_symbol="none"))) == 1
    assert len(whole_table_reads(OffchainOrderView.objects.order_by("reason"))) == 1


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_one_query(name, django_assert_num_queries):
    with django_assert_num_queries(1):
        list(QUESTIONS[name]())


def test_sizes_are_compared_after_one_query(held, django_assert_num_queries):
    with django_assert_num_queries(1):
        positions.at_least(shares=Decimal(1))
