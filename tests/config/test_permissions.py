"""Every address there is, asked for by a stranger and by a user of the staff who may do nothing."""

import re

import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.urls import URLPattern, get_resolver, reverse
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.support import decided
from tests.support import factories as make
from tests.support.signing import CODE, LOGIN, SECOND_FACTOR, authenticator, secrets_of, signed_in
from tests.trading.admin.pages import ROWS, list_of

pytestmark = pytest.mark.django_db

# What anyone is answered: that the process lives, and how to log in. And what this machine is told.
OPEN = {"/health/live", "/admin/login/"}
FROM_HERE = {"/health/ready", "/metrics"}
# What a user is answered who may do nothing: their own password, words for scripts, and pages that name no model.
OF_ONESELF = {
    *("/admin/", "/admin/search/", "/admin/password_change/", "/admin/password_change/done/", "/admin/jsi18n/"),
    SECOND_FACTOR,
    # What can be asked for, and not what is answered.
    *("/api/v1/docs/", "/api/v1/schema/"),
}
# It would log them out, which is no harm, and is done by POST.
LEFT_OUT = {"/admin/logout/"}


def patterns(resolver, prefix="/"):
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield path
        else:
            yield from patterns(pattern, path)


@pytest.fixture
def addresses(django_user_model):
    """Every address, those of rows for a row that is there."""
    keys = {model.replace(".", "/"): str(quote(make_row().pk)) for model, make_row in ROWS.items()}
    keys["auth/user"] = str(django_user_model.objects.create_user("somebody").pk)
    order = make.order()
    values = {
        "content_type_id": "1",
        "object_id": "1",
        "id": keys["auth/user"],
        "aggregate_type": "Position",
        "aggregate_id": "AAPL",
        "verb_name": "recheck_order",
        "payload": keys["audit_trail/apipayload"],
        "call": keys["audit_trail/apicalllog"],
        "text": "AAPL",
        "app_label": "trading",
        "name": "day",
        "symbol": "AAPL",
        "day": "2026-03-02",
        "trade": str(order.pk),
        "order": str(order.pk),
        "delivery": keys["audit_trail/alertdelivery"],
        "number": str(order.pk),
        "decision": str(decided.decision().decision_id),
        "url": "nowhere",
    }
    found = set()
    for path in patterns(get_resolver()):
        model = "/".join(path.split("/")[2:4])
        known = values | ({"object_id": keys[model]} if model in keys else {})
        plain = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", path).replace("^", "").replace("$", "").replace("\\", "")
        plain = re.sub(r"<(?:\w+:)?(\w+)>", lambda name, known=known: known[name[1]], plain)
        found.add(re.sub(r"\(\.\*\)", "nowhere", plain))
    assert len(found) > 300
    asked = f"/admin/trading/operatorrequest/ask/recheck_order/?subject={order.pk}"
    return [*sorted(found - LEFT_OUT), asked]


def answered(client, addresses):
    return {address for address in addresses if client.get(address).status_code == 200}


def test_a_stranger_is_answered_nothing_but_how_to_log_in(client, addresses):
    assert answered(client, addresses) - FROM_HERE == OPEN


def test_a_stranger_from_elsewhere_is_not_told_how_it_is_doing_either(client):
    for address in FROM_HERE:
        assert client.get(address, REMOTE_ADDR="203.0.113.9").status_code == 403


def test_one_of_the_staff_who_may_do_nothing_is_answered_nothing_but_of_themselves(client, clerk, addresses):
    # A user who is logged in is sent on from the login.
    assert answered(clerk, addresses) - FROM_HERE == {"/health/live"} | OF_ONESELF


def test_who_said_the_password_and_owes_the_code_is_answered_what_a_stranger_is(client, addresses, django_user_model):
    authenticator(django_user_model.objects.create_superuser("chief", password="the chief's own"))
    assert client.post(LOGIN, {"username": "chief", "password": "the chief's own"})["Location"] == CODE

    assert answered(client, addresses) - FROM_HERE == OPEN | {CODE}


def test_who_owes_an_authenticator_is_answered_nothing_but_the_page_to_set_it_up(admin_client, addresses, settings):
    settings.REQUIRE_TOTP = True

    assert answered(admin_client, addresses) - FROM_HERE == {"/health/live", SECOND_FACTOR}


def test_no_address_tells_the_key_of_an_authenticator_or_a_recovery_code(client, addresses, django_user_model):
    chief = django_user_model.objects.create_superuser("chief")
    somebody = django_user_model.objects.get(username="somebody")
    for user in (chief, somebody):
        authenticator(user)
    kept = secrets_of(chief) + secrets_of(somebody)
    signed_in(client, chief)

    told = {address: client.get(address).content.decode() for address in addresses}

    assert client.get("/admin/").status_code == 200
    assert [address for address, text in told.items() for each in kept if each in text] == []
    # Pages of their own would show them.
    assert not {TOTPDevice, StaticDevice, StaticToken} & set(admin.site._registry)


@pytest.mark.parametrize("words", ["notice", "order", "user", "a"])
def test_who_may_do_nothing_finds_nothing(clerk, words):
    for make_row in ROWS.values():
        make_row()

    found = clerk.get("/admin/search/", {"s": words}).content.decode()

    assert "/admin/" not in found


@pytest.fixture
def clerk(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("clerk", is_staff=True))
    return client


@pytest.mark.parametrize("shown", admin.site._registry.values(), ids=lambda shown: shown.model._meta.label_lower)
def test_no_action_of_any_list_can_be_posted_without_permission(client, clerk, shown, rf, django_user_model):
    model = shown.model._meta.label_lower
    row = ROWS[model]() if model in ROWS else None
    superuser = django_user_model.objects.create_superuser("chief")
    request = rf.get("/")
    request.user = superuser
    actions = {*shown.get_actions(request), "delete_selected"}

    for action in actions:
        chosen = {"action": action, "_selected_action": [row.pk if row else 1], "post": "yes", "index": 0}
        assert clerk.post(list_of(model), chosen).status_code == 403, action

    client.logout()
    for action in actions:
        chosen = {"action": action, "_selected_action": [row.pk if row else 1], "post": "yes", "index": 0}
        answer = client.post(list_of(model), chosen)
        assert answer.headers["Location"].startswith(reverse("admin:login")), action
    if row is not None:
        assert type(row).objects.filter(pk=row.pk).exists()


def test_no_form_is_taken_from_another_site(django_user_model):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(django_user_model.objects.create_superuser("chief"))
    for address in (reverse("admin:trading_killswitch_add"), "/admin/logout/", "/admin/password_change/"):
        assert client.post(address, {}).status_code == 403
    for api in ("/api/v1/kill-switch/",):
        assert client.post(api, {"on": True}, content_type="application/json").status_code in (403, 405)
