"""The audit trail at a million decisions: what it costs to write to it, and to ask it.

    python -m benchmarks.decisions [--decisions 1000000] [--database postgresql]

Beside each decision there are a record's link and two runs', an execution, a call with two payloads, and five run
records; on SQLite a tenth of it all. What is written is written many times beside its floor, the same rows by hand-made
SQL in as many commits, in turns; what is told is the 95th percentile. A question is asked many times, each time about
something else, and what is told is the median; one that reads a whole table is told, and the exit code is 1.
"""

import argparse
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from benchmarks.figures import say
from benchmarks.scratch import SERVER, scratch, use
from benchmarks.view_queries import VENDORS, read_through

WRITES = "| database | what is written | aim | ours | floor | ours × floor |\n| --- | --- | ---: | ---: | ---: | ---: |"
ASKS = "| database | question | aim, ms | ms | read through |\n| --- | --- | ---: | ---: | --- |"
DEFAULTS = {"postgresql": 1_000_000, "sqlite": 100_000}
ROWS_OF_A_RUN = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=(*VENDORS, "both"), default="both")
    parser.add_argument("--decisions", type=int, help="as many as each database is to have, at least 10,000")
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--server", default=SERVER, help="a PostgreSQL server that lets us create databases")
    options = parser.parse_args()
    if options.database == "both":
        codes = []
        for vendor in VENDORS:  # A process each: Django knows one default database.
            command = [sys.executable, "-m", __spec__.name, *sys.argv[1:], "--database", vendor]
            codes.append(subprocess.run(command, check=False).returncode)  # noqa: S603  # this program
        sys.exit(max(codes))
    options.decisions = options.decisions or DEFAULTS[options.database]
    with scratch(options.database, options.server) as databases:
        databases.copy("empty", "decisions")
        use(databases, "decisions")
        from benchmarks.decision_rows import fill

        fill(options.decisions)
        databases.settle()
        say(ASKS)
        whole = [name for name, (aim, ask) in questions().items() if not answered(name, aim, ask, options)]
        say(f"\n{WRITES}")
        written(options)
    if whole:
        sys.stderr.write(f"expected each question to be read through an index, found a whole table in: {whole}\n")
        sys.exit(1)


# What is asked.

Question = Callable[[int], Any]


