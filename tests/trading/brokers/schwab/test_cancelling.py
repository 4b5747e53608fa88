"""Cancelling: asked for once; whether it was is in the order's report."""

import json

import pytest

from tests.trading.brokers.schwab.schwab_json import ORDERS, REFUSAL
from trading.brokers.outcomes import NoSuchOrder, NotAuthorised, NotCancellable, OutcomeUnknown, RateLimited


def test_an_order_is_cancelled_by_its_number(broker, memory, httpserver):
    httpserver.expect_request(f"{ORDERS}/17", method="DELETE").respond_with_data("", status=200)

    assert broker.cancel("17") is None
    assert (memory.sent[-1].method, memory.sent[-1].reference.purpose) == ("DELETE", "cancel")


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, REFUSAL, NoSuchOrder),
        (400, REFUSAL, NotCancellable),
        (409, REFUSAL, NotCancellable),
        (422, REFUSAL, NotCancellable),
        (401, REFUSAL, NotAuthorised),
        (403, "<html>", NotAuthorised),
        (429, REFUSAL, RateLimited),
        (500, REFUSAL, OutcomeUnknown),
        (302, "", OutcomeUnknown),
        # A proxy's page is no word of Schwab's about this order.
        (404, "<html>", OutcomeUnknown),
        (400, "", OutcomeUnknown),
    ],
)
def test_an_order_that_is_not_cancelled_says_why(broker, httpserver, status, body, error):
    data = body if isinstance(body, str) else json.dumps(body)
    httpserver.expect_request(f"{ORDERS}/17", method="DELETE").respond_with_data(data, status=status)

    with pytest.raises(error, match="cancelling order 17") as raised:
        broker.cancel("17")
    assert type(raised.value) is error
