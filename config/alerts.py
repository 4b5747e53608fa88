"""Alerts, put together from the environment, for schedules and commands."""

import os
from datetime import UTC, datetime, timedelta
from functools import partial

from croniter import croniter  # type: ignore[import-untyped]
from django.utils import timezone

from audit_trail.alerts.evaluating import evaluate
from audit_trail.alerts.queries import WatchedTask
from audit_trail.alerts.sending import Manner, Round, send_due
from config.alert_environment import ALERT_URLS, AlertSettings, alert_settings
from config.logs import Redactor
from config.schedules import SCHEDULES
from config.sources import NEEDS, is_set
from trading.market_hours.calendar import NEW_YORK, session_of

INGESTS = "config.sources.ingest_on_schedule"


def evaluate_rules() -> str:
    """Hold the rules against what is recorded, and say what they found."""
    return "; ".join(evaluate(at=timezone.now(), tasks=watched_tasks())) or "nothing to tell"


def send_on_schedule() -> str:
    """Tell every channel what is due, where there are any."""
    settings = alert_settings()
    return str(send(settings)) if settings.channels else f"{ALERT_URLS.name} is not set: nothing is sent"


def send(settings: AlertSettings) -> Round:
    """Tell every channel what is due, once."""
    manner = Manner(quiet=settings.quiet, remind_every=settings.remind_every, redact=Redactor(os.environ).text)
    return send_due(settings.channels, manner, clock=timezone.now)


def watched_tasks() -> list[WatchedTask]:
    """What is fetched by schedules; without the key of a source nothing is, and nobody misses it."""
    return [
        WatchedTask(task=str(one.arguments[0]), due_before=partial(last_due, one.crontab))
        for one in SCHEDULES
        if one.function == INGESTS and is_set(NEEDS[str(one.arguments[0])])
    ]


def last_due(crontab: str, before: datetime) -> datetime:
    """When a cron line came last before a moment, on a trading day; on a holiday nobody misses it."""
    times = croniter(crontab, before.astimezone(UTC) + timedelta(seconds=1))
    due: datetime = times.get_prev(datetime)
    while session_of(due.astimezone(NEW_YORK).date()) is None:
        due = times.get_prev(datetime)
    return due
