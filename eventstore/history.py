"""History: an aggregate as it stood after any of its events or at any time, and what each event changed.

Everything is told as plain data, as the codec writes it: decimals as exact text, times in UTC. What an aggregate names
in `derived` is told beside its fields.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from django.db import connection
from django.db.models import QuerySet

from eventstore.aggregates import Aggregate, aggregate_of
from eventstore.codec import encode_value
from eventstore.integrity.archives import ArchiveUnreadable, archived_versions
from eventstore.loading import Loaded, newest
from eventstore.models import StoredEvent
from eventstore.reading import stream, time_of
from eventstore.recorded import Recorded, Stream

Plain = dict[str, Any]

PAGE = 50
LARGEST_VERSION = 2**63 - 1


class NoSuchState(LookupError):
    """The stream has no event there. Ask for another version or a later time, or mend the name."""


class CannotReplay(Exception):
    """A stored event can't be read, or taken, by this program. What came before it can still be asked for."""

    def __init__(self, stream: Stream, version: int, reason: str) -> None:
        super().__init__(f"{stream} can't be replayed from version {version} on: {reason}")
        self.stream, self.version = stream, version


class NotATime(ValueError):
    """The text is no time with its zone."""


class Standing(msgspec.Struct, frozen=True):
    """An aggregate as it stood after an event."""

    stream: Stream
    version: int
    recorded_at: datetime
    state: Plain


class Change(NamedTuple):
    """A field that an event changed; what lies deeper is named with dots."""

    field: str
    before: Any
    after: Any


class Moment(msgspec.Struct, frozen=True):
    """An event, as its class is today, with the state after it and what it changed."""

    recorded: Recorded
    data: Plain
    state: Plain
    changed: list[Change]


class Ids(NamedTuple):
    """A stream's id, and the version of its last event."""

    aggregate_id: str
    version: int


def state_at(
    aggregate_type: str, aggregate_id: str, *, version: int | None = None, at: datetime | None = None
) -> Standing:
    """Return an aggregate as it stood at a version, or after the last event recorded at or before a time; else as now.

    Raises UnknownAggregateType, NoSuchState and CannotReplay.
    """
    if version is not None and at is not None:
        raise ValueError("expected a version or a time, were both")
    aggregate, name = aggregate_of(aggregate_type), Stream(aggregate_type, aggregate_id)
    if version is not None:
        found = _of_version(name, version) if 1 <= version <= LARGEST_VERSION else None
    else:
        found = _events_of(name).first() if at is None else _last_until(name, at)
    if found is None:
        raise _nothing(name, version, at)
    last_version, recorded_at = found
    start = _start(aggregate, aggregate_id, last_version)
    state = start.state
    for _, _, after in _replayed(start, name, up_to=last_version):
        state = after
    return Standing(name, last_version, recorded_at, plain_state(state))


def version_at(aggregate_type: str, aggregate_id: str, at: datetime) -> int:
    """Return the version of the last event recorded at or before a time, or 0. Raises CannotReplay."""
    found = _last_until(Stream(aggregate_type, aggregate_id), at)
    return 0 if found is None else found[0]


def timeline(aggregate_type: str, aggregate_id: str, *, after: int = 0, limit: int = PAGE) -> list[Moment]:
    """Return events of a stream after a version, oldest first, each with the state after it.

    Raises UnknownAggregateType, and CannotReplay where the page has no event that can be told of.
    """
    start = _start(aggregate_of(aggregate_type), aggregate_id, after)
    moments: list[Moment] = []
    try:
        for before, recorded, state in _replayed(start, Stream(aggregate_type, aggregate_id), up_to=after + limit):
            if recorded.version > after:
                told = moments[-1].state if moments else plain_state(before)
                now = plain_state(state)
                moments.append(Moment(recorded, _plain(recorded.event), now, changes(told, now)))
    except CannotReplay:
        if not moments:
            raise
    return moments


