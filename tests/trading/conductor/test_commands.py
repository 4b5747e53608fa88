"""The commands of the flow: what they leave, what they say, and with what they exit."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connection
from django.db.backends.signals import connection_created

import manage
from config.environment import hedge_settings
from config.status import StatusLine
from config.wiring import make_node
from tests.support.books import books
from tests.support.chains import V6
from tests.support.made_chain import MadeChain, clear, take, tx_hash
from tests.support.replay_node import recorded, replaying
from tests.support.stations import Clock, Stations, notices
from trading.chain.node import NodeUnavailable
from trading.conductor.checkpoints import ChainCheckpoint
from trading.conductor.inbox import QueuedLog
from trading.conductor.work import halt
from trading.ledger.mode import LedgerMode, Mode, check_mode
from trading.offchain_order.aggregate import OrderState
from trading.values.symbols import Symbol

PROJECT = Path(manage.__file__).parent
DEADLINE_SECONDS = 60
VARIABLES = ("RPC_URL", "ORDERBOOK_ADDRESS", "ORDER_OWNER", "DEPLOYMENT_BLOCK", "BROKER")


@pytest.fixture
def chain():
    chain = MadeChain("tAAPL", "tMSFT", "WETH")
    chain.mine(take("SELL", "2.5", "tAAPL"))
    chain.mine(clear("BUY", "1.25", "tMSFT"))
    return chain


@pytest.fixture
def replay(chain, environment):
    with replaying(chain.recording()) as replay:
        environment(replay)
        yield replay


@pytest.fixture
def environment(monkeypatch):
    """Set the variables that the commands ask for, as an operator would."""

    def set_for(replay, **others):
        settings = {
            "RPC_URL": replay.url,
            "ORDERBOOK_ADDRESS": replay.recording["orderbook"],
            "ORDER_OWNER": replay.recording["owner"].lower(),
            "USDC_ADDRESS": replay.recording["usdc"].lower(),
            "DEPLOYMENT_BLOCK": str(replay.recording["first"]),
            "BROKER": "dry_run",
            "DRY_RUN_FILL_SECONDS": "0.1",
            **others,
        }
        for name in (*VARIABLES, "CHAIN_CUTOFF", "LEDGER", "HEDGE_THRESHOLD", "DRY_RUN_BEHAVIOUR"):
            monkeypatch.delenv(name, raising=False)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)

    return set_for


def ends(monkeypatch, capsys, *arguments: str) -> tuple[int, str]:
    """The exit code of a command line, and what it said to standard error besides its log."""
    monkeypatch.setattr(sys, "argv", ["manage.py", *arguments])
    try:
        code = manage.main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("{")]
    return code, "\n".join(said)


# conduct


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", list(Mode))
def test_once_is_done_when_every_order_has_ended(replay, monkeypatch, capsys, mode):
    monkeypatch.setenv("LEDGER", mode)

    code, said = ends(monkeypatch, capsys, "conduct", "--once", "--timeout", "60")

    assert (code, said) == (0, "")
    stations = Stations(mode=mode)
    assert stations.hedges() == ["BUY 2 AAPL", "SELL 1 MSFT"] or stations.hedges() == ["SELL 1 MSFT", "BUY 2 AAPL"]
    assert {order.state for order in stations.orders()} == {OrderState.FILLED}
    assert all(trade.gas is not None for trade in books(stations.ledger).trades.values())
    assert ChainCheckpoint.objects.get().lease_holder is None


@pytest.mark.django_db(transaction=True)
def test_once_says_what_can_get_on_no_more(replay, monkeypatch, capsys):
    halt(Symbol("AAPL"), "out of money", now=Clock()())

    code, said = ends(monkeypatch, capsys, "conduct", "--once", "--timeout", "60")

    assert code == 3
    assert said == "can't get on: AAPL is past its threshold with a net of -2.5, and halted: out of money"
    assert Stations().hedges() == ["SELL 1 MSFT"]


@pytest.mark.django_db(transaction=True)
def test_once_says_what_is_left_when_its_time_is_over(replay, monkeypatch, capsys):
    monkeypatch.setenv("DRY_RUN_FILL_SECONDS", "3600")

    code, said = ends(monkeypatch, capsys, "conduct", "--once", "--timeout", "3")

    assert code == 3
    assert "not done: order 1 (" in said
    assert ") is submitted" in said or ") is sending" in said


@pytest.mark.django_db(transaction=True)
def test_a_node_that_fails_again_and_again_is_outlasted(replay, monkeypatch, capsys):
    replay.fail_rate("500", 0.2)
    replay.fail_rate("html", 0.1)

    code, said = ends(monkeypatch, capsys, "conduct", "--once", "--timeout", "100")

    assert (code, said) == (0, "")
    assert len(Stations().hedges()) == 2


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_for_a_moment_ends_nothing(replay, monkeypatch, capsys):
    update, failures = StatusLine.update, iter(range(3))

    def away(self):
        if next(failures, None) is not None:
            raise OperationalError("the database is not there")
        update(self)

    monkeypatch.setattr(StatusLine, "update", away)

    code, said = ends(monkeypatch, capsys, "conduct", "--once", "--timeout", "60")

    assert (code, said) == (0, "")
    assert next(failures, None) is None
    assert len(Stations().hedges()) == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("command", [["conduct"], ["conduct", "--once"]])
def test_another_mode_than_the_one_in_force_is_refused_and_the_way_out_named(replay, monkeypatch, capsys, command):
    LedgerMode.objects.create(mode=Mode.LEGACY)

    code, said = ends(monkeypatch, capsys, *command)

    assert code == 2
    assert "LEDGER is dual" in said
    assert "manage.py switch_ledger dual" in said
    assert QueuedLog.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("missing", VARIABLES)
@pytest.mark.parametrize("command", [["conduct", "--once"], ["process_tx", tx_hash(1)]])
def test_a_variable_that_is_missing_is_named(replay, monkeypatch, capsys, missing, command):
    monkeypatch.delenv(missing)

    code, said = ends(monkeypatch, capsys, *command)

    assert code == 2
    assert f"{missing} is not set" in said


@pytest.mark.django_db(transaction=True)
def test_a_database_that_takes_no_writes_ends_no_process(replay, monkeypatch, capsys):
    """G6-60: once the process ended and was started again, two thousand times over. It waits, and goes on."""
    check_mode(Mode.DUAL)  # An installation that has begun, whose disk is full then.
    writes = threading.Event()

    def refuse(execute, sql, params, many, context):
        if not writes.is_set() and sql.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE")):
            raise OperationalError("attempt to write a readonly database")
        return execute(sql, params, many, context)

    def opened(connection, **_):
        connection.execute_wrappers.append(refuse)

    connection_created.connect(opened)
    connection.execute_wrappers.append(refuse)
    try:
        code, said = ends(monkeypatch, capsys, "conduct", "--once", "--timeout", "2")
        assert code == 3
        assert "not done" in said
        assert not QueuedLog.objects.exists()
        writes.set()
        code, said = ends(monkeypatch, capsys, "conduct", "--once", "--timeout", "60")
    finally:
        writes.set()
        connection_created.disconnect(opened)
        # It was added once more where the connection was opened anew.
        connection.execute_wrappers[:] = [each for each in connection.execute_wrappers if each is not refuse]

    assert (code, said) == (0, "")
    assert len(Stations().hedges()) == 2


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("trouble", [None, "503"])
def test_a_stop_ends_the_process_quickly_and_well(replay, database_url, trouble):
    """SIGTERM, with the node well or away."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "conduct"],
        cwd=PROJECT,
        env=os.environ | {"DATABASE_URL": database_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        eventually(lambda: {order.state for order in Stations().orders()} == {OrderState.FILLED}, process)
        if trouble is not None:
            replay.fail(trouble, times=10_000)
            asked = sum(replay.counters.values())
            eventually(lambda: sum(replay.counters.values()) > asked, process)
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        _, said = process.communicate(timeout=DEADLINE_SECONDS)
    finally:
        process.kill()

    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert time.monotonic() - began < 20
    assert ChainCheckpoint.objects.get().lease_holder is None
    assert len(Stations().hedges()) == 2


def test_after_a_stop_a_node_that_does_not_answer_is_not_asked_again(replay):
    stopping = threading.Event()
    stopping.set()
    node = make_node(hedge_settings(), stopping)
    replay.fail("503", times=100)
    with pytest.raises(NodeUnavailable):
        node.head()
    assert replay.counters["eth_blockNumber"] == 1
    node.close()


def eventually(holds, process) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)


