"""The kill switch as it is thrown: by command, over HTTP and in admin, each with who and why."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from tests.support import factories as make
from tests.support.commands import refused, run
from tests.support.stations import notices
from tests.trading.risk.asking import NOW
from trading.risk.controls import KillSwitch, RiskChange, throw
from trading.risk.scopes import Scope

pytestmark = pytest.mark.django_db

URL = "/api/v1/kill-switch/"


def standing() -> dict[str, bool]:
    return {row.named(): row.is_on for row in KillSwitch.objects.all()}


def last_change() -> tuple[str, str, str]:
    row = RiskChange.objects.latest("id")
    return row.subject, row.actor, row.reason


# By command.


def test_the_command_throws_it_and_turns_it_off_again():
    assert run("kill_switch", "on", "--reason", "wrong prices") == "the kill switch (global) is on\n"
    assert standing() == {"global": True}
    assert notices() == [("kill_switch", "global")]

    assert run("kill_switch", "off", "--reason", "prices are right") == "the kill switch (global) is off\n"
    assert standing() == {"global": False}
    assert notices() == []
    assert last_change() == ("global", "operator", "prices are right")


def test_the_command_reaches_one_broker_symbol_or_strategy_and_tells_what_else_is_on():
    run("kill_switch", "on", "--broker", "alpaca", "--reason", "it is slow")
    make.denial(symbol="AAPL", strategy="hedge")
    run("kill_switch", "on", "--symbol", "aapl", "--reason", "a split")
    said = run("kill_switch", "on", "--strategy", "hedge", "--reason", "a test")

    assert said == "the kill switch (strategy hedge) is on\non as well: broker alpaca, symbol AAPL\n"
    assert standing() == {"global": False, "broker alpaca": True, "symbol AAPL": True, "strategy hedge": True}


def test_a_symbol_or_a_strategy_of_which_no_order_ever_came_may_be_a_slip_of_the_pen():
    make.denial(symbol="AAPL", strategy="congressional")

    for reach, is_known in (
        (("--symbol", "AAPL"), True),
        (("--symbol", "APPL"), False),
        (("--strategy", "congressional"), True),
        (("--strategy", "congresional"), False),
        (("--strategy", "hedge"), True),
    ):
        said = run("kill_switch", "on", *reach, "--reason", "a test")
        named = " ".join((reach[0].removeprefix("--"), reach[1]))
        told = f"no order of {named} has come to the risk gate so far: is that its name?"
        assert (told in said) is not is_known
        run("kill_switch", "off", *reach, "--reason", "it is over")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["on", "--reason", "x" * 2001], "expected a reason of at most 2000 letters, was one of 2001"),
        (["on", "--reason", " "], "expected a reason, was empty"),
        (["on", "--broker", "etrade", "--reason", "x"], "expected one of schwab, alpaca, dry_run, was 'etrade'"),
        (["on", "--symbol", "A B", "--reason", "x"], "expected a stock symbol"),
        (["on", "--strategy", "", "--reason", "x"], "expected the name of a strategy"),
        (["on"], "the following arguments are required: --reason"),
        (["maybe", "--reason", "x"], "invalid choice: 'maybe'"),
        (["on", "--broker", "alpaca", "--symbol", "AAPL", "--reason", "x"], "not allowed with argument --broker"),
    ],
)
def test_the_command_refuses_what_it_does_not_understand(arguments, said):
    _, error = refused("kill_switch", *arguments)
    assert said in error
    assert not KillSwitch.objects.filter(is_on=True).exists()


# Over HTTP.


@pytest.fixture
def user(client, django_user_model):
    """A user without rights; `client` is theirs."""
    made = django_user_model.objects.create_user("anna")
    client.force_login(made)
    return made


def let(user, right):
    user.user_permissions.add(Permission.objects.get(content_type__app_label="trading", codename=right))


def post(client, **data):
    return client.post(URL, data, content_type="application/json")


def test_who_may_throws_it_over_http_and_reads_what_is_on(client, user):
    let(user, "change_killswitch")

    answer = post(client, on=True, reason="wrong prices")

    assert answer.status_code == 200
    told = client.get(URL).json()
    assert told == answer.json()
    assert told["any_on"] is True
    (switch,) = told["switches"]
    assert switch.pop("at")
    assert switch == {"scope": "global", "subject": "", "on": True, "reason": "wrong prices", "actor": "anna"}

    told = post(client, on=False, reason="prices are right", scope="global", subject="").json()
    assert (told["any_on"], told["switches"][0]["on"]) == (False, False)
    assert last_change() == ("global", "anna", "prices are right")


def test_a_symbols_switch_over_http(client, user):
    let(user, "change_killswitch")
    assert post(client, on=True, reason="a split", scope="symbol", subject="aapl").status_code == 200
    assert standing() == {"global": False, "symbol AAPL": True}


def test_nobody_throws_it_without_the_right_to(client, user):
    assert (client.get(URL).status_code, post(client, on=True, reason="x").status_code) == (403, 403)

    let(user, "view_killswitch")
    assert client.get(URL).json() == {"any_on": False, "switches": []}
    assert post(client, on=True, reason="x").status_code == 403
    assert not KillSwitch.objects.exists()


def test_a_stranger_is_told_nothing(client):
    assert client.get(URL).status_code == 401
    assert post(client, on=True, reason="x").status_code == 401
    assert not KillSwitch.objects.exists()


def test_a_page_elsewhere_can_not_throw_it_for_a_user_who_is_logged_in(django_user_model):
    from django.test import Client

    careful = Client(enforce_csrf_checks=True)
    careful.force_login(django_user_model.objects.create_superuser("operator"))
    assert post(careful, on=True, reason="x").status_code == 403
    assert not KillSwitch.objects.exists()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"reason": "x"}, "on: expected true or false, was None"),
        ({"on": "false", "reason": "x"}, "on: expected true or false, was 'false'"),
        ({"on": 0, "reason": "x"}, "on: expected true or false, was 0"),
        ({"on": 1, "reason": "x"}, "on: expected true or false, was 1"),
        ({"on": None, "reason": "x"}, "on: expected true or false, was None"),
        ({"on": True}, "reason: expected a reason"),
        ({"on": True, "reason": " "}, "reason: expected a reason"),
        ({"on": True, "reason": 7}, "reason: expected a text, was 7"),
        ({"on": True, "reason": "a\0b"}, "reason: expected a text"),
        ({"on": True, "reason": "x", "scope": "all"}, "scope: expected one of global, broker, symbol, strategy"),
        ({"on": True, "reason": "x", "scope": ["global"]}, "scope: expected a text"),
        ({"on": True, "reason": "x", "scope": "symbol"}, "subject: expected a stock symbol"),
        ({"on": True, "reason": "x", "subject": "AAPL"}, "subject: expected no subject beside a global scope"),
        ({"on": True, "reason": "x", "symbol": "AAPL"}, "and nothing else, found symbol"),
        ([], "expected an object"),
    ],
)
def test_q8_what_is_no_clear_order_throws_nothing(client, user, data, said):
    let(user, "change_killswitch")

    answer = client.post(URL, data, content_type="application/json")

    assert answer.status_code == 400
    assert said in answer.json()["detail"]
    assert not KillSwitch.objects.filter(is_on=True).exists()


def test_a_form_is_no_order_either(client, user):
    let(user, "change_killswitch")
    assert client.post(URL, {"on": "true", "reason": "x"}).status_code == 415


# In admin.


def test_in_admin_it_is_thrown_with_a_reason(admin_client, admin_user):
    add = reverse("admin:trading_killswitch_add")
    form = {"scope": "symbol", "subject": "aapl", "is_on": "on"}

    assert admin_client.post(add, form).status_code == 200
    assert not KillSwitch.objects.filter(is_on=True).exists()

    assert admin_client.post(add, form | {"reason": "a split"}).status_code == 302
    assert standing() == {"global": False, "symbol AAPL": True}
    assert last_change() == ("symbol AAPL", admin_user.get_username(), "a split")


def test_in_admin_it_is_asked_whether_a_name_is_right_that_no_order_ever_had(admin_client):
    add = reverse("admin:trading_killswitch_add")
    form = {"scope": "symbol", "subject": "appl", "is_on": "on", "reason": "a split"}

    told = [str(message) for message in admin_client.post(add, form, follow=True).context["messages"]]

    assert "no order of symbol APPL has come to the risk gate so far: is that its name?" in told
    assert standing()["symbol APPL"] is True


@pytest.mark.parametrize(("scope", "subject", "named"), [("global", "", "global"), ("symbol", "aapl", "symbol AAPL")])
def test_in_admin_a_switch_that_is_there_is_thrown_again_by_the_same_form(
    admin_client, admin_user, scope, subject, named
):
    throw(Scope(scope), subject, on=False, reason="all is well", actor="anna", at=NOW)
    form = {"scope": scope, "subject": subject, "is_on": "on", "reason": "wrong prices"}

    assert admin_client.post(reverse("admin:trading_killswitch_add"), form).status_code == 302

    assert standing()[named] is True
    assert KillSwitch.objects.filter(scope=scope, subject=subject.upper()).count() == 1
    assert last_change() == (named, admin_user.get_username(), "wrong prices")


def test_in_admin_who_may_only_add_switches_changes_none(client, user):
    throw(Scope.GLOBAL, "", on=True, reason="wrong prices", actor="anna", at=NOW)
    user.is_staff = True
    user.save()
    let(user, "add_killswitch")
    client.force_login(user)

    answer = client.post(reverse("admin:trading_killswitch_add"), {"scope": "global", "subject": "", "reason": "x"})

    assert answer.status_code == 403
    assert standing() == {"global": True}


def test_in_admin_each_change_asks_for_its_own_reason(admin_client, admin_user):
    switch = throw(Scope.GLOBAL, "", on=True, reason="wrong prices", actor="anna", at=NOW)
    page = reverse("admin:trading_killswitch_change", args=[switch.pk])

    shown = admin_client.get(page)
    assert shown.context["adminform"].form.initial.get("reason") is None
    assert "wrong prices" in shown.content.decode()
    assert admin_client.post(page, {}).status_code == 200
    assert standing() == {"global": True}

    assert admin_client.post(page, {"reason": "mended"}).status_code == 302
    assert standing() == {"global": False}
    assert last_change() == ("global", admin_user.get_username(), "mended")
    assert notices() == []
