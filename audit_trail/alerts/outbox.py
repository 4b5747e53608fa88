"""Outbox: deliveries are taken by one process at a time, and end as sent, put off, or given up.

Nothing is held while a message is under way but a name in a row. A process that dies between sending and noting it
leaves its rows held; two minutes later another one sends them again, under the same numbers.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, Value, When

from audit_trail.alerts.models import AlertChannel, AlertDelivery, DeliveryState, is_free
from audit_trail.alerts.severity import Severity
from trading.conductor.processes import process_name
from trading.notices.models import close_notice, open_notice

log = structlog.get_logger(__name__)

CHANNEL_FAILING = "alert_channel_failing"
"""Whose subject is a channel."""

HELD_FOR = timedelta(minutes=2)
"""Longer than sending to one channel may take."""

MOST_TAKEN = 200
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(minutes=30)
MOST_ATTEMPTS = 60
"""More than a day, by these waits."""

FAILING_AFTER = 5
"""So many failures in a row are told elsewhere."""


def known_channel(name: str, *, at: datetime) -> AlertChannel:
    """The row of a channel, made when it is met for the first time."""
    return AlertChannel.objects.get_or_create(name=name, defaults={"first_seen_at": at})[0]


def take(channel: AlertChannel, *, at: datetime, quiet: bool) -> list[AlertDelivery]:
    """Take what is due for a channel, what hurries first; while it is quiet only that, and what was asked for."""
    due = channel.deliveries.filter(is_free(at), state=DeliveryState.PENDING, next_attempt_at__lte=at)
    due = due.filter(Q(severity=Severity.CRITICAL) | Q(asked_by__isnull=False)) if quiet else due
    in_order = (Case(When(severity=Severity.CRITICAL, then=0), default=1), "id")
    keys = list(due.order_by(*in_order).values_list("pk", flat=True)[:MOST_TAKEN])
    if not keys:
        return []
    holder = process_name()
    # Counted before it is tried: whoever dies in the middle may have told it.
    due.filter(pk__in=keys).update(held_by=holder, held_until=at + HELD_FOR, attempts=F("attempts") + 1)
    return list(channel.deliveries.filter(held_by=holder).select_related("notice").order_by(*in_order))


def release(deliveries: Collection[AlertDelivery]) -> None:
    """Give back what was taken and not tried."""
    _held(deliveries).update(held_by=None, held_until=None, attempts=F("attempts") - 1)


@transaction.atomic
def mark_sent(
    channel: AlertChannel, deliveries: Collection[AlertDelivery], *, over: Collection[int], at: datetime
) -> None:
    """Note that a message is sent. `over` names the deliveries whose text said that the matter is over."""
    said_over = Case(When(pk__in=list(over), then=Value(True)), default=Value(False)) if over else Value(False)
    _held(deliveries).update(
        state=DeliveryState.SENT,
        last_error=None,
        ended_at=at,
        said_over=said_over,
        held_by=None,
        held_until=None,
    )
    AlertChannel.objects.filter(pk=channel.pk).update(last_sent_at=at, failures=0, last_error=None)
    # What waits because the channel was down need not wait any longer.
    channel.deliveries.filter(state=DeliveryState.PENDING, attempts__gt=0, next_attempt_at__gt=at).update(
        next_attempt_at=at
    )
    close_notice(CHANNEL_FAILING, channel.pk, at=at)


@transaction.atomic
def mark_failed(channel: AlertChannel, deliveries: Collection[AlertDelivery], error: str, *, at: datetime) -> None:
    """Put off what could not be sent, twice as long each time; after many tries give it up, and say so."""
    given_up = [one for one in deliveries if one.attempts >= MOST_ATTEMPTS]
    _held(given_up).update(state=DeliveryState.FAILED, ended_at=at, last_error=error, held_by=None, held_until=None)
    for attempts in {one.attempts for one in deliveries if one.attempts < MOST_ATTEMPTS}:
        _held([one for one in deliveries if one.attempts == attempts]).update(
            next_attempt_at=at + wait_after(attempts), last_error=error, held_by=None, held_until=None
        )
    AlertChannel.objects.filter(pk=channel.pk).update(failures=F("failures") + 1, last_error=error)
    channel.refresh_from_db()
    log.warning("Alerts not delivered", channel=channel.pk, count=len(deliveries), error=error)
    if given_up:
        log.error("Alerts given up", channel=channel.pk, deliveries=[one.pk for one in given_up], error=error)
    if given_up or channel.failures >= FAILING_AFTER:
        lost = f"; {len(given_up)} alerts were given up, `manage.py alerts` lists them" if given_up else ""
        open_notice(
            CHANNEL_FAILING,
            channel.pk,
            f"{channel.failures} tries in a row to tell alerts on {channel.pk} failed{lost}. The last: {error}",
            at=at,
        )


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many tries."""
    doublings: int = min(attempts - 1, 16)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)


def _held(deliveries: Collection[AlertDelivery]) -> QuerySet[AlertDelivery]:
    """The rows that we hold still; of those that another process has taken meanwhile we say nothing."""
    holders = {one.held_by for one in deliveries}
    return AlertDelivery.objects.filter(pk__in=[one.pk for one in deliveries], held_by__in=holders)
