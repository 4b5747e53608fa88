"""The read side at a terminal: positions, trades, orders and decisions, as the ledger's mode says."""

import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.architecture.source import PROJECT
from tests.support import decided
from tests.support import factories as make
from tests.support.commands import run
from trading.ledger.mode import Mode

pytestmark = pytest.mark.django_db

PENDING = {"status": "pending", "failed_at": None, "failure_kind": None, "reason": None}
FILLED = {"detailed_status": "filled", "filled_shares": Decimal(2), "average_price_usd": Decimal("101.5")}


def ago(**span):
    return timezone.now() - timedelta(**span)


def told(*arguments):
    return [json.loads(line) for line in run(*arguments, "--json").splitlines()]


def names(column, *arguments):
    return [row[column] for row in told(*arguments)]


@pytest.fixture(params=Mode)
def mode(request):
    make.ledger_mode(mode=request.param)
    return request.param


@pytest.fixture
def rows(mode):
    """Makes rows where the mode is read from, by what a row is of."""
    if mode is Mode.EVENTS:
        return {"position": make.position_view, "order": make.order_view, "fill": make.onchain_trade_view}
    return {"position": make.position, "order": make.order, "fill": make.onchain_trade}


@pytest.fixture
def taken_in(mode):
    return "recorded_at" if mode is Mode.EVENTS else "created_at"


def test_positions_tell_what_each_symbol_waits_for(rows):
    rows["position"](symbol="AAPL", net_position=Decimal("-0.411099999999"))
    rows["position"](symbol="GME", net_position=Decimal(0))
    rows["position"](symbol="MSFT", net_position=Decimal(3))
    rows["position"](symbol="NVDA", net_position=Decimal(4))
    rows["position"](symbol="TSLA", net_position=Decimal(5))
    make.exposure(symbol="MSFT", since_at=ago(seconds=40))
    make.symbol_wait(symbol="NVDA", reason="rejected")
    make.symbol_wait(symbol="TSLA", reason="rejected", halted_at=ago(seconds=2))

    assert {row["symbol"]: row["status"] for row in told("positions")} == {
        "AAPL": "open",
        "GME": "flat",
        "MSFT": "exposed",
        "NVDA": "waiting",
        "TSLA": "halted",
    }
    (aapl,) = told("positions", "--symbol", "AAPL")
    assert aapl["net_shares"] == "-0.411099999999"
    (msft,) = told("positions", "--status", "exposed")
    assert 40 <= msft["exposed_age_seconds"] < 70
    assert names("symbol", "positions", "--side", "short") == ["AAPL"]
    assert names("symbol", "positions", "--side", "long", "--limit", "2") == ["MSFT", "NVDA"]


def test_orders_come_newest_first_and_can_be_chosen(rows):
    old = rows["order"](symbol="AAPL", side="BUY", placed_at=ago(hours=3), ended_at=ago(hours=3), **FILLED)
    new = rows["order"](symbol="MSFT", side="SELL", placed_at=ago(minutes=1), ended_at=ago(minutes=1), **FILLED)

    assert names("order", "orders") == [new.pk, old.pk]
    assert names("order", "orders", "--symbol", "AAPL") == [old.pk]
    assert names("order", "orders", "--side", "sell") == [new.pk]
    assert names("order", "orders", "--since", "1h") == [new.pk]
    assert names("order", "orders", "--limit", "1") == [new.pk]
    assert names("order", "orders", "--status", "filled") == [new.pk, old.pk]
    assert told("orders", "--status", "open") == []
    assert run("orders", "--status", "open") == "no orders\n"


