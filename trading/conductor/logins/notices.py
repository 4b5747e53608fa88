"""Login notices: an operator is told in time that a login ends, more urgently each time, until there is a new one."""

from datetime import datetime, timedelta
from typing import NamedTuple

from trading.broker_auth.tokens import LOGIN_LASTS
from trading.notices.models import Notice, close_notice, open_notice

KIND = "login_needed"


class Stage(NamedTuple):
    """From which age of the login on, and what is said then."""

    age: timedelta
    left: str
    what: str


STAGES = (
    Stage(timedelta(days=5), "two days", "Log in at a quiet hour, with"),
    Stage(timedelta(days=6), "a day", "Log in today, before the market closes, with"),
    Stage(
        timedelta(days=6, hours=12),
        "twelve hours",
        "LOG IN NOW: after that no order is placed or polled there. The command is",
    ),
)


def watch_login(broker: str, *, login_at: datetime, now: datetime) -> None:
    """Open the notice of a login that has grown old, or make it more urgent; close it where the login is young."""
    reached = [stage for stage in STAGES if now - login_at >= stage.age]
    if not reached:
        close_login_notice(broker, at=now)
        return
    stage = reached[-1]
    _say(
        broker,
        f"the login at {broker} of {login_at:%Y-%m-%d %H:%M} UTC ends at {login_at + LOGIN_LASTS:%Y-%m-%d %H:%M} UTC, "
        f"in less than {stage.left}. {stage.what} `manage.py broker_auth {broker}`",
        now=now,
    )


def tell_of_no_login(broker: str, why: str, *, now: datetime) -> None:
    """Open the notice that nothing can be done at a broker until somebody logs in."""
    _say(broker, f"NOTHING IS PLACED OR POLLED AT {broker.upper()}: {why}", now=now)


def close_login_notice(broker: str, *, at: datetime) -> None:
    close_notice(KIND, broker, at=at)


def _say(broker: str, text: str, *, now: datetime) -> None:
    # Each turn of a station comes by here; the row is written when there is something else to say.
    told = Notice.objects.filter(kind=KIND, subject=broker, closed_at=None).values_list("text", flat=True).first()
    if told != text:
        open_notice(KIND, broker, text, at=now)
