"""Kill -9: `manage.py conduct` is killed over and over under load, and must end with the undisturbed run's books.

In a test: give a `World` the market and the test database's URL, kill as you like and `finish`; what the books must be
then is in `tests.support.undisturbed`. As a program, on SQLite, or on PostgreSQL with --postgres:

python -m tests.support.kills --kills 100 [--seed N] [--postgres] [--ledger MODE] [--threshold '1 share'] [--reorgs]
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import IO, TYPE_CHECKING, Any

import msgspec

from tests.support.nursery import PROJECT, Child, nursery

# What needs Django is imported where it is used: the program below sets it up first.
if TYPE_CHECKING:
    from config.demo.market import Market
    from config.demo.steps import Step
    from tests.support.undisturbed import FromTheChain

CONDUCT = ("manage.py", "conduct")
CONDUCT_WITH_CRASH = ("-m", "tests.support.conduct_with_crash")
START_SECONDS = 20.0
# Whoever died while asking the broker for a fact has claimed it for 45 seconds (trading.risk.facts), and so long a
# symbol may be denied in the next life.
LONGEST_TO_A_PLACE_SECONDS = 120
LONGEST_LIFE_SECONDS = 1.2
LOOK_CLOSELY_EVERY = 10

# What the market of a run does beside what `endless` does: nothing of it may be lost or counted either.
EXTRAS_EVERY = 12
# Every way in which an order may go that has an end. Halves have none in whole shares: of one share nothing is half.
BEHAVIOURS = "fill,NVDA=timeout_after_accept,TSLA=unavailable,BRK.B=slow,GME=partial"
WHOLE_SHARES = BEHAVIOURS.replace(",GME=partial", "")
DOLLARS = "$150"


class DiedByItself(AssertionError):
    """A conductor ended before it was killed."""


class NotFinished(AssertionError):
    """`conduct --once` did not come to the end of it."""


# A conductor's life.


class Conductor:
    """A child process, whose log is read as it comes."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], *, forked: bool = False) -> None:
        """A `forked` one need not import anything: see `tests.support.nursery`."""
        self.began = time.monotonic()
        self.process: Child | subprocess.Popen[str] = (
            nursery(environment).fork(command) if forked else _started(command, environment)
        )
        self.lines: list[str] = []
        self._ended = threading.Event()
        assert self.process.stderr is not None
        self._reader = threading.Thread(target=self._read, args=[self.process.stderr], daemon=True)
        self._reader.start()

    def wait_for(self, words: str, *, seconds: float) -> bool:
        """Wait for a line of its log. Return whether it came in time. Raises DiedByItself."""
        until = time.monotonic() + seconds
        place = 0
        while time.monotonic() < until:
            ended = self._ended.is_set()
            while place < len(self.lines):
                place += 1
                if f'"{words}"' in self.lines[place - 1]:
                    return True
            if ended:
                raise DiedByItself(f"conduct ended before it said {words!r}:\n{self.tail()}")
            time.sleep(0.005)
        return False

    def kill(self) -> None:
        """End it as a power cut would. Raises DiedByItself where it had ended."""
        self.process.kill()
        if self.wait() != -signal.SIGKILL:
            raise DiedByItself(f"conduct had ended with {self.process.returncode}:\n{self.tail()}")

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and return how it ended."""
        code = self.process.wait(timeout)
        self._reader.join()
        return code

    def close(self) -> None:
        """End it whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
        self.wait()

    def tail(self, lines: int = 40) -> str:
        return "".join(self.lines[-lines:])

    def complaints(self) -> Counter[str]:
        """Count its warnings and errors, by what they say."""
        said: Counter[str] = Counter()
        for line in self.lines:
            try:
                told = msgspec.json.decode(line, type=dict[str, Any])
            except msgspec.MsgspecError:
                said[line.strip()[:120]] += 1
                continue
            if told.get("level") in ("warning", "error", "critical"):
                what = told.get("error") or told.get("reason") or ""
                said[f"{told.get('event')}: {what}".split("ht-")[0][:160]] += 1
        return said

    def _read(self, stderr: IO[str]) -> None:
        with stderr:
            for line in stderr:
                self.lines.append(line)
        self._ended.set()


