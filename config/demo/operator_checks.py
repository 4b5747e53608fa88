"""Checks of the operator's day: what was forbidden is over, and what was asked, changed and told stands on record."""

import re
from collections.abc import Iterator

from django.utils import timezone

from audit_trail.alerts.messages import number_of
from audit_trail.alerts.models import AlertDelivery, DeliveryState
from config.demo.world import World
from trading.conductor.verbs.requests import OperatorRequest, RequestState
from trading.ledger.mode import Installation
from trading.risk.controls import KillSwitch, RestrictedSymbol, RiskChange, RiskLimit
from trading.risk.records import Denial

ENDED = (RequestState.DONE, RequestState.REFUSED)


def nothing_is_forbidden_any_more(world: World) -> Iterator[str]:
    """What an operator forbade is allowed again, and no denial stands any more."""
    for switch in KillSwitch.objects.filter(is_on=True):
        yield f"the kill switch ({switch}) is on"
    for restricted in RestrictedSymbol.objects.all():
        if restricted.expires_at is None or restricted.expires_at > timezone.now():
            yield f"{restricted} is restricted"
    for denial in Denial.objects.filter(ended_at=None):
        yield f"{denial}: {denial.text}"


def every_change_is_on_record(world: World) -> Iterator[str]:
    """Every limit, switch and restriction is as its last change says, which tells who made it and why."""
    for table in (KillSwitch, RestrictedSymbol, RiskLimit):
        for row in table._default_manager.all():
            changes = RiskChange.objects.filter(control=row.kind, subject=row.named())
            found = changes.order_by("-id").values_list("actor", "reason", "at").first()
            # The global kill switch is there, and off, before anybody touched it.
            if found is None and table is KillSwitch and row.actor == "installation":
                continue
            if found != (row.actor, row.reason, row.at):
                yield f"{row.kind} {row.named()}: expected a change by {row.actor} ({row.reason}), was {found}"


def every_request_was_answered(world: World) -> Iterator[str]:
    """Every request of an operator was done, or refused with the reason."""
    for request in OperatorRequest.objects.all():
        if request.state not in ENDED or not request.outcome:
            yield f"{request}: expected it done or refused, was {request.state}: {request.outcome}"


def every_alert_came(world: World) -> Iterator[str]:
    """Every alert that was sent came to the webhook, and none came there that is not on record as sent."""
    mark = Installation.objects.values_list("mark", flat=True).get()
    sent = set()
    for delivery in AlertDelivery.objects.exclude(state=DeliveryState.SKIPPED):
        if delivery.state == DeliveryState.SENT:
            sent.add(number_of(delivery, mark))
        else:
            yield f"{delivery}, number {delivery.pk}: expected it sent, was {delivery.state}: {delivery.last_error}"
    came = {number for text in world.messages for number in re.findall(r"\[[^\[\]\s]+-\d+\]", text)}
    for number in sorted(sent - came):
        yield f"alert {number} did not come"
    for number in sorted(came - sent):
        yield f"alert {number} came and was not sent"


OPERATOR_CHECKS = (
    nothing_is_forbidden_any_more,
    every_change_is_on_record,
    every_request_was_answered,
    every_alert_came,
)
