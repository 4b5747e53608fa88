"""`manage.py reset_totp`: a lost phone."""

import pytest
from django.test import Client
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from structlog.testing import capture_logs

from config.verbs import who
from tests.support.commands import refused, run
from tests.support.signing import SECOND_FACTOR, authenticator, signed_in

pytestmark = pytest.mark.django_db

PASSWORD = "the right one for the desk"


@pytest.fixture
def olga(django_user_model):
    user = django_user_model.objects.create_superuser("olga", password=PASSWORD)
    authenticator(user)
    return user


def test_it_takes_the_authenticator_away_and_ends_the_sessions_of_that_user_alone(olga, django_user_model):
    clients = [signed_in(Client(), olga) for _ in range(2)]
    otto = django_user_model.objects.create_superuser("otto")
    authenticator(otto)
    other = signed_in(Client(), otto)

    told = run("reset_totp", "olga", reason="the phone fell into the sea")

    assert told == "olga: the authenticator is taken away, 2 sessions are ended\n"
    assert [client.get("/admin/").status_code for client in clients] == [302, 302]
    assert other.get("/admin/").status_code == 200
    assert [device.user for device in (*TOTPDevice.objects.all(), *StaticDevice.objects.all())] == [otto, otto]


def test_a_session_that_was_written_under_another_key_is_ended_too(olga, settings):
    """A shell may have another SECRET_KEY than the pages: whose session it is can't be told there."""
    client = signed_in(Client(), olga)
    key, settings.SECRET_KEY = settings.SECRET_KEY, "another one, which is as long as it has to be for a test"
    run("reset_totp", "olga", reason="the phone fell into the sea")
    settings.SECRET_KEY = key

    assert client.get("/admin/").status_code == 302


def test_after_it_the_password_signs_in_and_another_one_can_be_set_up(olga, client):
    run("reset_totp", "olga", reason="the phone fell into the sea")

    answer = client.post("/admin/login/", {"username": "olga", "password": PASSWORD})

    assert answer["Location"] == "/admin/"
    assert 'id="key"' in client.post(SECOND_FACTOR, {"do": "begin"}).content.decode()


def test_the_log_says_who_did_it_to_whom_and_why_and_no_key(olga):
    key = TOTPDevice.objects.get().key

    with capture_logs() as logs:
        run("reset_totp", "olga", reason=" the phone fell into the sea ")

    assert logs == [
        {
            "event": "Second factor reset",
            "log_level": "warning",
            "user": "olga",
            "by": who(),
            "reason": "the phone fell into the sea",
            "had_one": True,
            "sessions_ended": 0,
        }
    ]
    assert key not in str(logs)


def test_where_there_is_none_it_says_so(django_user_model):
    django_user_model.objects.create_user("otto")

    assert run("reset_totp", "otto", reason="to see") == "otto: there was no authenticator, 0 sessions are ended\n"


def test_nobody_and_no_reason_are_refused_and_nothing_is_changed(olga):
    assert "expected the name of a user, was 'nobody'" in refused("reset_totp", "nobody", "--reason", "lost")[1]
    assert "expected a reason" in refused("reset_totp", "olga", "--reason", "  ")[1]
    assert TOTPDevice.objects.count() == 1
