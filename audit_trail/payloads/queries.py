"""Questions to the calls. Each answer is rows in a fixed order, read through an index, without the payloads' bodies."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from audit_trail.payloads.models import ApiCallLog
from trading.values.identifiers import ClientOrderId

Calls = QuerySet[ApiCallLog]


def of_order(*, client_order_id: ClientOrderId) -> Calls:
    """The calls that were made for an order, in the order in which they were."""
    return of_reference(reference=client_order_id)


def of_reference(*, reference: str) -> Calls:
    """The calls that were made for an order, or, for no order, under a purpose, in the order in which they were."""
    return calls().filter(reference=reference)


def of_run(*, run: UUID) -> Calls:
    """The calls that were made for a run, in the order in which they were."""
    return calls().filter(run_id=run)


def unanswered(*, sent_before: datetime) -> Calls:
    """The calls that were sent before a time and have no end: we died while they were under way. Oldest first."""
    return calls().filter(ended_at=None, sent_at__lt=sent_before).order_by("sent_at", "id")


def calls() -> Calls:
    """Every call, in the order in which they were made, its payloads beside it without headers and bodies."""
    heavy = ("headers", "body")
    return (
        ApiCallLog.objects.select_related("request_payload", "response_payload")
        .defer(*(f"{side}_payload__{column}" for side in ("request", "response") for column in heavy))
        .order_by("id")
    )
