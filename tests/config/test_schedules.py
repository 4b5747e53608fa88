"""Schedules: after `migrate` the table of django-q2 says what the list says."""

import pytest
from django.core.management import call_command
from django.utils.module_loading import import_string
from django_q.models import Schedule

from config.schedules import SCHEDULES

pytestmark = pytest.mark.django_db


def scheduled():
    rows = Schedule.objects.order_by("name").values_list("name", "func", "cron", "schedule_type", "repeats")
    return [tuple(row) for row in rows]


EXPECTED = sorted((one.name, one.function, one.cron, Schedule.CRON, -1) for one in SCHEDULES)


def test_migrate_brings_the_table_to_the_list():
    assert scheduled() == EXPECTED

    Schedule.objects.filter(name="stations").update(cron="0 0 1 1 *")
    Schedule.objects.filter(name="disk_space").delete()
    Schedule.objects.create(name="an operator's own", func="gc.collect")
    call_command("migrate", verbosity=0)

    assert [row for row in scheduled() if row[0] != "an operator's own"] == EXPECTED
    assert Schedule.objects.filter(name="an operator's own").exists()


@pytest.mark.parametrize("function", [one.function for one in SCHEDULES])
def test_what_is_scheduled_is_there(function):
    assert callable(import_string(function))
