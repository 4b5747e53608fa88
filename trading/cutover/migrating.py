"""Migration: legacy rows without a stream enter the log, kind by kind, each kind in one commit and verified in it."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple, Protocol

from django.db import transaction

from eventstore.events import name_of
from eventstore.integrity.archives import ArchiveUnreadable
from eventstore.models import StoredEvent
from eventstore.reading import stored_rows
from eventstore.rows import update_rows
from eventstore.store import Draft, Metadata, append
from trading.cutover.findings import BadRow
from trading.cutover.migrated import EventsOf, order_events, position_events, trade_events
from trading.ledger.backlog import BackloggedEvent
from trading.ledger.compare import (
    NOTHING_BEHIND,
    Difference,
    different_links_of,
    different_rows,
    first_events,
    says_nothing,
    text,
)
from trading.ledger.invariants import chunks
from trading.ledger.mode import THE_ROW, LedgerMode
from trading.ledger.replay import ORDERS, POSITIONS, TRADES, Kind, Moment, Replay
from trading.values.thresholds import Threshold

METADATA = Metadata(actor="migrate_to_events", correlation="migration")
MOST_KEPT = 1000

# What a row may say otherwise once it is what its events add up to: always, and where it said nothing before.
REWRITTEN = frozenset({"stream_version", "migrated", "last_updated"})
FILLED_IN = frozenset(
    {
        "block_number",
        "block_hash",
        "block_timestamp",
        "broker_order_id",
        "order_id",
        "average_price_usd",
        "threshold",
    }
)

Tell = Callable[[int], None]
"""Is told how many streams more are done with."""
Write = Callable[[list[Draft], list[dict[str, Any]]], None]


class Look(NamedTuple):
    """Where a kind stands: the streams that its legacy rows ask for, and those of them that there are."""

    streams: int
    missing: Sequence[str]
    migrated: int
    """How many streams begin with a Migrated."""
    others: int
    """How many began by themselves."""
    note: str | None = None
    """What an operator should know besides."""


class Brought(NamedTuple):
    """What a kind came to: its events by name, and what stood in the way."""

    events: Counter[str]
    bad: list[BadRow]
    differences: list[Difference]


class NotMigrated(Exception):
    """Rows can't become events, or would not be the same. Nothing of the kind was kept; mend the rows."""

    def __init__(self, name: str, brought: Brought) -> None:
        bad, unlike = len(brought.bad), len(brought.differences)
        super().__init__(f"{name}: {bad} rows can't be understood, {unlike} cells would differ; nothing of it was kept")
        self.brought = brought


class CannotBegin(Exception):
    """Something is in the way of the migration. Nothing was done."""


class Migration(Protocol):
    """A kind of legacy rows on its way into the log."""

    @property
    def name(self) -> str: ...

    def look(self) -> Look:
        """Tell what there is to do. Raises CannotBegin where an archive that tells can't be read."""
        ...

    def plan(self, look: Look, *, at: datetime, tell: Tell) -> Brought:
        """Tell what would be written, and write nothing."""
        ...

    def bring(self, look: Look, *, at: datetime, tell: Tell) -> Brought:
        """Write the events in the caller's transaction, and hold every field of every row against them."""
        ...


def migrations(threshold: Threshold, *, login: Migration | None = None) -> list[Migration]:
    """The kinds, in the order in which they enter the log; the login comes last, since one can always log in again."""
    return [
        LedgerMigration("trades", TRADES, trade_events, threshold, ("created_at", "tx_hash", "log_index", "pk")),
        LedgerMigration("positions", POSITIONS, position_events, threshold, ("symbol",)),
        LedgerMigration("orders", ORDERS, order_events, threshold, ("id",)),
        *([] if login is None else [login]),
    ]


def check(looks: Mapping[str, Look], *, imported: Mapping[str, Collection[str]] = {}) -> None:
    """Refuse where it is not clear what the rows without a stream are. Raises CannotBegin.

    Of rows that were `imported` from another installation it is clear.
    """
    if waiting := BackloggedEvent.objects.count():
        raise CannotBegin(f"expected an empty backlog, found {waiting} events: `manage.py drain_backlog` first")
    for name, look in looks.items():
        unclear = len(set(look.missing) - set(imported.get(name, ())))
        if unclear and look.others:
            raise CannotBegin(
                f"{name}: {unclear} of {look.streams} rows have no stream, and {look.others} have one that did not "
                "begin with a migration: expected all of them to be old, or none. Rows were written in `legacy` after "
                "the event store had been in use; look at `manage.py compare_ledgers --as-dual`"
            )


