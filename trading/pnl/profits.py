"""Profits: the station that keeps profit rows true to the fills, from the first place on at which they differ.

A fill that is late, that a reorg took, or of which the broker tells more goes to where its time puts it, and everything
after it in its symbol is computed again. Fills of other symbols are not looked at.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from django.db.models import Q, QuerySet

from eventstore.locks import lock_streams
from eventstore.rows import insert_rows, update_rows
from trading.ledger.book import Ledger
from trading.ledger.mode import Mode
from trading.ledger.moved import MovedFill
from trading.pnl import fills
from trading.pnl.fifo import Inventory
from trading.pnl.fills import Key, MadeFill
from trading.pnl.lots import standing_before
from trading.pnl.models import ExcludedFill, ProfitRow
from trading.values.arithmetic import ZERO, add, quotient
from trading.values.symbols import Symbol

BATCH = 1_000
LOTS_KEPT = 20
"""So many open lots are kept in each row; a longer list, which costs as much as it is long, only in every hundredth."""
KEEP_EVERY = 100

# What of a row follows from the fills.
_TOLD = (
    "symbol",
    "at",
    "venue",
    "side",
    "shares",
    "usd",
    "price_usd",
    "realised_usd",
    "cumulative_usd",
    "net_shares_after",
    "rank",
    "major",
    "minor",
)


class Difference(NamedTuple):
    """A row that is not what the fills say."""

    symbol: Symbol
    trade: str
    expected: str
    found: str


class Profits:
    """Computes what fills earned, as they come."""

    name = "profits"

    def __init__(self, *, ledger: Ledger) -> None:
        self._ledger = ledger

    def run_once(self, *, now: datetime) -> bool:
        """Take the oldest fills that moved. Return whether there were any."""
        symbols = _symbols_waiting()
        if not symbols:
            return False
        with self._ledger.step(at=now, actor=self.name):
            # One at a time for each symbol: a row's profit rests on the row before it.
            lock_streams("Profit", symbols)
            moved = list(MovedFill.objects.filter(symbol__in=symbols).order_by("id")[:BATCH])
            by_symbol: dict[Symbol, set[Key]] = {}
            for row in moved:
                by_symbol.setdefault(Symbol(row.symbol), set()).add((row.trade_type, row.trade_id))
            for symbol, keys in by_symbol.items():
                _book(self._ledger.mode, symbol, keys)
            MovedFill.objects.filter(id__among={row.id for row in moved}).delete()
        return True


def rebuild(ledger: Ledger, symbol: Symbol, *, now: datetime, change: bool) -> list[Difference]:
    """Compute a symbol's profits from all its fills. Return what differed; with `change` it is mended."""
    with ledger.step(at=now, actor="rebuild_profits"):
        lock_streams("Profit", [symbol])
        made = list(fills.of_symbol(ledger.mode, symbol))
        rows = {row.key: row for row in ProfitRow.objects.filter(symbol=symbol)}
        news = _computed(made, Inventory(), ZERO)
        if change:
            _write(news, rows)
            _write_excluded(made, over=ExcludedFill.objects.filter(symbol=symbol))
            MovedFill.objects.filter(symbol=symbol).delete()
        return list(_differences(symbol, news, rows))


def _symbols_waiting() -> set[Symbol]:
    oldest = MovedFill.objects.order_by("id").values_list("symbol", flat=True)[:BATCH]
    return {Symbol(symbol) for symbol in oldest}


def _book(mode: Mode, symbol: Symbol, keys: Collection[Key]) -> None:
    made = fills.named(mode, keys)
    _write_excluded(list(made.values()), over=ExcludedFill.objects.filter(_named(keys)))
    counted = [each for each in made.values() if each.fill is not None]
    known = {row.key: row for row in ProfitRow.objects.filter(_named(keys))}
    places = [row.place for row in known.values()] + [each.place for each in counted]
    if not places:
        return
    first = min(places)
    later = ProfitRow.objects.filter(symbol=symbol, at__gte=first.at)
    rows = known | {row.key: row for row in later if row.place >= first}
    stand = [_made_of(row) for key, row in rows.items() if key not in keys]
    _write(_computed([*stand, *counted], *standing_before(symbol, first)), rows)


