"""Logins: too many wrong passwords lock a name from an address for a while, and no more than that."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.conf import settings as installed
from django.test import RequestFactory

from config.logins import client_address
from tests.support.commands import run

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
PASSWORD = "the right one for the desk"


@pytest.fixture(autouse=True)
def user(django_user_model):
    return django_user_model.objects.create_superuser("olga", password=PASSWORD)


def tried(client, password="wrong", *, name="olga", address="203.0.113.9", **headers):
    return client.post(LOGIN, {"username": name, "password": password}, headers=headers, REMOTE_ADDR=address)


def lock(client, **where):
    for _ in range(installed.AXES_FAILURE_LIMIT):
        answer = tried(client, **where)
    return answer


def is_in(answer):
    return answer.status_code == 302


def test_five_wrong_passwords_lock_and_the_right_one_does_not_help_then(client):
    locked = lock(client)

    assert locked.status_code == 429
    assert locked["Retry-After"] == "900"
    assert "Try again in 15 minutes" in locked.content.decode()
    assert tried(client, PASSWORD).status_code == 429


def test_four_wrong_ones_are_forgotten_after_the_right_one(client):
    for _ in range(2):
        for _ in range(installed.AXES_FAILURE_LIMIT - 1):
            assert tried(client).status_code == 200
        assert is_in(tried(client, PASSWORD))
        client.logout()


def test_from_elsewhere_and_under_another_name_one_may_still_log_in(client, django_user_model):
    django_user_model.objects.create_superuser("otto", password=PASSWORD)
    lock(client)

    assert is_in(tried(client, PASSWORD, address="203.0.113.10"))
    client.logout()
    assert is_in(tried(client, PASSWORD, name="otto"))


def test_a_name_that_is_nobodys_is_locked_like_any_other(client):
    assert lock(client, name="nobody").content == lock(client).content


def test_the_lock_ends_by_itself_and_is_not_made_longer_by_trying_on(client):
    lock(client)
    assert tried(client, PASSWORD).status_code == 429

    AccessAttempt.objects.update(attempt_time=AccessAttempt.objects.get().attempt_time - timedelta(minutes=15))

    assert is_in(tried(client, PASSWORD))


def test_an_administrator_lets_someone_in_at_once(client):
    lock(client)

    run("axes_reset_username", "olga")

    assert is_in(tried(client, PASSWORD))


def test_no_password_is_kept_of_what_was_tried(client):
    tried(client, "my other password")

    (attempt,) = AccessAttempt.objects.values()
    assert "my other password" not in str(attempt)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        # Nobody is believed who was not named.
        (0, "198.51.100.7", "10.0.0.1"),
        (1, "198.51.100.7", "198.51.100.7"),
        # What stands before what our proxy wrote, the asker wrote.
        (1, "1.1.1.1, 198.51.100.7", "198.51.100.7"),
        (2, "1.1.1.1, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
        (1, "2001:db8::7", "2001:db8::7"),
        # Past the proxies, or through one that tells nothing.
        (1, "", "10.0.0.1"),
        (2, "198.51.100.7", "10.0.0.1"),
        (1, "not an address", "10.0.0.1"),
    ],
)
def test_an_address_is_believed_as_far_as_it_was_told_by_ours(settings, proxies, forwarded, address):
    settings.PROXIES = proxies
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}

    assert client_address(RequestFactory().get("/", headers=headers, REMOTE_ADDR="10.0.0.1")) == address


def test_behind_a_proxy_one_address_is_locked_and_not_the_proxy(client, settings):
    settings.PROXIES = 1
    proxy = "10.0.0.1"
    for _ in range(installed.AXES_FAILURE_LIMIT):
        tried(client, address=proxy, **{"X-Forwarded-For": "198.51.100.7"})

    assert tried(client, PASSWORD, address=proxy, **{"X-Forwarded-For": "198.51.100.7"}).status_code == 429
    assert is_in(tried(client, PASSWORD, address=proxy, **{"X-Forwarded-For": "198.51.100.8"}))


def test_without_being_told_of_a_proxy_no_header_gets_around_a_lock(client):
    lock(client)

    assert tried(client, PASSWORD, **{"X-Forwarded-For": "198.51.100.8"}).status_code == 429
