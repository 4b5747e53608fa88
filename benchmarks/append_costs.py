"""Append costs: what inline views and snapshots add to an append.

    python -m benchmarks.append_costs [--turns 40] [--database postgresql]

One event a commit, in a transaction as a station has it: a fill that is witnessed (its view gets a row), and a fill
that moves a position (its view's row is read, evolved and written). Without views and with them, and without snapshots
and with one after every fifty events, take turns of 50 commits each. What is told is the median of the turns, and of
the differences between turns that follow one another.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from decimal import Decimal
from itertools import count, islice
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.figures import say
from benchmarks.scratch import SERVER, scratch, use

if TYPE_CHECKING:
    from eventstore.recorded import Draft

VENDORS = ("sqlite", "postgresql")
HEAD = (
    "| database | one event a commit | without, ms | with, ms | adds, ms | adds |\n"
    "| --- | --- | ---: | ---: | ---: | ---: |"
)
COMMITS_A_TURN = 50
"""As many as lie between two snapshots, so that each turn takes one."""
NEVER = 10**12


class Contender(NamedTuple):
    """Appends one draft after another."""

    drafts: "Iterator[Draft]"
    views: bool = False
    snapshots_every: int = NEVER

    def turn(self) -> float:
        """Return the milliseconds of a commit."""
        from django.conf import settings
        from django.db import transaction

        from benchmarks.payloads import AT
        from eventstore.projections import only_inline
        from eventstore.store import append

        drafts = list(islice(self.drafts, COMMITS_A_TURN))
        settings.EVENTSTORE_SNAPSHOT_EVERY = self.snapshots_every
        with nullcontext() if self.views else only_inline():
            began = time.perf_counter()
            for draft in drafts:
                with transaction.atomic(durable=True):
                    append([draft], at=AT)
            return 1000 * (time.perf_counter() - began) / COMMITS_A_TURN


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
        use(databases, "empty")
        for what, without, with_it in (
            ("a fill, with its row of `onchain_trade_view`", Contender(fills(0)), Contender(fills(1), views=True)),
            ("a position, with its row of `position_view`", Contender(moves("A")), Contender(moves("B"), views=True)),
            ("a position, with a snapshot every 50 events", Contender(moves("C")), Contender(moves("D"), False, 50)),
            ("a position, with both", Contender(moves("E")), Contender(moves("F"), True, 50)),
        ):
            cells = measured(without, with_it, options.turns)
            say(f"| {options.database} | {what} | " + " | ".join(cells) + " |")


def measured(without: Contender, with_it: Contender, turns: int) -> tuple[str, str, str, str]:
    for contender in (without, with_it):
        contender.turn()  # Plans, caches and files are there when it counts.
    pairs = [(without.turn(), with_it.turn()) for _ in range(turns)]
    before, after = (statistics.median(each) for each in zip(*pairs, strict=True))
    adds = statistics.median(later - earlier for earlier, later in pairs)
    ratio = statistics.median(later / earlier for earlier, later in pairs)
    return f"{before:.2f}", f"{after:.2f}", f"{adds:.2f}", f"{100 * (ratio - 1):.0f} %"


def fills(world: int) -> "Iterator[Draft]":
    """The first events of trades, each of another one."""
    from benchmarks.payloads import AT, CAUSE
    from eventstore.recorded import Draft
    from trading.onchain_trade.events import Filled
    from trading.values.identifiers import TradeId
    from trading.values.quantities import Shares, Usd
    from trading.values.sides import Side
    from trading.values.symbols import Symbol, TokenSymbol

    for number in count(10**9 * world):
        event = Filled(
            symbol=Symbol("AAPL"),
            token_symbol=TokenSymbol("tAAPL"),
            side=Side.BUY,
            amount=Shares(Decimal("1.374123456789012345")),
            usdc=Usd(Decimal("257.304617")),
            price_usdc=Usd(Decimal("187.25")),
            amount_raw="1374123456789012345",
            usdc_raw="257304617",
            block_number=24_000_000 + number,
            block_hash=f"0x{number:064x}",
            block_timestamp=AT,
        )
        yield Draft("OnChainTrade", str(TradeId(f"0x{number:064x}", 7)), 1, event, CAUSE)


def moves(symbol: str) -> "Iterator[Draft]":
    """The events of a position, one fill after another."""
    from benchmarks.payloads import CAUSE
    from benchmarks.positions import events_of
    from eventstore.recorded import Draft

    for version, event in enumerate(events_of(10**9), start=1):
        yield Draft("Position", symbol, version, event, CAUSE)


if __name__ == "__main__":
    main()
