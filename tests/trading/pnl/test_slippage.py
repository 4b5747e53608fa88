"""Slippage: what hedging cost beside the price of the fill, told to the last digit in each memory."""

import csv
import io
import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support import factories as make
from tests.support.factories import NOON
from trading.pnl.slippage import slippages
from trading.values.symbols import Symbol

pytestmark = pytest.mark.django_db


LEGACY_STATUS = {"submitted": "SUBMITTED", "rejected": "FAILED"}


def in_legacy_tables(fill, order, **link):
    status = LEGACY_STATUS.get(order.get("detailed_status"), "FILLED")
    return make.link(trade=make.onchain_trade(**fill), execution=make.order(status=status, **order), **link)


def in_views(fill, order, **link):
    make.ledger_mode(mode="events")
    trade, hedge = make.onchain_trade_view(**fill), make.order_view(**order)
    return make.link_view(trade_id=trade.id, execution_id=hedge.execution_id, **link)


MEMORIES = pytest.mark.parametrize("hedged", [in_legacy_tables, in_views])


@MEMORIES
@pytest.mark.parametrize(
    ("hedge_side", "chain", "hedge", "usd", "basis_points"),
    [
        ("BUY", "200", "200.5", "0.75", "25"),
        ("BUY", "200", "199", "-1.5", "-50"),
        ("SELL", "200", "199.5", "0.75", "25"),
        ("SELL", "200", "201", "-1.5", "-50"),
        ("SELL", "0.3", "0.1", "0.3", "6666.666666666666666666666666666666666667"),
    ],
)
def test_a_hedge_at_a_worse_price_than_the_fill_costs_and_at_a_better_one_earns(
    hedged, hedge_side, chain, hedge, usd, basis_points
):
    fill_side = "SELL" if hedge_side == "BUY" else "BUY"
    hedged(
        {"side": fill_side, "price_usdc": Decimal(chain)},
        {"side": hedge_side, "average_price_usd": Decimal(hedge)},
        contributed_shares=Decimal("1.5"),
    )

    [found] = slippages()

    assert (found.shares, found.hedge_side) == (Decimal("1.5"), hedge_side)
    assert (found.slippage_usd, found.basis_points) == (Decimal(usd), Decimal(basis_points))


@MEMORIES
def test_what_an_order_gave_back_is_not_hedged(hedged):
    hedged({}, {}, contributed_shares=Decimal("1.5"), released_shares=Decimal("0.5"))

    [found] = slippages()

    assert found.shares == 1


@MEMORIES
@pytest.mark.parametrize(
    ("fill", "order", "link"),
    [
        ({}, {}, {"reorged": True}),
        ({"reorged_at": NOON}, {}, {}),
        ({}, {"filled_shares": Decimal(0), "detailed_status": "rejected"}, {}),
        ({}, {"ended_at": None, "detailed_status": "submitted"}, {}),
        ({}, {}, {"released_shares": Decimal("1.5")}),
    ],
)
def test_what_is_reorged_unfilled_or_not_ended_is_no_hedge(hedged, fill, order, link):
    hedged(fill, order, **link)

    assert list(slippages()) == []


@MEMORIES
def test_without_a_price_on_one_side_nothing_is_guessed(hedged):
    hedged({"price_usdc": None, "usdc_amount": None}, {})

    [found] = slippages()

    assert (found.chain_price_usd, found.slippage_usd, found.basis_points) == (None, None, None)


def test_it_is_told_of_a_symbol_and_of_a_time():
    in_legacy_tables({}, {"symbol": "AAPL", "ended_at": NOON})
    in_legacy_tables({"base_symbol": "TSLA"}, {"symbol": "TSLA", "ended_at": NOON + timedelta(hours=1)})

    assert [found.symbol for found in slippages(symbol=Symbol("TSLA"))] == ["TSLA"]
    assert [found.symbol for found in slippages(until=NOON + timedelta(minutes=1))] == ["AAPL"]
    assert [found.symbol for found in slippages(since=NOON + timedelta(minutes=1))] == ["TSLA"]
    assert [found.symbol for found in slippages(after_link=next(slippages()).link)] == ["TSLA"]


def test_many_cost_no_more_questions_than_one():
    in_legacy_tables({}, {})
    with CaptureQueriesContext(connection) as of_one:
        list(slippages())
    for _ in range(5):
        in_legacy_tables({}, {})
    with CaptureQueriesContext(connection) as of_six:
        assert len(list(slippages())) == 6

    assert len(of_six) == len(of_one)


def test_the_command_tells_each_in_tables_json_and_csv():
    made = in_legacy_tables({"price_usdc": Decimal("200.25")}, {"average_price_usd": Decimal("200.1")})

    def told(**options):
        out = io.StringIO()
        call_command("pnl_report", "AAPL", slippage=True, stdout=out, **options)
        return out.getvalue()

    assert json.loads(told(json=True))["slippage_usd"] == "0.225"
    [row] = csv.DictReader(io.StringIO(told(csv=True)))
    assert (row["order"], row["trade_id"]) == (str(made.execution_id), str(made.trade.trade))
    assert "0.225" in told()
    assert told(since="2026-03-03T00:00Z") == "no fills\n"


def test_the_api_tells_them_page_by_page(admin_client):
    first = in_legacy_tables({}, {})
    second = in_legacy_tables({}, {})

    told = admin_client.get("/api/v1/profits/AAPL/slippage/?limit=1").json()

    assert [row["order"] for row in told["hedges"]] == [first.execution_id]
    assert told["hedges"][0]["slippage_usd"] == "0.225"
    more = admin_client.get(f"/api/v1/profits/AAPL/slippage/?after={told['next_after']}").json()
    assert [row["order"] for row in more["hedges"]] == [second.execution_id]
    assert more["next_after"] is None
