"""Comparison: legacy rows, views and replayed streams, held against each other row by row and field by field.

A view must be what the stored events of its stream add up to. A legacy row must be what these and the events on the
backlog add up to, so that what waits there is no difference. What no single stream tells (links, and the shares that
they leave open) must be alike in both memories, and add up in each; where a symbol has events on the backlog, its links
are not held against each other yet.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Model, QuerySet

from eventstore.codec import CannotDecode
from eventstore.models import StoredEvent
from eventstore.moments import one_moment
from eventstore.store import ChainBroken, Recorded, stream, streams
from eventstore.unreadable import forgiving
from trading.fields import NotKeptExactly
from trading.ledger.backlog import BackloggedEvent, drafts_of
from trading.ledger.invariants import LEGACY_BOOKS, VIEWED_BOOKS, Books, broken, chunks
from trading.ledger.link_views import NettingLinkView, TradeLinkView
from trading.ledger.mode import Mode
from trading.ledger.replay import (
    KINDS,
    ORDERS,
    POSITIONS,
    ROWLESS_KINDS,
    TRADES,
    Cells,
    Kind,
    Moment,
    Replay,
    StreamKind,
)
from trading.ledger.tables import NettingLink, OffchainTrade, TradeAccumulator, TradeExecutionLink
from trading.position.aggregate import Position
from trading.position.view import columns as position_columns
from trading.values.arithmetic import plain


class Difference(NamedTuple):
    """What is not alike: of which kind and subject, in what, and how either memory has it."""

    kind: str
    subject: str
    what: str
    legacy: str | None
    events: str | None


class Behind(NamedTuple):
    """What waits on the backlog: how many events, and whose."""

    events: int
    streams: frozenset[tuple[str, str]]
    symbols: frozenset[str]


NOTHING_BEHIND = Behind(0, frozenset(), frozenset())


def compare(mode: Mode, *, legacy_projection: bool = True) -> Iterator[Difference]:
    """Yield every difference, as of one moment; to be read to its end, since the moment lasts as long.

    In `legacy` there is nothing to compare; in `events` without the legacy projection, views and streams alone.
    """
    if mode is Mode.LEGACY:
        return
    kept = mode is Mode.DUAL or legacy_projection
    with one_moment(kept_in_place=view_tables()):
        yield from different_memories(kept=kept)
        if kept:
            yield from _broken(LEGACY_BOOKS)
        yield from _broken(VIEWED_BOOKS)


def different_memories(*, kept: bool) -> Iterator[Difference]:
    """Hold rows, views and streams against each other, as of the caller's moment; `kept`: legacy rows are there."""
    waiting = behind()
    for kind in (*KINDS, *ROWLESS_KINDS):
        yield from different_kind(kind, waiting, kept=kept)
    if kept:
        yield from _different_links(waiting)


def behind() -> Behind:
    """Tell what waits on the backlog."""
    waiting = frozenset(BackloggedEvent.objects.values_list("aggregate_type", "aggregate_id").distinct())
    symbols = {id for kind, id in waiting if kind == POSITIONS.aggregate.aggregate_type}
    for kind, column in ((TRADES, "base_symbol"), (ORDERS, "symbol")):
        ids = (id for name, id in waiting if name == kind.aggregate.aggregate_type)
        for some in chunks(ids):
            symbols |= {getattr(row, column) for rows in kind.rows(some).values() for row in rows}
    return Behind(BackloggedEvent.objects.count(), waiting, frozenset(symbols))


def text(value: Any) -> str | None:
    """Show a cell, exactly."""
    match value:
        case None:
            return None
        case Decimal():
            return plain(value)
        case datetime():
            return value.isoformat()
        case _:
            return str(value)


# Rows against streams


def different_kind(kind: StreamKind, waiting: Behind = NOTHING_BEHIND, *, kept: bool = True) -> Iterator[Difference]:
    """Hold all rows, views and streams of a kind against each other."""
    rows = kind if kept and isinstance(kind, Kind) else None
    if rows is not None:
        for ids in chunks(rows.legacy_ids()):
            yield from different_rows(kind, ids, waiting, kept=kept)
    for ids in chunks(_stream_ids(kind, waiting)):
        known = rows.known(ids) if rows is not None else set()
        yield from different_rows(kind, [id for id in ids if id not in known], waiting, kept=kept)
    for ids in chunks(kind.view_ids()):
        known = rows.known(ids) if rows is not None else set()
        known |= set(_stored(kind).filter(aggregate_id__in=ids))
        for id in ids:
            if id not in known:
                yield Difference(kind.name, id, "stream", None, "a view row without a stream")


