"""Again: an operator has something sent once more, and says why."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet

from audit_trail.alerts.models import AlertDelivery, DeliveryState


class NotSendable(ValueError):
    """It can't be sent again now; the message says why."""


def why_not(delivery: AlertDelivery) -> str | None:
    """Tell why a delivery can't be sent again."""
    if delivery.state == DeliveryState.PENDING or _alike(delivery).filter(state=DeliveryState.PENDING).exists():
        return "it waits to be sent already"
    return None


def send_again(delivery: AlertDelivery, *, actor: str, reason: str, at: datetime) -> AlertDelivery:
    """Store that it is to be sent once more: a row of its own, so that what became of the first one stays.

    Raises NotSendable.
    """
    if not reason.strip():
        raise NotSendable("expected a reason, was empty")
    if (refusal := why_not(delivery)) is not None:
        raise NotSendable(refusal)
    last = _alike(delivery).aggregate(turn=Max("turn"))["turn"]
    try:
        with transaction.atomic():
            return AlertDelivery.objects.create(
                channel_id=delivery.channel_id,
                about=delivery.about,
                notice_id=delivery.notice_id,
                summary_day=delivery.summary_day,
                turn=last + 1,
                severity=delivery.severity,
                created_at=at,
                next_attempt_at=at,
                asked_by=actor,
                reason=reason.strip(),
            )
    except IntegrityError as error:
        raise NotSendable("somebody else has it sent again at this moment") from error


def _alike(delivery: AlertDelivery) -> QuerySet[AlertDelivery]:
    return AlertDelivery.objects.filter(
        channel=delivery.channel_id,
        about=delivery.about,
        notice=delivery.notice_id,
        summary_day=delivery.summary_day,
    )
