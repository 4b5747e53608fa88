"""SQL views: the older tables' columns over what the events add up to, and trades of both venues, to the last digit."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from tests.support import factories as make
from tests.support.factories import NOON
from tests.trading.ledger.history import History
from trading.ledger.book import Ledger
from trading.ledger.mode import Mode

pytestmark = pytest.mark.django_db

LONG = Decimal("123456789012345678901234567890.123456789012345678901234567890123456")


def select(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def columns_of(table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} LIMIT 0")  # noqa: S608
        return [column[0] for column in cursor.description]


@pytest.mark.parametrize("seed", [10, 13])
@pytest.mark.parametrize(
    ("legacy", "view", "apart", "where"),
    [
        # A fill that a reorg took and that came back has two rows in the older table, and one stream.
        ("onchain_trades", "onchain_trades_from_events", {"id"}, "reorged_at IS NULL"),
        ("offchain_trades", "offchain_trades_from_events", set(), "1 = 1"),
        ("trade_accumulators", "position_view", set(), "1 = 1"),
        ("trade_execution_links", "trade_link_view", {"id", "trade_id"}, "1 = 1"),
        ("trade_netting_links", "netting_link_view", {"id", "trade_id", "opposite_id"}, "1 = 1"),
    ],
)
def test_a_view_has_the_older_tables_columns_and_rows(seed, legacy, view, apart, where):
    History(seed, Ledger(Mode.DUAL), wide=True).run(60)

    assert set(columns_of(legacy)) - set(columns_of(view)) == set()
    compared = ", ".join(sorted(set(columns_of(legacy)) - apart))
    old, new = (select(f"SELECT {compared} FROM {name} WHERE {where}") for name in (legacy, view))  # noqa: S608
    assert len(old) > 1
    assert sorted(old, key=repr) == sorted(new, key=repr)


def test_trades_of_both_venues_are_one_table_to_the_last_digit():
    fill = make.onchain_trade_view(amount=LONG, price_usdc=None, base_symbol="AAPL", side="BUY")
    make.onchain_trade_view(reorged_at=NOON)
    partly = {"detailed_status": "partially_filled", "ended_at": None, "submitted_at": NOON + timedelta(minutes=1)}
    make.order_view(execution_id=7, filled_shares=LONG, average_price_usd=LONG, broker_order_id="B-7")
    make.order_view(execution_id=8, filled_shares=Decimal("0.5"), average_price_usd=None, broker="alpaca", **partly)
    make.order_view(execution_id=9, filled_shares=Decimal(0), average_price_usd=None)

    rows = select(
        "SELECT trade_type, venue, symbol, direction, CAST(quantity AS text), CAST(price AS text), trade_id, log_index,"
        " execution_id FROM unified_trade_view ORDER BY trade_type DESC, trade_id"
    )

    assert rows == [
        ("ONCHAIN", "raindex", "AAPL", "BUY", str(LONG), None, fill.id, 7, None),
        ("OFFCHAIN", "dry_run", "AAPL", "SELL", str(LONG), str(LONG), "7", None, 7),
        ("OFFCHAIN", "alpaca", "AAPL", "SELL", "0.5", None, "8", None, 8),
    ]
    if connection.vendor == "sqlite":
        assert {
            kind for row in select("SELECT typeof(quantity), typeof(price) FROM unified_trade_view") for kind in row
        } == {
            "text",
            "null",
        }


def test_a_trade_is_dated_by_when_it_came_to_be():
    make.onchain_trade_view()
    make.order_view(execution_id=7, ended_at=NOON + timedelta(minutes=5))
    make.order_view(
        execution_id=8, detailed_status="partially_filled", ended_at=None, submitted_at=NOON + timedelta(minutes=2)
    )

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT trade_id, CAST(created_at AS text) FROM unified_trade_view WHERE trade_type = 'OFFCHAIN'"
        )
        times = dict(cursor.fetchall())

    assert {id: at[11:16] for id, at in times.items()} == {"7": "12:05", "8": "12:02"}


def test_latency_is_told_in_seconds():
    for minutes in (0, 2):
        fill = make.onchain_trade_view(block_timestamp=NOON + timedelta(minutes=minutes))
        make.link_view(trade_id=fill.id, execution_id=7)
    at = NOON + timedelta(minutes=3)
    make.order_view(
        execution_id=7,
        placed_at=at + timedelta(milliseconds=250),
        submitted_at=at + timedelta(seconds=1),
        ended_at=at + timedelta(seconds=61),
    )
    make.order_view(execution_id=8, ended_at=None)

    found = select(
        "SELECT execution_id, fill_to_placed_seconds, recorded_to_placed_seconds, placed_to_submitted_seconds,"
        " submitted_to_completed_seconds FROM hedge_latency_view ORDER BY execution_id"
    )

    # From the newest fill that the order covers.
    assert [tuple(map(_number, row)) for row in found] == [
        (7, Decimal("60.25"), Decimal("180.25"), Decimal("0.75"), Decimal("60")),
        (8, None, None, None, None),
    ]


def test_the_lag_of_a_fill_is_told_in_seconds():
    make.onchain_trade_view(block_timestamp=NOON - timedelta(seconds=2.5))
    make.onchain_trade_view(block_timestamp=NOON, reorged_at=NOON)

    assert [_number(lag) for (lag,) in select("SELECT lag_seconds FROM fill_lag_view")] == [Decimal("2.5")]


def _number(value):
    return value if value is None or isinstance(value, int) else Decimal(str(value)).normalize()
