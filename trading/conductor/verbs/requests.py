"""Requests: what operators asked for, by command, admin or API, and what came of each. No row is deleted."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from django.db import models
from django.db.models import Q

from trading.values.identifiers import OrderId
from trading.values.symbols import Symbol

GIVEN_UP_AFTER = timedelta(minutes=5)


class Verb(StrEnum):
    """What can be asked for."""

    RECHECK_ORDER = "recheck_order"
    RESUME_ORDER = "resume_order"
    FAIL_ORDER = "fail_order"
    RECONCILE_ORDER = "reconcile_order"
    CANCEL_ORDER = "cancel_order"
    BUY = "buy"
    SELL = "sell"
    RESUME_SYMBOL = "resume_symbol"
    SET_POSITION = "set_position"
    DRAIN_BACKLOG = "drain_backlog"


THE_BACKLOG = "backlog"
"""The subject of what is asked for the whole backlog."""


class RequestState(StrEnum):
    """What became of a request."""

    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    REFUSED = "refused"


class OperatorRequest(models.Model):
    """One thing that an operator asked for."""

    id = models.BigAutoField(primary_key=True)
    verb = models.CharField(max_length=20, choices=[(verb.value, verb.value) for verb in Verb])
    subject = models.CharField(max_length=40, help_text="an order's number, a symbol, or the backlog")
    details = models.TextField(default="{}", help_text="what else was said, as JSON")
    actor = models.CharField(max_length=150)
    reason = models.TextField()
    state = models.CharField(
        max_length=10, default=RequestState.WAITING, choices=[(state.value, state.value) for state in RequestState]
    )
    outcome = models.TextField(null=True)
    asked_at = models.DateTimeField()
    begun_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    form_key = models.CharField(max_length=43, null=True, help_text="of the page it was asked on; none for a command")

    class Meta:
        db_table = "operator_requests"
        verbose_name = "operator's request"
        verbose_name_plural = "operators' requests"
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="operator_requests_have_a_reason"),
            models.UniqueConstraint(fields=["form_key", "subject"], name="operator_requests_once_a_form"),
        ]
        indexes = [
            models.Index(fields=["state", "id"], name="operator_requests_waiting"),
            models.Index(fields=["subject", "asked_at"], name="operator_requests_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject}"

    @property
    def said(self) -> dict[str, str]:
        return msgspec.json.decode(self.details, type=dict[str, str])


class AskedOtherwise(Exception):
    """The same page was sent before and asked for something else then. Nothing was stored."""

    def __init__(self, request: OperatorRequest) -> None:
        super().__init__(f"the same page asked for {request} before, as request {request.pk}")
        self.request = request


def ask(
    verb: Verb,
    subject: OrderId | Symbol | str,
    *,
    actor: str,
    reason: str,
    now: datetime,
    form_key: str | None = None,
    **details: str,
) -> OperatorRequest:
    """Store what an operator asks for; the clerk does it. Raises ValueError without a reason.

    A page that is sent twice asks once: its second request is the first one, which is returned. Raises AskedOtherwise
    where that one was for something else.
    """
    if not reason.strip():
        raise ValueError(f"expected a reason for {verb} {subject}, was empty")
    asked = {
        "verb": verb,
        "details": msgspec.json.encode(details).decode(),
        "actor": actor,
        "reason": reason.strip(),
    }
    if form_key is None:
        return OperatorRequest.objects.create(subject=str(subject), asked_at=now, **asked)
    request, is_new = OperatorRequest.objects.get_or_create(
        form_key=form_key, subject=str(subject), defaults={**asked, "asked_at": now}
    )
    if not is_new and any(getattr(request, name) != value for name, value in asked.items()):
        raise AskedOtherwise(request)
    return request


def take(request: OperatorRequest, *, now: datetime) -> bool:
    """Claim a request; False where another process has it."""
    return bool(
        OperatorRequest.objects.filter(pk=request.pk, state=RequestState.WAITING).update(
            state=RequestState.WORKING, begun_at=now
        )
    )


def finish(request: OperatorRequest, state: RequestState, outcome: str, *, now: datetime) -> None:
    """Store what came of a request; inside the commit that does it, where there is one."""
    request.state, request.outcome, request.done_at = state, outcome, now
    request.save(update_fields=["state", "outcome", "done_at"])


def waiting(*, now: datetime) -> list[OperatorRequest]:
    """What waits, oldest first. What a process died over is refused first: nobody knows how far it came."""
    OperatorRequest.objects.filter(state=RequestState.WORKING, begun_at__lt=now - GIVEN_UP_AFTER).update(
        state=RequestState.REFUSED,
        outcome="the process that worked on it ended before it was done; look at the order, and ask again",
        done_at=now,
    )
    return list(OperatorRequest.objects.filter(state=RequestState.WAITING).order_by("id"))
