"""Inbox: the logs that were read from the chain, each until it is a fill, filtered, parked or reorged."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from django.db import models
from django.db.models import Q
from django.db.models.functions import Length

models.CharField.register_lookup(Length)


class Outcome(models.TextChoices):
    """What became of a log."""

    QUEUED = "", "queued"
    FILL = "fill", "fill"
    FILTERED = "filtered", "filtered: not ours, or nothing moved"
    PARKED = "parked", "parked: an operator has to look at it"
    REORGED = "reorged", "reorged: the chain no longer has it"


# A transaction may come back in another block, even at the same log index.
ONE_ROW_A_LOG = models.UniqueConstraint(
    fields=["tx_hash", "log_index"], condition=Q(reorged_at=None), name="event_queue_once"
)


class QueuedLog(models.Model):
    """A log of the order book, as the chain had it."""

    id = models.BigAutoField(primary_key=True)
    tx_hash = models.CharField(max_length=66)
    log_index = models.BigIntegerField()
    block_number = models.BigIntegerField(db_index=True)
    block_hash = models.CharField(max_length=66, null=True)
    block_timestamp = models.DateTimeField(null=True)
    event_data = models.TextField(help_text="JSON, tagged with the event's name")
    processed = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_index=True)
    processed_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.QUEUED, blank=True)
    reason = models.TextField(null=True)
    tries = models.IntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    reorged_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "event_queue"
        verbose_name = "queued log"
        indexes = [
            models.Index(fields=["processed"], name="event_queue_processed"),
            models.Index(fields=["block_number", "log_index"], name="event_queue_open", condition=Q(processed=False)),
            models.Index(fields=["outcome"], name="event_queue_outcome"),
            models.Index(fields=["block_hash"], name="event_queue_block_hash"),
        ]
        constraints = [
            ONE_ROW_A_LOG,
            models.CheckConstraint(
                condition=Q(tx_hash__length=66, tx_hash__startswith="0x"), name="event_queue_tx_hash"
            ),
            models.CheckConstraint(condition=Q(log_index__gte=0), name="event_queue_log_index"),
            models.CheckConstraint(condition=Q(block_number__gte=0), name="event_queue_block_number"),
            models.CheckConstraint(condition=~Q(event_data=""), name="event_queue_event_data"),
        ]

    def __str__(self) -> str:
        return f"{self.tx_hash}:{self.log_index}"


class WaitingLog(msgspec.Struct, frozen=True):
    """What the processor asks of a queued log. Thousands of them are read at a time, so it is not the whole row."""

    id: int
    tx_hash: str
    log_index: int
    block_number: int
    block_hash: str | None
    block_timestamp: datetime | None
    event_data: str
    tries: int

    def __str__(self) -> str:
        return f"{self.tx_hash}:{self.log_index}"


AnyLog = QueuedLog | WaitingLog


def oldest(*, limit: int, now: datetime) -> list[WaitingLog]:
    """The oldest logs that wait and may be tried by now, in chain order."""
    due = Q(not_before=None) | Q(not_before__lte=now)
    rows = QueuedLog.objects.filter(due, processed=False).order_by("block_number", "log_index")
    return [WaitingLog(*row) for row in rows.values_list(*WaitingLog.__struct_fields__)[:limit]]


def claim(logs: Sequence[AnyLog]) -> set[int]:
    """Hold logs to the end of this transaction, which settles them; return those that were there to take.

    A log that another process settled meanwhile, or that a reorg took, is not among them.
    """
    ids = {log.id for log in logs}
    waiting = QueuedLog.objects.select_for_update().filter(id__among=ids, processed=False).order_by("id")
    return set(waiting.values_list("id", flat=True))


def settle(outcomes: dict[int, tuple[Outcome, str | None]], *, now: datetime) -> None:
    """Mark claimed logs processed, in the commit that does so, and say what became of each, and why."""
    by_outcome: dict[tuple[Outcome, str | None], set[int]] = {}
    for id, told in outcomes.items():
        by_outcome.setdefault(told, set()).add(id)
    for (outcome, reason), ids in by_outcome.items():
        QueuedLog.objects.filter(id__among=ids).update(processed=True, processed_at=now, outcome=outcome, reason=reason)


def unprocessed() -> int:
    """How many logs wait."""
    return QueuedLog.objects.filter(processed=False).count()
