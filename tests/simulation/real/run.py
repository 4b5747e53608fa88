"""Real processes, disturbed for minutes: python -m tests.simulation --real --minutes 5 [--postgres] [--seed N].

Two conductors trade at a venue, on a real node, under load, on SQLite or on a PostgreSQL server of their own. What
goes wrong, when, and for how long is drawn from the seed; moments within a process are not. Then nothing goes wrong any
more, and all must come to rest by itself. It ends with 1 where anything is wrong then, or nothing was put to the test,
and keeps what conductors said. With `--without NAME` the conductors do not give one of their guarantees, to see that it
is found; `tests.simulation.real.without` has the names.
"""

import argparse
import os
import random
import secrets
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.simulation.real.cluster import Cluster, NoPostgres, cluster
from tests.simulation.real.disk import NoSmallDisk, SmallDisk, small_disk
from tests.support.kills import Trading

# What needs Django is imported where it is used: the database is made first.
if TYPE_CHECKING:
    from tests.simulation.real.disturbances import Disturbance
    from tests.simulation.real.world import World

QUIET_SECONDS = (0.5, 4.0)
OVERLAPPING = 0.4
"""How many of the disturbances have another one within."""
ONE_SECONDS = 60.0
REST_SECONDS = 240.0


@dataclass
class Met:
    """What happened, for the table."""

    disturbances: Counter[str] = field(default_factory=Counter)
    felt: Counter[str] = field(default_factory=Counter)
    """How often one of each kind met somebody."""
    rest_seconds: float = 0
    wrong: list[str] = field(default_factory=list)
    others: dict[str, object] = field(default_factory=dict)


def main(arguments: Sequence[str]) -> int:
    from tests.simulation.real.without import BREAKAGES

    parser = argparse.ArgumentParser(prog="python -m tests.simulation --real", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="for how long it is disturbed (5)")
    parser.add_argument("--seed", type=int, help="of the market and of what goes wrong; a new one by default")
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL server of its own, made for the run")
    parser.add_argument("--broker", choices=["alpaca"], default="alpaca", help="whose venue orders go to")
    parser.add_argument("--without", metavar="NAME", help="take a guarantee out of the conductors, to see it found")
    parser.add_argument("--rest", type=float, default=REST_SECONDS, help="within how many seconds all must be at rest")
    asked = parser.parse_args(arguments)
    if asked.without and (unknown := set(asked.without.split(",")) - BREAKAGES.keys()):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(BREAKAGES)}")
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(10**6)
    without = f", without {asked.without}" if asked.without else ""
    tell(f"seed {seed} on {'PostgreSQL' if asked.postgres else 'SQLite'}, {asked.minutes:g} minutes{without}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hedgetrail-real-")))
        folder.chmod(0o755)
        disk = stack.enter_context(disk_or_none(folder / "disk"))
        server = None
        if asked.postgres:
            try:
                server = stack.enter_context(cluster((disk.folder if disk else folder) / "cluster"))
            except NoPostgres as missing:
                parser.error(str(missing))
        url = server.url if server else f"sqlite:///{disk.folder if disk else folder}/books.sqlite3"
        settings = {"WITHOUT": asked.without} if asked.without else {}
        how = {"seed": seed, "minutes": asked.minutes, "rest_seconds": asked.rest}
        met = disturbed(url, folder, disk, server, **how, **settings)
        if met.wrong:
            kept = tempfile.mkdtemp(prefix="hedgetrail-real-wrong-")
            for file in [*folder.glob("conductor-*.log"), *folder.glob("disk/books.sqlite3*")]:
                shutil.copy(file, kept)
            tell(f"what the conductors said is kept in {kept}")
    told(met)
    return 1 if met.wrong else 0


@contextmanager
def disk_or_none(folder: Path) -> Iterator[SmallDisk | None]:
    folder.mkdir()
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(small_disk(folder))
        except NoSmallDisk as error:
            tell(f"no disk is filled up: {error}")
            disk = None
        yield disk