def first_events(kind: StreamKind) -> QuerySet[StoredEvent]:
    """The first event of each stream of a kind."""
    return StoredEvent.objects.filter(aggregate_type=kind.aggregate.aggregate_type, version=1)


def _stored(kind: StreamKind) -> Any:
    # A stream's first events may be archived; its newest one never is.
    ours = StoredEvent.objects.filter(aggregate_type=kind.aggregate.aggregate_type)
    return ours.values_list("aggregate_id", flat=True).distinct()


def _stream_ids(kind: StreamKind, waiting: Behind) -> Iterator[str]:
    yield from _stored(kind).order_by("aggregate_id").iterator(chunk_size=500)
    new = {id for name, id in waiting.streams if name == kind.aggregate.aggregate_type}
    for ids in chunks(iter(sorted(new))):
        stored = set(_stored(kind).filter(aggregate_id__in=ids))
        yield from (id for id in ids if id not in stored)


def different_rows(kind: StreamKind, ids: list[str], waiting: Behind, *, kept: bool) -> Iterator[Difference]:
    """Hold what some streams add up to against their view rows, and against their legacy rows where these are kept."""
    if not ids:
        return
    in_rows = kind if kept and isinstance(kind, Kind) else None
    rows, views = {} if in_rows is None else in_rows.rows(ids), kind.views(ids)
    backlogged = _backlogged(kind, ids, waiting)
    for id, moments in _histories(kind, ids):
        replay = Replay(kind, id)
        try:
            replay.take(moments)
            view = replay.view_row() if replay.version else None
            stored = replay.version
            replay.take(_moments_of(backlogged.get(id, [])))
        except (CannotDecode, LookupError, ChainBroken) as error:
            yield Difference(kind.name, id, "stream", None, f"unreadable: {error}")
            continue
        if replay.trouble is not None:
            yield Difference(kind.name, id, "stream", None, replay.trouble)
            continue
        yield from _different_view(kind, id, view, views.get(id), stored)
        if in_rows is not None:
            yield from _different_legacy(in_rows, id, replay, rows.get(id, []))
            yield from _different_linked(in_rows, id, rows.get(id, []), views.get(id), waiting)


def _different_view(kind: StreamKind, id: str, expected: Cells | None, row: Any, version: int) -> Iterator[Difference]:
    if expected is None:
        if row is not None:
            yield Difference(kind.name, id, "stream", None, "a view row without a stream")
    elif row is None:
        yield Difference(kind.name, id, "view", None, f"no row, and a stream at version {version}")
    else:
        for field, value in expected.items():
            found = getattr(row, field)
            if found != value:
                yield Difference(kind.name, id, f"view: {field}", None, f"view {text(found)}, stream {text(value)}")


def _different_legacy(kind: Kind, id: str, replay: Replay, rows: list[Any]) -> Iterator[Difference]:
    if not replay.lives:
        for row in rows:
            if not says_nothing(row):
                yield Difference(kind.name, id, "stream", f"a row at version {row.stream_version}", None)
        return
    expected = kind.rows_of(replay)
    if len(rows) != len(expected):
        what = "row" if len(expected) == 1 else "rows"
        yield Difference(kind.name, id, what, str(len(rows)), f"{len(expected)}, at version {replay.version}")
        return
    for row, cells in zip(rows, expected, strict=True):
        for field, value in cells.items():
            found = getattr(row, field)
            if found != value:
                yield Difference(kind.name, id, field, text(found), text(value))


def says_nothing(row: Any) -> bool:
    """A position's row may be there before its first event, to be locked."""
    if not isinstance(row, TradeAccumulator):
        return False
    blank = position_columns(Position.initial(row.pk), version=0, at=row.last_updated)
    return all(getattr(row, field) == value for field, value in blank.items())


def _different_linked(kind: Kind, id: str, rows: list[Any], view: Any, waiting: Behind) -> Iterator[Difference]:
    """Hold those columns of the newest row against each other that links write to."""
    if not rows or view is None or _symbol_of(rows[-1]) in waiting.symbols:
        return
    for field in kind.linked:
        left, right = getattr(rows[-1], field), getattr(view, field)
        if left != right:
            yield Difference(kind.name, id, field, text(left), text(right))


def _symbol_of(row: Any) -> str:
    return str(getattr(row, "base_symbol", None) or row.symbol)


# Reading streams


def _histories(kind: StreamKind, ids: list[str]) -> Iterator[tuple[str, Iterable[Moment]]]:
    name = kind.aggregate.aggregate_type
    if kind.long:
        for id in ids:
            yield id, map(_moment, stream(name, id))
        return
    try:
        found = streams(name, ids)
    except (CannotDecode, LookupError, ChainBroken):
        # One of them can't be read; the others can.
        for id in ids:
            yield id, map(_moment, stream(name, id))
        return
    for id in ids:
        yield id, map(_moment, found[id])


