"""Records: what a source told us, a row for each version, never changed but for the time at which it was superseded.

Each kind of record has a table of its own for its columns. What all kinds share stands here, so that a run, and later a
decision, refers to a record of any kind by one foreign key, and to the version of it that was known.
"""

from datetime import datetime

from django.db import models
from django.db.models import F, Q


class RecordQuerySet(models.QuerySet["SourceRecord"]):
    def current(self) -> "RecordQuerySet":
        """What the source says now, as far as we know."""
        return self.filter(superseded_at=None)

    def known(self, *, at: datetime) -> "RecordQuerySet":
        """What we knew at a time: no later record, and of each the version that was the newest then."""
        return self.filter(Q(superseded_at=None) | Q(superseded_at__gt=at), known_at__lte=at)


class SourceRecord(models.Model):
    """One version of one record of a source."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=40, help_text="as congress_trade; its columns are in the table of that kind")
    key = models.CharField(max_length=64, help_text="SHA-256 of what makes it the record that it is")
    occurrence = models.IntegerField(help_text="from 1; a source may tell two that are alike in all of the key")
    version = models.IntegerField(help_text="from 1; another each time that the source says something else of it")
    content = models.CharField(max_length=64, help_text="SHA-256 of its columns")
    detail = models.TextField(null=True, help_text="what tells records of one key apart, where the source says it")
    symbol = models.CharField(max_length=32, null=True, help_text="empty where it is in nothing that is listed")
    disclosed_on = models.DateField(help_text="the day on which it was public, as the source says")
    known_at = models.DateTimeField(help_text="when this version came into our tables, and so could be acted on")
    superseded_at = models.DateTimeField(null=True, help_text="when the next version did")
    row = models.TextField(help_text="as it was received")

    objects = RecordQuerySet.as_manager()

    class Meta:
        db_table = "source_records"
        verbose_name = "record"
        constraints = [
            models.UniqueConstraint(fields=["kind", "key", "occurrence", "version"], name="source_records_once"),
            models.UniqueConstraint(
                fields=["kind", "key", "occurrence"], condition=Q(superseded_at=None), name="source_records_one_current"
            ),
            models.CheckConstraint(condition=Q(occurrence__gte=1, version__gte=1), name="source_records_from_1"),
            models.CheckConstraint(
                condition=Q(superseded_at=None) | Q(superseded_at__gte=F("known_at")), name="source_records_in_order"
            ),
            models.CheckConstraint(condition=~Q(key="") & ~Q(content=""), name="source_records_hashed"),
        ]
        indexes = [
            models.Index(fields=["kind", "disclosed_on"], name="source_records_disclosed"),
            models.Index(fields=["symbol", "known_at"], name="source_records_symbol"),
            models.Index(fields=["kind", "known_at"], name="source_records_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
