"""What a request and a response say, read from the payload and its call."""

from datetime import timedelta
from decimal import Decimal

import pytest

from audit_trail.payloads.kinds import ApiRequest, ApiResponse, requests, responses
from audit_trail.payloads.models import ApiPayload
from tests.support import factories as make
from tests.support.factories import NOON

pytestmark = pytest.mark.django_db


def call(*, sent="{}", came="{}", **facts):
    return make.api_call(
        request_payload=make.api_payload(body=sent),
        response_payload=make.api_payload(type="response", body=came),
        **facts,
    )


def test_a_request_names_its_endpoint_its_method_and_what_was_asked_for():
    body = '{"symbol":"AAPL","notional":"123456789.123456789"}'
    row = call(sent=body, method="POST", endpoint="https://api.example.com/v2/orders?nested=true&empty=")

    request = ApiRequest.objects.get(pk=row.request_payload_id)

    assert (request.endpoint, request.http_method) == (row.endpoint, "POST")
    assert request.params == {"nested": "true", "empty": "", "symbol": "AAPL", "notional": "123456789.123456789"}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, '{"id":"1"}', (True, False, None)),
        (403, '{"code":40310000,"message":"insufficient buying power"}', (False, True, "insufficient buying power")),
        (401, '{"error":"invalid_token","error_description":"it is old"}', (False, True, "invalid_token")),
        (404, '{"detail":"Not found."}', (False, True, "Not found.")),
        (502, "<h1>Bad Gateway</h1>", (False, True, None)),
        (500, "[1]", (False, True, None)),
        (304, '{"message":"nothing new"}', (False, False, None)),
    ],
)
def test_a_response_says_whether_it_went_well_and_why_not(status, body, expected):
    row = call(came=body, http_status_code=status)

    response = ApiResponse.objects.get(pk=row.response_payload_id)

    assert response.status_code == status
    assert (response.success, response.error, response.error_message) == expected


def test_numbers_of_a_body_keep_their_digits():
    row = call(came='{"price":0.12345678901234567890,"n":18446744073709551616}')

    assert ApiResponse.objects.get(pk=row.response_payload_id).json == {
        "price": Decimal("0.12345678901234567890"),
        "n": 18446744073709551616,
    }


def test_a_purged_body_is_no_json_and_the_status_stays():
    row = call(came='{"message":"no"}', http_status_code=422)
    ApiPayload.objects.filter(pk=row.response_payload_id).update(body=None, purged_at=NOON)

    response = ApiResponse.objects.get(pk=row.response_payload_id)

    assert (response.json, response.status_code, response.error_message) == (None, 422, None)


def test_they_are_found_by_source_age_and_status_each_with_its_call(django_assert_num_queries):
    throttled = make.api_call(source="quiverquant", http_status_code=429)
    ordered = make.api_call(source="alpaca")

    with django_assert_num_queries(1):
        (found,) = responses(status=429)
        assert found.response_of == throttled
    assert [one.pk for one in responses(source="alpaca")] == [ordered.response_payload_id]
    assert [one.pk for one in requests(source="quiverquant")] == [throttled.request_payload_id]
    assert list(responses(captured_before=NOON)) == []
    assert len(responses(captured_before=NOON + timedelta(seconds=1))) == 2