def _computed(made: Iterable[MadeFill], inventory: Inventory, cumulative: Decimal) -> dict[Key, dict[str, Any]]:
    """The rows of fills, in their order, each with what it earned."""
    rows: dict[Key, dict[str, Any]] = {}
    since_kept = 0
    for each in sorted(made, key=lambda one: one.place):
        if each.fill is None:
            continue
        inventory, realised = inventory.after(each.fill)
        cumulative = add(cumulative, realised or ZERO)
        since_kept += 1
        keeps = len(inventory.lots) <= LOTS_KEPT or since_kept >= KEEP_EVERY
        since_kept = 0 if keeps else since_kept
        rows[each.key] = {
            "symbol": each.symbol,
            "at": each.place.at,
            "trade_type": each.key[0],
            "trade_id": each.key[1],
            "venue": each.venue,
            "side": each.side.value,
            "shares": each.fill.shares,
            "usd": each.fill.usd,
            "price_usd": quotient(each.fill.usd, each.fill.shares),
            "realised_usd": realised,
            "cumulative_usd": cumulative,
            "net_shares_after": inventory.net_shares,
            "rank": each.place.rank,
            "major": each.place.major,
            "minor": each.place.minor,
            "lots": msgspec.json.encode(inventory).decode() if keeps else None,
        }
    return rows


def _write(news: dict[Key, dict[str, Any]], rows: dict[Key, ProfitRow]) -> None:
    """Bring the rows to what was computed: those that are gone go, and those that are others change."""
    gone = {row.id for key, row in rows.items() if key not in news}
    if gone:
        ProfitRow.objects.filter(id__among=gone).delete()
    insert_rows(ProfitRow, [row for key, row in news.items() if key not in rows])
    changed = [{"id": rows[key].id} | row for key, row in news.items() if key in rows and _differs(row, rows[key])]
    update_rows(ProfitRow, changed, key="id")


def _differs(row: dict[str, Any], stored: ProfitRow) -> bool:
    # What is open may be others' lots though as much of it is, and was realised: of fills at other prices.
    return row["lots"] != stored.lots or any(row[name] != getattr(stored, name) for name in _TOLD)


def _write_excluded(made: Iterable[MadeFill], *, over: QuerySet[ExcludedFill]) -> None:
    over.delete()
    insert_rows(
        ExcludedFill,
        [
            {
                "symbol": each.symbol,
                "at": each.place.at,
                "trade_type": each.key[0],
                "trade_id": each.key[1],
                "side": each.side.value,
                "shares": each.shares,
                "reason": each.excluded,
            }
            for each in made
            if each.fill is None
        ],
    )


def _differences(symbol: Symbol, news: dict[Key, dict[str, Any]], rows: dict[Key, ProfitRow]) -> Iterator[Difference]:
    for key in [*news, *(key for key in rows if key not in news)]:
        trade = f"{key[0]} {key[1]}"
        if key not in rows:
            yield Difference(symbol, trade, "a row", "none")
        elif key not in news:
            yield Difference(symbol, trade, "none", "a row")
        else:
            for name in (*_TOLD, "lots"):
                expected, found = news[key][name], getattr(rows[key], name)
                if expected != found and (name != "lots" or None not in (expected, found)):
                    yield Difference(symbol, f"{trade}, {name}", str(expected), str(found))


def _named(keys: Collection[Key]) -> Q:
    by_venue: dict[str, set[str]] = {}
    for venue, id in keys:
        by_venue.setdefault(venue, set()).add(id)
    named = Q(pk__in=[])
    for venue, ids in by_venue.items():
        named |= Q(trade_type=venue, trade_id__among=ids)
    return named


def _made_of(row: ProfitRow) -> MadeFill:
    fill = row.fill()
    return MadeFill(Symbol(row.symbol), row.key, row.venue, row.place, fill.side, fill.shares, fill, None)
