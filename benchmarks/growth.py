"""Growth: what appending, loading, the admin's list and catching up cost on a long log, beside a short one.

    python -m benchmarks.growth [--events 10000 10000000] [--database postgresql]

The events are made by SQL inside the database, twenty to a stream and one stream of a thousand; each is as large as a
fill. What is told are medians, in milliseconds.
"""

import argparse
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from benchmarks.figures import say
from benchmarks.scratch import SERVER, scratch, use

VENDORS = ("sqlite", "postgresql")
HEAD = (
    "| database | events | append, ms | load of 1,000, ms | admin's list, ms | admin's list of one type, ms"
    " | following the last 10,000, ms |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
)
EACH, LONG = 20, 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=(*VENDORS, "both"), default="both")
    parser.add_argument("--events", type=int, nargs="+", default=[10_000, 10_000_000])
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
        for count in options.events:
            name = f"grown_{count}"
            databases.copy("empty", name)
            use(databases, name)
            grow(count)
            databases.settle()
            say(f"| {databases.vendor} | {count:,} | " + " | ".join(f"{each:.2f}" for each in measured()) + " |")
            databases.drop(name)


def grow(count: int) -> None:
    from django.db import connection

    from benchmarks.payloads import AT, CAUSE, NAME, filled
    from eventstore.codec import encode, encode_value

    data, cause = encode(filled(7)), encode_value(CAUSE)
    row = (
        f"'Benchmark', CASE WHEN n <= {LONG} THEN 'long' ELSE 's' || ((n - {LONG} - 1) / {EACH}) END,"
        f" CASE WHEN n <= {LONG} THEN n ELSE (n - {LONG} - 1) %% {EACH} + 1 END, '{NAME}', 1, %s, %s, %s, '{'0' * 64}'"
    )
    columns = "number, aggregate_type, aggregate_id, version, type, schema, data, metadata, recorded_at, hash"
    at = AT.isoformat(" ") if connection.vendor == "postgresql" else AT.isoformat(" ")[:26]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"INSERT INTO events ({columns}) SELECT nextval('events_number_seq'), {row}"  # noqa: S608
                " FROM generate_series(1, %s) AS n",
                [data, cause, at, count],
            )
        else:
            cursor.execute(
                f"WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %s)"  # noqa: S608
                f" INSERT INTO events ({columns}) SELECT NULL, {row} FROM numbers",
                [count, data, cause, at],
            )
        cursor.execute("ANALYZE events")


def measured() -> list[float]:
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client
    from django.urls import reverse

    from benchmarks.contenders import drafts
    from benchmarks.payloads import AT, NAME, Book
    from eventstore.following import follow, settled
    from eventstore.handling import load
    from eventstore.store import append_alone

    settings.SECRET_KEY = secrets.token_urlsafe(50)
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.create_superuser("benchmark"))
    listed = reverse("admin:eventstore_storedevent_changelist")
    versions = iter(range(1, 10**9))
    last = settled()
    return [
        milliseconds(lambda: append_alone(drafts("Benchmark", "appended", next(versions), 1), at=AT), times=200),
        milliseconds(lambda: load(Book, "long"), times=20),
        milliseconds(lambda: client.get(listed), times=7),
        milliseconds(lambda: client.get(listed, {"type": NAME}), times=7),
        milliseconds(lambda: [len(page) for page in follow(after=last - 10_000)], times=5),
    ]


def milliseconds(work: Callable[[], object], *, times: int) -> float:
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return 1000 * statistics.median(seconds)


if __name__ == "__main__":
    main()
