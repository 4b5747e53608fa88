"""Sending: one round over all channels. What is due is planned, taken, sent and noted, in commits of their own."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

import msgspec
import structlog

from audit_trail.alerts.channels import NotDelivered
from audit_trail.alerts.messages import Message, compose
from audit_trail.alerts.models import AlertChannel
from audit_trail.alerts.outbox import known_channel, mark_failed, mark_sent, release, take
from audit_trail.alerts.planning import give_up_on_others, plan
from audit_trail.alerts.quiet_hours import QuietHours
from audit_trail.alerts.summary import summary_text
from trading.ledger.mode import Installation

log = structlog.get_logger(__name__)

MOST_MESSAGES = 3
"""To a channel in a round: services refuse whoever sends more. What is left goes in the next round."""


class Way(Protocol):
    """What a channel is to the outbox."""

    name: str
    only_critical: bool

    @property
    def longest_body(self) -> int: ...

    def send(self, title: str, body: str, *, is_critical: bool = False) -> None: ...


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How people want to be told."""

    quiet: QuietHours | None = None
    remind_every: timedelta | None = timedelta(hours=12)
    redact: Callable[[str], str] = str
    """Takes secrets out of a text, since what a notice tells may come from outside."""


class Round(NamedTuple):
    """What a round came to."""

    sent: int = 0
    failed: int = 0

    def __str__(self) -> str:
        return f"{self.sent} sent, {self.failed} not delivered"


def send_due(channels: Sequence[Way], manner: Manner, *, clock: Callable[[], datetime]) -> Round:
    """Tell each channel what is due. A channel that fails keeps the others waiting no longer than its time-out."""
    give_up_on_others([channel.name for channel in channels], at=clock())
    sent = failed = 0
    for channel in channels:
        ours = known_channel(channel.name, at=clock())
        plan(ours, only_critical=channel.only_critical, remind_every=manner.remind_every, at=clock())
        came = _send(channel, ours, manner, clock=clock)
        sent, failed = sent + came.sent, failed + came.failed
    return Round(sent, failed)


def _send(channel: Way, ours: AlertChannel, manner: Manner, *, clock: Callable[[], datetime]) -> Round:
    now = clock()
    taken = take(ours, at=now, quiet=manner.quiet is not None and manner.quiet.hold(now))
    messages = compose(taken, mark=_mark(), longest=channel.longest_body, summary_of=summary_text)
    sent = 0
    for place, message in enumerate(messages):
        if place >= MOST_MESSAGES:
            _release(messages[place:])
            break
        try:
            channel.send(manner.redact(message.title), manner.redact(message.body), is_critical=message.is_critical)
        except NotDelivered as error:
            mark_failed(ours, message.deliveries, manner.redact(str(error)), at=clock())
            _release(messages[place + 1 :])
            return Round(sent, len(message.deliveries))
        mark_sent(ours, message.deliveries, over=message.over, at=clock())
        sent += len(message.deliveries)
        log.info("Alerts sent", channel=ours.pk, deliveries=[one.pk for one in message.deliveries])
    return Round(sent, 0)


def _release(messages: Sequence[Message]) -> None:
    release([one for message in messages for one in message.deliveries])


def _mark() -> str:
    return str(Installation.objects.values_list("mark", flat=True).get())
