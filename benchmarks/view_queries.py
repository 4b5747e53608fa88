"""View queries: what each question to the views costs at a million rows, and through what it is read.

    python -m benchmarks.view_queries [--rows 1000000] [--database postgresql]

Each question is asked many times, each time about something else, and its rows are read into Python; what is told is
the median. A question that reads a whole table is told, and the exit code is 1.
"""

import argparse
import json
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

VENDORS = ("sqlite", "postgresql")
HEAD = "| database | question | rows | ms | read through |\n| --- | --- | ---: | ---: | --- |"
PAGE = 50
VIEWS = {"unified_trade_view"}

Question = Callable[[int], Any]
"""Asks about what has to do with the row of a number: a queryset, several, or a statement with its parameters."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=(*VENDORS, "both"), default="both")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--server", default=SERVER, help="a PostgreSQL server that lets us create databases")
    parser.add_argument("--no-head", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.no_head:
        say(HEAD)
    if options.database == "both":
        codes = []
        for vendor in VENDORS:  # A process each: Django knows one default database.
            command = [sys.executable, "-m", __spec__.name, *sys.argv[1:], "--database", vendor, "--no-head"]
            codes.append(subprocess.run(command, check=False).returncode)  # noqa: S603  # this program
        sys.exit(max(codes))
    with scratch(options.database, options.server) as databases:
        databases.copy("empty", "views")
        use(databases, "views")
        from benchmarks.view_rows import fill

        fill(options.rows)
        databases.settle()
        whole = [name for name, ask in questions().items() if measured(name, ask, options) is None]
    if whole:
        sys.stderr.write(f"expected each question to be read through an index, found a whole table in: {whole}\n")
        sys.exit(1)


def questions() -> dict[str, Question]:
    from benchmarks.view_rows import FILLS_A_BLOCK, FILLS_A_TRANSACTION, SYMBOLS, at
    from trading.ledger import both_venues
    from trading.offchain_order import queries as orders
    from trading.offchain_order.aggregate import OrderState
    from trading.onchain_trade import queries as trades
    from trading.position import queries as positions

    hour = timedelta(hours=1)
    unified = "SELECT * FROM unified_trade_view"
    newest = f"ORDER BY created_at DESC, trade_type, trade_id LIMIT {PAGE}"
    return {
        "trades of a transaction": lambda n: trades.of_transaction(tx_hash=f"0x{n // FILLS_A_TRANSACTION:064x}"),
        "trades of a symbol, newest 50": lambda n: trades.of_symbol(symbol=f"S{n % SYMBOLS}")[:PAGE],
        "trades of a symbol in a day": lambda n: trades.of_symbol(
            symbol=f"S{n % SYMBOLS}", since=at(n), until=at(n) + 24 * hour
        ),
        "trades in 100 blocks": lambda n: trades.in_blocks(first=n // FILLS_A_BLOCK, end=n // FILLS_A_BLOCK + 100),
        "trades of an hour": lambda n: trades.recorded_between(since=at(n), until=at(n) + hour),
        "orders of a symbol, newest 50": lambda n: orders.of_symbol(symbol=f"S{n % SYMBOLS}")[:PAGE],
        "orders rejected, newest 50": lambda n: orders.in_states(states=[OrderState.REJECTED])[:PAGE],
        "orders filled, newest 50": lambda n: orders.in_states(states=[OrderState.FILLED])[:PAGE],
        "orders pending": lambda n: orders.pending(),
        "orders of a broker, newest 50": lambda n: orders.of_broker(broker="alpaca")[:PAGE],
        "orders of a rare broker, newest 50": lambda n: orders.of_broker(broker="schwab")[:PAGE],
        "order by the broker's id": lambda n: orders.of_broker_order(broker="alpaca", broker_order_id=f"B-{n}"),
        "order by our id": lambda n: orders.of_client_order(client_order_id=f"ht-x-{n}-1"),
        "orders placed in an hour": lambda n: orders.placed_between(since=at(n), until=at(n) + hour),
        "orders ended in an hour": lambda n: orders.ended_between(since=at(n), until=at(n) + hour),
        "position of a symbol": lambda n: positions.of_symbol(symbol=f"S{n}"),
        "position of an order": lambda n: positions.of_order(order=n),
        "positions with an order under way": lambda n: positions.with_order_under_way(),
        "positions that are not flat": lambda n: positions.not_flat(),
        "positions changed in an hour": lambda n: positions.updated_between(since=at(n), until=at(n) + hour),
        "both venues, newest 50": lambda n: [both_venues.at_brokers()[:PAGE], both_venues.on_chain()[:PAGE]],
        "both venues, an hour": lambda n: (
            f"{unified} WHERE created_at >= %s AND created_at < %s {newest}",
            [stored(at(n)), stored(at(n) + hour)],
        ),
        "both venues, a symbol, newest 50": lambda n: (f"{unified} WHERE symbol = %s {newest}", [f"S{n % SYMBOLS}"]),
    }


def measured(name: str, ask: Question, options: argparse.Namespace) -> bool | None:
    """Ask, tell what it took, and return None where a whole table was read for it."""
    chance = random.Random(options.rows)  # noqa: S311
    numbers = [chance.randrange(options.rows) for _ in range(options.times)]
    seconds, found = [], []
    for number in numbers:
        began = time.perf_counter()
        rows = rows_of(ask(number))
        seconds.append(time.perf_counter() - began)
        found.append(len(rows))
    reads = read_through(ask(numbers[0]))
    milliseconds = 1000 * statistics.median(seconds)
    cells = options.database, name, f"{statistics.median(found):,.0f}", f"{milliseconds:,.2f}", ", ".join(reads)
    say("| " + " | ".join(cells) + " |")
    return None if any(read.startswith("**") for read in reads) else True


def rows_of(asked: Any) -> list[Any]:
    from django.db import connection

    if isinstance(asked, list):
        return [row for part in asked for row in part]
    if not isinstance(asked, tuple):
        return list(asked)
    with connection.cursor() as cursor:
        cursor.execute(*asked)
        return cursor.fetchall()


def read_through(asked: Any) -> list[str]:
    """Tell the indexes that the database would go through; a whole table in bold."""
    from django.db import connection

    if isinstance(asked, list):
        return [read for part in asked for read in read_through(part)]
    statement, parameters = asked if isinstance(asked, tuple) else asked.query.sql_with_params()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
            (plan,) = cursor.fetchone()
            return on_postgresql((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return [read for row in cursor.fetchall() if (read := on_sqlite(row[3])) is not None]


def on_postgresql(plan: dict[str, Any]) -> list[str]:
    reads = []
    if plan["Node Type"].startswith("Seq Scan"):
        reads.append(f"**all of {plan['Relation Name']}**")
    elif "Index Name" in plan:
        reads.append(f"`{plan['Index Name']}`")
    return reads + [read for child in plan.get("Plans", []) for read in on_postgresql(child)]


def on_sqlite(step: str) -> str | None:
    verb, _, rest = step.partition(" ")
    if verb not in ("SEARCH", "SCAN"):
        return None
    table, _, using = rest.partition(" USING ")
    if table in VIEWS:
        return None  # Its rows come from the steps before.
    if using.startswith("INTEGER PRIMARY KEY"):
        return f"`{table}_pkey`"
    return f"`{using.split('INDEX ')[1].split(' (')[0]}`" if using else f"**all of {table}**"


def stored(at: Any) -> Any:
    from django.db import connection

    return connection.ops.adapt_datetimefield_value(at)


if __name__ == "__main__":
    main()