def questions() -> dict[str, tuple[int | None, Question]]:
    """Each question with its aim in milliseconds; it is asked about what has to do with the decision of a number."""
    from audit_trail.decisions.lineage import TradeDecisionRecord
    from audit_trail.decisions.models import Status, TradeDecision
    from audit_trail.executions.explaining import what_led_to
    from audit_trail.payloads.queries import of_order
    from audit_trail.reports.failures import failure_analysis
    from audit_trail.reports.periods import Period
    from audit_trail.reports.symbol import symbol_activity
    from benchmarks.decision_rows import SYMBOLS, at
    from trading.values.identifiers import ClientOrderId
    from trading.values.symbols import symbol

    def period(number: int, days: int) -> Period:
        return Period(since=at(number), until=at(number) + timedelta(days=days))

    last_day = TradeDecision.objects.latest("id").trading_day
    strongest = TradeDecision.objects.order_by("-strength_order", "id")
    return {
        "a symbol's year": (
            25,
            lambda n: symbol_activity(symbol=symbol(f"S{n % SYMBOLS}"), period=period(n // 2, 365)),
        ),
        "failures of a month": (50, lambda n: failure_analysis(period=period(n, 30))),
        "the 50 strongest decisions of all": (10, lambda n: strongest[:50]),
        "the 50 strongest that are pending": (
            10,
            lambda n: strongest.filter(status=Status.PENDING, trading_day=last_day)[:50],
        ),
        "decisions of a symbol, newest 50": (
            None,
            lambda n: TradeDecision.objects.filter(symbol=f"S{n % SYMBOLS}").order_by("-decided_at")[:50],
        ),
        "decisions that rest on a record": (None, lambda n: TradeDecisionRecord.objects.filter(record_id=n // 2 + 1)),
        "calls of an order": (None, lambda n: of_order(client_order_id=ClientOrderId(f"htd-x-{n}-1"))),
        "lineage of a decision": (None, lambda n: what_led_to(TradeDecision.objects.get(pk=n + 1))),
    }


def answered(name: str, aim: int | None, ask: Question, options: argparse.Namespace) -> bool:
    """Ask, tell what it took, and say whether no whole table was read for it."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    chance = random.Random(options.decisions)  # noqa: S311
    numbers = [chance.randrange(options.decisions - 1_000) for _ in range(options.times)]
    seconds = []
    for number in numbers:
        began = time.perf_counter()
        _fetched(ask(number))
        seconds.append(time.perf_counter() - began)
    with CaptureQueriesContext(connection) as asked:
        _fetched(ask(numbers[0]))
    reads = sorted({read for query in asked for read in _reads(query["sql"])})
    shown = ", ".join(read for read in reads if read.startswith("**")) or "indexes"
    milliseconds = 1000 * statistics.median(seconds)
    say(f"| {options.database} | {name} | {aim or ''} | {milliseconds:,.2f} | {shown} |")
    return shown == "indexes"


def _fetched(found: Any) -> Any:
    from django.db.models import QuerySet

    return list(found) if isinstance(found, QuerySet) else found


def _reads(statement: str) -> list[str]:
    if not statement.startswith("SELECT"):
        return []
    return [read for read in read_through((statement.replace("%", "%%"), [])) if not _is_small(read)]


def _is_small(read: str) -> bool:
    """A whole table of so few rows that an index would be a detour."""
    from django.db import connection

    if not read.startswith("**all of "):
        return False
    table = read.removeprefix("**all of ").removesuffix("**").split()[0]
    with connection.cursor() as cursor:
        if table not in connection.introspection.table_names(cursor):
            return True  # A subquery's own rows.
        cursor.execute(f'SELECT count(*) FROM (SELECT 1 FROM "{table}" LIMIT 2000) AS few')  # noqa: S608
        return bool(cursor.fetchone()[0] < 2000)


# What is written.


def written(options: argparse.Namespace) -> None:
    from benchmarks.decision_floor import Writers

    writers = Writers(options.decisions)
    for name, aim, ours, floor in (
        ("a decision with five records and two runs", 5, writers.decision, writers.decision_floor),
        ("what is sent and comes back of an order", 5, writers.call, writers.call_floor),
        ("a run without a record", 10, writers.run, writers.run_floor),
    ):
        took, least = in_turns(ours, floor, options.times)
        _tell(options.database, name, f"{aim} ms", f"{took:,.2f} ms", f"{least:,.2f} ms", took / least)
    for name in ("new records", "records that are as before"):
        began = time.perf_counter()
        writers.run_of(ROWS_OF_A_RUN)
        rate = ROWS_OF_A_RUN / (time.perf_counter() - began)
        _tell(options.database, f"a run of {ROWS_OF_A_RUN:,} {name}", "5,000/s", f"{rate:,.0f}/s", "", None)
    began = time.perf_counter()
    purged = writers.purge(options.decisions // 5)
    rate = purged / (time.perf_counter() - began)
    _tell(options.database, f"a purge of {purged:,} payloads", "20,000/s", f"{rate:,.0f}/s", "", None)


def in_turns(ours: Callable[[int], object], floor: Callable[[int], object], times: int) -> tuple[float, float]:
    """The 95th percentiles in milliseconds of both, each done so many times, in turns."""
    took: dict[Callable[[int], object], list[float]] = {ours: [], floor: []}
    for number in range(times):
        for each in (ours, floor):
            began = time.perf_counter()
            each(number)
            took[each].append(time.perf_counter() - began)
    return tuple(1000 * statistics.quantiles(took[each], n=20)[-1] for each in (ours, floor))  # type: ignore[return-value]


def _tell(database: str, name: str, aim: str, ours: str, floor: str, ratio: float | None) -> None:
    say(f"| {database} | {name} | {aim} | {ours} | {floor} | {'' if ratio is None else f'{ratio:.1f}'} |")


if __name__ == "__main__":
    main()
