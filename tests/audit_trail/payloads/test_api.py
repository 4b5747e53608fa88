"""Calls over HTTP: found by order or run, told as they are stored, and closed to strangers."""

import pytest
from django.contrib.auth.models import Permission

from tests.support import factories as make
from tests.support.factories import NOON

pytestmark = pytest.mark.django_db

CALLS = "/api/v1/calls/"
ORDER = "ht-k3v9x2ab-17-1"
RUN = "018f2f6e-0000-7000-8000-000000000001"
AT = "2026-03-02T12:00:00.000000Z"


@pytest.fixture
def reader(client, django_user_model):
    client.user = django_user_model.objects.create_user("reader")
    allow(client, "view_apicalllog")
    client.force_login(client.user)
    return client


def allow(client, right):
    client.user.user_permissions.add(Permission.objects.get(codename=right))


def asked(reader, path="", status=200, **query):
    answer = reader.get(CALLS + path, query)
    form = "application/json" if status == 200 else "application/problem+json"
    assert (answer.status_code, answer["Content-Type"]) == (status, form)
    return answer.json()


def test_a_stranger_is_told_nothing(client, django_user_model):
    call = make.api_call(reference=ORDER)

    for path in (f"?reference={ORDER}", f"{call.id}/"):
        assert client.get(CALLS + path).status_code == 401
    client.force_login(django_user_model.objects.create_user("stranger"))
    for path in (f"?reference={ORDER}", f"{call.id}/"):
        assert client.get(CALLS + path).status_code == 403


def test_who_may_look_at_calls_alone_sees_no_payload(reader):
    call = make.api_call(reference=ORDER)

    assert "body" not in asked(reader, reference=ORDER)["calls"][0]["request"]
    asked(reader, f"{call.id}/", status=403)


def test_nothing_can_be_written(reader):
    for method in (reader.post, reader.put, reader.patch, reader.delete):
        assert method(CALLS, {}, content_type="application/json").status_code == 405


def test_the_calls_of_an_order_are_told_as_they_are_stored(reader):
    call = make.api_call(reference=ORDER, correlation_id="77af", rate_limit_remaining=199)
    make.api_call()

    payload = {
        "captured_at": AT,
        "size_bytes": 30,
        "secrets": 0,
        "truncated": False,
        "sha256": "ab" * 32,
        "purged_at": None,
    }
    assert asked(reader, reference=ORDER) == {
        "calls": [
            {
                "id": call.id,
                "source": "alpaca",
                "method": "POST",
                "endpoint": "https://paper-api.example.com/v2/orders",
                "reference": ORDER,
                "purpose": "submit",
                "run": None,
                "sent_at": AT,
                "ended_at": AT,
                "http_status_code": 200,
                "duration_ms": 12,
                "rate_limit_remaining": 199,
                "correlation_id": "77af",
                "error": None,
                "request": {"id": call.request_payload_id, **payload},
                "response": {"id": call.response_payload_id, **payload},
                "url": f"http://testserver/api/v1/calls/{call.id}/",
            }
        ],
        "next_after": None,
    }


def test_a_call_without_an_answer_has_none(reader):
    make.api_call_under_way(reference=ORDER)
    make.api_call(reference=ORDER, http_status_code=None, error="ReadTimeout: ")

    told = asked(reader, reference=ORDER)["calls"]
    assert [(one["ended_at"], one["http_status_code"], one["response"], one["error"]) for one in told] == [
        (None, None, None, None),
        (AT, None, None, "ReadTimeout: "),
    ]


def test_calls_are_read_by_cursor(reader):
    calls = [make.api_call(reference=ORDER).id for _ in range(3)]

    first = asked(reader, reference=ORDER, limit=2)
    second = asked(reader, reference=ORDER, limit=2, after=first["next_after"])

    assert [one["id"] for one in first["calls"] + second["calls"]] == calls
    assert second["next_after"] is None


def test_the_calls_of_a_run_are_found(reader):
    call = make.api_call(run_id=RUN, reference="congress")
    make.api_call()

    assert [(one["id"], one["run"]) for one in asked(reader, run=RUN)["calls"]] == [(call.id, RUN)]


def test_a_call_is_told_with_all_that_was_said(reader):
    allow(reader, "view_apipayload")
    call = make.api_call(
        request_payload=make.api_payload(headers='[["A","1"],["A","2"]]', body='{"qty": 1.50}'),
        response_payload=make.api_payload(type="response", body=None, purged_at=NOON),
    )

    told = asked(reader, f"{call.id}/")

    assert told["request"]["headers"] == [["A", "1"], ["A", "2"]]
    assert (told["request"]["encoding"], told["request"]["body"]) == ("text", '{"qty": 1.50}')
    assert (told["response"]["body"], told["response"]["purged_at"]) == (None, AT)


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({}, "expected `reference`"),
        ({"reference": ORDER, "run": RUN}, "found both or none"),
        ({"run": "17"}, "run: expected a UUID, was '17'"),
        ({"reference": ORDER, "limit": 0}, "limit: expected a whole number from 1 to 1000, was '0'"),
        ({"reference": ORDER, "limit": 1001}, "limit: expected a whole number from 1 to 1000"),
        ({"reference": ORDER, "after": "x"}, "after: expected a whole number from 0, was 'x'"),
    ],
)
def test_a_question_that_is_none_is_told_so(reader, query, wrong):
    assert wrong in asked(reader, status=400, **query)["detail"]


def test_what_is_not_there_is_not_found(reader):
    allow(reader, "view_apipayload")

    assert asked(reader, reference="nothing")["calls"] == []
    asked(reader, reference="a\0b", status=404)
    asked(reader, "1/", status=404)
    asked(reader, f"{'9' * 30}/", status=404)