def stream_ids(aggregate_type: str, *, after: str = "", limit: int = PAGE) -> list[Ids]:
    """Return the streams of a type whose ids come after one, by id; a few steps through the index for each."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE ids AS ("
            "SELECT min(aggregate_id) AS id, 1 AS place FROM events"
            " WHERE aggregate_type = %(type)s AND aggregate_id > %(after)s"
            " UNION ALL SELECT (SELECT min(aggregate_id) FROM events"
            " WHERE aggregate_type = %(type)s AND aggregate_id > ids.id), place + 1"
            " FROM ids WHERE ids.id IS NOT NULL AND place < %(limit)s)"
            " SELECT id, (SELECT max(version) FROM events WHERE aggregate_type = %(type)s AND aggregate_id = ids.id)"
            " FROM ids WHERE id IS NOT NULL ORDER BY place",
            {"type": aggregate_type, "after": after, "limit": limit},
        )
        return [Ids(*row) for row in cursor.fetchall()]


def plain_state(state: Aggregate) -> Plain:
    """Tell a state as plain data: its fields, and what its class names in `derived`."""
    derived = {name: getattr(state, name) for name in getattr(type(state), "derived", ())}
    return _plain(state) | (_plain(derived) if derived else {})


def changes(before: Plain, after: Plain) -> list[Change]:
    """Tell the fields in which two states differ, in the order of the later one."""
    old, new = dict(_flat(before)), dict(_flat(after))
    names = [*new, *(name for name in old if name not in new)]
    return [Change(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]


def parsed_time(text: str) -> datetime:
    """Read a time with its zone, as 2025-11-03T14:30:00Z. Raises NotATime."""
    at: datetime | None
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        at = None
    # The edges of the calendar have no place in every zone.
    if at is None or at.utcoffset() is None or not 1900 < at.year < 9000:
        raise NotATime(f"expected a time with its zone, as 2025-11-03T14:30:00Z, was {text[:80]!r}")
    # PostgreSQL knows no zone that is sixteen hours away or more, which Python does.
    return at.astimezone(UTC)


def _events_of(name: Stream) -> "QuerySet[StoredEvent, tuple[int, datetime]]":
    rows = StoredEvent.objects.filter(aggregate_type=name.aggregate_type, aggregate_id=name.aggregate_id)
    return rows.order_by("-version").values_list("version", "recorded_at")


def _of_version(name: Stream, version: int) -> tuple[int, datetime] | None:
    found = _events_of(name).filter(version=version).first()
    return found or next(_archived(name, after=version - 1, before=min(version + 1, LARGEST_VERSION)), None)


def _last_until(name: Stream, at: datetime) -> tuple[int, datetime] | None:
    """The last event recorded at or before a time. What is archived of a stream is its beginning, so it comes last."""
    # On SQLite a time is text, and one of a whole second is written shorter than it lies there: "at or before" would
    # miss an event of that very second, "before the next microsecond" does not.
    found = _events_of(name).filter(recorded_at__lt=at + timedelta(microseconds=1)).first()
    if found is not None:
        return found
    until = [one for one in _archived(name, after=0, before=LARGEST_VERSION) if one[1] <= at]
    return until[-1] if until else None


def _archived(name: Stream, *, after: int, before: int) -> Iterator[tuple[int, datetime]]:
    try:
        for row in archived_versions(name, after=after, before=before):
            yield row.version, time_of(row.recorded_at)
    except ArchiveUnreadable as error:
        raise CannotReplay(name, after + 1, str(error)) from error


def _nothing(name: Stream, version: int | None, at: datetime | None) -> NoSuchState:
    newest_event = _events_of(name).first()
    if newest_event is None:
        return NoSuchState(f"{name} has no events")
    if version is not None:
        return NoSuchState(f"{name} has versions from 1 to {newest_event[0]}, not {version}")
    return NoSuchState(f"{name} had no event yet at {at}")


def _start(aggregate: type[Aggregate], id: str, version: int) -> Loaded[Aggregate]:
    """The snapshot, where it is not newer than the version; else the beginning."""
    start = newest(aggregate, [id])[id]
    return start if start.version <= version else Loaded(aggregate.initial(id), 0)


def _replayed(start: Loaded[Aggregate], name: Stream, *, up_to: int) -> Iterator[tuple[Aggregate, Recorded, Aggregate]]:
    """Yield each event after a state, with the states before and after it."""
    state, version = start
    events = stream(*name, after=version)
    while version < up_to:
        before = state
        try:
            recorded = next(events, None)
            if recorded is None:
                return
            state = before.evolve(recorded.event)
        except Exception as error:
            raise CannotReplay(name, version + 1, str(error)) from error
        version = recorded.version
        yield before, recorded, state


def _plain(value: Any) -> Plain:
    plain: Plain = msgspec.json.decode(encode_value(value))
    return plain


def _flat(data: Plain, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in data.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
