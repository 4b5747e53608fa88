"""Allowance: how many calls to a source a day may have, and how far apart they are, over all processes together."""

from datetime import date, datetime, timedelta

from django.db import models, transaction
from django.db.models import Q

from audit_trail.sources.outcomes import AllowanceSpent

MINUTE = timedelta(minutes=1)

LONGEST_WAIT = timedelta(minutes=2)
"""What a source asks us to wait for longer is not waited for."""


class SourceAllowance(models.Model):
    """What was asked of a source today, and from when on it may be asked again."""

    source = models.CharField(max_length=40, primary_key=True)
    day = models.DateField(help_text="in UTC")
    calls = models.IntegerField(default=0)
    next_call_at = models.DateTimeField()

    class Meta:
        db_table = "source_allowances"
        verbose_name = "allowance"
        constraints = [models.CheckConstraint(condition=Q(calls__gte=0), name="source_allowances_calls")]

    def __str__(self) -> str:
        return f"{self.source}: {self.calls} on {self.day}"


class Allowance:
    """So many calls a minute, evenly, and so many a day."""

    def __init__(self, source: str, *, a_minute: int, a_day: int) -> None:
        if a_minute < 1 or a_day < 1:
            raise ValueError(f"expected at least one call a minute and a day, was {a_minute} and {a_day}")
        self._source, self._a_day = source, a_day
        self._apart = MINUTE / a_minute

    def take(self, *, now: datetime) -> timedelta:
        """Take a call from the day's, and return how long to wait before it is made. Raises AllowanceSpent."""
        today = now.date()
        with transaction.atomic(durable=True):
            row = self._row(today, now)
            if row.day != today:
                row.day, row.calls = today, 0
            if row.calls >= self._a_day:
                raise AllowanceSpent(
                    f"{self._source} was asked {row.calls} times on {today} (UTC), as often as a day may: "
                    "nothing was sent; ask again tomorrow, or for fewer days"
                )
            at = max(now, row.next_call_at)
            if at - now > LONGEST_WAIT:
                raise AllowanceSpent(
                    f"{self._source} wants no calls before {at.isoformat()}: nothing was sent; ask again then"
                )
            row.calls, row.next_call_at = row.calls + 1, at + self._apart
            row.save()
        return at - now

    def hold(self, until: datetime) -> None:
        """Let nobody ask before a time, since the source said so."""
        SourceAllowance.objects.filter(source=self._source, next_call_at__lt=until).update(next_call_at=until)

    def _row(self, today: date, now: datetime) -> SourceAllowance:
        SourceAllowance.objects.bulk_create(
            [SourceAllowance(source=self._source, day=today, next_call_at=now)], ignore_conflicts=True
        )
        return SourceAllowance.objects.select_for_update().get(source=self._source)
