"""Real processes, disturbed once in each way: all comes to rest by itself, and nothing is lost or made twice.

A kill runs with all tests. The others take minutes, and run where REAL_PROCESSES is set: docs/simulation.md tells which
of them have passed.
"""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from unittest.mock import patch

import pytest
from django.core.management import call_command
from django.db import connection

from tests.simulation.real import judge
from tests.simulation.real.cluster import NoPostgres, cluster, programs
from tests.simulation.real.crew import Member
from tests.simulation.real.disk import NoSmallDisk, SmallDisk, small_disk
from tests.simulation.real.handling import (
    LEASE_SECONDS,
    SEED,
    a_hedge_is_due,
    holder,
    read,
    soon,
    the_other,
    trade,
    when_asked,
)
from tests.simulation.real.links import Way
from tests.simulation.real.world import CREW, NODE, World, surrounded
from trading.conductor.inbox import QueuedLog
from trading.ledger.tables import OnchainTrade

# Each starts two processes and a node, which takes its time on a busy machine.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
]

FAR_OFF_SECONDS = 45.0
REST_SECONDS = 150
NOTICED_SECONDS = 60.0
LOGS = b"eth_getLogs"
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="a server is what is restarted")


@pytest.fixture
def world(database_url, tmp_path) -> Iterator[World]:
    with surrounded(database_url, tmp_path, seed=SEED, LEASE_SECONDS=str(LEASE_SECONDS)) as world, world.crew:
        world.crew.wait_until_all_conduct()
        yield world


@pytest.fixture
def small_world(database_url, tmp_path) -> Iterator[World]:
    """A world whose database is on a small disk, and on PostgreSQL in a server of its own."""
    with ExitStack() as stack:
        disk = _small_disk(stack, tmp_path)
        if connection.vendor == "sqlite":
            file = str(disk.folder / "books.sqlite3")
            with connection.cursor() as cursor:
                cursor.execute("VACUUM INTO %s", [file])
            server, url, there = None, f"sqlite:///{file}", {"NAME": file}
        else:
            try:
                server = stack.enter_context(cluster(disk.folder / "cluster"))
            except NoPostgres as missing:
                pytest.skip(str(missing))
            url = server.url
            there = {"NAME": "hedgetrail", "USER": "postgres", "PASSWORD": "", "HOST": "127.0.0.1", "PORT": server.port}
        connection.close()
        stack.enter_context(patch.dict(connection.settings_dict, there))
        stack.callback(connection.close)
        if server is not None:
            _copied(database_url, server.url)
        settings = {"LEASE_SECONDS": str(LEASE_SECONDS)}
        world = stack.enter_context(surrounded(url, tmp_path, seed=SEED, disk=disk, server=server, **settings))
        with world.crew:
            world.crew.wait_until_all_conduct()
            yield world


def _small_disk(stack: ExitStack, tmp_path) -> SmallDisk:
    # Where the server's user gets to: the folders of tests are their owner's alone.
    folder = tmp_path / "disk"
    folder.mkdir()
    for parent in folder.parents:
        if parent.stat().st_mode & 0o001 == 0:
            parent.chmod(parent.stat().st_mode | 0o011)
    try:
        return stack.enter_context(small_disk(folder))
    except NoSmallDisk as error:
        pytest.skip(f"no small disk can be mounted: {error}")


def _copied(url: str, to: str) -> None:
    """Have the tables of a test's database in another server too; dumping takes a tenth of the time of migrating."""
    dump = subprocess.run([str(programs() / "pg_dump"), "--no-owner", url], capture_output=True, check=False)
    if dump.returncode != 0:  # The server is newer than the programs.
        call_command("migrate", verbosity=0, interactive=False)
        return
    subprocess.run([str(programs() / "psql"), "-q", "-v", "ON_ERROR_STOP=1", to], input=dump.stdout, check=True)


def warnings(member: Member) -> int:
    assert member.process is not None
    return sum('"warning"' in line for line in member.process.lines)


def assert_all_is_well(world: World) -> None:
    _, wrong = judge.rest(world, seconds=REST_SECONDS)
    assert wrong == []
    world.crew.dismiss()
    assert world.crew.findings == []
    assert judge.commands(world) == []
    assert judge.unjudged(world) == []


def test_who_is_killed_comes_back_and_all_is_as_if_nothing_had_been(world):
    for number, member in enumerate(world.crew.members, start=1):
        trade(world, 6)
        member.kill()
        a_hedge_is_due(world)
        soon(lambda started=CREW + number: world.crew.started == started)

    world.crew.wait_until_all_conduct()
    assert_all_is_well(world)