def test_trades_of_both_venues_come_newest_first(rows, taken_in):
    rows["fill"](base_symbol="AAPL", **{taken_in: ago(minutes=9)})
    rows["fill"](base_symbol="AAPL", price_usdc=None, usdc_amount=None, **{taken_in: ago(minutes=5)})
    rows["fill"](base_symbol="AAPL", reorged_at=ago(minutes=1), **{taken_in: ago(minutes=4)})
    rows["order"](symbol="AAPL", placed_at=ago(minutes=7), ended_at=ago(minutes=7), **FILLED)

    venues = names("venue", "trades")
    broker = told("trades")[1]

    assert venues == ["raindex", broker["venue"], "raindex"]
    assert (broker["shares"], broker["price_usd"]) == ("2", "101.5")
    assert [row["price_usd"] for row in told("trades", "--status", "unpriced")] == [None]
    assert len(told("trades", "--status", "reorged")) == 1
    assert len(told("trades", "--since", "8m")) == 2
    assert names("at", "trades", "--limit", "1") == names("at", "trades")[:1]
    assert told("trades", "--symbol", "TSLA") == []


def test_an_open_order_that_is_partly_filled_is_a_trade(rows, mode):
    facts = {"detailed_status": "partially_filled", "filled_shares": Decimal(1), "average_price_usd": Decimal(7)}
    at_broker = {"status": "SUBMITTED", "broker_order_id": "B-1", "submitted_at": ago(minutes=1), "ended_at": None}
    rows["order"](**facts | at_broker)

    assert names("broker_order", "trades") == ["B-1"]


def test_decisions_can_be_chosen():
    decided.decision(symbol="AAPL", decided_at=ago(minutes=3), known_at=ago(minutes=4), **PENDING)
    decided.decision(symbol="TSLA", decided_at=ago(hours=3), known_at=ago(hours=4), strategy_name="mine")

    assert names("symbol", "decisions", "--status", "pending") == ["AAPL"]
    assert names("symbol", "decisions", "--strategy", "mine") == ["TSLA"]
    assert names("symbol", "decisions", "--since", "1h") == ["AAPL"]
    (failed,) = told("decisions", "--status", "failed")
    assert (failed["amount"], failed["strength"], failed["reason"]) == (
        "4.5 shares",
        "8.5",
        "insufficient buying power",
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["orders", "--since", "yesterday"], "expected how long ago, as 90s, 15m, 2h or 3d"),
        (["orders", "--since", "2026-03-02T14:30"], "a time with its zone"),
        (["orders", "--limit", "0"], "expected a whole number from 1 to 10000, was '0'"),
        (["orders", "--symbol", "no such"], "no such"),
        (["orders", "--status", "lost"], "invalid choice: 'lost'"),
        (["orders", "--watch", "0"], "expected seconds, more than 0 and up to 3600, was '0'"),
        (["positions", "--side", "buy"], "invalid choice: 'buy'"),
    ],
)
def test_what_can_not_be_read_is_said_to_be_so(arguments, expected):
    with pytest.raises(CommandError) as error:
        call_command(*arguments)

    assert expected in str(error.value)


@pytest.mark.parametrize("command", ["positions", "trades", "orders", "decisions", "status"])
def test_a_look_asks_as_often_of_many_rows_as_of_few(command, django_assert_max_num_queries):
    for n in range(12):
        make.position(symbol=f"S{n}")
        make.order(symbol=f"S{n}")
        make.onchain_trade()
        make.notice(subject=str(n))
        make.exposure(symbol=f"S{n}")
        decided.decision()
    with django_assert_max_num_queries(60 if command == "status" else 8):
        if command == "status":
            with pytest.raises(SystemExit, match="1"):
                run(command)
        else:
            run(command)


# As processes: pipes, and watching.


def begun(database_url, *arguments):
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env=os.environ | {"DATABASE_URL": database_url, "PYTHONUNBUFFERED": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_reader_that_goes_away_ends_a_watch_without_a_word(database_url):
    make.order(placed_at=ago(minutes=1))
    process = begun(database_url, "orders", "--watch", "0.1", "--json")

    first = process.stdout.readline()
    process.stdout.close()

    assert json.loads(first)["symbol"]
    assert process.wait(30) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_ctrl_c_ends_a_watch_in_order_and_each_look_is_new(database_url):
    import signal

    process = begun(database_url, "orders", "--watch", "0.1", "--json")
    time.sleep(0.1)
    make.order(placed_at=ago(minutes=1), symbol="TSLA")
    assert json.loads(process.stdout.readline())["symbol"] == "TSLA"

    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)

    assert (process.returncode, errors) == (0, "")
