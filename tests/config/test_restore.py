"""Backups: what docs/deploy/backup.sh copies is restored as docs/operations/backups.md says, and is whole."""

import os
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing, contextmanager

import psycopg
import pytest
from django.conf import settings as installed
from django.db import connection, connections

from eventstore.models import StoredEvent
from tests.architecture.source import PROJECT
from tests.conftest import url_of
from tests.support.commands import run
from tests.support.made_chain import MadeChain, clear, take
from tests.support.replay_node import replaying
from tests.support.stations import Stations
from trading.ledger.mode import Installation
from trading.models import OffchainTrade, OnchainTrade

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

SCRIPT = PROJECT / "docs" / "deploy" / "backup.sh"


def lacking():
    """Say which program of the script is not there, or is too old for the server."""
    needed = (
        ("pg_dump", "pg_restore") if installed.DATABASES["default"]["ENGINE"].endswith("postgresql") else ("sqlite3",)
    )
    if missing := [program for program in needed if shutil.which(program) is None]:
        return f"{', '.join(missing)} is not installed"
    if "pg_dump" in needed:
        said = subprocess.run(["pg_dump", "--version"], capture_output=True, text=True, check=True).stdout
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version_num")
            server = int(cursor.fetchone()[0]) // 10_000
        if (client := int(re.search(r" (\d+)", said)[1])) < server:
            return f"pg_dump of version {client} copies no server of version {server}"
    return ""


@pytest.fixture
def node(monkeypatch):
    chain = MadeChain("tAAPL", "tMSFT")
    chain.mine(take("SELL", "2.5", "tAAPL"))
    chain.mine(clear("BUY", "1.25", "tMSFT"))
    with replaying(chain.recording()) as node:
        node.chain = chain
        for name, value in {
            "RPC_URL": node.url,
            "ORDERBOOK_ADDRESS": node.recording["orderbook"],
            "ORDER_OWNER": node.recording["owner"].lower(),
            "USDC_ADDRESS": node.recording["usdc"].lower(),
            "DEPLOYMENT_BLOCK": str(node.recording["first"]),
            "BROKER": "dry_run",
            "DRY_RUN_FILL_SECONDS": "0.1",
        }.items():
            monkeypatch.setenv(name, value)
        yield node


