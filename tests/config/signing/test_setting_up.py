"""Setting up: somebody's own authenticator, by its first code; the key and the recovery codes are shown once."""

import re
from base64 import b32decode
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from structlog.testing import capture_logs

from config.signing import devices
from tests.config.test_policy import broken_by
from tests.support.signing import (
    SECOND_FACTOR,
    authenticator,
    code_of,
    secrets_of,
    signed_in,
    waited,
    wrong_code,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk(client, django_user_model):
    """One of the staff who may do nothing."""
    client.user = django_user_model.objects.create_user("clerk", is_staff=True)
    client.force_login(client.user)
    return client


def did(client, what, code=""):
    return client.post(SECOND_FACTOR, {"do": what, "code": code})


def text(answer):
    return answer.content.decode()


def key_in(answer):
    return b32decode(re.search(r'id="key">([A-Z2-7 ]+)<', text(answer))[1].replace(" ", ""))


def codes_in(answer):
    return re.findall(r"<li><code[^>]*>([a-z2-7]{8})</code></li>", text(answer))


def test_anyone_of_the_staff_sets_one_up_by_its_first_code(clerk):
    begun = did(clerk, "begin")
    device = TOTPDevice.objects.get()
    assert (key_in(begun), device.confirmed) == (device.bin_key, False)

    done = did(clerk, "confirm", code_of(device))

    device.refresh_from_db()
    assert device.confirmed
    assert set(codes_in(done)) == set(StaticToken.objects.values_list("token", flat=True))
    assert len(codes_in(done)) == devices.RECOVERY_CODES
    # Whoever set it up goes on, and is asked for nothing.
    assert clerk.get("/admin/").status_code == 200


def test_key_and_recovery_codes_are_shown_this_once(clerk):
    begun = did(clerk, "begin")
    device = TOTPDevice.objects.get()
    wrong = did(clerk, "confirm", wrong_code(device))
    waiting = clerk.get(SECOND_FACTOR)
    waited()
    done = did(clerk, "confirm", code_of(device))
    later = clerk.get(SECOND_FACTOR)

    kept = secrets_of(clerk.user)
    assert len(kept) == 3 + devices.RECOVERY_CODES
    assert kept[2] in text(begun)
    assert [each for each in kept for answer in (wrong, waiting, later) if each in text(answer)] == []
    assert [each for each in kept[:3] if each in text(done)] == []
    assert begun["Cache-Control"] == done["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"


def test_the_picture_is_one_that_the_policy_lets_be_seen(clerk):
    page = text(did(clerk, "begin"))

    assert broken_by(page) == []
    (picture,) = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert not re.search(r"style=|<script|href", picture)


def test_what_the_picture_says_is_what_authenticators_read(clerk):
    did(clerk, "begin")

    url = urlsplit(TOTPDevice.objects.get().config_url)

    assert (url.scheme, url.netloc, url.path) == ("otpauth", "totp", "/Hedgetrail%3Aclerk")
    assert b32decode(parse_qs(url.query)["secret"][0]) == TOTPDevice.objects.get().bin_key


def test_a_key_in_the_hand_of_a_program_is_not_told_by_printing_it(clerk):
    assert repr(devices.begin(clerk.user)) == "Key(…)"


def test_nothing_is_asked_for_until_the_first_code_came(clerk):
    did(clerk, "begin")
    did(clerk, "confirm", wrong_code(TOTPDevice.objects.get()))

    assert clerk.get("/admin/").status_code == 200
    assert devices.device_of(clerk.user) is None


def test_to_begin_again_is_to_forget_the_key_before(clerk):
    first = key_in(did(clerk, "begin"))
    second = key_in(did(clerk, "begin"))

    assert first != second
    assert TOTPDevice.objects.get().bin_key == second


def test_setting_one_up_ends_the_other_sessions(clerk):
    other = Client()
    other.force_login(clerk.user)
    elses = Client()
    elses.force_login(User.objects.create_superuser("otto"))
    did(clerk, "begin")

    with capture_logs() as logs:
        did(clerk, "confirm", code_of(TOTPDevice.objects.get()))

    assert other.get("/admin/").status_code == 302
    assert elses.get("/admin/").status_code == 200
    assert clerk.get("/admin/").status_code == 200
    assert [line["sessions_ended"] for line in logs if line["event"] == "Second factor set up"] == [1]
    assert Session.objects.count() == 2


def test_who_has_one_can_not_begin_another_beside_it(clerk):
    device = authenticator(clerk.user)
    signed_in(clerk, clerk.user)

    did(clerk, "begin")
    did(clerk, "confirm", code_of(device))

    assert TOTPDevice.objects.get() == device
    assert devices.recovery_left(clerk.user) == devices.RECOVERY_CODES


@pytest.mark.parametrize("what", ["renew", "remove"])
def test_to_change_it_takes_a_code_of_it(clerk, what):
    device = authenticator(clerk.user)
    signed_in(clerk, clerk.user)
    before = secrets_of(clerk.user)

    for code in ("", "abc", wrong_code(device)):
        did(clerk, what, code)
        waited()

    assert secrets_of(clerk.user) == before


def test_new_recovery_codes_end_the_older_ones(clerk):
    device = authenticator(clerk.user)
    signed_in(clerk, clerk.user)
    before = set(StaticToken.objects.values_list("token", flat=True))

    new = codes_in(did(clerk, "renew", code_of(device)))

    assert set(new) == set(StaticToken.objects.values_list("token", flat=True))
    assert not before & set(new)


def test_one_that_is_removed_is_asked_for_no_more(clerk):
    device = authenticator(clerk.user)
    signed_in(clerk, clerk.user)

    assert did(clerk, "remove", code_of(device)).status_code == 302

    assert not TOTPDevice.objects.exists()
    assert not StaticToken.objects.exists()
    assert clerk.get("/admin/").status_code == 200


def test_nobody_sees_or_changes_anothers(clerk):
    device = authenticator(User.objects.create_superuser("olga"))

    page = text(clerk.get(SECOND_FACTOR))
    did(clerk, "remove", code_of(device))

    assert "Set up an authenticator" in page
    assert TOTPDevice.objects.get() == device


def test_the_page_is_led_to_from_the_admin_and_from_the_desk(admin_client, settings):
    from config.admin_site import UNFOLD

    settings.UNFOLD = UNFOLD

    for address in ("/admin/", "/"):
        assert f'href="{SECOND_FACTOR}"' in text(admin_client.get(address))
    assert 'href="/admin/password_change/"' in text(admin_client.get("/admin/"))


def test_a_user_goes_with_their_authenticator(admin_client, django_user_model):
    user = django_user_model.objects.create_user("gone")
    authenticator(user)

    page = text(admin_client.get(f"/admin/auth/user/{user.pk}/delete/"))
    assert [each for each in secrets_of(user) if each in page] == []
    admin_client.post(f"/admin/auth/user/{user.pk}/delete/", {"post": "yes"})

    assert not TOTPDevice.objects.exists()