def _moment(recorded: Recorded) -> Moment:
    return Moment(recorded.version, recorded.event, recorded.recorded_at)


def _backlogged(kind: StreamKind, ids: list[str], waiting: Behind) -> dict[str, list[BackloggedEvent]]:
    name = kind.aggregate.aggregate_type
    ours = [id for id in ids if (name, id) in waiting.streams]
    found: defaultdict[str, list[BackloggedEvent]] = defaultdict(list)
    if ours:
        for row in BackloggedEvent.objects.filter(aggregate_type=name, aggregate_id__in=ours).order_by("id"):
            found[row.aggregate_id].append(row)
    return found


def _moments_of(rows: list[BackloggedEvent]) -> Iterator[Moment]:
    for row in rows:
        (draft,) = drafts_of([row])
        yield Moment(row.version, draft.event, row.happened_at)


# Links

Key = tuple[Any, ...]


def _different_links(waiting: Behind) -> Iterator[Difference]:
    orders = OffchainTrade.objects.order_by("id").values_list("id", "symbol").iterator(chunk_size=500)
    for some in chunks(orders):
        ids = [id for id, symbol in some if symbol not in waiting.symbols]
        yield from different_links_of(ids)


def different_links_of(orders: Collection[int]) -> Iterator[Difference]:
    """Hold the links of some orders in either memory against each other."""
    yield from _unlike("link", _legacy_links(orders), _viewed_links(orders))
    yield from _unlike("netting link", _legacy_nettings(orders), _viewed_nettings(orders))


def _unlike(kind: str, legacy: dict[str, list[Cells]], viewed: dict[str, list[Cells]]) -> Iterator[Difference]:
    for subject in dict.fromkeys([*legacy, *viewed]):
        left, right = legacy.get(subject, []), viewed.get(subject, [])
        if len(left) != len(right):
            yield Difference(kind, subject, "rows", str(len(left)), str(len(right)))
            continue
        for one, other in zip(left, right, strict=True):
            for field, value in one.items():
                if value != other[field]:
                    yield Difference(kind, subject, field, text(value), text(other[field]))


def _legacy_links(orders: Collection[int]) -> dict[str, list[Cells]]:
    rows = TradeExecutionLink.objects.filter(execution_id__in=orders).select_related("trade").order_by("id")
    return _by_subject((f"order {r.execution_id}, trade {r.trade.trade}", r) for r in forgiving(rows))


def _viewed_links(orders: Collection[int]) -> dict[str, list[Cells]]:
    rows = TradeLinkView.objects.filter(execution_id__in=orders).order_by("id")
    return _by_subject((f"order {r.execution_id}, trade {r.trade_id}", r) for r in forgiving(rows))


def _legacy_nettings(orders: Collection[int]) -> dict[str, list[Cells]]:
    rows = NettingLink.objects.filter(execution_id__in=orders).select_related("trade", "opposite").order_by("id")
    return _by_subject(
        (f"order {r.execution_id}, trades {r.trade.trade} and {r.opposite.trade}", r) for r in forgiving(rows)
    )


def _viewed_nettings(orders: Collection[int]) -> dict[str, list[Cells]]:
    rows = NettingLinkView.objects.filter(execution_id__in=orders).order_by("id")
    return _by_subject((f"order {r.execution_id}, trades {r.trade_id} and {r.opposite_id}", r) for r in forgiving(rows))


def _by_subject(rows: Iterable[tuple[str, Model]]) -> dict[str, list[Cells]]:
    found: defaultdict[str, list[Cells]] = defaultdict(list)
    for subject, row in rows:
        names = {field.attname for field in row._meta.concrete_fields}
        # A table's own keys differ; what they stand for is in the subject.
        found[subject].append(
            {name: getattr(row, name) for name in sorted(names) if name != "id" and not name.endswith("_id")}
        )
    return found


def _broken(books: Books) -> Iterator[Difference]:
    in_legacy = books is LEGACY_BOOKS
    try:
        for each in broken(books):
            found = f"expected {each.expected}, was {each.found}"
            yield Difference("sum", each.subject, each.what, *((found, None) if in_legacy else (None, found)))
    except NotKeptExactly as error:
        # The rows above name the cell.
        yield Difference("sum", "all", "unreadable", *((str(error), None) if in_legacy else (None, str(error))))


def view_tables() -> list[str]:
    """The tables of the views, for whoever reads them as of one moment."""
    models: list[type[Model]] = [*(kind.view for kind in (*KINDS, *ROWLESS_KINDS)), TradeLinkView, NettingLinkView]
    return [model._meta.db_table for model in models]
