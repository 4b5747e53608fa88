"""Rows of the log. They are written by `store.append` alone; here they are read, and shown in the admin."""

from django.db import models
from django.db.models import Q

from eventstore.integrity.tables import ArchivedStream, EventArchive, StoredSeal

__all__ = ["ArchivedStream", "EventArchive", "StoredEvent", "StoredSeal", "StoredSnapshot"]


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
