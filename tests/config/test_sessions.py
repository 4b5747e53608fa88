"""Sessions: they end with the working day, when nothing asks, when the password changes, and on signing out."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone
from structlog.testing import capture_logs

from config.signing.sessions import SEEN, SEEN_EVERY, SIGNED_IN

pytestmark = pytest.mark.django_db

PASSWORD, ANOTHER = "the right one for the desk", "another one for the desk"
DAY, IDLE = timedelta(hours=8), timedelta(hours=1)


@pytest.fixture
def olga(client, django_user_model):
    """A client that signed in by the form."""
    client.user = django_user_model.objects.create_superuser("olga", password=PASSWORD)
    client.post("/admin/login/", {"username": "olga", "password": PASSWORD})
    assert is_in(client)
    return client


def is_in(client):
    return client.get("/admin/").status_code == 200


def as_if(client, **ago):
    """As if the session had been begun, or seen, so long ago."""
    session = client.session
    for name, since in ago.items():
        session[name] = (timezone.now() - since).isoformat()
    session.save()


def test_the_cookie_goes_with_the_browser_and_no_script_reads_it(client, django_user_model):
    django_user_model.objects.create_superuser("olga", password=PASSWORD)

    cookie = client.post("/admin/login/", {"username": "olga", "password": PASSWORD}).cookies["sessionid"]

    assert (cookie["expires"], cookie["max-age"]) == ("", "")
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_it_ends_after_a_working_day_whatever_is_done_in_it(olga):
    as_if(olga, signed_in_at=DAY - timedelta(minutes=5), seen_at=timedelta())
    assert is_in(olga)

    as_if(olga, signed_in_at=DAY, seen_at=timedelta())

    assert olga.get("/admin/")["Location"].startswith("/admin/login/")
    assert not Session.objects.exists()


def test_it_ends_after_an_hour_in_which_nothing_asked(olga):
    as_if(olga, seen_at=IDLE - timedelta(minutes=5))
    assert is_in(olga)

    as_if(olga, seen_at=IDLE)

    assert not is_in(olga)
    assert not Session.objects.exists()


@pytest.mark.parametrize("address", ["/admin/", "/live", "/api/v1/notices/"])
def test_whatever_asks_keeps_it_for_another_hour(olga, address):
    as_if(olga, seen_at=IDLE - timedelta(minutes=5))

    olga.get(address)

    assert timezone.now() - timezone.datetime.fromisoformat(olga.session[SEEN]) < timedelta(minutes=1)


def test_what_asks_every_two_seconds_does_not_write_each_time(olga, django_assert_num_queries):
    as_if(olga, seen_at=SEEN_EVERY - timedelta(minutes=1))
    before = Session.objects.get().session_data

    olga.get("/live")

    assert Session.objects.get().session_data == before


def test_pages_are_shown_while_the_database_takes_no_writes(olga, monkeypatch):
    as_if(olga, seen_at=SEEN_EVERY)

    def full(*args, **options):
        raise DatabaseError("the disk is full")

    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.save", full)

    with capture_logs() as logs:
        assert olga.get("/live").status_code == 200

    assert [line["error"] for line in logs if line["event"] == "Use of a session not noted"] == ["DatabaseError"]


@pytest.mark.parametrize("lacking", [SIGNED_IN, SEEN])
def test_one_that_does_not_say_since_when_it_lasts_is_over(olga, lacking):
    session = olga.session
    del session[lacking]
    session.save()

    assert not is_in(olga)


@pytest.mark.parametrize(("address", "status"), [("/", 302), ("/live", 401), ("/api/v1/notices/", 401)])
def test_what_is_over_is_nobodys(olga, address, status):
    as_if(olga, seen_at=IDLE)

    assert olga.get(address).status_code == status


def test_another_password_ends_every_session_but_the_one_that_changed_it(olga):
    other = Client()
    other.force_login(olga.user)
    assert is_in(other)

    changed = olga.post(
        "/admin/password_change/",
        {"old_password": PASSWORD, "new_password1": ANOTHER, "new_password2": ANOTHER},
    )

    assert changed.status_code == 302
    assert is_in(olga)
    assert not is_in(other)


def test_a_user_who_is_not_active_any_more_is_out_at_once(olga):
    olga.user.is_active = False
    olga.user.save()

    assert not is_in(olga)


def test_signing_out_leaves_nothing_to_come_back_with(olga):
    cookie = olga.cookies["sessionid"].value

    olga.post("/admin/logout/")

    assert not Session.objects.exists()
    thief = Client()
    thief.cookies["sessionid"] = cookie
    assert not is_in(thief)


def test_the_session_has_another_key_after_signing_in(client, django_user_model):
    django_user_model.objects.create_superuser("olga", password=PASSWORD)
    session = client.session
    session["something"] = "before"
    session.save()
    client.cookies["sessionid"] = before = session.session_key

    client.post("/admin/login/", {"username": "olga", "password": PASSWORD})

    assert is_in(client)
    assert client.session.session_key != before
