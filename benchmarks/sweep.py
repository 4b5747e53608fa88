"""Sweep: how many calls and how long it takes to ask about two hundred orders, and to book what is new of them.

Run `python -m benchmarks.sweep`. The venue is ours, takes 200 calls a minute as Alpaca does, and is asked over HTTP; an
order is open in each of 200 symbols. A sweep finds nothing new, then each order half filled, then each filled. The
floor is one bare GET for each order, with nothing read out of it; there its clock runs on, so that it takes them all.
"""

import argparse
import subprocess
import sys
import time

from benchmarks.figures import say
from benchmarks.scratch import SERVER, scratch, use

VENDORS = ("sqlite", "postgresql")
HEAD = (
    "| database | orders | found | calls | sweep, s | statements an order | bare GETs, s | × bare |\n"
    "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--database", choices=(*VENDORS, "both"), default="both")
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
        databases.copy("empty", "sweep")
        use(databases, "sweep")
        for line in measured(options.database, options.orders):
            say(line)
        use(databases, "empty")


def measured(vendor: str, count: int) -> list[str]:
    """Measure three sweeps, each beside the floor, and return their rows."""
    from django.db import connection, reset_queries
    from django.test.utils import CaptureQueriesContext

    from tests.support.sweeping import Sweeping, sweeping

    def swept(orders: Sweeping, found: str) -> str:
        reset_queries()  # Of more than 9,000 Django keeps the newest, and would miscount.
        began = time.perf_counter()
        with CaptureQueriesContext(connection) as asked:
            calls = orders.sweep()
        seconds, bare = time.perf_counter() - began, orders.bare()
        return (
            f"| {vendor} | {count} | {found} | {calls.total()} | {seconds:.2f} | {len(asked) / count:.1f} "
            f"| {bare:.2f} | {seconds / bare:.2f} |"
        )

    with sweeping(count) as orders:
        orders.sweep()  # Pays for what is loaded and connected once.
        rows = [swept(orders, "nothing new")]
        orders.fill(half=True)
        rows.append(swept(orders, "all half filled"))
        orders.fill()
        rows.append(swept(orders, "all filled"))
    return rows


if __name__ == "__main__":
    main()