def _started(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=PROJECT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


# The market.


def steps(seed: int, *, reorgs: bool = False) -> "Iterator[Step]":
    """Yield a day without an end, in which now and then comes what is rare."""
    from config.demo.scenarios import endless
    from config.demo.steps import Clear, ForeignPair, Reorg, Several, Take
    from trading.values.sides import Side

    clear = Clear("MSFT", Side.BUY, Decimal("0.75"), Decimal("472.12"), 5, "alice")
    rare: list[Step] = [
        Several((clear, Clear("MSFT", Side.SELL, Decimal("0.5"), Decimal("471.9"), 5, "bob"))),
        Clear("AAPL", Side.BUY, Decimal("0.2"), Decimal("271.1"), 4, None),
        Several((Clear("GME", Side.SELL, Decimal("1.5"), Decimal("20.7"), 4, "bob"), clear)),
        ForeignPair("AAPL", Side.BUY, Decimal("0.25"), Decimal("0.0931"), 4),
        Take("NVDA", Side.SELL, Decimal("0.374123456789012345"), Decimal("178.880000000000000001"), 5),
        Take("GME", Side.BUY, Decimal("1.000000000000000001"), Decimal("20.65"), 4),
    ]
    for number, step in enumerate(endless(seed), start=1):
        yield step
        if number % EXTRAS_EVERY == 0:
            yield rare[number // EXTRAS_EVERY % len(rare)]
        if reorgs and number % (2 * EXTRAS_EVERY) == 0:
            yield Take("TSLA", Side.BUY, Decimal("1.25"), Decimal("391.2"), 5, fleeting=True)
        if reorgs and number % (2 * EXTRAS_EVERY) == 3:
            yield Reorg()


class Trading:
    """A market that trades in a thread, in bursts, until it is told to stop."""

    def __init__(self, market: "Market", seed: int, *, reorgs: bool = False) -> None:
        self._market = market
        self._steps, self._chance = steps(seed, reorgs=reorgs), random.Random(seed)
        self._stopping = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._trade, name="market", daemon=True)

    def __enter__(self) -> "Trading":
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._stopping.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _trade(self) -> None:
        try:
            while not self._stopping.wait(self._chance.uniform(0.1, 1.0)):
                for _ in range(self._chance.choice((1, 1, 2, 3, 8))):
                    self._market.play(next(self._steps))
        except BaseException as error:  # noqa: BLE001  # raised again where the market is left
            self._error = error


# The world.


@dataclass
class Met:
    """What the kills met, so that it can be seen whether they hit anything."""

    kills: int = 0
    while_starting: int = 0
    with_logs_waiting: int = 0
    with_orders_open: int = 0
    orders: Counter[str] = field(default_factory=Counter)
    accepted_but_not_booked: int = 0
    complaints: Counter[str] = field(default_factory=Counter)

    def look(self) -> None:
        from tests.support.undisturbed import accepted_but_not_booked, open_orders
        from trading.conductor.inbox import unprocessed

        orders = open_orders()
        self.with_logs_waiting += unprocessed() > 0
        self.with_orders_open += bool(orders)
        self.orders += orders
        self.accepted_but_not_booked += accepted_but_not_booked()

    def __str__(self) -> str:
        orders = ", ".join(f"{count} {state}" for state, count in sorted(self.orders.items()))
        return (
            f"{self.kills} kills, {self.while_starting} of them while starting; they met "
            f"{self.with_logs_waiting} times logs that waited, {self.with_orders_open} times open orders ({orders}), "
            f"{self.accepted_but_not_booked} orders that the broker had and the books did not"
        )


class World:
    """A market, a database that is reached by this process too, and conductors between them."""

    def __init__(
        self, market: "Market", database_url: str, *, threshold: str, behaviours: str, ledger: str = "dual"
    ) -> None:
        self.market = market
        self.environment = {
            **os.environ,
            **market.environment(),
            "DATABASE_URL": database_url,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "LOG_LEVEL": "DEBUG",  # It says when the chain was read.
            "BROKER": "dry_run",
            "DRY_RUN_FILL_SECONDS": "0.2",
            "DRY_RUN_LATENCY_SECONDS": "0.02",
            "DRY_RUN_BEHAVIOUR": behaviours,
            "HEDGE_THRESHOLD": threshold,
            "LEDGER": ledger,
            "LEGACY_PROJECTION": "on",
            "CHAIN_CUTOFF": "latest",
        }

    @contextmanager
    def conductor(self, *arguments: str, command: Sequence[str] = CONDUCT, forked: bool = True) -> Iterator[Conductor]:
        """Start a conductor; it is gone at the end of the block, whatever happens."""
        child = Conductor([*command, *arguments], self.environment, forked=forked)
        try:
            yield child
        finally:
            child.close()

    def kill_over_and_over(self, kills: int, chance: random.Random, *, tell: Any = lambda text: None) -> Met:
        """Start a conductor and kill it, as often as that: each within seconds, at whatever it does."""
        from tests.support.undisturbed import counts, wrongs_so_far

        met = Met()
        for number in range(1, kills + 1):
            since = chance.choices(("started", "Conducting", "Logs read"), (1, 4, 5))[0]
            # Only some die at their imports, which the others are spared, and half live to see the chain.
            with self.conductor(forked=since != "started") as child:
                if since == "started" or child.wait_for(since, seconds=START_SECONDS):
                    time.sleep(chance.uniform(0, LONGEST_LIFE_SECONDS))
                child.kill()
            met.kills += 1
            met.while_starting += since == "started"
            met.complaints += child.complaints()
            met.look()
            tell(f"kill {number}, {time.monotonic() - child.began:.1f} s after the start: {counts()}")
            if number % LOOK_CLOSELY_EVERY == 0 and (found := wrongs_so_far()):
                raise AssertionError(f"after kill {number}: {found}")
        return met

    def crash(self, place: str) -> None:
        """Let a conductor kill itself at a place of its own. Raises NotFinished where it never came there."""
        name, _, number = place.rpartition(" ") if place[-1].isdigit() else (place, "", "1")
        timeout = str(LONGEST_TO_A_PLACE_SECONDS)
        with self.conductor(name, number, "--once", "--timeout", timeout, command=CONDUCT_WITH_CRASH) as child:
            if (code := child.wait(LONGEST_TO_A_PLACE_SECONDS + START_SECONDS)) != -signal.SIGKILL:
                raise NotFinished(f"conduct did not come to {place!r}, and ended with {code}:\n{child.tail()}")

    def finish(self, *, timeout: int = 120) -> Counter[str]:
        """Let a conductor come to the end of it. Raises NotFinished."""
        with self.conductor("--once", "--timeout", str(timeout)) as child:
            if (code := child.wait(timeout + START_SECONDS)) != 0:
                raise NotFinished(f"conduct --once ended with {code}:\n{child.tail()}")
        return child.complaints()

    def undisturbed(self) -> "FromTheChain":
        """Let one conductor do it all, in a fresh database, and return its books. What was in the database is gone."""
        from tests.support.emptying import begin_anew
        from tests.support.undisturbed import FromTheChain

        begin_anew()
        self.finish()
        return FromTheChain.read()


# As a program.


@contextmanager
def database_of_our_own() -> Iterator[str]:
    """Make a database on the server that DATABASE_URL names, or in a file, as the tests do; gone at the end."""
    import django
    from django.conf import settings

    with tempfile.TemporaryDirectory(prefix="hedgetrail-kills-") as folder:
        os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 40)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
            os.environ["DATABASE_URL"] = f"sqlite:///{folder}/unused.sqlite3"
        django.setup()
        from django.db import connection

        from tests.conftest import url_of

        sqlite = connection.vendor == "sqlite"
        name = f"{folder}/kills.sqlite3" if sqlite else f"kills_{connection.settings_dict['NAME']}_{os.getpid()}"
        before, connection.settings_dict["TEST"]["NAME"] = connection.settings_dict["NAME"], name
        connection.creation.create_test_db(verbosity=0, serialize=False)
        try:
            yield url_of(settings.DATABASES["default"])
        finally:
            connection.creation.destroy_test_db(before, verbosity=0)


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill conduct over and over under load, and hold the books.")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, help="of the market and of the moments; a new one by default")
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, as the tests find one")
    parser.add_argument("--ledger", choices=("legacy", "dual", "events"), default="dual")
    parser.add_argument("--threshold", default=DOLLARS, help=f"HEDGE_THRESHOLD ({DOLLARS})")
    parser.add_argument("--reorgs", action="store_true", help="let the chain be reorganised now and then")
    given = parser.parse_args()
    if given.seed is None:
        given.seed = random.SystemRandom().randrange(10**6)
    if given.postgres:
        import tests.postgres_plugin  # noqa: F401  # it sets DATABASE_URL, before the settings are loaded
    with database_of_our_own() as url:
        database = "PostgreSQL" if url.startswith("postgres") else "SQLite"
        tell(f"seed {given.seed} on {database}, LEDGER={given.ledger}, HEDGE_THRESHOLD={given.threshold}")
        found = run(given, url)
    tell(f"{len(found)} wrong")
    return 1 if found else 0


