"""Import: an older installation's books become rows of our legacy tables, in one commit; the log follows from these."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest

from eventstore.rows import insert_rows, upsert_rows
from trading.cutover.findings import BadRow
from trading.cutover.foreign_books import BookedLink, BookedOrder, BookedPosition, BookedTrade, ForeignBooks
from trading.ledger.compare import Difference, says_nothing, text
from trading.ledger.invariants import chunks
from trading.ledger.legacy import order_row
from trading.ledger.mode import THE_ROW, Installation, ensure_installation
from trading.ledger.moved import MovedFill, Venue, moved_row
from trading.ledger.replay import ORDERS, POSITIONS, TRADES, Kind
from trading.ledger.tables import OffchainTrade, OnchainTrade, SymbolLock, TradeAccumulator, TradeExecutionLink
from trading.onchain_trade import view as trade_view
from trading.position import view as position_view

MOST_SHOWN = 1000

# By what a row that is here already is known again; what came after it was imported may have changed the rest.
SAME_TRADE = ("base_symbol", "token_symbol", "amount", "side", "price_usdc")
SAME_ORDER = ("symbol", "shares", "side", "broker")

Rows = dict[str, dict[str, Any]]


class NotImported(Exception):
    """A row would not be kept as it was read. Nothing was kept."""

    def __init__(self, differences: Sequence[Difference]) -> None:
        super().__init__(f"{len(differences)} cells would not be kept as they were read; nothing was imported")
        self.differences = differences


class Import(NamedTuple):
    """What of a file is new here, as rows by the id of their stream, and what contradicts what is here."""

    trades: Rows
    orders: Rows
    positions: Rows
    links: Sequence[BookedLink]
    books: ForeignBooks
    conflicts: Sequence[BadRow]

    @property
    def is_news(self) -> bool:
        return bool(self.trades or self.orders or self.positions)

    @property
    def streams(self) -> dict[str, set[str]]:
        """The streams of all that the file holds, new or not, by kind."""
        return {
            "trades": {str(each.state.trade) for each in self.books.trades},
            "positions": {each.state.symbol for each in self.books.positions},
            "orders": {str(each.state.order_id) for each in self.books.orders},
        }


def against_ours(books: ForeignBooks, *, at: datetime) -> Import:
    """Hold a file's books against the rows that are here."""
    trades: Rows = {str(each.state.trade): _trade_row(each, at) for each in books.trades}
    orders: Rows = {str(each.state.order_id): _order_row(each) for each in books.orders}
    positions: Rows = {each.state.symbol: _position_row(each) for each in books.positions}
    conflicts = [
        *_take_known(TRADES, trades, SAME_TRADE),
        *_take_known(ORDERS, orders, SAME_ORDER),
    ]
    conflicts += _take_known_positions(positions, {row["base_symbol"] for row in trades.values()}, orders)
    links = [link for link in books.links if str(link.source.order) in orders]
    return Import(trades, orders, positions, links, books, conflicts)


def write(new: Import, *, at: datetime) -> None:
    """Write what is new, and read it back. Raises NotImported."""
    with transaction.atomic(durable=True):
        for some in chunks(iter(new.trades.values())):
            insert_rows(OnchainTrade, some)
        insert_rows(OffchainTrade, list(new.orders.values()))
        upsert_rows(TradeAccumulator, list(new.positions.values()), key="symbol")
        _write_links(new)
        _note_moved(new)
        for row in new.orders.values():
            if row["ended_at"] is None:
                SymbolLock.objects.get_or_create(symbol=row["symbol"], defaults={"locked_at": at})
        _keep_numbers_apart(new.orders)
        differences = list(islice(_unlike(new), MOST_SHOWN))
        if differences:
            raise NotImported(differences)


def _note_moved(new: Import) -> None:
    """Let profits be computed of the fills, as of those that come by themselves."""
    moved = [
        *(moved_row(row["base_symbol"], Venue.ONCHAIN, trade) for trade, row in new.trades.items()),
        *(moved_row(row["symbol"], Venue.OFFCHAIN, order) for order, row in new.orders.items() if row["filled_shares"]),
    ]
    for some in chunks(iter(moved)):
        insert_rows(MovedFill, some)