def disturbed(
    url: str,
    folder: Path,
    disk: SmallDisk | None,
    server: Cluster | None,
    *,
    seed: int,
    minutes: float,
    rest_seconds: float,
    **settings: str,
) -> Met:
    """Play on a new database."""
    os.environ |= {
        "DATABASE_URL": url,
        "SECRET_KEY": secrets.token_urlsafe(50),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LOG_LEVEL": "WARNING",
    }
    import django

    django.setup()
    from django.core.management import call_command

    from tests.simulation.real.world import surrounded

    call_command("migrate", verbosity=0, interactive=False)
    with surrounded(url, folder, seed=seed, disk=disk, server=server, **settings) as world:
        return played(world, seed=seed, seconds=minutes * 60, rest_seconds=rest_seconds)


def played(world: "World", *, seed: int, seconds: float, rest_seconds: float = REST_SECONDS) -> Met:
    """Disturb a world for so long, let it come to rest, and judge it."""
    from tests.simulation.real import judge
    from tests.simulation.real.disturbances import EVERY
    from tests.support.undisturbed import counts

    met, chance = Met(), random.Random(seed)
    kinds = [kind for kind in EVERY if kind.can_be(world)]
    met.disturbances.update(dict.fromkeys((kind.name for kind in kinds), 0))
    with world.crew as crew:
        crew.wait_until_all_conduct()
        until = time.monotonic() + seconds
        bag: list[Disturbance] = []
        with Trading(world.trading_floor, seed):
            crew.troubled.set()
            while time.monotonic() < until and not crew.findings:
                time.sleep(chance.uniform(*QUIET_SECONDS))
                crew.wait_until_one_conducts(ONE_SECONDS)
                # Each kind has its turn before any has another one.
                bag = bag or chance.sample(kinds, len(kinds))
                disturb(world, bag.pop(), kinds, chance, met)
        crew.wait_until_all_conduct()
        crew.troubled.clear()
        world.node.outgrow_what_was()
        met.rest_seconds, met.wrong = judge.rest(world, seconds=rest_seconds)
        crew.dismiss()
        met.wrong += judge.commands(world)
        met.wrong += [*judge.unjudged(world), *judge.unfelt(world)]
    met.wrong += crew.findings
    met.felt = world.felt
    met.others = {
        "conductors started": crew.started,
        "… of which could not start at that moment": crew.not_started,
        "orders at the venue": len(world.venue.exchange.orders),
        "calls of the venue": len(world.venue.requests),
        "in the books": counts(),
    }
    for what, often in crew.complaints.most_common(25):
        tell(f"  {often} x {what}")
    if world.server is not None:
        met.others["times the server ended itself"] = world.server.said("PANIC")
    return met


def disturb(
    world: "World", kind: "Disturbance", kinds: Sequence["Disturbance"], chance: random.Random, met: Met
) -> None:
    """Let something go wrong for its time, and now and then something else in the middle of it."""
    seconds = chance.uniform(kind.shortest, kind.longest)
    others = [each for each in kinds if each is not kind and not (each.of_the_server and kind.of_the_server)]
    within = chance.choice(others) if chance.random() < OVERLAPPING else None
    tell(f"  {kind.name}, {seconds:.1f} s" + (f"; within it {within.name}" if within else ""))
    met.disturbances[kind.name] += 1
    with kind.during(world, chance):
        if within is not None:
            time.sleep(seconds * chance.random())
            met.disturbances[within.name] += 1
            with within.during(world, chance):
                time.sleep(chance.uniform(within.shortest, within.longest))
        time.sleep(seconds)


def told(met: Met) -> None:
    """Print the table, and what is wrong."""
    happened = {name: f"{often}, met somebody {met.felt[name]} times" for name, often in met.disturbances.items()}
    rows = {**happened, **met.others, "seconds until all was at rest": round(met.rest_seconds)}
    widest = max(map(len, rows))
    for name, value in rows.items():
        tell(f"{name:{widest}}  {value}")
    for wrong in met.wrong:
        tell(f"WRONG {wrong}")
    tell(f"{len(met.wrong)} wrong")


def tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201
