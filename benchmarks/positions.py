"""Positions: what loading one costs after a few fills, after ten thousand, and after a million.

Run `python -m benchmarks.positions`. The streams are made as the store would have left them, with their hashes, the
last snapshot and the legacy row, and have eleven events after the snapshot each. Loads of the three take turns. Printed
are the medians, and the ratio of the longest stream to the shortest.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from benchmarks.scratch import SERVER, scratch, use

VENDORS = ("sqlite", "postgresql")
HEAD = "| database | read by | {} | last/first |\n| --- | --- | ---: | ---: | ---: | ---: |"
# With the event before the first fill: 11 events, and 11 after the last multiple of fifty.
FILLS = {"AAPL": 10, "NVDA": 10_010, "TSLA": 1_000_010}
CHUNK = 20_000
START = datetime(2026, 1, 2, 14, 30, 0, 250_000, tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=(*VENDORS, "both"), default="both")
    parser.add_argument("--loads", type=int, default=500, help="of each position, in turns")
    parser.add_argument("--server", default=SERVER, help="a PostgreSQL server that lets us create databases")
    parser.add_argument("--no-head", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.no_head:
        say(HEAD.format(" | ".join(f"{fills:,} fills, µs" for fills in FILLS.values())))
    if options.database == "both":
        for vendor in VENDORS:  # A process each: Django knows one default database.
            command = [sys.executable, "-m", __spec__.name, *sys.argv[1:], "--database", vendor, "--no-head"]
            subprocess.run(command, check=True)  # noqa: S603  # this program
        return
    with scratch(options.database, options.server) as databases:
        databases.copy("empty", "positions")
        use(databases, "positions")
        for symbol, fills in FILLS.items():
            make(symbol, fills)
        databases.settle()
        for name, load in loads().items():
            micros = measured(load, options.loads)
            cells = " | ".join(f"{each:,.0f}" for each in micros)
            say(f"| {options.database} | {name} | {cells} | {micros[-1] / micros[0]:.2f} |")


def loads() -> dict[str, Callable[[str], Any]]:
    """The ways in which a position is read, each in words."""
    from eventstore.handling import load
    from trading.ledger.book import Ledger
    from trading.ledger.mode import Mode
    from trading.position.aggregate import Position

    def by(mode: Mode) -> Callable[[str], Any]:
        # A memory serves one step, so each load makes its own, as a step does.
        return lambda symbol: Ledger(mode).memory().load(Position, [symbol])

    return {f"`{mode}`, to change it": by(mode) for mode in Mode} | {
        "`eventstore.handling.load`": lambda symbol: load(Position, symbol)
    }


def measured(load: Callable[[str], Any], times: int) -> list[float]:
    """Measure the microseconds of a load for each of the positions."""
    from django.db import transaction

    micros: dict[str, list[float]] = {symbol: [] for symbol in FILLS}
    for turn in range(times + 10):
        for symbol in FILLS:
            with transaction.atomic():
                started = time.perf_counter()
                load(symbol)
                took = time.perf_counter() - started
            if turn >= 10:
                micros[symbol].append(took * 1e6)
    return [statistics.median(each) for each in micros.values()]


def make(symbol: str, fills: int) -> None:
    """Make the stream of a position, its snapshot and its legacy row."""
    from django.db import connection, transaction

    from eventstore.codec import encode, encode_value
    from eventstore.databases import Entry, database
    from eventstore.events import stored
    from eventstore.hashing import moment
    from eventstore.recorded import Metadata, Stream
    from eventstore.rows import upsert_rows
    from eventstore.snapshots import EVERY
    from trading.ledger.tables import TradeAccumulator
    from trading.position import view
    from trading.position.aggregate import Position

    position, version, stream = Position.initial(symbol), 0, Stream("Position", symbol)
    snapshot: tuple[int, Position] | None = None
    kept = (fills + 1) // EVERY * EVERY
    cause = encode_value(Metadata(actor="processor", correlation="none"))
    recorded_at = moment(START)
    events = events_of(fills)
    with transaction.atomic(), connection.cursor() as cursor:
        while chunk := list(islice(events, CHUNK)):
            entries, before = [], version
            for event in chunk:
                position, version = position.evolve(event), version + 1
                entries.append(Entry(0, version, *stored(event), encode(event), cause))
                if version == kept:
                    snapshot = version, position
            database().append(connection, [stream], [before], entries, recorded_at)
        if snapshot is not None:
            cursor.execute(
                "INSERT INTO snapshots (aggregate_type, aggregate_id, version, schema, data, recorded_at)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                ["Position", symbol, snapshot[0], Position.state_schema, encode_value(snapshot[1]), START],
            )
        upsert_rows(TradeAccumulator, [view.columns(position, version=version, at=START)], key="symbol")


def events_of(fills: int) -> Iterator[Any]:
    """The events of a position with so many fills."""
    from trading.position.events import Initialized, OnChainOrderFilled
    from trading.values.identifiers import TradeId
    from trading.values.quantities import Shares, Usd
    from trading.values.sides import Side
    from trading.values.thresholds import ONE_SHARE

    yield Initialized(threshold=ONE_SHARE)
    for number in range(fills):
        yield OnChainOrderFilled(
            trade=TradeId(f"0x{number:064x}", number % 97),
            side=(Side.SELL, Side.BUY)[number % 2],
            amount=Shares(Decimal(10**18 + number * 7 + 1).scaleb(-18)),
            price_usdc=Usd(Decimal(15_001 + number % 1000).scaleb(-2)),
            block_number=24_000_000 + number,
            block_timestamp=START + timedelta(seconds=2 * number),
        )


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
