"""Catching up: fills a second from the inbox into each memory, and how near that is to hand-made SQL.

Run `python -m benchmarks.catch_up`. In every mode of the ledger the processor works off a queue of fills, batch by
batch. The floor is the same rows, written by hand-made SQL from values that were ready before (benchmarks/floor.py). It
takes a turn after each batch, because a disk drifts, and in the end both databases must hold the same rows.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from benchmarks.scratch import SERVER, Scratch, scratch, use
from config.collector import spare_the_collector

VENDORS = ("sqlite", "postgresql")
MODES = ("legacy", "dual", "events")
HEAD = "| database | ledger | fills/s | floor, fills/s | ratio |\n| --- | --- | ---: | ---: | ---: |"
START = datetime(2026, 1, 2, 14, 30, 0, 250_000, tzinfo=UTC)


class NotTheSame(Exception):
    """The floor and the project did not write the same rows, so their times can't be compared."""


class Round(NamedTuple):
    """The seconds that one round took."""

    ours: float
    floor: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fills", type=int, default=10_000)
    parser.add_argument("--symbols", type=int, default=6)
    parser.add_argument("--database", choices=(*VENDORS, "both"), default="both")
    parser.add_argument("--mode", choices=MODES, action="append", help="may be given again; without it, every mode")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, help="fills in one commit; without it, what the processor takes")
    parser.add_argument("--server", default=SERVER, help="a PostgreSQL server that lets us create databases")
    parser.add_argument("--no-head", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.no_head:
        say(HEAD)
    if options.database == "both":
        for vendor in VENDORS:  # A process each: Django knows one default database.
            command = [sys.executable, "-m", __spec__.name, *sys.argv[1:], "--database", vendor, "--no-head"]
            subprocess.run(command, check=True)  # noqa: S603  # this program
        return
    with scratch(options.database, options.server) as databases:
        queue(databases, "queue", fills=options.fills, symbols=options.symbols)
        spare_the_collector()  # As `manage.py conduct` does.
        for mode in options.mode or MODES:
            rounds = measured(databases, mode, batch=options.batch, rounds=options.rounds)
            say(row(options.database, mode, options.fills, rounds))


def queue(databases: Scratch, name: str, *, fills: int, symbols: int) -> None:
    """Make a database whose inbox holds so many fills, and whose tokens are known."""
    from benchmarks import fills as made
    from trading.chain.token_table import remember
    from trading.conductor import watcher

    databases.copy("empty", name)
    use(databases, name)
    for token in made.tokens(symbols):
        remember(token, block=None)
    watcher.queue(list(made.logs(fills, symbols=symbols)), now=START)
    _analyze()


def measured(databases: Scratch, mode: str, *, batch: int | None, rounds: int) -> list[Round]:
    """Measure a mode so many times, after a round that warms up and from which the floor takes its rows."""
    from benchmarks.floor import Written, content, written_at

    batches: list[Written] = []
    databases.copy("queue", "ours")
    use(databases, "ours")
    _work_off(mode, batch, after=lambda number, now: batches.append(written_at(now)))
    expected = content()
    use(databases, "empty")
    databases.drop("ours")
    return [_round(databases, mode, batch, batches, expected) for _ in range(rounds)]


def _round(databases: Scratch, mode: str, batch: int | None, batches: Sequence[Any], expected: dict[str, Any]) -> Round:
    from benchmarks.floor import content, floor

    for name in ("ours", "floor"):
        databases.copy("queue", name)
    by_hand = floor(databases, "floor")
    use(databases, "ours")
    databases.settle()
    floor_seconds: list[float] = []
    ours_seconds = _work_off(
        mode, batch, after=lambda number, now: floor_seconds.append(timed(lambda: by_hand.write(batches[number])))
    )
    by_hand.close()
    for name in ("ours", "floor"):
        use(databases, name)
        _compare(content(), expected, name)
    use(databases, "empty")
    for name in ("ours", "floor"):
        databases.drop(name)
    return Round(sum(ours_seconds), sum(floor_seconds))


def _work_off(mode: str, batch: int | None, *, after: Callable[[int, datetime], None]) -> list[float]:
    """Let the processor work off the queue. Return the seconds that each batch took, less what is done after it."""
    from benchmarks.fills import OWNER, USDC
    from trading.chain.node import Node
    from trading.conductor.processor import Processor
    from trading.ledger.book import Ledger
    from trading.ledger.mode import Mode

    node = Node("http://127.0.0.1:9")  # Never asked: all is in the queue.
    size = {} if batch is None else {"batch": batch}
    processor = Processor(node=node, owner=OWNER, usdc=USDC, ledger=Ledger(Mode(mode)), **size)
    seconds: list[float] = []
    while True:
        now = START + timedelta(seconds=len(seconds) + 1)
        started = time.perf_counter()
        worked = processor.run_once(now=now)
        took = time.perf_counter() - started
        if not worked:
            return seconds
        seconds.append(took)
        after(len(seconds) - 1, now)


def _compare(found: dict[str, Any], expected: dict[str, Any], name: str) -> None:
    for table, rows in expected.items():
        if found[table] != rows:
            raise NotTheSame(f"the rows of {table} in {name} are not those that were written before")
    if not all(outcome == "fill" for outcome in _outcomes()):
        raise NotTheSame("not every log in the queue became a fill")


def _outcomes() -> list[str]:
    from trading.conductor.inbox import QueuedLog

    return list(QueuedLog.objects.values_list("outcome", flat=True))


def _analyze() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def row(vendor: str, mode: str, fills: int, rounds: Sequence[Round]) -> str:
    ours = statistics.median(fills / each.ours for each in rounds)
    by_hand = statistics.median(fills / each.floor for each in rounds)
    ratio = statistics.median(each.floor / each.ours for each in rounds)
    return f"| {vendor} | `{mode}` | {ours:,.0f} | {by_hand:,.0f} | {ratio:.2f} |"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