def backed_up(folder, *arguments, url=None):
    return subprocess.run(
        ["sh", str(SCRIPT), str(folder), *arguments],
        env=os.environ | {"DATABASE_URL": url or url_of(installed.DATABASES["default"])},
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def restored(copy):
    """A new database with what is in the copy, at which this process is until the end of the block."""
    database = installed.DATABASES["default"]
    used = database["NAME"]
    connections.close_all()
    if connection.vendor == "sqlite":
        new = copy.with_name("restored.sqlite3")
        shutil.copyfile(copy, new)
        with at(str(new)):
            yield
        return
    new = f"{used}_restored"
    # Another database of the same server, by which the one under test is made and dropped.
    beside = url_of(database | {"NAME": "postgres"})
    with closing(psycopg.connect(beside, autocommit=True)) as server:
        server.execute(f'CREATE DATABASE "{new}" TEMPLATE template0')
        try:
            subprocess.run(
                [
                    *("pg_restore", "--no-owner", "--exit-on-error", "--single-transaction"),
                    f"--dbname={url_of(database | {'NAME': new})}",
                    str(copy),
                ],
                check=True,
            )
            with at(new):
                yield
        finally:
            server.execute(f'DROP DATABASE "{new}" WITH (FORCE)')


@contextmanager
def at(name):
    used = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connections.close_all()
        connection.settings_dict["NAME"] = used


def test_a_copy_is_restored_whole_and_trading_goes_on_under_another_mark(node, tmp_path, settings):
    if reason := lacking():
        pytest.skip(reason)
    settings.SEAL_FOLDER = tmp_path / "seals"
    run("conduct", "--once", "--timeout", "60")
    run("seal_log")
    mark = Installation.objects.get().mark
    rows = counted()

    done = backed_up(tmp_path / "copies")
    assert done.returncode == 0, done.stderr
    (copy,) = (tmp_path / "copies").iterdir()
    assert done.stdout == f"{copy}\n"

    # The lost time: what is traded after the copy.
    node.chain.mine(take("SELL", "3", "tAAPL"))
    node.recording.update(node.chain.recording())
    node.restore()
    node.set_head(None)
    node.recording["head"] = node.chain.head
    run("conduct", "--once", "--timeout", "60")
    seals_then = shutil.copytree(settings.SEAL_FOLDER, tmp_path / "seals then")
    run("seal_log")
    net = Stations().net("AAPL")
    net_before = net - 3
    assert counted() != rows

    with restored(copy):
        assert counted() == rows
        run("renew_installation", "--yes")
        assert run("compare_ledgers").strip() == "no difference"
        run("verify_log", "--seals", str(seals_then))
        with pytest.raises(SystemExit, match="1"):  # Seals of the lost time tell that it is lost.
            run("verify_log", "--seals", str(settings.SEAL_FOLDER))

        # Until somebody has looked, nothing is sent under the new mark; the rest goes on.
        with pytest.raises(SystemExit, match="3"):
            run("conduct", "--once", "--timeout", "5")
        assert Stations().net("AAPL") == net_before
        run("confirm_account", "--yes", "--reason", "restored, and looked at the broker's orders")
        run("conduct", "--once", "--timeout", "60")
        orders = list(OffchainTrade.objects.order_by("id").values_list("client_order_id", flat=True))
        assert all(order.startswith(f"ht-{mark}-") for order in orders[:2])
        assert len(orders) == 3
        assert not orders[2].startswith(f"ht-{mark}-")
        assert Stations().net("AAPL") == net
        assert run("compare_ledgers").strip() == "no difference"
        run("verify_log")
    assert Installation.objects.get().mark == mark


def counted():
    return OnchainTrade.objects.count(), OffchainTrade.objects.count(), StoredEvent.objects.count()


def test_so_many_copies_are_kept_as_was_said_and_no_half_of_one(tmp_path):
    if reason := lacking():
        pytest.skip(reason)
    for day in range(1, 5):
        (tmp_path / f"hedgetrail-2026010{day}T020000Z.dump").touch()
    (tmp_path / "notes.txt").touch()

    done = backed_up(tmp_path, "3")

    assert done.returncode == 0, done.stderr
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept[:2] == ["hedgetrail-20260103T020000Z.dump", "hedgetrail-20260104T020000Z.dump"]
    assert kept[3:] == ["notes.txt"]


def test_a_copy_that_fails_is_none_and_takes_no_other_away(tmp_path):
    (tmp_path / "hedgetrail-20260101T020000Z.dump").touch()

    done = backed_up(tmp_path, "1", url=f"sqlite:///{tmp_path}/no/such/file.sqlite3")

    assert done.returncode != 0
    assert [path.name for path in tmp_path.iterdir()] == ["hedgetrail-20260101T020000Z.dump"]


def test_a_password_that_everyone_would_see_is_refused_and_not_repeated(tmp_path):
    done = backed_up(tmp_path, url="postgres://me:hunter2@db.example.com/hedgetrail")

    assert done.returncode == 2
    assert "~/.pgpass" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr


def test_a_copy_of_the_file_alone_would_lack_what_was_committed_last(tmp_path):
    """Why the docs say that a copy of a file in use is none."""
    file = tmp_path / "used.sqlite3"
    with closing(sqlite3.connect(file)) as used:
        used.execute("PRAGMA journal_mode=WAL")
        used.execute("CREATE TABLE t (x)")
        used.commit()
        shutil.copyfile(file, tmp_path / "copied.sqlite3")
        with closing(sqlite3.connect(tmp_path / "copied.sqlite3")) as copied:
            assert copied.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
