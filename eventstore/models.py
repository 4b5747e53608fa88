"""Rows of the log, written by `store.append` alone, and rows that say how far those who follow it have come."""

from django.db import models
from django.db.models import Q

from eventstore.access.tokens import ApiToken
from eventstore.integrity.tables import ArchivedStream, EventArchive, StoredSeal

__all__ = ["ApiToken", "ArchivedStream", "EventArchive", "StoredEvent", "StoredSeal", "StoredSnapshot"]


class StoredEvent(models.Model):
    """An event as it is stored.

    The database's own primary key is the stream and the version on PostgreSQL, and the number on SQLite; see the
    migration. Nothing has a foreign key to it.
    """

    number = models.BigAutoField(primary_key=True)
    aggregate_type = models.TextField()
    aggregate_id = models.TextField()
    version = models.BigIntegerField()
    type = models.TextField()
    schema = models.IntegerField()
    data = models.TextField()
    metadata = models.TextField()
    recorded_at = models.DateTimeField()
    hash = models.TextField()

    class Meta:
        db_table = "events"
        verbose_name = "event"
        constraints = [
            models.UniqueConstraint(fields=["aggregate_type", "aggregate_id", "version"], name="events_stream_version"),
            models.CheckConstraint(condition=Q(version__gte=1), name="events_version_from_1"),
            models.CheckConstraint(condition=Q(schema__gte=1), name="events_schema_from_1"),
        ]

    def __str__(self) -> str:
        return f"{self.type} ({self.aggregate_type}-{self.aggregate_id}, version {self.version})"


class StoredSnapshot(models.Model):
    """The state of an aggregate after some event: a cache, so any row may be deleted at any time."""

    pk = models.CompositePrimaryKey("aggregate_type", "aggregate_id")
    aggregate_type = models.TextField()
    aggregate_id = models.TextField()
    version = models.BigIntegerField()
    schema = models.IntegerField()
    data = models.TextField()
    recorded_at = models.DateTimeField()

    class Meta:
        db_table = "snapshots"
        verbose_name = "snapshot"

    def __str__(self) -> str:
        return f"{self.aggregate_type}-{self.aggregate_id} at version {self.version}"


class Maintenance(models.Model):
    """A record of events being changed or taken out: who, when and why. It can't be taken out itself."""

    id = models.BigAutoField(primary_key=True)
    actor = models.CharField(max_length=150)
    reason = models.TextField()
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "event_maintenance"
        verbose_name = "maintenance of the log"
        verbose_name_plural = "maintenance of the log"

    def __str__(self) -> str:
        return f"{self.actor}: {self.reason}"


class Projection(models.Model):
    """How far a projection that catches up has come, and what became of it."""

    class Status(models.TextChoices):
        BOOTING = "booting"
        ACTIVE = "active"
        FAILED = "failed"
        PAUSED = "paused"

    name = models.TextField()
    version = models.IntegerField()
    checkpoint = models.BigIntegerField(default=0, help_text="the number up to which the log is projected")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.BOOTING)
    attempts = models.IntegerField(default=0, help_text="failures in a row")
    next_retry_at = models.DateTimeField(null=True)
    last_error = models.TextField(null=True)
    failed_number = models.BigIntegerField(null=True, help_text="the event that it failed at")
    events_done = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "projections"
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="projections_name_version")]

    def __str__(self) -> str:
        return f"{self.name} (version {self.version})"


class Rebuild(models.Model):
    """How far views have come that are made again beside the live ones; gone when they are swapped in."""

    name = models.TextField(primary_key=True)
    version = models.IntegerField()
    shape = models.TextField(help_text="what the live tables were like when it began")
    checkpoint = models.BigIntegerField(default=0, help_text="the number up to which the log is projected")
    events_done = models.BigIntegerField(default=0)
    started_at = models.DateTimeField()

    class Meta:
        db_table = "rebuilds"

    def __str__(self) -> str:
        return f"{self.name} up to number {self.checkpoint}"
