"""Rounds of the outbox on a clock that the test turns on."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from audit_trail.alerts.models import AlertDelivery
from audit_trail.alerts.quiet_hours import QuietHours
from audit_trail.alerts.sending import Manner, send_due
from tests.support.alerted import Told
from trading.notices.models import close_notice, open_notice

# A Monday morning in New York, before anything of the day is summed up.
MORNING = datetime(2026, 3, 2, 15, tzinfo=UTC)
EVENING = datetime(2026, 3, 3, 3, 30, tzinfo=UTC)  # Half past ten in New York.

DAYTIME = Manner()
NIGHT = Manner(quiet=QuietHours(begins=time(22), ends=time(7), zone=ZoneInfo("America/New_York")))


class Desk:
    """Notices that come and go, channels that are told, and the time."""

    def __init__(self, *channels, manner=DAYTIME, at=MORNING):
        self.channels = list(channels) or [Told()]
        self.manner, self.at = manner, at

    @property
    def told(self):
        return self.channels[0]

    def opened(self, kind="symbol_halted", subject="AAPL", text="Five rejections in a row."):
        open_notice(kind, subject, text, at=self.at)

    def closed(self, kind="symbol_halted", subject="AAPL"):
        close_notice(kind, subject, at=self.at)

    def passes(self, **time):
        """Let time pass, and then have a round."""
        self.at += timedelta(**time)
        return self.round()

    def round(self):
        return send_due(self.channels, self.manner, clock=lambda: self.at)

    @property
    def titles(self):
        return [title.removeprefix("Hedgetrail: ") for title, _ in self.told.messages]


def states(**lookups):
    return list(AlertDelivery.objects.filter(**lookups).order_by("id").values_list("about", "state"))
