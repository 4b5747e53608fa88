"""Sessions: a call carries a token, and a refused token is renewed once."""

import json

import pytest
from werkzeug import Response

from tests.support.unanswered import unanswered
from tests.trading.brokers.schwab.said import all_that_is_said
from tests.trading.brokers.schwab.schwab_json import ORDERS, Tokens, filled, order, recorded, request
from trading.brokers.outcomes import BrokerUnavailable, LoginNeeded, NotAuthorised, OutcomeUnknown
from trading.brokers.schwab.broker import SchwabBroker
from trading.values.identifiers import BrokerOrderId
from trading.values.secret import Secret

NUMBER = BrokerOrderId("1004055538123")


class Gate:
    """Answers who has the right token, and counts."""

    def __init__(self, good, answer):
        self.good, self.answer, self.seen = good, answer, []

    def __call__(self, asked):
        self.seen.append(asked.headers["Authorization"])
        if asked.headers["Authorization"] != f"Bearer {self.good}":
            return Response('{"message": "Token is invalid"}', status=401, content_type="application/json")
        return self.answer(asked)


@pytest.fixture
def tokens():
    return Tokens("old-token", "new-token", "third-token")


def test_a_call_answered_401_is_made_once_more_with_a_newer_token(broker, tokens, httpserver):
    gate = Gate("new-token", lambda asked: _json(filled()))
    httpserver.expect_request(f"{ORDERS}/{NUMBER}").respond_with_handler(gate)

    assert broker.report(NUMBER).filled_shares == 4
    assert gate.seen == ["Bearer old-token", "Bearer new-token"]
    assert tokens.refusals == [Secret("old-token")]


def test_a_second_401_is_the_end_of_it(broker, tokens, httpserver):
    gate = Gate("nobody-has-it", None)
    httpserver.expect_request(f"{ORDERS}/{NUMBER}").respond_with_handler(gate)

    with pytest.raises(NotAuthorised, match="Token is invalid"):
        broker.report(NUMBER)
    assert gate.seen == ["Bearer old-token", "Bearer new-token"]


def test_an_order_that_was_answered_401_is_sent_again_since_it_did_nothing(broker, httpserver):
    gate = Gate(
        "new-token",
        lambda asked: Response(status=201, headers={"Location": f"https://api.schwabapi.com{ORDERS}/{NUMBER}"}),
    )
    httpserver.expect_request(ORDERS, method="POST").respond_with_handler(gate)
    httpserver.expect_request(f"{ORDERS}/{NUMBER}", method="GET").respond_with_json(order())

    assert broker.submit(request()).broker_order_id == NUMBER
    assert gate.seen == ["Bearer old-token", "Bearer new-token"]


def test_an_order_that_is_refused_twice_is_not_sent_a_third_time(broker, httpserver):
    gate = Gate("nobody-has-it", None)
    httpserver.expect_request(ORDERS, method="POST").respond_with_handler(gate)

    with pytest.raises(NotAuthorised):
        broker.submit(request())
    assert len(gate.seen) == 2


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (LoginNeeded("log in again"), LoginNeeded),
        (BrokerUnavailable("no answer"), BrokerUnavailable),
        # A refresh of unknown outcome is no order of unknown outcome: nothing of the order was sent.
        (OutcomeUnknown("the refresh timed out"), BrokerUnavailable),
    ],
)
def test_without_a_token_no_order_is_sent(broker, tokens, httpserver, trouble, error):
    tokens.error = trouble

    with pytest.raises(error) as raised:
        broker.submit(request())
    assert not isinstance(raised.value, OutcomeUnknown)
    assert httpserver.log == []


def test_a_token_that_can_not_be_renewed_leaves_the_order_unsent(broker, tokens, httpserver):
    def refuse(asked):
        tokens.error = OutcomeUnknown("the refresh timed out")
        return Response(status=401)

    httpserver.expect_request(ORDERS, method="POST").respond_with_handler(refuse)

    with pytest.raises(BrokerUnavailable, match="not made"):
        broker.submit(request())


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503, 302, 418])
def test_no_message_of_an_error_repeats_the_token(http, accounts, httpserver, status):
    broker = SchwabBroker(http=http, tokens=Tokens("the-secret-token"), account_number="12345678", clock=lambda: None)
    httpserver.expect_request(f"{ORDERS}/{NUMBER}").respond_with_data("<html>", status=status)

    with pytest.raises(Exception) as raised:  # noqa: PT011 - whichever it is.
        broker.report(NUMBER)

    assert "the-secret-token" not in all_that_is_said(raised.value)


def test_a_call_that_gets_no_answer_leaves_no_token_in_the_variables_of_its_traceback(http, accounts, httpserver):
    broker = SchwabBroker(http=http, tokens=Tokens("the-secret-token"), account_number="12345678", clock=lambda: None)
    with (
        unanswered(httpserver, f"{ORDERS}/{NUMBER}"),
        pytest.raises(BrokerUnavailable, match="ReadTimeout") as raised,
    ):
        broker.report(NUMBER)

    assert "the-secret-token" not in all_that_is_said(raised.value)


def test_a_page_of_a_proxys_is_told_as_such(broker, httpserver):
    page = recorded("POST /v1/oauth/token", 403)["body_text"]
    httpserver.expect_request(f"{ORDERS}/{NUMBER}").respond_with_data(page, status=403, content_type="text/html")

    with pytest.raises(NotAuthorised, match=r"(?s)403.*Access Denied"):
        broker.report(NUMBER)


def _json(body):
    return Response(json.dumps(body), content_type="application/json")