# process_tx


@pytest.mark.django_db
def test_a_transaction_is_processed_once_however_often(chain, replay, capsys):
    tx = chain._blocks[1]["transactions"][0]
    said = []
    for _ in range(2):
        call_command("process_tx", tx)
        said.append(capsys.readouterr().out)

    assert said[0].splitlines() == [
        "log 0 of block 101: fill",
        "AAPL: net -2.5, a hedge is due; conduct places it",
    ]
    assert said[1] == said[0]
    assert str(Stations().net("AAPL")) == "-2.5"


@pytest.mark.django_db
def test_a_dry_run_says_what_each_log_is_and_stores_nothing(chain, replay, capsys):
    chain.mine([take("SELL", "0", "tAAPL"), take("SELL", "1", "WETH"), *clear("BUY", "2", "tMSFT", usdc="0")])
    replay.restore()
    tx = chain._blocks[3]["transactions"][0]
    replay.set_head(None)
    replay.recording["head"] = chain.head

    call_command("process_tx", tx, "--dry-run")

    said = capsys.readouterr().out.splitlines()
    assert said[0] == "log 0 of block 103: filtered: zero shares"
    assert said[1].startswith("log 1 of block 103: would be parked: expected a tokenised equity against USDC")
    assert said[2] == "log 2 of block 103: BUY 2 tMSFT unpriced"
    assert QueuedLog.objects.count() == 0
    assert Stations().positions() == {}
    assert notices() == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("tx", "code", "message"),
    [
        (tx_hash("unknown"), 1, "the node knows no mined transaction 0x"),
        ("0x12", 2, "expected a transaction hash as 0x and 64 hex digits, was '0x12'"),
    ],
)
def test_a_transaction_that_is_not_there_is_an_error(replay, tx, code, message):
    with pytest.raises(CommandError, match=message) as raised:
        call_command("process_tx", tx)
    assert raised.value.returncode == code


@pytest.mark.django_db
def test_under_another_mode_nothing_is_processed(chain, replay):
    LedgerMode.objects.create(mode=Mode.LEGACY)
    with pytest.raises(CommandError, match="mode in force is legacy"):
        call_command("process_tx", chain._blocks[1]["transactions"][0])
    assert Stations(mode=Mode.LEGACY).positions() == {}


# get_pyth_price


def test_the_oracles_price_is_printed(environment, capsys):
    expected = next(each for each in recorded(V6)["expected"]["trades"] if each["pyth"])
    with replaying(V6) as replay:
        environment(replay)
        call_command("get_pyth_price", expected["tx_hash"])

    said = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.replace("publish time", "time").splitlines())
    assert (said["symbol"], said["price"], said["confidence"]) == (
        expected["base_symbol"],
        expected["pyth"]["price"],
        expected["pyth"]["confidence"],
    )
    assert said["feed"] == expected["pyth"]["feed_id"]


def test_no_price_is_an_error_that_says_why(environment):
    with replaying(V6, traces=False) as replay:
        environment(replay)
        with pytest.raises(CommandError, match=r"no price: .*not available"):
            call_command("get_pyth_price", recorded(V6)["expected"]["trades"][0]["tx_hash"])
