"""Purging takes out old bodies, and leaves everything else of them."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit_trail.payloads import purging
from audit_trail.payloads.models import ApiPayload
from audit_trail.payloads.purging import Due, due, purge
from config.housekeeping import purge_old_payloads
from tests.support import factories as make
from tests.support.factories import NOON

pytestmark = pytest.mark.django_db


def days_ago(days):
    return timezone.now() - timedelta(days=days)


def test_bodies_from_before_a_time_are_taken_out_and_all_else_stays():
    old = make.api_payload(captured_at=NOON - timedelta(microseconds=1))
    make.api_payload(captured_at=NOON)
    before = ApiPayload.objects.filter(pk=old.pk).values().get()

    assert due(before=NOON) == Due(1, 30)
    assert purge(before=NOON, at=NOON + timedelta(days=1)) == 1

    assert ApiPayload.objects.filter(pk=old.pk).values().get() == before | {
        "body": None,
        "purged_at": NOON + timedelta(days=1),
    }
    assert ApiPayload.objects.filter(body=None).count() == 1
    assert (due(before=NOON), purge(before=NOON, at=NOON)) == (Due(0, 0), 0)


def test_what_is_empty_has_nothing_to_take_out():
    make.api_payload(body="", size_bytes=0)

    assert (due(before=NOON + timedelta(days=1)).payloads, purge(before=NOON + timedelta(days=1), at=NOON)) == (0, 0)


def test_more_than_a_batch_is_purged_to_the_end(monkeypatch):
    monkeypatch.setattr(purging, "BATCH", 2)
    for _ in range(5):
        make.api_payload()

    assert purge(before=NOON + timedelta(days=1), at=NOON) == 5


def test_the_command_tells_how_many(capsys):
    for age in (91, 91, 89):
        make.api_payload(captured_at=days_ago(age))

    call_command("purge_api_payloads", "--older-than", "90d", "--dry-run")
    assert capsys.readouterr().out.startswith("dry run: 2 bodies of 60 bytes from before ")
    assert ApiPayload.objects.filter(body=None).count() == 0

    call_command("purge_api_payloads", "--older-than", "90d")
    assert capsys.readouterr().out.startswith("2 bodies from before ")
    assert ApiPayload.objects.filter(body=None).count() == 2


@pytest.mark.parametrize("age", ["90", "0d", "-1d", "d", "1y", "99999d", "٣d"])
def test_an_age_that_is_none_purges_nothing(age):
    make.api_payload(captured_at=days_ago(200_0))

    with pytest.raises(CommandError, match="expected a number of days from 1, as 90d"):
        call_command("purge_api_payloads", f"--older-than={age}")

    assert ApiPayload.objects.filter(body=None).count() == 0


def test_each_month_what_is_older_than_two_years_goes_and_its_calls_stay():
    now = timezone.now()
    old = make.api_call(
        request_payload=make.api_payload(captured_at=now - timedelta(days=731)),
        response_payload=make.api_payload(captured_at=now - timedelta(days=729), type="response"),
    )

    assert purge_old_payloads() == "1 bodies were taken out"

    old.refresh_from_db()
    assert (old.request_payload.body, old.response_payload.body is None) == (None, False)
    assert old.request_payload.size_bytes == 30
