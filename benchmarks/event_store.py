"""The event store beside a raw floor and the library `eventsourcing`, in turns: appending, loading, replaying.

    uv run --with 'eventsourcing[postgres]==9.5.6' python -m benchmarks.event_store

Without the library its columns stay empty. The floor writes and reads the very same texts in the same table by SQL made
by hand: one INSERT in autocommit for an append; SELECT, `json.loads` and a fold for a load and a replay. Our replay is
that of `manage.py replay`: stream by stream, with snapshots compared; following is by number, as projections do. The
contenders take turns of 20 commits, or of one load, because a disk drifts; what is told is the median of the ratios of
all turns.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

from benchmarks.figures import Figures, say
from benchmarks.scratch import SERVER, Scratch, scratch, use

VENDORS = ("sqlite", "postgresql")
HEAD = (
    "| database | what | floor | ours | ours × floor | aim | eventsourcing × floor |\n"
    "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
)
COMMITS_A_TURN = 20
AIMS = {
    ("postgresql", "append, 1 a commit"): "1.3",
    ("postgresql", "append, 10 a commit"): "1.5",
    ("postgresql", "append, 1 a commit, 4 writers"): "1.4",
    ("postgresql", "load of 1,000"): "1.3",
    ("postgresql", "replay of 50,000"): "1.2",
    ("sqlite", "append, 1 a commit"): "1.3",
    ("sqlite", "load of 1,000"): "1.3",
    ("sqlite", "replay of 50,000"): "1.2",
}

Turn = Callable[[], None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=(*VENDORS, "both"), default="both")
    parser.add_argument("--turns", type=int, default=40)
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
        for name in ("floor", "ours", "rival"):
            databases.copy("empty", name)
        use(databases, "ours")
        measure(databases, turns=options.turns)


def measure(databases: Scratch, *, turns: int) -> None:
    from benchmarks.contenders import Floor, Ours
    from benchmarks.writers import four_writers

    floor, ours, rival = Floor(databases), Ours(), rival_on(databases)
    # Reading comes first: what is replayed is what `fill` made, and no append of a turn is among it.
    for contender in (floor, ours, rival):
        if contender is not None:
            contender.fill()
    contenders = {"floor": floor, "ours": ours} | ({} if rival is None else {"rival": rival})
    loads = taking_turns({name: contender.load for name, contender in contenders.items()}, 3 * turns)
    told(databases.vendor, "load of 1,000", loads, 1, "loads/s")
    kept = taking_turns({"floor": floor.load, "ours": ours.load_kept}, 3 * turns)
    told(databases.vendor, f"load with a snapshot ({1000 * statistics.median(kept.ours):.2f} ms)", kept, 1, "loads/s")
    replays = taking_turns({name: contender.replay for name, contender in contenders.items()}, 7)
    told(databases.vendor, "replay of 50,000", replays, 50_000, "events/s")
    followed = taking_turns({"floor": floor.replay, "ours": ours.follow}, 7)
    told(databases.vendor, "following 50,000, with all that is stored", followed, 50_000, "events/s")

    for size in (1, 10):
        told(
            databases.vendor,
            f"append, {size} a commit",
            taking_turns(
                {
                    name: commits(contender.append, size)
                    for name, contender in (("floor", floor), ("ours", ours), ("rival", rival))
                    if contender is not None
                },
                turns,
            ),
            COMMITS_A_TURN,
            "commits/s",
        )
        told(
            databases.vendor,
            f"append in a station's transaction, {size} a commit",
            taking_turns(
                {
                    "floor": commits(floor.append_in_transaction, size),
                    "ours": commits(ours.append_in_transaction, size),
                },
                turns,
            ),
            COMMITS_A_TURN,
            "commits/s",
        )
    if databases.vendor == "postgresql":
        told(databases.vendor, "append, 1 a commit, 4 writers", four_writers(databases, rounds=5), 1, "commits/s")


def rival_on(databases: Scratch) -> "Rival | None":  # noqa: F821
    try:
        from benchmarks.rival import Rival
    except ImportError:
        return None
    return Rival(databases)


def commits(append: Callable[[str, int, int], None], size: int) -> Turn:
    """A turn: so many commits of so many events each, to one stream."""
    stands = 0

    def turn() -> None:
        nonlocal stands
        for _ in range(COMMITS_A_TURN):
            append(f"{append.__name__}-{size}", stands + 1, size)
            stands += size

    return turn


def taking_turns(contenders: Mapping[str, Turn], turns: int) -> Figures:
    seconds: dict[str, list[float]] = {"floor": [], "ours": [], "rival": []}
    for turn in contenders.values():
        turn()  # Plans, caches and files are there when it counts.
    for _ in range(turns):
        for name, turn in contenders.items():
            began = time.perf_counter()
            turn()
            seconds[name].append(time.perf_counter() - began)
    return Figures(**seconds)


def told(vendor: str, what: str, figures: Figures, count: int, unit: str) -> None:
    def rate(seconds: list[float]) -> str:
        return f"{count / statistics.median(seconds):,.0f} {unit}"

    def ratio(seconds: list[float]) -> str:
        if not seconds:
            return ""
        return f"{statistics.median(one / base for one, base in zip(seconds, figures.floor, strict=True)):.2f}"

    aim = AIMS.get((vendor, what), "")
    cells = vendor, what, rate(figures.floor), rate(figures.ours), ratio(figures.ours), aim, ratio(figures.rival)
    say("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