@when_asked
def test_who_stood_still_for_longer_than_its_lease_writes_nothing_that_another_one_wrote(world):
    trade(world, 4)
    read(world)
    zombie = stood_still(world)

    soon(lambda: zombie.said("LostLease"), seconds=NOTICED_SECONDS)
    trade(world, 2)
    assert_all_is_well(world)


def stood_still(world: World) -> Member:
    """Let whoever reads the chain stand still between asking for logs and storing them, until another one has read on.

    Nobody is waited for who may come too late: the question itself is what stops, whenever it is asked.
    """
    ways = {member.number: member.links[NODE] for member in world.crew.members}
    for way in ways.values():
        way.take_at(LOGS, Way.SILENT)
    trade(world, 4)
    soon(lambda: any(way.holds(LOGS) for way in ways.values()))
    zombie = next(member for member in world.crew.members if ways[member.number].holds(LOGS))
    zombie.stop()
    way, other = ways[zombie.number], the_other(world, zombie)
    ways[other.number].take(Way.OPEN)
    soon(lambda: holder(world) is other)
    read(world)
    # It has waited for longer than it would: it goes on with the answer only where that is there when it wakes up.
    answered = way.answered
    way.take(Way.OPEN)
    soon(lambda: way.answered > answered)
    zombie.go_on()
    return zombie


@when_asked
def test_a_clock_that_is_put_forward_and_back_costs_nothing_but_the_lease(world):
    trade(world, 3)
    soon(lambda: holder(world) is not None)
    fast = the_other(world, holder(world))

    fast.clock.set(FAR_OFF_SECONDS)
    a_hedge_is_due(world)
    soon(lambda: holder(world) is fast)
    trade(world, 4)
    read(world)
    fast.clock.set(-FAR_OFF_SECONDS)
    a_hedge_is_due(world)
    trade(world, 4)
    read(world)
    fast.clock.set(0)

    assert_all_is_well(world)


@when_asked
def test_ways_that_are_cut_fall_silent_or_lose_answers_are_gone_again_when_they_are_mended(world):
    for way in (Way.CUT, Way.ANSWERLESS):
        before = [warnings(member) for member in world.crew.members]
        for link in world.links():
            link.take(way)
        a_hedge_is_due(world)
        soon(
            lambda before=before: all(
                warnings(member) > was for member, was in zip(world.crew.members, before, strict=True)
            )
        )
        for link in world.links():
            link.take(Way.OPEN)
        trade(world, 2)
    asked = sum(link.asked for link in world.links())
    for link in world.links():
        link.take(Way.SILENT)
    a_hedge_is_due(world)
    soon(lambda: sum(link.asked for link in world.links()) > asked)
    for link in world.links():
        link.take(Way.OPEN)

    assert_all_is_well(world)


@when_asked
def test_a_node_that_comes_back_with_a_lower_head_and_goes_on_elsewhere_takes_fills_with_it(world):
    trade(world, 4)
    read(world)
    then = world.node.remember(world.market)
    trade(world, 5, seed=SEED + 1)
    read(world)
    fills = OnchainTrade.objects.count()

    assert world.node.restart(world.market, then) > 0
    trade(world, 3, seed=SEED + 2)
    # They are taken back while the head is still lower than what was read.
    soon(lambda: OnchainTrade.objects.exclude(reorged_at=None).exists())
    world.node.outgrow_what_was()

    assert_all_is_well(world)
    assert fills > 0


@when_asked
def test_a_disk_that_is_full_stops_what_is_written_until_there_is_room(small_world):
    world, server = small_world, small_world.server
    trade(world, 4)
    read(world)

    world.crew.troubled.set()
    world.disk.fill()
    logs = QueuedLog.objects.count()
    trade(world, 4)
    # A server that has no room for its log ends, and all connections with it.
    soon(lambda: any(map(is_without_room, world.crew.members)) or (server and not server.is_running()))
    world.disk.empty()
    if server is not None and not server.is_running():
        server.start()

    assert_all_is_well(world)
    assert QueuedLog.objects.count() > logs


def is_without_room(member: Member) -> bool:
    return any(member.said(words) for words in ("disk is full", "No space left", "OperationalError"))


@when_asked
@on_postgresql
def test_a_server_that_is_restarted_under_load_is_found_again(small_world):
    world = small_world
    for mode in ("immediate", "fast"):
        trade(world, 4)
        a_hedge_is_due(world)
        world.server.stop(mode)
        trade(world, 2)
        world.server.start()
        connection.close()
    read(world)

    assert all(member.said("OperationalError") for member in world.crew.members)
    assert_all_is_well(world)
