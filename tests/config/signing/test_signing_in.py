"""Signing in with an authenticator: the password first, then a code that is good once; nobody guesses on."""

import re
from datetime import timedelta

import pytest
from axes.models import AccessAttempt, AccessLog
from django.conf import settings as installed
from django.test import Client
from django.utils import timezone
from structlog.testing import capture_logs

from config.signing.devices import Word, hear
from config.signing.halves import HALF, LASTS
from tests.flows.test_concurrency import at_once
from tests.support.signing import CODE, LOGIN, authenticator, code_of, secrets_of, waited, wrong_code

pytestmark = pytest.mark.django_db

PASSWORD = "the right one for the desk"


@pytest.fixture
def olga(django_user_model):
    return django_user_model.objects.create_superuser("olga", password=PASSWORD)


@pytest.fixture
def device(olga):
    return authenticator(olga)


def said(client, password=PASSWORD, *, at=LOGIN, name="olga"):
    return client.post(at, {"username": name, "password": password})


def shown(client, code):
    return client.post(CODE, {"code": code})


def is_in(client):
    return client.get("/admin/").status_code == 200


def guess(client, device, times):
    for _ in range(times):
        waited()
        answer = shown(client, wrong_code(device))
    return answer


def test_without_an_authenticator_the_password_is_all(client, olga):
    answer = said(client)

    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    assert is_in(client)


def test_with_one_the_password_opens_nothing_and_the_code_after_it_does(client, device):
    answer = said(client, at=f"{LOGIN}?next=/failed/")

    assert (answer.status_code, answer["Location"]) == (302, CODE)
    assert not is_in(client)
    said(client, at=f"{LOGIN}?next=/failed/")
    answer = shown(client, code_of(device))
    assert (answer.status_code, answer["Location"]) == (302, "/failed/")
    assert is_in(client)


def test_nobody_is_led_to_another_site_after_the_code(client, device):
    said(client, at=f"{LOGIN}?next=https://elsewhere.example.com/")

    assert shown(client, code_of(device))["Location"] == "/admin/"


def test_the_code_is_taken_as_authenticators_show_it(client, device):
    said(client)
    code = code_of(device)

    assert shown(client, f" {code[:3]} {code[3:]} ").status_code == 302


@pytest.mark.parametrize("code", ["", "12345", "1234567", "٠٠٠٠٠٠", "abc", "0x1234", "-12345", "1" * 500, "a\0b"])
def test_what_is_no_code_is_refused(client, device, code):
    said(client)

    assert shown(client, code).status_code == 200
    assert not is_in(client)


def test_the_code_before_the_password_is_asked_for_nothing(client, device):
    for answer in (client.get(CODE), shown(client, code_of(device))):
        assert (answer.status_code, answer["Location"]) == (302, LOGIN)
    assert not is_in(client)


def test_a_code_that_was_used_is_refused_and_the_next_one_is_taken(client, device):
    code = code_of(device)
    said(client)
    shown(client, code)
    other = Client()
    said(other)

    answer = shown(other, code)

    assert "it was used before" in answer.content.decode()
    assert not is_in(other)
    waited()
    assert shown(other, code_of(device, later=1)).status_code == 302
    assert is_in(other)


@pytest.mark.django_db(transaction=True)
def test_of_two_that_show_one_code_at_once_one_gets_in(olga, device):
    code, now = code_of(device), timezone.now()

    words = at_once(*[lambda: hear(olga, code, now=now)] * 2)

    assert [word for word, _ in words].count(Word.RIGHT) == 1


def test_after_a_wrong_code_the_right_one_has_to_wait(client, device):
    said(client)
    shown(client, wrong_code(device))

    answer = shown(client, code_of(device))

    assert "wait 1 s" in answer.content.decode()
    assert not is_in(client)
    waited()
    assert shown(client, code_of(device)).status_code == 302


def test_five_wrong_codes_lock_the_name_as_wrong_passwords_do(client, device):
    said(client)

    locked = guess(client, device, installed.AXES_FAILURE_LIMIT)

    assert locked.status_code == 429
    assert "passwords or codes" in locked.content.decode()
    waited()
    assert shown(client, code_of(device)).status_code == 429
    assert said(client).status_code == 429
    assert said(Client()).status_code == 429


