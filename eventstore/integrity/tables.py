"""Tables of seals and archives. Nothing has a foreign key to them, and they have none."""

from django.db import models
from django.db.models import F, Q


class StoredSeal(models.Model):
    """A seal as it is stored, the time as it is hashed; see eventstore/integrity/seals.py for what it says."""

    number = models.BigIntegerField(primary_key=True)
    after_number = models.BigIntegerField()
    up_to_number = models.BigIntegerField()
    events = models.IntegerField()
    numbers = models.TextField()
    marks = models.TextField()
    root = models.TextField()
    previous = models.TextField()
    sealed_at = models.TextField()
    hash = models.TextField()

    class Meta:
        db_table = "event_seals"
        verbose_name = "seal"
        indexes = [models.Index(fields=["up_to_number"], name="event_seals_up_to")]
        constraints = [
            models.CheckConstraint(condition=Q(number__gte=1), name="event_seals_number_from_1"),
            models.CheckConstraint(condition=Q(events__gte=1), name="event_seals_events_from_1"),
            models.CheckConstraint(condition=Q(up_to_number__gt=F("after_number")), name="event_seals_range"),
        ]

    def __str__(self) -> str:
        return f"seal {self.number}"


class EventArchive(models.Model):
    """A file with the events of a range of numbers, whole seals only; and whether the table still has them too."""

    number = models.BigIntegerField(primary_key=True)
    after_number = models.BigIntegerField()
    up_to_number = models.BigIntegerField()
    first_seal = models.BigIntegerField()
    last_seal = models.BigIntegerField()
    events = models.BigIntegerField()
    file = models.TextField()
    sha256 = models.TextField()
    archived_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "event_archives"
        verbose_name = "archive"
        indexes = [models.Index(fields=["up_to_number"], name="event_archives_up_to")]

    def __str__(self) -> str:
        return f"archive {self.number} ({self.file})"


class ArchivedStream(models.Model):
    """Which versions of a stream an archive holds: by it, whoever misses them in the table finds the file."""

    pk = models.CompositePrimaryKey("aggregate_type", "aggregate_id", "archive")
    aggregate_type = models.TextField()
    aggregate_id = models.TextField()
    archive = models.BigIntegerField()
    first_version = models.BigIntegerField()
    last_version = models.BigIntegerField()

    class Meta:
        db_table = "event_archive_streams"
        verbose_name = "archived stream"

    def __str__(self) -> str:
        return f"{self.aggregate_type}-{self.aggregate_id} in archive {self.archive}"
