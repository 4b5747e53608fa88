"""Limits and restrictions in admin: changed with a reason, never deleted, and their history is there to be read."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from tests.support import factories as make
from tests.trading.admin.pages import list_of, page_of, rows_in, text_of
from tests.trading.risk.test_controls import changes, set_limit
from trading.risk.controls import RestrictedSymbol, RiskChange, RiskLimit

pytestmark = pytest.mark.django_db

LIMIT = {"rule": "max_order_shares", "scope": "global", "subject": "", "value": "100"}


def add(client, model, **form):
    return client.post(reverse(f"admin:trading_{model}_add"), form)


def errors(answer) -> dict[str, list[str]]:
    assert answer.status_code == 200
    return answer.context["adminform"].form.errors


def test_a_limit_is_set_changed_and_lifted_with_a_reason_each_time(admin_client):
    assert add(admin_client, "risklimit", **LIMIT, reason="to begin with").status_code == 302
    row = RiskLimit.objects.get()
    assert (row.value, row.reason, row.actor) == (100, "to begin with", "admin")

    number = "50.000000000000000000001"
    assert admin_client.post(page_of(row), {"value": number, "reason": "less"}).status_code == 302
    assert RiskLimit.objects.get().value == Decimal(number)
    assert admin_client.post(page_of(row), {"value": "", "reason": "none"}).status_code == 302

    assert changes() == [
        ("limit", "max_order_shares, global", None, {"value": "100"}),
        ("limit", "max_order_shares, global", {"value": "100"}, {"value": number}),
        ("limit", "max_order_shares, global", {"value": number}, {"value": None}),
    ]
    assert "lifted" in text_of(admin_client.get(list_of("trading.risklimit")))


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "   "}, "reason"),
        ({"value": "-1"}, "value"),
        ({"value": "a lot"}, "value"),
        ({"scope": "symbol"}, "subject"),
        ({"subject": "AAPL"}, "subject"),
        ({"scope": "broker", "subject": "etrade"}, "subject"),
        ({"rule": "max_shares"}, "rule"),
    ],
)
def test_what_is_no_limit_is_not_set(admin_client, form, field):
    assert field in errors(add(admin_client, "risklimit", **LIMIT | {"reason": "x"} | form))
    assert not RiskLimit.objects.exists()
    assert not RiskChange.objects.exists()


def test_a_limit_that_is_there_is_changed_and_not_set_beside_itself(admin_client):
    set_limit("100")
    assert "__all__" in errors(add(admin_client, "risklimit", **LIMIT, reason="again"))
    assert RiskLimit.objects.count() == 1


def test_what_a_limit_is_about_does_not_change(admin_client):
    set_limit("100", scope="symbol", subject="AAPL")
    row = RiskLimit.objects.get()

    form = {"value": "7", "reason": "x", "scope": "global", "subject": "", "rule": "orders_per_minute"}
    assert admin_client.post(page_of(row), form).status_code == 302

    row.refresh_from_db()
    assert (row.rule, row.scope, row.subject, row.value) == ("max_order_shares", "symbol", "AAPL", 7)


def test_a_symbol_is_restricted_until_a_time_and_let_go(admin_client):
    times = {"expires_at_0": "2026-04-01", "expires_at_1": "13:30:00"}
    form = {"symbol": " aapl ", "side": "", **times, "reason": "earnings"}
    assert add(admin_client, "restrictedsymbol", **form).status_code == 302
    row = RestrictedSymbol.objects.get()
    assert (row.symbol, row.side, row.expires_at) == ("AAPL", "", datetime(2026, 4, 1, 13, 30, tzinfo=UTC))

    over = {"expires_at_0": "2026-03-01", "expires_at_1": "00:00:00", "reason": "they are out"}
    assert admin_client.post(page_of(row), over).status_code == 302

    assert [change[2:] for change in changes()] == [
        (None, {"expires_at": "2026-04-01T13:30:00+00:00"}),
        ({"expires_at": "2026-04-01T13:30:00+00:00"}, {"expires_at": "2026-03-01T00:00:00+00:00"}),
    ]
    assert "symbol" in errors(add(admin_client, "restrictedsymbol", symbol="A B", side="", reason="x"))


def test_the_history_of_a_control_is_a_touch_away(admin_client):
    set_limit("100")
    set_limit("50", reason="less", actor="anna")
    set_limit("1", scope="symbol", subject="AAPL")
    row = RiskLimit.objects.get(scope="global")

    page = admin_client.get(page_of(row)).content.decode()
    link = page.split('href="/admin/trading/riskchange/?')[1].split('"')[0].replace("&amp;", "&")

    found = admin_client.get(f"/admin/trading/riskchange/?{link}")
    assert [each.reason for each in rows_in(found)] == ["less", "something is wrong"]
    assert "anna" in text_of(found)


@pytest.mark.parametrize("model", ["killswitch", "restrictedsymbol", "risklimit"])
def test_no_control_is_deleted_and_none_is_changed_by_who_may_only_look(client, django_user_model, model):
    clerk = django_user_model.objects.create_user("clerk", is_staff=True)
    client.force_login(clerk)
    row = getattr(
        make, {"killswitch": "kill_switch", "restrictedsymbol": "restricted_symbol"}.get(model, "risk_limit")
    )()
    before = type(row).objects.filter(pk=row.pk).values().get()

    def let(*rights):
        clerk.user_permissions.set(Permission.objects.filter(codename__in=[f"{right}_{model}" for right in rights]))

    let("view")
    page = client.get(page_of(row))
    assert page.status_code == 200
    assert 'name="reason"' not in page.content.decode()
    assert client.post(page_of(row), {"value": "1", "is_on": "on", "reason": "x"}).status_code == 403
    assert add(client, model, reason="x").status_code == 403
    let("view", "change", "delete")
    delete = page_of(row).replace("/change/", "/delete/")
    assert client.post(delete, {"post": "yes"}).status_code == 403
    assert add(client, model, reason="x").status_code == 403
    assert client.post(list_of(f"trading.{model}"), {"action": "delete_selected"}).status_code == 403
    assert type(row).objects.filter(pk=row.pk).values().get() == before


def test_denials_and_checks_tell_their_figures(admin_client):
    denial = make.denial(rule="price_collar", text="the quote is far away", figures='{"price_usd":"200.10"}')
    check = make.risk_check(figures='{"held_shares":"3.25"}')

    for row, said in ((denial, "200.10"), (check, "3.25")):
        assert said in text_of(admin_client.get(page_of(row)))
    assert rows_in(admin_client.get(list_of("trading.denial"), {"rule": "price_collar"})) == [denial]
    assert rows_in(admin_client.get(list_of("trading.denial"), {"state": "over"})) == []