def test_the_password_said_again_gives_no_further_guesses(client, device):
    for _ in range(installed.AXES_FAILURE_LIMIT - 1):
        said(client)
        guess(client, device, 1)
    said(client)

    assert guess(client, device, 1).status_code == 429


def test_wrong_passwords_and_wrong_codes_count_together_until_somebody_is_in(client, device):
    for _ in range(installed.AXES_FAILURE_LIMIT - 2):
        said(client, "wrong")
    said(client)
    guess(client, device, 1)
    waited()

    assert shown(client, code_of(device)).status_code == 302
    assert not AccessAttempt.objects.exists()


def test_only_who_came_all_the_way_has_logged_in(client, device):
    said(client)
    assert not AccessLog.objects.exists()

    shown(client, code_of(device))

    assert [row.username for row in AccessLog.objects.all()] == ["olga"]


def test_a_recovery_code_lets_in_once(client, olga, device):
    code = device.user.staticdevice_set.get().token_set.first().token
    said(client)

    with capture_logs() as logs:
        assert shown(client, code.upper()).status_code == 302
    assert is_in(client)
    assert [line["left"] for line in logs if line["event"] == "Recovery code used"] == [7]

    other = Client()
    said(other)
    assert shown(other, code).status_code == 200
    assert not is_in(other)


def test_whoever_waits_too_long_says_the_password_again(client, device):
    said(client)
    session = client.session
    session[HALF] = {**session[HALF], "at": (timezone.now() - LASTS).isoformat()}
    session.save()

    assert shown(client, code_of(device))["Location"] == LOGIN
    assert not is_in(client)


@pytest.mark.parametrize("change", ["password", "is_active", "is_staff"])
def test_whoever_was_changed_between_password_and_code_does_not_get_in(client, olga, device, change):
    said(client)
    olga.set_password("another one") if change == "password" else setattr(olga, change, False)
    olga.save()

    assert shown(client, code_of(device))["Location"] == LOGIN
    assert not is_in(client)


def test_whoever_was_signed_in_is_not_any_more_when_somebody_else_says_a_password(client, device, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("otto"))

    said(client)

    assert not is_in(client)


def test_a_session_that_was_begun_without_the_code_is_nobodys(client, olga):
    client.force_login(olga)
    assert is_in(client)

    authenticator(olga)

    assert client.get("/live").status_code == 401
    assert client.get("/api/v1/notices/").status_code == 401
    assert not is_in(client)


def test_the_session_has_another_key_after_the_code(client, device):
    said(client)
    before = client.session.session_key

    shown(client, code_of(device))

    assert client.session.session_key != before


def test_no_code_and_no_key_gets_into_a_log_or_a_row_of_what_was_tried(client, olga, device, caplog):
    caplog.set_level("DEBUG")
    wrong, recovery = wrong_code(device), device.user.staticdevice_set.get().token_set.first().token
    kept = secrets_of(olga)
    with capture_logs() as logs:
        said(client)
        shown(client, wrong)
        waited()
        right = code_of(device)
        shown(client, right)
        other = Client()
        said(other)
        shown(other, wrong)
        waited()
        shown(other, recovery)
        said(Client(), "wrong")

    told = f"{logs} {caplog.text} {list(AccessAttempt.objects.values())}"
    told += f" {list(AccessLog.objects.values())}"
    told = re.sub(r"\.\d{6}|\d{6}, tz", "", told)  # The six digits of a moment could be those of a code.
    assert [each for each in [*kept, wrong, right, recovery] if each in told] == []


def test_a_page_that_waits_for_a_code_takes_none_from_another_site(olga, device):
    client = Client(enforce_csrf_checks=True)

    assert client.post(CODE, {"code": code_of(device)}).status_code == 403


def test_the_time_for_a_code_is_short():
    assert timedelta(minutes=1) < LASTS <= timedelta(minutes=10)