def run(given: argparse.Namespace, url: str) -> list[str]:
    """Kill, finish, and do it again undisturbed; tell of it, and return what is wrong."""
    from config.demo.market import Market
    from tests.support.anvil import anvil
    from tests.support.undisturbed import FromTheChain, counts, differences, wrongs

    behaviours = BEHAVIOURS if given.threshold.startswith("$") else WHOLE_SHARES
    with anvil() as node:
        market = Market(node, given.seed)
        world = World(market, url, threshold=given.threshold, behaviours=behaviours, ledger=given.ledger)
        times = [time.monotonic()]
        with Trading(market, given.seed, reorgs=given.reorgs):
            met = world.kill_over_and_over(given.kills, random.Random(given.seed), tell=tell)
        times.append(time.monotonic())
        met.complaints += world.finish()
        times.append(time.monotonic())
        books, found, counted = FromTheChain.read(), wrongs(market), counts()
        undisturbed = world.undisturbed()
        times.append(time.monotonic())
        found += [f"in the undisturbed run: {wrong}" for wrong in wrongs(market)]
    if given.reorgs:
        books, undisturbed = books.as_if_never_reorged(), undisturbed.as_if_never_reorged()
    found += differences(books, undisturbed)

    killing, finishing, undisturbed_seconds = (after - before for before, after in pairwise(times))
    tell(str(met))
    tell(f"killed for {killing:.0f} s, at the end {finishing:.0f} s later: {counted}")
    tell(f"the undisturbed run took {undisturbed_seconds:.0f} s")
    for what, often in met.complaints.most_common(20):
        tell(f"  {often} x {what}")
    for wrong in found:
        tell(f"WRONG {wrong}")
    return found


def tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
