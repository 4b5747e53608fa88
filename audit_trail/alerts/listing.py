"""Listing: what is open, and what was not delivered, as the command and whoever watches us read it."""

from datetime import datetime

import msgspec
from django.db.models import Count, Q

from audit_trail.alerts.models import About, AlertDelivery, DeliveryState
from audit_trail.alerts.severity import Severity, severity_of
from trading.notices.models import Notice

MOST_UNDELIVERED = 200


class OpenAlert(msgspec.Struct, frozen=True, kw_only=True):
    """A notice that is open, and to how many channels it was told."""

    severity: str
    kind: str
    subject: str
    text: str
    times: int
    opened_at: datetime
    told_on: int


class Undelivered(msgspec.Struct, frozen=True, kw_only=True):
    """What waits to be sent, or was given up."""

    delivery: int
    channel: str
    about: str
    subject: str
    state: str
    attempts: int
    next_attempt_at: datetime | None
    last_error: str | None


class AlertList(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, what hurries first."""

    open: list[OpenAlert]
    undelivered: list[Undelivered]

    @property
    def is_pressing(self) -> bool:
        """Whether something critical is open, or something was given up."""
        return any(one.severity == Severity.CRITICAL for one in self.open) or any(
            one.state == DeliveryState.FAILED for one in self.undelivered
        )


def list_alerts() -> AlertList:
    """Read it, in two queries. Of what was given up, that of matters that are open still."""
    told = Count("deliveries__channel", filter=Q(deliveries__state=DeliveryState.SENT), distinct=True)
    notices = Notice.objects.filter(closed_at=None).annotate(told_on=told).order_by("id")
    found = [
        OpenAlert(
            severity=severity_of(one.kind).value,
            kind=one.kind,
            subject=one.subject,
            text=one.text,
            times=one.times,
            opened_at=one.opened_at,
            told_on=one.told_on,
        )
        for one in notices
    ]
    lost = Q(state=DeliveryState.FAILED, notice__closed_at=None) & ~Q(about=About.SUMMARY)
    rows = AlertDelivery.objects.filter(Q(state=DeliveryState.PENDING) | lost).select_related("notice").order_by("id")
    return AlertList(
        open=sorted(found, key=lambda one: one.severity != Severity.CRITICAL),
        undelivered=[_undelivered(row) for row in rows[:MOST_UNDELIVERED]],
    )


def _undelivered(row: AlertDelivery) -> Undelivered:
    return Undelivered(
        delivery=row.pk,
        channel=row.channel_id,
        about=row.about,
        subject=row.subject,
        state=row.state,
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at if row.state == DeliveryState.PENDING else None,
        last_error=row.last_error,
    )
