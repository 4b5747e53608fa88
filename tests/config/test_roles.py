"""Roles: what each may do in the admin, and that migrating makes them so again."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse

from config.roles import Role, sync_roles
from tests.support import factories as make
from tests.trading.admin.pages import list_of, page_of
from trading.risk.controls import KillSwitch

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def roles():
    sync_roles()


@pytest.fixture
def acting_as(client, django_user_model):
    def act(role):
        user = django_user_model.objects.create_user(role, is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        client.force_login(user)
        return client

    return act


def opens(client, model):
    status = client.get(list_of(model)).status_code
    assert status in (200, 403)
    return status == 200


SEES = {
    "trading.tradeaccumulator": set(Role),
    "audit_trail.tradedecision": set(Role),
    "eventstore.storedevent": set(Role),
    "trading.operatorrequest": set(Role),
    "audit_trail.apipayload": set(Role) - {Role.VIEWER},
    "trading.brokertoken": {Role.AUDITOR, Role.ADMINISTRATOR},
    "axes.accesslog": {Role.AUDITOR, Role.ADMINISTRATOR},
    "axes.accessattempt": {Role.AUDITOR, Role.ADMINISTRATOR},
    "auth.user": {Role.AUDITOR, Role.ADMINISTRATOR},
    "django_q.schedule": {Role.AUDITOR, Role.ADMINISTRATOR},
}


@pytest.mark.parametrize("role", Role)
def test_what_each_role_sees(acting_as, role):
    client = acting_as(role)

    assert {model for model in SEES if opens(client, model)} == {model for model in SEES if role in SEES[model]}


@pytest.mark.parametrize("role", Role)
def test_who_may_ask_for_what_the_buttons_do(acting_as, role):
    order = make.order()
    asked = reverse("admin:trading_operatorrequest_ask", args=["recheck_order"])

    answer = acting_as(role).get(asked, {"subject": order.pk})

    assert answer.status_code == (200 if role in (Role.OPERATOR, Role.ADMINISTRATOR) else 403)


@pytest.mark.parametrize("role", Role)
def test_who_may_throw_a_kill_switch(acting_as, role):
    thrown = {"scope": "global", "subject": "", "is_on": "on", "reason": "the feed looks wrong"}

    acting_as(role).post(reverse("admin:trading_killswitch_add"), thrown)

    assert KillSwitch.objects.filter(is_on=True).exists() == (role in (Role.OPERATOR, Role.ADMINISTRATOR))


@pytest.mark.parametrize("role", Role)
def test_who_may_change_a_limit(acting_as, role):
    limit = make.risk_limit()

    answer = acting_as(role).post(page_of(limit), {})

    assert answer.status_code == (200 if role is Role.ADMINISTRATOR else 403)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.AUDITOR])
def test_no_one_but_an_administrator_makes_users_or_changes_roles(acting_as, role):
    client = acting_as(role)

    assert client.post(reverse("admin:auth_user_add"), {"username": "new"}).status_code == 403
    assert client.post(page_of(Group.objects.first()), {"name": "mine"}).status_code == 403


def test_an_auditor_and_a_viewer_may_look_and_nothing_else():
    for role in (Role.AUDITOR, Role.VIEWER):
        names = Group.objects.get(name=role).permissions.values_list("codename", flat=True)
        assert {name.partition("_")[0] for name in names} == {"view"}


def test_making_them_again_changes_nothing_and_mends_what_was_changed_by_hand(django_assert_max_num_queries):
    before = standing()
    Group.objects.get(name=Role.VIEWER).permissions.add(Permission.objects.get(codename="add_user"))
    Group.objects.get(name=Role.AUDITOR).permissions.clear()
    own = Group.objects.create(name="night shift")
    own.permissions.add(Permission.objects.get(codename="view_notice"))

    sync_roles()

    assert {name: held for name, held in standing().items() if name != "night shift"} == before
    assert standing()["night shift"] == {"view_notice"}


def standing():
    return {group.name: {held.codename for held in group.permissions.all()} for group in Group.objects.all()}
