"""Questions to the calls."""

from datetime import timedelta
from uuid import UUID

import pytest

from audit_trail.payloads.queries import of_order, of_reference, of_run, unanswered
from tests.support import factories as make
from tests.support.factories import NOON

pytestmark = pytest.mark.django_db

ORDER, OTHER = "ht-k3v9x2ab-17-1", "ht-k3v9x2ab-17-2"
RUN = UUID("018f2f6e-0000-7000-8000-000000000001")


def test_the_calls_of_an_order_come_in_the_order_in_which_they_were_made():
    calls = [make.api_call(reference=ORDER, purpose=purpose) for purpose in ("find", "submit", "report")]
    make.api_call(reference=OTHER)
    make.api_call(reference="clock", purpose="clock")

    assert list(of_order(client_order_id=ORDER)) == calls
    assert [call.purpose for call in of_reference(reference="clock")] == ["clock"]
    assert list(of_order(client_order_id="ht-k3v9x2ab-17")) == []


def test_the_calls_of_a_run_are_those_that_carry_it():
    call = make.api_call(run_id=RUN, reference="congress")
    make.api_call()

    assert list(of_run(run=RUN)) == [call]


def test_unanswered_calls_are_those_without_an_end_that_were_sent_before():
    old = make.api_call_under_way(sent_at=NOON - timedelta(minutes=2))
    older = make.api_call_under_way(sent_at=NOON - timedelta(minutes=3))
    make.api_call_under_way(sent_at=NOON)
    make.api_call(sent_at=NOON - timedelta(minutes=4))

    assert list(unanswered(sent_before=NOON)) == [older, old]


def test_a_list_is_one_query_and_reads_no_body(django_assert_num_queries):
    for _ in range(5):
        make.api_call(reference=ORDER)

    with django_assert_num_queries(1) as asked:
        told = [
            (call.request_payload.size_bytes, call.response_payload.sha256) for call in of_reference(reference=ORDER)
        ]

    assert len(told) == 5
    assert '"body"' not in asked[0]["sql"]
