"""Pauses: a broker that takes no calls for now, or none of ours, is left alone by every process until its time.

It spends no try of any order: it is the account that waits, not the order.
"""

from datetime import datetime, timedelta

from django.db import models, transaction

from trading.brokers.outcomes import BrokerUnavailable, NotAuthorised, RateLimited
from trading.notices.models import close_notice, open_notice

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=5)
REFUSED = "broker_refuses_us"


class BrokerPause(models.Model):
    """Until when a broker is not called, and why."""

    broker = models.CharField(max_length=20, primary_key=True)
    not_before = models.DateTimeField()
    times = models.IntegerField(default=1, help_text="in a row")
    reason = models.TextField()

    class Meta:
        db_table = "broker_pauses"
        verbose_name = "broker pause"

    def __str__(self) -> str:
        return f"{self.broker} not before {self.not_before}: {self.reason}"


def is_paused(broker: str, *, now: datetime) -> bool:
    return BrokerPause.objects.filter(broker=broker, not_before__gt=now).exists()


def pauses_for_all(error: BrokerUnavailable) -> bool:
    """Tell whether an outage is the account's, so that no other call would fare better."""
    return isinstance(error, RateLimited | NotAuthorised)


@transaction.atomic
def pause(broker: str, error: BrokerUnavailable, *, now: datetime) -> datetime:
    """Leave a broker alone: as long as it asked for, else a second, doubling. Return until when."""
    row, is_first = BrokerPause.objects.get_or_create(broker=broker, defaults={"not_before": now, "reason": str(error)})
    if not is_first:
        row.times += 1
    doubled = min(FIRST_PAUSE * (1 << min(row.times - 1, 20)), LONGEST_PAUSE)
    asked = error.retry_after if isinstance(error, RateLimited) else None
    row.not_before, row.reason = now + (asked or doubled), str(error)
    row.save()
    if isinstance(error, NotAuthorised):
        open_notice(
            REFUSED,
            broker,
            f"{broker} refuses our calls: {error}. Nothing is sent to it until the credentials are mended; it is tried "
            f"again at {row.not_before.isoformat()}",
            at=now,
        )
    return row.not_before


def resume_calls(broker: str, *, now: datetime) -> None:
    """The broker answered, so whatever it was paused for is over."""
    # Looked for first: this is asked after every call, and a delete takes SQLite's one writer's lock.
    over = BrokerPause.objects.filter(broker=broker, not_before__lte=now)
    if over.exists():
        # Nobody would look at the notice again once there is no pause.
        with transaction.atomic():
            over.delete()
            close_notice(REFUSED, broker, at=now)
