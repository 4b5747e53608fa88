"""Schedules: after `migrate` and `sync_schedules` the table of django-q2 says what the list says, and cron can too."""

import ast
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from croniter import croniter
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ, Schedule
from django_q.scheduler import scheduler

from config.schedules import MARK, SCHEDULES, TURNS, NotScheduled, Scheduled, sync_schedules
from tests.architecture.source import PROJECT
from tests.support.commands import run

pytestmark = pytest.mark.django_db

YEARLY = "0 0 1 1 *"


def rows():
    """What runs when, by the names of the list; what is not ours under its own."""
    columns = ("name", "func", "args", "cron", "minutes", "schedule_type", "repeats")
    return sorted(tuple(row) for row in Schedule.objects.values_list(*columns))


def expected():
    return sorted(
        (
            MARK + one.name,
            one.function,
            repr(one.arguments) if one.arguments else None,
            one.cron,
            one.every_minutes,
            Schedule.CRON if one.cron else Schedule.MINUTES,
            -1,
        )
        for one in SCHEDULES
    )


def of(name: str) -> Schedule:
    return Schedule.objects.get(name=MARK + name)


# The list.


def test_names_are_given_once():
    names = [one.name for one in SCHEDULES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("scheduled", SCHEDULES, ids=lambda one: one.name)
def test_what_is_scheduled_is_there_and_its_arguments_come_back_from_the_table(scheduled):
    assert callable(import_string(scheduled.function))
    assert ast.literal_eval(scheduled.columns()["args"] or "()") == scheduled.arguments
    assert croniter.is_valid(scheduled.crontab)


@pytest.mark.parametrize(
    ("minutes", "crontab"),
    [
        (1, "* * * * *"),
        (5, "*/5 * * * *"),
        (30, "*/30 * * * *"),
        (60, "0 * * * *"),
        (120, "0 */2 * * *"),
        (720, "0 */12 * * *"),
        (1440, "0 0 * * *"),
    ],
)
def test_an_interval_is_told_to_cron(minutes, crontab):
    scheduled = Scheduled("x", "gc.collect", every_minutes=minutes)
    assert scheduled.crontab == crontab

    # Both run at the same distance.
    times = croniter(crontab, datetime(2026, 3, 2, tzinfo=UTC))
    first, second, third = (times.get_next(datetime) for _ in range(3))
    assert third - second == second - first == timedelta(minutes=minutes)


@pytest.mark.parametrize("minutes", [0, -1, 7, 45, 90, 300, 2880])
def test_an_interval_that_cron_does_not_know_is_refused(minutes):
    with pytest.raises(NotScheduled, match=rf"^x: expected minutes that divide .*, was {minutes} minutes"):
        Scheduled("x", "gc.collect", every_minutes=minutes)


@pytest.mark.parametrize("times", [{}, {"cron": "* * * * *", "every_minutes": 1}])
def test_an_entry_has_either_a_cron_line_or_an_interval(times):
    with pytest.raises(NotScheduled, match="expected either a cron line or an interval"):
        Scheduled("x", "gc.collect", **times)


# The table.


def test_migrate_brings_the_table_to_the_list():
    assert rows() == expected()


def test_what_is_missing_changed_left_over_or_there_twice_is_mended():
    Schedule.objects.filter(name=f"{MARK}order_polling").update(func="gc.collect", kwargs="x=1")
    Schedule.objects.filter(name=f"{MARK}table_samples").update(cron=YEARLY)
    of("disk_space").delete()
    Schedule.objects.create(name=f"{MARK}given_up", func="gc.collect")
    Schedule.objects.create(name=f"{MARK}fills", func=TURNS)

    told = sync_schedules()

    assert rows() == expected()
    assert told == [
        f"{MARK}given_up: removed, it is not in the list",
        f"{MARK}fills: removed, it is there twice",
        f"{MARK}order_polling: changed, func was 'gc.collect', is '{TURNS}'; kwargs was 'x=1', is None",
        f"{MARK}table_samples: changed, cron was '{YEARLY}', is '7 * * * *'",
        f"{MARK}disk_space: added",
    ]
    assert sync_schedules() == []


def test_a_row_that_was_switched_off_runs_again():
    Schedule.objects.filter(name=f"{MARK}fills").update(repeats=0)
    assert sync_schedules() == [f"{MARK}fills: changed, repeats was 0, is -1"]
    assert rows() == expected()


def test_migrate_mends_too():
    of("disk_space").delete()
    call_command("migrate", verbosity=0)
    assert rows() == expected()


def test_what_an_operator_added_stays_whatever_it_runs():
    mine = Schedule.objects.create(name="sweep more often", func=TURNS, args="'dispatcher',", minutes=1)
    nameless = Schedule.objects.create(func="gc.collect")
    former = Schedule.objects.create(name="stations", func="operators.own")

    assert sync_schedules() == []

    for row in (mine, nameless, former):
        assert Schedule.objects.filter(pk=row.pk, func=row.func, args=row.args).exists()


def test_the_unmarked_rows_of_earlier_versions_go():
    for name, function in (("stations", "config.backstop.give_turns"), ("ledgers", "config.ledger_watch.compare_once")):
        Schedule.objects.create(name=name, func=function, cron="* * * * *", schedule_type=Schedule.CRON)

    assert sync_schedules() == [
        "stations: removed, it is not in the list",
        "ledgers: removed, it is not in the list",
    ]
    assert rows() == expected()


@pytest.mark.parametrize("name", ["table_samples", "order_polling"])
@pytest.mark.parametrize("next_run", [None, datetime(2099, 1, 1, tzinfo=UTC)])
def test_a_row_that_would_not_run_for_years_runs_when_the_list_says(name, next_run):
    """The line was changed by hand and back again: the time that it had come to stays behind."""
    Schedule.objects.filter(name=MARK + name).update(next_run=next_run)

    (told,) = sync_schedules()

    assert told.startswith(f"{MARK}{name}: changed, its next run was {next_run}, is 20")
    assert timezone.now() < of(name).next_run <= timezone.now() + timedelta(hours=1)


def test_a_row_that_is_as_the_list_says_keeps_its_next_run_and_its_id():
    before = list(Schedule.objects.order_by("id").values())
    assert sync_schedules() == []
    assert list(Schedule.objects.order_by("id").values()) == before


@pytest.mark.django_db(transaction=True)
def test_django_q2_queues_what_is_due_with_its_arguments():
    sync_schedules()
    Schedule.objects.exclude(name=f"{MARK}fills").update(next_run=datetime(2099, 1, 1, tzinfo=UTC))
    Schedule.objects.filter(name=f"{MARK}fills").update(next_run=timezone.now() - timedelta(seconds=1))

    scheduler()

    (queued,) = OrmQ.objects.all()
    assert queued.func() == TURNS
    assert queued.task["args"] == ("watcher", "processor", "refresher", "hedger", "dispatcher")
    assert sync_schedules() != []  # The others, which were put off here.


# The commands.


def test_the_command_tells_what_it_did():
    of("disk_space").delete()

    assert run("sync_schedules") == f"{MARK}disk_space: added\n"
    assert run("sync_schedules") == f"all {len(SCHEDULES)} schedules are as in the list\n"


def test_a_check_changes_nothing_and_ends_with_1(capsys):
    of("disk_space").delete()
    before = rows()

    with pytest.raises(SystemExit, match="1"):
        call_command("sync_schedules", "--check")

    told = capsys.readouterr()
    assert told.out == f"{MARK}disk_space: added\n"
    assert "the table is not as the list says" in told.err
    assert rows() == before


def test_a_check_of_what_is_in_order_ends_well():
    assert run("sync_schedules", "--check") == f"all {len(SCHEDULES)} schedules are as in the list\n"


def test_the_crontab_has_a_line_for_each_and_nothing_is_changed(settings):
    settings.BASE_DIR = Path("/srv/hedge 100%")
    of("disk_space").delete()

    lines = run("sync_schedules", "--print-crontab").splitlines()

    assert lines[0].startswith("# Times are UTC")
    assert lines[1] == "CRON_TZ=UTC"
    there = rf"cd '/srv/hedge 100\%' && {sys.executable} manage.py run_schedule"
    assert lines[2:] == [f"{one.crontab} {there} {one.name}" for one in SCHEDULES]
    assert f"*/5 * * * * {there} disk_space" in lines
    assert not Schedule.objects.filter(name=f"{MARK}disk_space").exists()


def test_a_schedule_runs_by_its_name_with_its_arguments(monkeypatch):
    given = []

    def noting(*names):
        given.append(names)
        return {"poller": "idle"}

    monkeypatch.setattr("config.backstop.give_turns", noting)

    assert run("run_schedule", "order_polling") == "{'poller': 'idle'}\n"
    assert given == [("poller",)]


def test_a_name_that_is_not_in_the_list_is_refused_with_those_that_are():
    with pytest.raises(CommandError, match=r"invalid choice: 'polling' .*order_polling"):
        call_command("run_schedule", "polling")


def test_what_a_schedule_raises_is_not_swallowed(monkeypatch):
    def failing(*names):
        raise ValueError("odd")

    monkeypatch.setattr("config.backstop.give_turns", failing)
    with pytest.raises(ValueError, match="odd"):
        call_command("run_schedule", "fills")


NEVER_ENDING = """
import threading
import django
django.setup()
from django.conf import settings
from django.core.management import call_command
from config.management.commands import run_schedule

class Hanging:
    def run(self):
        threading.Event().wait()

settings.TASK_SECONDS = 0.1
run_schedule.BY_NAME["disk_space"] = Hanging()
call_command("run_schedule", "disk_space")
"""


@pytest.mark.django_db(transaction=True)
def test_a_run_that_does_not_end_is_ended_before_its_lease_and_says_where_it_was(database_url):
    environment = {**os.environ, "DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "config.settings"}

    ended = subprocess.run(
        [sys.executable, "-c", NEVER_ENDING],
        env=environment,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 1
    assert "Timeout" in ended.stderr
    assert "run_schedule.py" in ended.stderr
