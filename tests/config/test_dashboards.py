"""The dashboards of docs/grafana: every query runs, on both databases, and old ones go on under new names."""

import json
import re
from datetime import timedelta

import pytest
from django.db import connection

from tests.architecture.source import PROJECT
from tests.support import factories as make
from tests.trading.ledger.history import START, History
from trading.ledger.book import Ledger
from trading.ledger.mode import Mode

pytestmark = pytest.mark.django_db

# What a query of the older tables has to be told anew.
NEW_NAMES = {
    "onchain_trades_from_events": "onchain_trades",
    "offchain_trades_from_events": "offchain_trades",
    "position_view": "trade_accumulators",
    "trade_link_view": "trade_execution_links",
}

COLUMNS = {
    "fills: Fills on chain": "time symbol direction amount price_usdc tx_hash log_index",
    "fills: Prices of fills": "time metric value",
    "fills: Fills by token and side": "symbol direction fills last_fill",
    "fills: Trades on both venues": "time trade_type venue symbol direction quantity price trade_id",
    "positions: Positions": (
        "symbol net_position accumulated_long accumulated_short pending_execution_id last_updated"
    ),
    "positions: Order under way": "symbol net_position id direction shares status placed_at",
    "positions: Threshold and last price": "symbol net_position threshold last_price_usdc last_price_at",
    "orders: Orders": "time id symbol direction shares broker order_id status price_cents executed_at",
    "orders: Executions": "time symbol direction shares price_cents",
    "orders: Failed orders": "time id symbol direction shares filled_shares detailed_status reason",
    "orders: Open orders": "id symbol direction shares filled_shares detailed_status placed_at submitted_at",
    "orders: Orders by status": "broker status orders",
    "orders: What covers what": "execution_id links placed_at",
    "latency: From fill to order": "time metric value",
    "latency: From order to broker, and to its end": "time submitted completed",
    "latency: Lag of fills": "time metric value",
    "latency: Slowest hedges": ("execution_id symbol broker filled_at placed_at completed_at fill_to_placed_seconds"),
    "health: Chain": "orderbook next_block reread_from updated_at",
    "health: Stations": "station process last_turn_at last_work_at failures last_error",
    "health: Logs waiting": "waiting",
    "health: Inbox by outcome": "outcome logs",
    "health: Events on the backlog": "waiting oldest",
    "health: Open notices": "time kind subject text times last_met_at",
    "health: Size of tables": "time metric value",
}


def queries():
    """Every query of every dashboard, by the dashboard's and the panel's name."""
    return {
        f"{path.stem}: {panel['title']}": target["rawSql"]
        for path in sorted((PROJECT / "docs" / "grafana").glob("*.json"))
        for panel in json.loads(path.read_text())["panels"]
        for target in panel["targets"]
    }


def answer(query, *, until=START + timedelta(days=1)):
    """Run a query as Grafana would: `$__timeFilter(column)` is the range that is looked at."""

    def ranged(found):
        if connection.vendor == "postgresql":
            return f"{found[1]} BETWEEN '{START:%Y-%m-%dT%H:%M:%SZ}' AND '{until:%Y-%m-%dT%H:%M:%SZ}'"
        return f"{found[1]} >= '{START:%Y-%m-%d %H:%M:%S}' AND {found[1]} < '{until:%Y-%m-%d %H:%M:%S}'"

    sql = re.sub(r"\$__timeFilter\((\w+)\)", ranged, query)
    assert "$" not in sql
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [column[0] for column in cursor.description], cursor.fetchall()


@pytest.fixture
def history():
    """A day of fills, orders, reorgs and failures in both memories, and a row of whatever else is looked at."""
    History(3, Ledger(Mode.DUAL)).run(90)
    make.queued_log()
    make.backlogged_event()
    make.checkpoint()
    make.heartbeat()
    make.notice()
    make.table_sample(sampled_at=START)


def test_every_query_is_told_of_here():
    assert sorted(queries()) == sorted(COLUMNS)


def test_every_query_answers_with_its_columns_and_some_rows(history):
    answers = {name: answer(query) for name, query in queries().items()}

    assert {name: " ".join(columns) for name, (columns, _) in answers.items()} == COLUMNS
    assert [name for name, (_, rows) in answers.items() if not rows] == []


def test_an_old_query_and_the_new_one_give_the_same_rows(history):
    compared = 0
    for name, query in queries().items():
        old = re.sub("|".join(NEW_NAMES), lambda found: NEW_NAMES[found[0]], query)
        if old != query:
            assert answer(old) == answer(query), name
            compared += 1
    assert compared == 12


def test_a_time_that_is_not_looked_at_has_no_rows(history):
    name = "fills: Fills on chain"
    assert answer(queries()[name], until=START)[1] == []


def test_dashboards_name_no_installation():
    for path in (PROJECT / "docs" / "grafana").glob("*.json"):
        dashboard = json.loads(path.read_text())
        assert (dashboard["uid"], dashboard["timezone"]) == (f"hedgetrail-{path.stem}", "utc")
        used = {json.dumps(place["datasource"]) for p in dashboard["panels"] for place in (p, *p["targets"])}
        assert used == {'{"type": "grafana-postgresql-datasource", "uid": "${datasource}"}'}
