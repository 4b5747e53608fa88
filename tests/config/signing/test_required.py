"""REQUIRE_TOTP: who has no authenticator is answered nothing but the page on which one is set up."""

import pytest
from django_otp.plugins.otp_totp.models import TOTPDevice

from config.web_environment import require_totp
from tests.support.api import PROBLEM, reader
from tests.support.signing import SECOND_FACTOR, authenticator, code_of, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def required(settings):
    settings.REQUIRE_TOTP = True


@pytest.mark.parametrize("address", ["/admin/", "/", "/failed/", "/admin/auth/user/", "/api/v1/docs/", "/admin/login/"])
def test_pages_lead_to_the_one_on_which_it_is_set_up(admin_client, address):
    answer = admin_client.get(address)

    assert (answer.status_code, answer["Location"]) == (302, SECOND_FACTOR)
    assert "requires one of everybody" in admin_client.get(SECOND_FACTOR).content.decode()


def test_nothing_can_be_sent_either(admin_client, django_user_model):
    answer = admin_client.post("/admin/auth/user/add/", {"username": "new", "usable_password": "false"})

    assert answer["Location"] == SECOND_FACTOR
    assert not django_user_model.objects.filter(username="new").exists()


@pytest.mark.parametrize("part", ["/live", "/pace", "/charts"])
def test_a_board_that_is_open_is_told_that_it_is_not_answered(admin_client, part):
    assert admin_client.get(part).status_code == 401


def test_a_session_is_refused_by_the_api_and_a_token_is_not(admin_client, client):
    refused = admin_client.get("/api/v1/notices/")

    assert (refused.status_code, refused["Content-Type"]) == (403, PROBLEM)
    assert refused.json()["code"] == "second_factor_missing"
    assert reader(client).get("/api/v1/notices/").status_code == 200


def test_a_token_that_is_none_opens_nothing_beside_a_session(admin_client):
    answer = admin_client.get("/api/v1/notices/", headers={"Authorization": "Bearer htk_none"})

    assert answer.status_code == 401


def test_once_it_is_set_up_everything_answers(admin_client):
    admin_client.post(SECOND_FACTOR, {"do": "begin"})
    admin_client.post(SECOND_FACTOR, {"do": "confirm", "code": code_of(TOTPDevice.objects.get())})

    for address in ("/admin/", "/", "/api/v1/notices/", "/live"):
        assert admin_client.get(address).status_code == 200, address


def test_who_removes_it_begins_anew(client, django_user_model):
    user = django_user_model.objects.create_superuser("olga")
    device = authenticator(user)
    signed_in(client, user)

    client.post(SECOND_FACTOR, {"do": "remove", "code": code_of(device)})

    assert client.get("/admin/")["Location"] == SECOND_FACTOR


def test_one_may_sign_out_and_health_is_told(admin_client):
    assert admin_client.get("/health/live").status_code == 200
    assert admin_client.post("/admin/logout/").status_code == 200
    assert admin_client.get("/admin/")["Location"].startswith("/admin/login/")


@pytest.mark.parametrize(("said", "on"), [("on", True), ("ON", True), ("off", False), ("", False)])
def test_it_is_asked_of_everybody_where_that_is_set(said, on):
    assert require_totp({"REQUIRE_TOTP": said}) is on
