"""What pages may load and run: the policy that goes with them, and that they keep to it."""

import base64
import hashlib
import re

import pytest
from django.urls import reverse

from config.admin_site import UNFOLD
from config.policy import HTMX_SHEET, THEME_SHEET
from tests.support import decided
from tests.support import factories as make
from tests.trading.admin.pages import ROWS, list_of, page_of

pytestmark = pytest.mark.django_db

PAGES = (
    "base-uri 'none'; connect-src 'self'; default-src 'none'; font-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; img-src 'self'; script-src 'self' 'unsafe-eval'; script-src-attr 'none'; "
    f"style-src 'self'; style-src-attr 'unsafe-inline'; style-src-elem 'self' {THEME_SHEET} {HTMX_SHEET}"
)
DESK = (
    PAGES.replace(" 'unsafe-eval'", "")
    .replace("style-src-attr 'unsafe-inline'", "style-src-attr 'none'")
    .replace(f" {THEME_SHEET} {HTMX_SHEET}", "")
)
NOTHING = "base-uri 'none'; default-src 'none'; form-action 'none'; frame-ancestors 'none'"


def policy_of(answer):
    return "; ".join(sorted(answer["Content-Security-Policy"].split("; ")))


@pytest.fixture
def chief(client, django_user_model, settings):
    settings.UNFOLD = UNFOLD
    client.force_login(django_user_model.objects.create_superuser("chief"))
    return client


@pytest.mark.parametrize("address", ["/admin/login/", "/admin/"])
def test_pages_run_scripts_of_our_own_alone(client, address):
    answer = client.get(address, follow=True)

    assert policy_of(answer) == PAGES
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("address", ["/health/live", "/health/ready", "/metrics", "/api/v1/calls/"])
def test_what_is_no_page_may_load_nothing(chief, address):
    answer = chief.get(address)

    assert not answer["Content-Type"].startswith("text/html")
    assert policy_of(answer) == NOTHING


STORIES = ["/symbols/AAPL/", "/symbols/GME/", "/orders/7/", "/decisions/", "/failed/", "decision"]


@pytest.mark.parametrize("address", ["/", "/live", "/pace", *STORIES])
def test_the_desk_has_scripts_and_styles_in_files_of_our_own_alone(chief, address):
    make.position(symbol="AAPL")
    order = make.order(id=7, detailed_status="rejected", status="FAILED", reason="no buying power")
    make.link(execution=order)
    make.api_call(reference=order.client_order_id)
    decision = decided.decision()
    decided.execution(trade_decision=decision)
    answer = chief.get(f"/decisions/{decision.decision_id}/" if address == "decision" else address)

    assert policy_of(answer) == DESK
    assert "unsafe" not in DESK
    assert broken_by(answer.content.decode()) == []
    assert not re.search(r"<style\b|\sstyle\s*=", answer.content.decode())


def test_the_theme_has_no_inline_sheet_but_the_one_that_the_policy_names(chief):
    """It is known by its hash, which is another after an update of the theme or a change of the colours."""
    sheets = re.findall(r"<style[^>]*>(.*?)</style>", chief.get("/admin/").content.decode(), re.DOTALL)

    found = [base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode() for sheet in sheets]

    assert [f"'sha256-{each}'" for each in found] == [THEME_SHEET]


def test_the_page_on_which_the_api_is_tried_runs_scripts_of_our_own_alone(chief):
    answer = chief.get("/api/v1/docs/")

    assert "script-src 'self';" in f"{answer['Content-Security-Policy']};"
    assert broken_by(answer.content.decode()) == []


def broken_by(html):
    """What of a page the policy would not let a browser do."""
    scripts = re.findall(r"<script\b([^>]*)>(.*?)</script>", html, re.DOTALL)
    inline = [text for attributes, text in scripts if "src=" not in attributes and "json" not in attributes]
    handlers = re.findall(r"<[a-z][^<>]*\son[a-z]+\s*=\s*[\"'][^\"']*[\"']", html)
    elsewhere = re.findall(r"<(?:script|link|img|iframe|form)\b[^>]*\b(?:src|href|action)=\"(?:https?:)?//[^\"]*", html)
    urls = re.findall(r"(?:href|src|action)=\"javascript:[^\"]*", html)
    return [*(text.strip()[:80] for text in inline), *handlers, *elsewhere, *urls]


def test_what_breaks_the_policy_is_seen():
    assert len(broken_by('<script>alert(1)</script><a onclick="x()"><img src="https://e.example/x">')) == 3
    assert broken_by('<script src="/static/a.js"></script><script type="application/json">{}</script>') == []


@pytest.mark.parametrize("model", sorted(ROWS))
def test_no_page_of_the_admin_breaks_the_policy(chief, model):
    row = ROWS[model]()

    for address in (list_of(model), page_of(row)):
        assert broken_by(chief.get(address).content.decode()) == [], address


def test_the_other_pages_do_not_either(chief):
    order = make.order()
    pages = [
        reverse("admin:index"),
        "/admin/reports/day/",
        "/admin/reports/symbol/",
        reverse("admin:password_change"),
        reverse("admin:auth_user_add"),
        reverse("admin:auth_user_changelist"),
        reverse("admin:django_q_schedule_changelist"),
        reverse("admin:trading_killswitch_add"),
        f"{reverse('admin:trading_operatorrequest_ask', args=['recheck_order'])}?subject={order.pk}",
    ]
    for address in pages:
        answer = chief.get(address)
        assert answer.status_code == 200, address
        assert broken_by(answer.content.decode()) == [], address
    chief.logout()
    assert broken_by(chief.get("/admin/login/").content.decode()) == []
