"""Calls and payloads as an operator reads them."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from audit_trail.payloads.bodies import SHOWN_CHARACTERS
from tests.support import factories as make
from tests.support.factories import NOON
from tests.trading.admin.pages import links_in, list_of, page_of, rows_in, text_of

pytestmark = pytest.mark.django_db

ORDER = "ht-k3v9x2ab-17-1"
CALLS = "audit_trail.apicalllog"


@pytest.fixture
def operator(client, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("operator"))
    return client


def body_page(payload):
    return reverse("admin:audit_trail_apipayload_body", args=[payload.pk])


def test_a_call_is_shown_with_what_was_said(operator):
    call = make.api_call(response_payload=make.api_payload(type="response", body='{"qty":1.50}', secrets=2))

    page = text_of(operator.get(page_of(call)))

    assert "Accept: application/json" in page
    assert "{ &quot;qty&quot;: 1.50 }" in page
    assert "2 secrets were taken out" in page


@pytest.mark.parametrize(
    ("call", "end"),
    [
        (lambda: make.api_call(http_status_code=403), " 403 "),
        (lambda: make.api_call(http_status_code=None, error="ReadTimeout: "), " no answer came "),
        (make.api_call_under_way, " unanswered "),
    ],
)
def test_how_a_call_ended_is_shown(operator, call, end):
    call = call()

    assert end in text_of(operator.get(list_of(CALLS)))
    assert end in text_of(operator.get(page_of(call)))


def test_calls_are_found_by_order_by_correlation_and_by_how_they_ended(operator):
    died = make.api_call_under_way(reference=ORDER)
    refused = make.api_call(correlation_id="77af", http_status_code=422, source="schwab")
    failed = make.api_call(http_status_code=None, error="ReadTimeout: ")

    def found(**query):
        return rows_in(operator.get(list_of(CALLS), query))

    assert found(q=ORDER) == [died]
    assert found(q="77af") == [refused]
    assert found(end="unanswered") == [died]
    assert found(end="no_answer_came") == [failed]
    assert found(end="4xx_and_above") == [refused]
    assert found(source="schwab") == [refused]


def test_who_may_not_look_at_payloads_sees_none_on_the_page_of_a_call(client, django_user_model):
    user = django_user_model.objects.create_user("clerk", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_apicalllog"))
    client.force_login(user)
    call = make.api_call()

    page = text_of(client.get(page_of(call)))

    assert "paper-api.example.com" in page
    assert "1.50" not in page
    assert client.get(body_page(call.request_payload)).status_code == 403


def test_of_a_long_body_there_is_the_beginning_and_a_link_to_all_of_it(operator):
    text = "x" * SHOWN_CHARACTERS + "the end"
    payload = make.api_payload(body=text)

    answer = operator.get(page_of(payload))

    assert "x…" in text_of(answer)
    assert "the end" not in text_of(answer)
    assert body_page(payload) in links_in(answer)
    assert operator.get(body_page(payload)).content.decode() == text


def test_a_page_that_a_service_sent_is_text_to_the_browser(operator):
    payload = make.api_payload(body="<script>alert(1)</script>")

    answer = operator.get(body_page(payload))

    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "<script>alert(1)" not in operator.get(page_of(payload)).content.decode()


def test_what_is_not_as_it_was_says_so(operator):
    purged = make.api_payload(body=None, purged_at=NOON)
    cut = make.api_payload(truncated=True)
    no_text = make.api_payload(encoding="base64", body="/w==")

    assert "purged" in text_of(operator.get(page_of(purged)))
    assert operator.get(body_page(purged)).status_code == 404
    assert "only the beginning was kept" in text_of(operator.get(page_of(cut)))
    assert "written as base64" in text_of(operator.get(page_of(no_text)))


def test_a_payload_leads_to_its_call(operator):
    call = make.api_call()

    for payload in (call.request_payload, call.response_payload):
        assert page_of(call) in links_in(operator.get(page_of(payload)))


@pytest.mark.parametrize("factory", [make.order, make.order_view])
def test_an_order_leads_to_its_calls(operator, factory):
    call = make.api_call(reference=ORDER)
    make.api_call()

    (link,) = [
        link
        for link in links_in(operator.get(page_of(factory(client_order_id=ORDER))))
        if link.startswith(list_of(CALLS))
    ]

    assert rows_in(operator.get(link)) == [call]