def _trade_row(booked: BookedTrade, at: datetime) -> dict[str, Any]:
    taken_in_at = booked.source.created_at or at
    return trade_view.columns(booked.state, version=0, at=taken_in_at) | {
        "created_at": taken_in_at,
        "unlinked_shares": booked.unlinked_shares,
    }


def _order_row(booked: BookedOrder) -> dict[str, Any]:
    return order_row(booked.state, 0) | {
        "unallocated_shares": booked.unallocated_shares,
        "unallocated_cause": "migrated position" if booked.unallocated_shares else None,
    }


def _position_row(booked: BookedPosition) -> dict[str, Any]:
    return position_view.columns(booked.state, version=0, at=booked.source.last_updated)


# What is here already


def _take_known(kind: Kind, rows: Rows, same: Sequence[str]) -> Iterator[BadRow]:
    """Take those out that are here already, by their natural keys; yield those that are others here."""
    for ids in chunks(iter(list(rows))):
        for id, known in kind.rows(ids).items():
            if id not in rows:
                continue
            row = rows.pop(id)
            for column in same:
                found = getattr(known[-1], column)
                if found != row[column]:
                    reason = f"expected {text(row[column])}, as the file has it, found {text(found)} here"
                    yield BadRow(kind.legacy._meta.db_table, id, column, str(text(found)), reason)


def _take_known_positions(rows: Rows, with_new_trades: set[str], new_orders: Rows) -> Iterator[BadRow]:
    news = with_new_trades | {row["symbol"] for row in new_orders.values()}
    for ids in chunks(iter(list(rows))):
        for symbol, (known, *_) in POSITIONS.rows(ids).items():
            if says_nothing(known):
                continue
            row = rows.pop(symbol)
            if symbol in news:
                reason = "the symbol has a position here, and the file has trades or orders of it that are not here"
                yield BadRow("trade_accumulators", symbol, "symbol", str(text(row["net_position"])), reason)


# Writing


def _write_links(new: Import) -> None:
    keys = {each.source.id: str(each.state.trade) for each in new.books.trades}
    ids = [keys[link.source.trade] for link in new.links]
    found: dict[str, int] = {}
    for some in chunks(iter(dict.fromkeys(ids))):
        found |= {id: rows[-1].pk for id, rows in TRADES.rows(some).items()}
    insert_rows(
        TradeExecutionLink,
        [
            {
                "trade_id": found[id],
                "execution_id": link.source.order,
                "contributed_shares": link.contributed_shares,
                "released_shares": link.released_shares,
                "reorged": False,
                "created_at": link.source.created_at,
            }
            for id, link in zip(ids, new.links, strict=True)
        ],
    )


def _keep_numbers_apart(orders: Iterable[str]) -> None:
    """Let our counter go on above the numbers that were given out there."""
    ensure_installation()
    highest = max((int(order) for order in orders), default=0)
    Installation.objects.filter(id=THE_ROW).update(last_order_number=Greatest(F("last_order_number"), highest))


# Reading back


def _unlike(new: Import) -> Iterator[Difference]:
    for kind, rows in ((TRADES, new.trades), (ORDERS, new.orders), (POSITIONS, new.positions)):
        for ids in chunks(iter(rows)):
            found = kind.rows(ids)
            for id in ids:
                yield from _unlike_row(kind, id, rows[id], found.get(id, []))
    kept = TradeExecutionLink.objects.filter(execution_id__in=[int(order) for order in new.orders]).count()
    if kept != len(new.links):
        yield Difference("link", "all", "rows", str(kept), str(len(new.links)))


def _unlike_row(kind: Kind, id: str, row: Mapping[str, Any], found: Sequence[Any]) -> Iterator[Difference]:
    if len(found) != 1:
        yield Difference(kind.name, id, "rows", str(len(found)), "1")
        return
    for column, value in row.items():
        if (kept := getattr(found[0], column)) != value:
            yield Difference(kind.name, id, column, text(kept), text(value))
