"""Backlog: events that the event store would not take, in the order in which they happened, until it does.

They were committed with the legacy rows, so nothing is lost; they are appended later, group by group. While a stream
has events here, whatever comes next for it queues behind them.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import structlog
from django.db import connection, models, transaction

from eventstore.codec import decode, encode
from eventstore.events import name_of, schema_of
from eventstore.store import Draft, Metadata, append
from trading.notices.models import close_notice, open_notice

log = structlog.get_logger(__name__)

TRIES_BEFORE_A_NOTICE = 10
SHORTEST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=5)

STATEMENT_TIMEOUT_MS = 5_000
LOCK_TIMEOUT_MS = 2_000


class BackloggedEvent(models.Model):
    """An event that waits for the event store."""

    id = models.BigAutoField(primary_key=True)
    group = models.BigIntegerField(null=True, db_index=True, help_text="the id of the group's first event")
    aggregate_type = models.CharField(max_length=40)
    aggregate_id = models.CharField(max_length=90)
    version = models.BigIntegerField()
    type = models.CharField(max_length=80)
    schema = models.IntegerField()
    data = models.TextField()
    metadata = models.TextField()
    happened_at = models.DateTimeField()
    tries = models.IntegerField(default=0)
    not_before = models.DateTimeField()
    last_error = models.TextField()

    class Meta:
        db_table = "event_backlog"
        verbose_name = "event on the backlog"
        verbose_name_plural = "event backlog"
        constraints = [
            models.UniqueConstraint(fields=["aggregate_type", "aggregate_id", "version"], name="event_backlog_once")
        ]

    def __str__(self) -> str:
        return f"{self.type} ({self.aggregate_type}-{self.aggregate_id}, version {self.version})"


class Drained(NamedTuple):
    """What a look at the backlog came to."""

    groups: int
    left: int


def streams_behind() -> set[tuple[str, str]]:
    """The streams that have events here."""
    return set(BackloggedEvent.objects.values_list("aggregate_type", "aggregate_id").distinct())


def waiting_events(aggregate_type: str, ids: Collection[str]) -> list[Draft]:
    """The events of some streams that wait here, in the order in which they happened."""
    rows = BackloggedEvent.objects.filter(aggregate_type=aggregate_type, aggregate_id__in=list(ids))
    return drafts_of(list(rows.order_by("id")))


def put(drafts: Sequence[Draft], *, at: datetime, error: str) -> None:
    """Queue one ordered group of events, in the transaction of the legacy rows that they belong to."""
    first: int | None = None
    for draft in drafts:
        row = BackloggedEvent.objects.create(
            group=first,
            aggregate_type=draft.aggregate_type,
            aggregate_id=draft.aggregate_id,
            version=draft.version,
            type=name_of(draft.event),
            schema=schema_of(draft.event),
            data=encode(draft.event),
            metadata=msgspec.json.encode(draft.metadata).decode(),
            happened_at=at,
            not_before=at,
            last_error=error,
        )
        if first is None:
            first = row.id
            BackloggedEvent.objects.filter(pk=row.id).update(group=first)


def drain(*, now: datetime, regardless: bool = False) -> Drained:
    """Append what the event store takes by now, oldest group first; `regardless` of how long a group should wait."""
    groups = 0
    blocked: set[tuple[str, str]] = set()
    for group in _groups():
        streams = set(BackloggedEvent.objects.filter(group=group).values_list("aggregate_type", "aggregate_id"))
        if streams & blocked:
            blocked |= streams
            continue
        if _drain_group(group, now=now, regardless=regardless):
            groups += 1
        else:
            blocked |= streams
    left = BackloggedEvent.objects.count()
    if not left:
        close_notice("event_backlog", "event store", at=now)
    return Drained(groups, left)


def drafts_of(rows: Sequence[BackloggedEvent]) -> list[Draft]:
    return [
        Draft(
            row.aggregate_type,
            row.aggregate_id,
            row.version,
            decode(row.type, row.schema, row.data),
            msgspec.json.decode(row.metadata, type=Metadata),
        )
        for row in rows
    ]


@contextmanager
def short_timeouts() -> Iterator[None]:
    """Let nothing in the event store hold us up for long. Stands inside a savepoint."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),"
            " set_config('statement_timeout', %s, true), set_config('lock_timeout', %s, true)",
            [str(STATEMENT_TIMEOUT_MS), str(LOCK_TIMEOUT_MS)],
        )
        statement, lock, *_ = cursor.fetchone()
    yield
    with connection.cursor() as cursor:
        # After an error the savepoint takes the settings back with the rest.
        cursor.execute(
            "SELECT set_config('statement_timeout', %s, true), set_config('lock_timeout', %s, true)",
            [statement, lock],
        )


def _groups() -> list[int]:
    return [g for g in BackloggedEvent.objects.order_by("group").values_list("group", flat=True).distinct() if g]


def _drain_group(group: int, *, now: datetime, regardless: bool) -> bool:
    with transaction.atomic(durable=True):
        rows = list(BackloggedEvent.objects.select_for_update().filter(group=group).order_by("id"))
        if not rows:
            return True  # Another process was faster.
        if rows[0].not_before > now and not regardless:
            return False
        try:
            with transaction.atomic(), short_timeouts():
                # As of when it happened: the legacy rows have known it since then.
                append(drafts_of(rows), at=rows[0].happened_at)
        except Exception as error:  # noqa: BLE001  # whatever it is, the group stays, is shown, and is tried again
            _keep(rows, error, now)
            return False
        BackloggedEvent.objects.filter(group=group).delete()
        return True


def _keep(rows: Sequence[BackloggedEvent], error: Exception, now: datetime) -> None:
    tries = rows[0].tries + 1
    wait = min(SHORTEST_WAIT * (1 << min(tries, 20)), LONGEST_WAIT)
    BackloggedEvent.objects.filter(group=rows[0].group).update(
        tries=tries, not_before=now + wait, last_error=f"{type(error).__name__}: {error}"
    )
    log.error("events stay on the backlog", first=str(rows[0]), events=len(rows), tries=tries, error=str(error))
    if tries == TRIES_BEFORE_A_NOTICE:
        open_notice(
            "event_backlog",
            "event store",
            f"{len(rows)} events from {rows[0]} on were refused {tries} times: {error}. "
            "Trading goes on in the legacy tables; mend the event store, then the backlog drains by itself.",
            at=now,
        )
