"""Schedules: the one list of what django-q2 runs, and when. `manage.py migrate` brings its table to this list."""

from typing import NamedTuple

from django_q.models import Schedule


class Scheduled(NamedTuple):
    """A function by its dotted name, and a cron line in UTC."""

    name: str
    function: str
    cron: str


SCHEDULES = [
    # The conductor's own loop is what hedges; this is what hedges on where nobody noticed that it is not running.
    Scheduled("stations", "config.backstop.give_turns", "* * * * *"),
    Scheduled("table_samples", "config.housekeeping.sample_tables", "7 * * * *"),
    Scheduled("disk_space", "config.housekeeping.look_at_disk", "*/5 * * * *"),
    # A comparison reads all that there is, so not every minute.
    Scheduled("ledgers", "config.ledger_watch.compare_once", "*/10 * * * *"),
]


def sync_schedules() -> None:
    """Make the table say what the list says; what an operator added under another name stays."""
    for scheduled in SCHEDULES:
        Schedule.objects.update_or_create(
            name=scheduled.name,
            defaults={
                "func": scheduled.function,
                "schedule_type": Schedule.CRON,
                "cron": scheduled.cron,
                "repeats": -1,
            },
        )
