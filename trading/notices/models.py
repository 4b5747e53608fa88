"""Notice: one open matter a subject and kind, however often it is met."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q


class Notice(models.Model):
    """Something that an operator must know. Open until it is closed; meeting it again counts up."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=120)
    text = models.TextField()
    times = models.IntegerField(default=1)
    opened_at = models.DateTimeField()
    last_met_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "notices"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject"], condition=Q(closed_at=None), name="notices_one_open")
        ]
        # For whoever tells all about a subject.
        indexes = [models.Index(fields=["subject", "opened_at"], name="notices_subject")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}"


def open_notice(kind: str, subject: str, text: str, *, at: datetime) -> None:
    """Tell the operator; the same kind and subject stay one notice while it is open."""
    met = Notice.objects.filter(kind=kind, subject=subject, closed_at=None).update(
        text=text, times=F("times") + 1, last_met_at=at
    )
    if not met:
        # Two processes may meet it at once; the second finds the first one's row.
        Notice.objects.bulk_create(
            [Notice(kind=kind, subject=subject, text=text, opened_at=at, last_met_at=at)], ignore_conflicts=True
        )


def close_notice(kind: str, subject: str, *, at: datetime) -> None:
    """Close the matter, if it is open."""
    Notice.objects.filter(kind=kind, subject=subject, closed_at=None).update(closed_at=at)


def is_open(kind: str, subject: str) -> bool:
    return Notice.objects.filter(kind=kind, subject=subject, closed_at=None).exists()


def open_notices() -> list[Notice]:
    """What an operator has to look at, oldest first."""
    return list(Notice.objects.filter(closed_at=None).order_by("id"))
