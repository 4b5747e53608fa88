"""Alerts for tests: channels and deliveries as rows, and a way to people that is a list."""

from audit_trail.alerts.channels import NotDelivered
from audit_trail.alerts.models import AlertChannel, AlertDelivery
from tests.support.factories import NOON, notice, number


def channel(**facts):
    return AlertChannel.objects.create(**{"name": f"jsons-{number():08x}", "first_seen_at": NOON} | facts)


def delivery(**facts):
    """A delivery of a notice that was given up."""
    given = {
        "about": "opened",
        "severity": "critical",
        "state": "failed",
        "created_at": NOON,
        "next_attempt_at": NOON,
        "attempts": 60,
        "last_error": "error=500",
        "ended_at": NOON,
    } | facts
    if given.get("summary_day") is None and "notice" not in given:
        given["notice"] = notice()
    return AlertDelivery.objects.create(**{"channel": facts.get("channel") or channel()} | given)


class Told:
    """A channel whose messages are a list; it fails as long as it is down."""

    def __init__(self, name="json-0badcafe", *, only_critical=False, longest_body=4000):
        self.name, self.only_critical, self.longest_body = name, only_critical, longest_body
        self.messages = []
        self.down = ""

    def send(self, title, body, *, is_critical=False):
        if self.down:
            raise NotDelivered(self.down)
        self.messages.append((title, body))
