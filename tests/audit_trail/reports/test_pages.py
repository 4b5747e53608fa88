"""Pages of reports: a form, the answer, a way to its CSV and JSON; closed to whoever may not look at decisions."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from tests.audit_trail.reports.rows import filled
from tests.support import decided
from tests.support import factories as make
from tests.support.factories import NOON
from tests.trading.admin.conftest import clerk, operator  # noqa: F401  # fixtures
from tests.trading.admin.pages import links_in, text_of

pytestmark = pytest.mark.django_db

ASKED = {
    "symbol": {"symbol": "aapl", "since": "2026-03-02", "until": "2026-03-02"},
    "strategies": {"since": "2026-03-02", "until": "2026-03-02"},
    "failures": {"since": "2026-03-02", "until": "2026-03-02"},
    "known": {"symbol": "AAPL", "at": "2026-03-02T12:00Z"},
    "day": {"day": "2026-03-02"},
    "storage": {},
}


def place(name):
    return reverse("report-page", args=[name])


@pytest.mark.parametrize("name", ASKED)
def test_every_report_has_a_page_whose_links_answer(operator, name):  # noqa: F811
    filled("100.10")
    decided.decision()
    make.order(placed_at=NOON)
    make.profit_row()

    answer = operator.get(place(name), ASKED[name])

    assert answer.status_code == 200
    links = [link for link in links_in(answer) if "/api/" in link]
    assert links
    for link in links:
        assert operator.get(link).status_code == 200, link


@pytest.mark.parametrize("name", ASKED)
def test_a_page_that_is_opened_without_a_word_has_no_problem(operator, name):  # noqa: F811
    answer = operator.get(place(name))
    assert answer.status_code == 200
    assert "expected" not in text_of(answer)


def test_the_page_tells_sums_and_lists_with_every_digit(operator):  # noqa: F811
    decision = filled("100.123456789012345678901234567890")

    seen = text_of(operator.get(place("symbol"), ASKED["symbol"]))

    assert "success rate percent 100" in seen
    assert "100.12345678901234567890123456789 " in seen
    assert str(decision.decision_id) in seen


def test_what_is_wrong_with_a_question_is_said_on_its_page(operator):  # noqa: F811
    answer = operator.get(place("symbol"), {"symbol": "AAPL", "since": "<script>alert(1)</script>"})
    assert "expected a day in New York" in text_of(answer)
    assert "<script>alert" not in answer.content.decode()


def test_what_a_row_says_is_shown_as_text(operator):  # noqa: F811
    decided.decision(reason="<script>alert(1)</script>", trigger_event="<b>bold</b>")
    for name in ("symbol", "failures"):
        page = operator.get(place(name), ASKED[name]).content.decode()
        assert "<script>alert" not in page
        assert "<b>bold" not in page


def test_a_trade_is_told_from_run_to_fill(operator):  # noqa: F811
    decision = filled()
    there = reverse("report-trade-page")

    found = operator.get(there, {"trade": decision.decision_id})

    assert "strategy" in text_of(found)
    assert re.search(r"average_price_usd.{1,20}100", found.content.decode())
    assert "found none for" in text_of(operator.get(there, {"trade": "a\0b"}))
    assert operator.get(there).status_code == 200
    # A decision in a list leads there.
    assert f"{there}?trade={decision.decision_id}" in links_in(operator.get(place("symbol"), ASKED["symbol"]))


def test_a_page_of_no_report_is_not_there(operator):  # noqa: F811
    assert operator.get(place("nothing")).status_code == 404
    assert operator.get(reverse("report-pages"), follow=True).status_code == 200


@pytest.mark.parametrize("there", ["day", "trade"])
def test_who_may_not_look_at_decisions_sees_no_report(clerk, there):  # noqa: F811
    assert clerk.get(f"/admin/reports/{there}/").status_code == 403
    clerk.user.user_permissions.add(Permission.objects.get(codename="view_tradedecision"))
    assert clerk.get(f"/admin/reports/{there}/").status_code == 200


def test_a_stranger_is_sent_to_the_login(client):
    assert client.get(place("day")).headers["Location"].startswith(reverse("admin:login"))
