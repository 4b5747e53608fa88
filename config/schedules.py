"""Schedules: the one list of what runs beside the conductor, and when.

django-q2 runs it from a table, which `manage.py migrate` and `sync_schedules` bring to this list; cron runs the same by
`run_schedule NAME`. A row of ours is known by the mark before its name, so what an operator adds stays.

The conductor gives its stations their turns by itself, many times a second. They stand here as a backstop, for when
nobody noticed that it does not run; while it does, their leases make each turn here a look and no more.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import Schedule

MARK = "hedgetrail: "
# As earlier versions called theirs, without the mark.
FORMER = ("stations", "table_samples", "disk_space", "ledgers")


class NotScheduled(ValueError):
    """An entry of the list can't be run as it says. Mend the list."""


@dataclass(frozen=True)
class Scheduled:
    """A function by its dotted name, its arguments, and either a cron line in UTC or an interval that cron knows."""

    name: str
    function: str
    arguments: tuple[str | int, ...] = ()
    cron: str | None = None
    every_minutes: int | None = None

    def __post_init__(self) -> None:
        if (self.cron is None) == (self.every_minutes is None):
            raise NotScheduled(f"{self.name}: expected either a cron line or an interval")
        if self.every_minutes is not None and _crontab(self.every_minutes) is None:
            raise NotScheduled(
                f"{self.name}: expected minutes that divide an hour, or hours that divide a day, was "
                f"{self.every_minutes} minutes; write a cron line"
            )

    @property
    def crontab(self) -> str:
        """When it runs, as cron says it."""
        times = self.cron if self.every_minutes is None else _crontab(self.every_minutes)
        return str(times)

    @property
    def row_name(self) -> str:
        return MARK + self.name

    def columns(self) -> dict[str, Any]:
        """What its row says; everything that would make django-q2 run it otherwise is among it."""
        return {
            "func": self.function,
            "args": repr(self.arguments) if self.arguments else None,
            "kwargs": None,
            "hook": None,
            "cluster": None,
            "intended_date_kwarg": None,
            "schedule_type": Schedule.MINUTES if self.cron is None else Schedule.CRON,
            "cron": self.cron,
            "minutes": self.every_minutes,
            "repeats": -1,
        }

    def run(self) -> Any:
        """Run it here and now."""
        return import_string(self.function)(*self.arguments)


def _crontab(minutes: int) -> str | None:
    if minutes > 0 and 60 % minutes == 0 and minutes < 60:
        return "* * * * *" if minutes == 1 else f"*/{minutes} * * * *"
    hours, rest = divmod(minutes, 60)
    if rest or hours < 1 or 24 % hours:
        return None
    return {1: "0 * * * *", 24: "0 0 * * *"}.get(hours, f"0 */{hours} * * *")


TURNS = "config.backstop.give_turns"

SCHEDULES = [
    # From the chain to a hedge at the broker.
    Scheduled("fills", TURNS, ("watcher", "processor", "refresher", "hedger", "dispatcher"), every_minutes=1),
    # Orders that are placed or unknown: asked for by our id, else submitted.
    Scheduled("order_sweep", TURNS, ("dispatcher",), every_minutes=1),
    Scheduled("order_polling", TURNS, ("poller",), every_minutes=1),
    # Orders of decisions, likewise; what was sent into silence is looked for.
    Scheduled("decision_polling", TURNS, ("decision_poller",), every_minutes=1),
    Scheduled("token_refresh", TURNS, ("tokens",), every_minutes=1),
    # Holdings and open orders at the broker, beside our books; and what operators asked for in the admin.
    Scheduled("position_check", TURNS, ("reconciler",), every_minutes=1),
    Scheduled("operator_requests", TURNS, ("clerk",), every_minutes=1),
    Scheduled("exposure_watch", TURNS, ("exposure_watch",), every_minutes=1),
    Scheduled("upkeep", TURNS, ("enricher", "drainer", "profits", "sealer"), every_minutes=1),
    # A comparison reads all that there is, so not every minute.
    Scheduled("ledger_comparison", "config.ledger_watch.compare_once", every_minutes=10),
    Scheduled("legacy_orders", "config.decision_watch.compare_once", cron="17 * * * *"),
    # Before the day begins in New York; on Sundays all that there ever was.
    Scheduled("invariants", "config.invariants.check_on_schedule", cron="40 6 * * *"),
    Scheduled("table_samples", "config.housekeeping.sample_tables", cron="7 * * * *"),
    # On weekdays, after eight in New York in winter and nine in summer: before the market opens.
    Scheduled("congress_trades", "config.sources.ingest_on_schedule", ("congress",), cron="0 13 * * 1-5"),
    Scheduled("insider_trades", "config.sources.ingest_on_schedule", ("insider",), cron="10 13 * * 1-5"),
    Scheduled("daily_bars", "config.sources.ingest_on_schedule", ("bars",), cron="20 13 * * 1-5"),
    # At ten in New York, which is one hour in winter and another in summer; it looks at the clock there by itself.
    Scheduled("trading_day", "config.trading_day.trade_on_schedule", cron="0 14,15 * * 1-5"),
    # What is recorded is held against the rules; what an operator must know is told, the day's summary too.
    Scheduled("alert_rules", "config.alerts.evaluate_rules", every_minutes=5),
    Scheduled("alert_delivery", "config.alerts.send_on_schedule", every_minutes=1),
    Scheduled("old_payloads", "config.housekeeping.purge_old_payloads", cron="0 7 1 * *"),
    Scheduled("disk_space", "config.housekeeping.look_at_disk", every_minutes=5),
]


def sync_schedules(*, change: bool = True) -> list[str]:
    """Make the table say what the list says. Return what differed, a line each; without `change` it is told only."""
    wanted = {scheduled.row_name: scheduled for scheduled in SCHEDULES}
    told, rows = [], dict[str, Schedule]()
    with transaction.atomic():
        ours = Q(name__startswith=MARK) | Q(name__in=FORMER, func__startswith="config.")
        for row in Schedule.objects.select_for_update().filter(ours).order_by("id"):
            if row.name in wanted and row.name not in rows:
                rows[row.name] = row
                continue
            told.append(f"{row.name}: removed, it is {'there twice' if row.name in wanted else 'not in the list'}")
            if change:
                row.delete()
        for name, scheduled in wanted.items():
            row = rows.get(name) or Schedule(name=name)
            differs = _differences(row, scheduled) if row.pk else []
            if row.pk and not differs:
                continue
            told.append(f"{name}: changed, {'; '.join(differs)}" if row.pk else f"{name}: added")
            if change:
                _write(row, scheduled)
    return told


def _differences(row: Schedule, scheduled: Scheduled) -> list[str]:
    differs = [
        f"{column} was {found!r}, is {expected!r}"
        for column, expected in scheduled.columns().items()
        if (found := getattr(row, column)) != expected and (found or expected)
    ]
    if not differs and (row.next_run is None or row.next_run > _next_run(row)):
        differs = [f"its next run was {row.next_run}, is {_next_run(row)}"]
    return differs


def _write(row: Schedule, scheduled: Scheduled) -> None:
    for column, value in scheduled.columns().items():
        setattr(row, column, value)
    row.next_run = _next_run(row)  # Else it would wait for the time that the former line had come to.
    row.save()


def _next_run(row: Schedule) -> datetime:
    """When it is due next at the latest."""
    if row.schedule_type == Schedule.MINUTES:
        return timezone.now() + timedelta(minutes=row.minutes)
    following: datetime = row.calculate_next_run()
    return following
