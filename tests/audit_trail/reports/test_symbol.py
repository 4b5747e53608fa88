"""Symbol activity: data, decisions, executions and hedges of one symbol, and of no other."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError
from django.db import connection

from audit_trail.reports.hedges import orders_in
from audit_trail.reports.symbol import symbol_activity
from tests.audit_trail.reports.rows import CANCELLED, DAY, IN_PART, PENDING, SUBMITTED, UNKNOWN, filled
from tests.support import decided, ingested
from tests.support import factories as make
from tests.support.commands import refused, run
from tests.support.factories import NOON
from tests.support.plans import indexes_read, whole_table_reads
from trading.ledger.mode import LedgerMode
from trading.values.symbols import Symbol

pytestmark = pytest.mark.django_db

AAPL = Symbol("AAPL")


@pytest.fixture
def day():
    """Of AAPL: a record, seven decisions of all kinds, a hedge order, and two fills, one without a price."""
    record = ingested.record(version=2)
    ingested.congress_trade(record=record)
    ingested.run_record(record=record, operation="updated")
    ingested.run_record(record=record, operation="skipped")
    filled("271.49")
    decided.execution(trade_decision=decided.decision())
    for became in (IN_PART, CANCELLED, PENDING, SUBMITTED, UNKNOWN):
        decided.decision(**became)
    make.order(placed_at=NOON)
    make.profit_row(at=NOON)
    make.excluded_fill(at=NOON + timedelta(minutes=1))
    make.moved_fill()


def noise():
    """What is of another symbol, or of another time."""
    late = datetime(2026, 3, 3, 5, tzinfo=UTC)
    for facts in ({"symbol": "TSLA"}, {"decided_at": late}):
        decided.execution(trade_decision=decided.decision(**facts))
    ingested.record(symbol="TSLA")
    ingested.record(known_at=late)
    make.order(symbol="TSLA")
    make.order(placed_at=late)
    make.profit_row(symbol="TSLA")
    make.profit_row(at=late)
    make.excluded_fill(at=late)


def test_everything_of_a_symbol_in_a_period_stands_beside_each_other(day):
    noise()

    found = symbol_activity(symbol=AAPL, period=DAY)

    assert (found.summary.decisions, found.summary.executed, found.summary.partially_executed) == (7, 1, 1)
    assert (found.summary.failed, found.summary.cancelled) == (1, 1)
    assert (found.summary.pending, found.summary.submitted, found.summary.unknown) == (1, 1, 1)
    (record,) = found.data_ingested
    assert (record.who, record.transaction, record.amount_usd, record.version) == ("Doe, Jane", "Purchase", 1001, 2)
    assert record.run is not None
    assert len(found.decisions_made) == 7
    assert {row.status for row in found.trades_executed} == {"filled", "rejected"}
    (order,) = found.hedge_orders
    assert (order.status, order.filled_shares, found.hedges.filled) == ("filled", 3, 1)
    assert [(fill.venue, fill.price_usd) for fill in found.hedge_fills] == [("onchain", None), ("raindex", 200)]
    assert (found.waiting_fills, found.cut) == (1, ())


def test_what_is_under_way_is_in_the_rate_and_said_apart(day):
    summary = symbol_activity(symbol=AAPL, period=DAY).summary

    # One of seven that were made, one of four that have ended.
    assert (summary.success_rate_percent, summary.success_rate_of_ended_percent) == (Decimal("14.29"), 25)


def test_of_nothing_the_rate_is_zero():
    found = symbol_activity(symbol=AAPL, period=DAY)

    assert (found.summary.decisions, found.summary.success_rate_percent) == (0, 0)
    assert found.summary.success_rate_of_ended_percent is None
    assert found.hedges.by_status == {}


def test_the_newest_of_a_long_list_are_told_and_all_are_counted():
    for minute in range(4):
        decided.decision(decided_at=NOON + timedelta(minutes=minute))
    for _ in range(2):
        make.order()

    found = symbol_activity(symbol=AAPL, period=DAY, limit=3)

    assert [row.decided_at.minute for row in found.decisions_made] == [3, 2, 1]
    assert (found.summary.decisions, found.cut) == (4, ("decisions_made",))


@pytest.mark.parametrize("mode", ["legacy", "dual", "events"])
def test_orders_are_those_of_the_memory_that_is_read(mode):
    LedgerMode.objects.create(mode=mode)
    make.order(id=9001)
    make.order_view(execution_id=9002)

    (order,) = symbol_activity(symbol=AAPL, period=DAY).hedge_orders

    assert order.order == (9002 if mode == "events" else 9001)


def test_an_order_of_an_older_installation_counts_by_its_end():
    make.order(placed_at=None, ended_at=NOON)
    make.order(placed_at=None, ended_at=NOON - timedelta(days=2))

    assert symbol_activity(symbol=AAPL, period=DAY).hedges.orders == 1


def test_a_report_takes_as_many_statements_for_many_rows_as_for_few(day, django_assert_num_queries):
    with django_assert_num_queries(11):
        symbol_activity(symbol=AAPL, period=DAY)
    for _ in range(5):
        decided.execution()
        ingested.insider_trade()
        make.order()
    with django_assert_num_queries(11):
        found = symbol_activity(symbol=AAPL, period=DAY)
    assert found.summary.decisions == 12


# The command.


def test_the_command_tells_sums_and_the_newest_rows(day):
    told = run("symbol_report", "aapl", "--since", "2026-03-02", "--until", "2026-03-02")

    assert "AAPL from 2026-03-02T05:00:00Z to 2026-03-03T05:00:00Z" in told
    assert "7 decisions: 1 executed, 1 in part, 1 failed, 1 cancelled; 1 pending and 2 under way" in told
    assert "success rate 14.29%, executed of all decisions" in told
    assert "1 hedge orders: 1 filled, 0 under way" in told
    assert "decisions made, the first 5 of 7" in told


def test_the_command_tells_all_as_json_and_each_list_as_csv(day, tmp_path):
    asked = ("symbol_report", "AAPL", "--since", "2026-03-02", "--until", "2026-03-02")

    answer = json.loads(run(*asked, "--json"))
    assert answer["hedge_fills"][1]["price_usd"] == "200"
    assert answer["summary"]["success_rate_percent"] == "14.29"

    rows = list(csv.DictReader(io.StringIO(run(*asked, "--csv", "-"))))
    assert len(rows) == 7
    file = tmp_path / "fills.csv"
    run(*asked, "--csv", str(file), "--table", "hedge_fills")
    with file.open(newline="") as lines:
        assert [row["venue"] for row in csv.DictReader(lines)] == ["onchain", "raindex"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["A A"], "expected a stock symbol"),
        (["AAPL", "--since", "yesterday"], "expected a day in New York"),
        (["AAPL", "--limit", "0"], "expected --limit from 1"),
        (["AAPL", "--table", "hedge_fills"], "expected --table with --csv"),
        (["AAPL", "--csv", "/nowhere/at/all.csv"], "can't be written"),
    ],
)
def test_the_command_says_what_it_expected(arguments, said):
    assert said in refused("symbol_report", *arguments)[1]


def test_without_a_symbol_the_command_tells_its_usage():
    with pytest.raises(CommandError, match="the following arguments are required: SYMBOL"):
        run("symbol_report")


@pytest.mark.parametrize(("mode", "table"), [("dual", "offchain_trades"), ("events", "offchain_order_view")])
def test_orders_of_a_period_are_found_through_an_index(mode, table):
    LedgerMode.objects.create(mode=mode)
    if connection.vendor == "postgresql":  # To which a table of no rows is quicker to read whole.
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")

    assert whole_table_reads(orders_in(DAY, symbol=AAPL)) == whole_table_reads(orders_in(DAY)) == []
    assert f"{table}_placed" in indexes_read(orders_in(DAY))
