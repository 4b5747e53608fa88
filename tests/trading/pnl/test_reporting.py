"""Reporting: what the command and the API tell of profits."""

import csv
import io
import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command

from tests.support import factories as make
from tests.support.factories import NOON
from trading.ledger.moved import MovedFill
from trading.pnl.models import ProfitRow
from trading.pnl.report import realised_between, standings
from trading.values.symbols import Symbol

pytestmark = pytest.mark.django_db

AAPL = Symbol("AAPL")


@pytest.fixture
def day():
    """Bought a hundred AAPL at 10, sold 150 at 11, and three MSFT of an unknown price."""
    for minutes, side, amount, usdc in ((0, "BUY", 100, 1000), (5, "SELL", 150, 1650)):
        make.onchain_trade(
            base_symbol="AAPL",
            side=side,
            amount=Decimal(amount),
            usdc_amount=Decimal(usdc),
            block_timestamp=NOON + timedelta(minutes=minutes),
        )
    make.onchain_trade(base_symbol="MSFT", amount=Decimal(3), usdc_amount=None, price_usdc=None)
    call_command("rebuild_profits", stdout=io.StringIO())


def told(*arguments, **options) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


def test_a_symbol_stands_with_what_is_realised_and_what_is_open(day):
    MovedFill.objects.create(symbol="AAPL", trade_type="OFFCHAIN", trade_id="7")
    (aapl,) = standings()
    assert (aapl.symbol, aapl.fills, aapl.realised_usd, aapl.net_shares) == ("AAPL", 2, 100, -50)
    assert (aapl.open_usd, aapl.price_usd, aapl.unrealised_usd) == (550, 11, 0)
    assert (aapl.priced_at, aapl.excluded_fills, aapl.waiting_fills) == (NOON + timedelta(minutes=5), 0, 1)


@pytest.mark.parametrize(("first", "last", "earned"), [(0, 5, "0"), (0, 6, "100"), (5, 6, "100"), (6, 9, "0")])
def test_what_was_realised_in_a_time_is_that_of_the_fills_in_it(day, first, last, earned):
    since, until = NOON + timedelta(minutes=first), NOON + timedelta(minutes=last)
    assert realised_between(AAPL, since=since, until=until) == Decimal(earned)


def test_the_command_tells_symbols_fills_and_what_is_left_out(day):
    assert "AAPL\t2\t100\t-50\t550\t11" in told("pnl_report")
    (first, second) = [json.loads(line) for line in told("pnl_report", "aapl", fills=True, json=True).splitlines()]
    assert (first["realised_usd"], second["realised_usd"], second["net_shares_after"]) == (None, "100", "-50")
    rows = list(csv.DictReader(io.StringIO(told("pnl_report", fills=True, csv=True))))
    assert [row["cumulative_usd"] for row in rows] == ["0", "100"]
    assert "MSFT" in told("pnl_report", excluded=True)
    later = told("pnl_report", fills=True, since="2026-03-02T12:05Z", json=True)
    assert [json.loads(line)["side"] for line in later.splitlines()] == ["SELL"]
    assert told("pnl_report", "TSLA") == "no fills\n"


@pytest.mark.parametrize("time", ["yesterday", "2026-03-02T12:05", "2026-13-02T12:05Z"])
def test_a_time_without_its_zone_is_refused(time):
    with pytest.raises(CommandError, match="expected a time with its zone"):
        told("pnl_report", fills=True, since=time)


def test_the_check_fails_where_a_row_says_something_else(day):
    assert told("rebuild_profits", check=True) == "the rows say what the fills say\n"
    ProfitRow.objects.filter(side="SELL").update(realised_usd=Decimal(99))
    with pytest.raises(CommandError, match="1 cells differ"):
        told("rebuild_profits", "AAPL", check=True)
    assert "1 cells were mended" in told("rebuild_profits")
    assert told("rebuild_profits", check=True) == "the rows say what the fills say\n"


def test_rows_of_a_symbol_without_fills_are_taken_out(day):
    ProfitRow.objects.filter(side="BUY").update(symbol="GONE", trade_id="0x0:1")
    told("rebuild_profits")
    assert set(ProfitRow.objects.values_list("symbol", flat=True)) == {"AAPL"}


@pytest.fixture
def reader(client):
    user = User.objects.create_user("reader")
    user.user_permissions.add(Permission.objects.get(codename="view_profitrow"))
    client.force_login(user)
    return client


def test_the_api_tells_the_same_page_by_page(day, reader):
    assert reader.get("/api/v1/profits/").json()["symbols"][0]["realised_usd"] == "100"
    page = reader.get("/api/v1/profits/aapl/?limit=1").json()
    assert [fill["side"] for fill in page["fills"]] == ["BUY"]
    page = reader.get(f"/api/v1/profits/AAPL/?limit=1&after={page['next_after']}").json()
    assert [(fill["side"], fill["realised_usd"]) for fill in page["fills"]] == [("SELL", "100")]
    page = reader.get(f"/api/v1/profits/AAPL/?after={page['next_after']}").json()
    assert (page["fills"], page["next_after"]) == ([], None)
    assert reader.get("/api/v1/profits/MSFT/").json()["excluded"][0]["shares"] == "3"


@pytest.mark.parametrize(
    "asked", ["AAPL/?limit=0", "AAPL/?limit=1001", "AAPL/?after=x", "AAPL/?after=999999", "A%20A/"]
)
def test_the_api_says_what_it_expected(day, reader, asked):
    answer = reader.get(f"/api/v1/profits/{asked}")
    assert answer.status_code == 400
    assert "expected" in answer.content.decode()


def test_who_may_not_look_at_profits_reads_none(day, client):
    assert client.get("/api/v1/profits/").status_code == 401
    client.force_login(User.objects.create_user("other"))
    assert client.get("/api/v1/profits/AAPL/").status_code == 403