def migrate(migration: Migration, *, at: datetime, tell: Tell) -> Brought:
    """Bring one kind into the log, in one commit that no step of a station comes between. Raises NotMigrated."""
    with transaction.atomic(durable=True):
        LedgerMode.objects.select_for_update().filter(id=THE_ROW).first()
        brought = migration.bring(migration.look(), at=at, tell=tell)
        if brought.bad or brought.differences:
            raise NotMigrated(migration.name, brought)
        return brought


@dataclass(frozen=True)
class LedgerMigration:
    """Trades, positions or orders."""

    name: str
    kind: Kind
    events_of: EventsOf
    threshold: Threshold
    oldest_first: tuple[str, ...]

    def look(self) -> Look:
        ids = list(dict.fromkeys(self._ids()))
        missing: list[str] = []
        migrated = others = 0
        for some in chunks(iter(ids)):
            stored = self._beginnings(some)
            missing += [id for id in some if id not in stored]
            began = sum(event.endswith("::Migrated") for event in stored.values())
            migrated, others = migrated + began, others + len(stored) - began
        return Look(len(ids), missing, migrated, others)

    def _beginnings(self, ids: Sequence[str]) -> dict[str, str]:
        """The type of the first event of each stream that there is; it may lie in an archive. Raises CannotBegin."""
        found = dict(first_events(self.kind).filter(aggregate_id__in=ids).values_list("aggregate_id", "type"))
        name = self.kind.aggregate.aggregate_type
        without = StoredEvent.objects.filter(aggregate_type=name, aggregate_id__in=set(ids) - set(found))
        try:
            for id in without.values_list("aggregate_id", flat=True).distinct():
                found[id] = next(stored_rows(name, id)).type
        except ArchiveUnreadable as error:
            raise CannotBegin(f"{self.name}: the first events of some streams are archived: {error}") from error
        return found

    def plan(self, look: Look, *, at: datetime, tell: Tell) -> Brought:
        return self._go_through(look, at, tell, lambda drafts, rows: None)

    def bring(self, look: Look, *, at: datetime, tell: Tell) -> Brought:
        def write(drafts: list[Draft], rows: list[dict[str, Any]]) -> None:
            append(drafts, at=at)
            update_rows(self.kind.legacy, rows, key=self._key)

        brought = self._go_through(look, at, tell, write)
        if not brought.bad and not brought.differences:
            brought.differences.extend(islice(self._different(look.missing), MOST_KEPT))
        return brought

    @property
    def _key(self) -> str:
        return str(self.kind.legacy._meta.pk.attname)

    def _ids(self) -> Iterator[str]:
        rows = self.kind.legacy._default_manager.order_by(*self.oldest_first)
        if self.kind is POSITIONS:
            return (self.kind.id_of(row) for row in rows if not says_nothing(row))
        return (self.kind.id_of(row) for row in rows.only(*self.kind.key).iterator(chunk_size=2000))

    def _go_through(self, look: Look, at: datetime, tell: Tell, write: Write) -> Brought:
        brought = Brought(Counter(), [], [])
        name = self.kind.aggregate.aggregate_type
        for ids in chunks(iter(look.missing)):
            found = self.kind.rows(ids)
            told, bad = self.events_of({id: found[id] for id in ids}, self.threshold)
            brought.bad.extend(bad)
            drafts: list[Draft] = []
            rows: list[dict[str, Any]] = []
            for id, events in told.items():
                drafts += [Draft(name, id, version, event, METADATA) for version, event in enumerate(events, start=1)]
                replay = Replay(self.kind, id)
                replay.take(Moment(draft.version, draft.event, at) for draft in drafts[-len(events) :])
                for row, wanted in zip(found[id], self.kind.rows_of(replay), strict=True):
                    brought.differences.extend(_changed(self.kind, id, row, wanted))
                    rows.append(wanted | {self._key: row.pk})
            brought.events.update(name_of(draft.event) for draft in drafts)
            if not brought.bad and not brought.differences:
                write(drafts, rows)
            tell(len(ids))
        return brought

    def _different(self, ids: Sequence[str]) -> Iterator[Difference]:
        """Hold rows, views and streams against each other, as the database has them by now."""
        for some in chunks(iter(ids)):
            yield from different_rows(self.kind, some, NOTHING_BEHIND, kept=True)
            if self.kind is ORDERS:
                yield from different_links_of([int(id) for id in some])


def _changed(kind: Kind, id: str, row: Any, wanted: Mapping[str, Any]) -> Iterator[Difference]:
    """Tell what of a row its events would not give back."""
    for field, value in wanted.items():
        found = getattr(row, field)
        if found == value or field in REWRITTEN or (found is None and field in FILLED_IN):
            continue
        yield Difference(kind.name, id, field, text(found), text(value))
