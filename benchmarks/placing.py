"""Placing: how long it takes from a fill that was queued to the moment at which the broker has the order's POST.

Run `python -m benchmarks.placing`. A conductor runs all its stations in one process, as `manage.py conduct` does, with
their real waits; the node and the broker (a venue of ours) are processes of their own, asked over HTTP. Fills happen at
random moments, one at a time, each big enough for a hedge. A fill counts from the watcher's commit that queues it to
the time that the venue noted for the POST; all clocks are this machine's.

Facts are what the risk gate must know of the account and the market. They are known where another hedge was placed a
moment ago; else the broker is asked first, which takes five calls. The floor is a bare POST to the venue, sent right
after each fill; the peer is a conductor whose stations wake nobody and wait out their own time.

`core` is what the stations computed on the way, whatever else the machine did; `slowness` is how many times longer
a thread that only computes took at that time than on a core of its own.
"""

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.figures import say
from benchmarks.neighbours import node_nearby, venue_nearby
from benchmarks.scratch import SERVER, scratch, use
from config.collector import spare_the_collector

VENDORS = ("sqlite", "postgresql")
STAGES = ("queued → processed", "→ facts known", "→ placed", "→ sending", "→ POST received")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fills", type=int, default=40, help="of each row")
    parser.add_argument("--database", choices=(*VENDORS, "both"), default="both")
    parser.add_argument("--seed", type=int, default=1, help="another number is other moments")
    parser.add_argument("--server", default=SERVER, help="a PostgreSQL server that lets us create databases")
    options = parser.parse_args()
    if options.database == "both":
        for vendor in VENDORS:  # A process each: Django knows one default database.
            command = [sys.executable, "-m", __spec__.name, *sys.argv[1:], "--database", vendor]
            subprocess.run(command, check=True)  # noqa: S603  # this program
        return
    with scratch(options.database, options.server) as databases:
        databases.copy("empty", "placing")
        use(databases, "placing")
        lines = measured(options.database, fills=options.fills, seed=options.seed)
        use(databases, "empty")
    for line in lines:
        say(line)


def measured(vendor: str, *, fills: int, seed: int) -> list[str]:
    """Measure fills with and without wake-ups, with facts that are known and that are not; return both tables."""
    from benchmarks.hedging import WARM_UP, Hedging, chain_of, environment_of

    recording = chain_of(2 * (2 * fills + WARM_UP))
    totals = [
        "| database | stations | facts | p50, ms | p95, ms | max, ms | core, ms | slowness | bare POST, ms | × bare |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    stages = [
        f"| database | stations | facts | {' | '.join(f'{stage}, ms' for stage in STAGES)} |",
        f"| --- | --- | --- |{' ---: |' * len(STAGES)}",
    ]
    with (
        venue_nearby("alpaca", "--fill-seconds", "0.2", "--cash", "100000000") as venue,
        node_nearby(recording, head=recording["first"]) as node,
    ):
        os.environ.update(venue.environment | environment_of(node, recording))
        hedging = Hedging(venue, node, first=recording["first"], seed=seed)
        spare_the_collector()  # As `manage.py conduct` does.
        for stations, wakes in (("woken", True), ("by their own waits", False)):
            for facts, placed in hedging.fills(fills, wakes=wakes).items():
                row = f"| {vendor} | {stations} | {facts} |"
                bare = [one.bare_seconds for one in placed]
                taken = [one.seconds for one in placed]
                ratio = statistics.median(taken) / statistics.median(bare)
                core = _spread([one.core_seconds for one in placed])[0]
                slow = statistics.median(one.slowness for one in placed)
                totals.append(
                    f"{row} {' | '.join(_spread(taken))} | {core} | {slow:.1f} | {_spread(bare)[0]} | {ratio:.0f} |"
                )
                each = [_spread(stage) for stage in zip(*(one.stages for one in placed), strict=True)]
                stages.append(f"{row} {' | '.join(f'{half} / {most}' for half, most, _ in each)} |")
    return [*totals, "", "Each stage's p50 / p95:", "", *stages, ""]


def _spread(seconds: Sequence[float]) -> list[str]:
    """The median, what nineteen of twenty stay within, and the most, in milliseconds."""
    ordered = sorted(seconds)
    most_of = ordered[-(-len(ordered) * 95 // 100) - 1]
    return [
        f"{1000 * each:.{0 if each >= 0.01 else 1}f}" for each in (statistics.median(ordered), most_of, ordered[-1])
    ]


if __name__ == "__main__":
    main()
