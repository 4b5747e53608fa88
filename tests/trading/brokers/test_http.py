"""Calls to a broker's service: recorded around the wire, exact, and never repeated."""

import socket
import struct
import sys
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from werkzeug import Response

from tests.support.unanswered import unanswered
from trading.brokers.http import Answer, BrokerHttp, NotJson, refuse_by_status, without_secrets
from trading.brokers.outcomes import BrokerUnavailable, NotAuthorised, OutcomeUnknown, RateLimited
from trading.brokers.recording import Incoming, Outgoing, RecordingFailed, Reference

AT = datetime(2026, 3, 2, 16, tzinfo=UTC)
SUBMIT = Reference(order="ht-test-1-1", purpose="submit")


class Memory:
    """A recorder that remembers, and fails where it is told to."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.came: dict[int, Incoming | str] = {}
        self.ended_at: dict[int, datetime] = {}
        self.fails: set[str] = set()

    def sending(self, call):
        self._fail("sending")
        self.sent.append(call)
        return len(self.sent)

    def received(self, record, answer):
        self._fail("received")
        self.came[record] = answer

    def failed(self, record, error, *, at, duration_ms):
        self._fail("failed")
        self.came[record], self.ended_at[record] = error, at

    def _fail(self, what):
        if what in self.fails:
            raise RecordingFailed("the disk is full")


@pytest.fixture
def memory():
    return Memory()


@pytest.fixture
def http(memory, httpserver):
    client = BrokerHttp(
        source="alpaca", base_url=httpserver.url_for("/"), recorder=memory, clock=lambda: AT, answer_seconds=0.3
    )
    yield client
    client.close()


@pytest.mark.parametrize("answered", [True, False])
def test_a_call_never_ends_before_it_began_though_the_clock_is_put_back_meanwhile(memory, httpserver, answered):
    httpserver.expect_request("/v2/clock").respond_with_json({})
    times = iter((AT, AT - timedelta(seconds=45)))
    nobody = "http://127.0.0.1:1"
    http = BrokerHttp(
        source="alpaca",
        base_url=httpserver.url_for("/") if answered else nobody,
        recorder=memory,
        clock=lambda: next(times),
    )

    try:
        ended_at = http.call("GET", "/v2/clock", reference=SUBMIT).received_at
    except BrokerUnavailable:
        ended_at = memory.ended_at[1]
    finally:
        http.close()

    assert ended_at == AT


def test_a_call_is_recorded_before_it_is_sent_and_when_it_is_answered(http, memory, httpserver):
    seen = []

    def answer(request):
        seen.append((len(memory.sent), len(memory.came), request.get_data()))
        return Response('{"id": "7", "qty": 1.10, "n": 3}', status=201, headers={"X-Request-ID": "r1"})

    httpserver.expect_request("/v2/orders", method="POST").respond_with_handler(answer)

    got = http.call(
        "POST", "/v2/orders", reference=SUBMIT, headers={"APCA-API-KEY-ID": "PK1"}, json={"qty": Decimal("1.10")}
    )

    assert seen == [(1, 0, b'{"qty":"1.10"}')]
    assert memory.sent[0].body == b'{"qty":"1.10"}'
    assert memory.sent[0].url.endswith("/v2/orders")
    assert memory.sent[0].reference == SUBMIT
    assert (memory.came[1].status, memory.came[1].body) == (201, got.body)
    assert got.json() == {"id": "7", "qty": Decimal("1.10"), "n": 3}
    assert isinstance(got.json()["qty"], Decimal)
    assert got.header("x-request-id") == "r1"


def test_what_could_not_be_recorded_is_not_sent(http, memory, httpserver):
    memory.fails = {"sending"}
    httpserver.expect_request("/v2/orders").respond_with_json({})

    with pytest.raises(BrokerUnavailable, match="was not sent: the disk is full"):
        http.call("POST", "/v2/orders", reference=SUBMIT, json={})

    assert httpserver.log == []


@pytest.mark.parametrize(("method", "error"), [("GET", BrokerUnavailable), ("POST", OutcomeUnknown)])
def test_an_answer_that_could_not_be_recorded_is_as_if_none_had_come(http, memory, httpserver, method, error):
    memory.fails = {"received"}
    httpserver.expect_request("/v2/orders").respond_with_json({})

    with pytest.raises(error, match="could not be stored"):
        http.call(method, "/v2/orders", reference=SUBMIT)


@pytest.mark.parametrize(
    ("method", "error"), [("GET", BrokerUnavailable), ("POST", OutcomeUnknown), ("DELETE", OutcomeUnknown)]
)
def test_an_answer_that_does_not_come_leaves_a_change_unknown(http, memory, httpserver, method, error):
    with unanswered(httpserver, "/v2/orders"), pytest.raises(error, match="ReadTimeout"):
        http.call(method, "/v2/orders", reference=SUBMIT)

    assert memory.came[1].startswith("ReadTimeout")


@pytest.mark.parametrize(("method", "error"), [("GET", BrokerUnavailable), ("POST", OutcomeUnknown)])
def test_a_connection_that_is_cut_after_the_request_leaves_a_change_unknown(memory, method, error):
    listener = socket.create_server(("127.0.0.1", 0))

    def cut():
        connection, _ = listener.accept()
        connection.recv(65536)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    thread = threading.Thread(target=cut)
    thread.start()
    client = BrokerHttp(
        source="schwab",
        base_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
        recorder=memory,
        clock=lambda: AT,
    )

    with pytest.raises(error, match="no answer came"):
        client.call(method, "/orders", reference=SUBMIT)

    thread.join()
    listener.close()
    client.close()


@pytest.mark.parametrize(("method", "error"), [("GET", BrokerUnavailable), ("POST", OutcomeUnknown)])
def test_an_answer_that_can_not_be_unpacked_leaves_a_change_unknown(http, memory, httpserver, method, error):
    httpserver.expect_request("/v2/orders").respond_with_data(
        b"no gzip at all", status=201, headers={"Content-Encoding": "gzip"}
    )

    with pytest.raises(error, match=r"DecodingError.*no answer came"):
        http.call(method, "/v2/orders", reference=SUBMIT)

    assert memory.came[1].startswith("DecodingError")


def test_where_nobody_listens_nothing_was_sent(memory):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = BrokerHttp(source="alpaca", base_url=f"http://127.0.0.1:{port}", recorder=memory, clock=lambda: AT)

    with pytest.raises(BrokerUnavailable, match="nothing was sent"):
        client.call("POST", "/v2/orders", reference=SUBMIT)

    client.close()


def test_a_call_is_made_once_whatever_comes_back(http, httpserver):
    httpserver.expect_request("/v2/orders").respond_with_data("busy", status=503)

    answer = http.call("POST", "/v2/orders", reference=SUBMIT)

    assert answer.status == 503
    assert len(httpserver.log) == 1


def test_a_redirect_is_not_followed(http, httpserver):
    httpserver.expect_request("/v2/orders").respond_with_data("", status=302, headers={"Location": "/elsewhere"})

    answer = http.call("GET", "/v2/orders", reference=SUBMIT)

    assert answer.status == 302
    with pytest.raises(BrokerUnavailable, match="redirect"):
        refuse_by_status(answer, changes=False, what="listing orders")


def test_a_proxy_of_the_machine_has_no_say(http, httpserver, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    httpserver.expect_request("/v2/clock").respond_with_json({"is_open": True})
    fresh = BrokerHttp(
        source="alpaca", base_url=httpserver.url_for("/"), recorder=Memory(), clock=lambda: AT, answer_seconds=1
    )

    assert fresh.call("GET", "/v2/clock", reference=SUBMIT).json() == {"is_open": True}

    fresh.close()


def test_a_form_is_sent_as_a_form(http, memory, httpserver):
    httpserver.expect_request("/token").respond_with_json({})

    http.call("POST", "/token", reference=SUBMIT, form={"grant_type": "refresh_token", "refresh_token": "a b&c"})

    assert memory.sent[0].body == b"grant_type=refresh_token&refresh_token=a+b%26c"
    assert ("content-type", "application/x-www-form-urlencoded") in memory.sent[0].headers


@pytest.mark.parametrize("body", [b"<html>", b"", b"{", b"\xff"])
def test_what_is_not_json_is_told(body):
    with pytest.raises(NotJson, match="expected JSON"):
        answered(200, body=body).json()


@pytest.mark.parametrize(
    ("status", "changes", "error"),
    [
        (401, True, NotAuthorised),
        (429, True, RateLimited),
        (500, True, OutcomeUnknown),
        (503, False, BrokerUnavailable),
        (504, True, OutcomeUnknown),
        (408, True, OutcomeUnknown),
        (307, True, OutcomeUnknown),
    ],
)
def test_a_status_says_what_may_be_done_next(status, changes, error):
    with pytest.raises(error, match="submitting ht-test-1-1"):
        refuse_by_status(answered(status), changes=changes, what="submitting ht-test-1-1")


@pytest.mark.parametrize("status", [200, 201, 204, 207, 400, 403, 404, 422])
def test_other_statuses_are_the_adapters_matter(status):
    assert refuse_by_status(answered(status), changes=True, what="submitting") is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "Mon, 02 Mar 2026 16:00:30 GMT"}, 30),
        ({"X-RateLimit-Reset": "12"}, 12),
        ({"X-RateLimit-Reset": str(int(AT.timestamp()) + 45)}, 45),
        ({"Retry-After": "3", "X-RateLimit-Reset": "12"}, 3),
        ({"Retry-After": "Mon, 02 Mar 2026 15:00:00 GMT"}, 0),
    ],
)
def test_a_rate_limit_tells_how_long_to_wait(headers, seconds):
    with pytest.raises(RateLimited) as limited:
        refuse_by_status(answered(429, **headers), changes=True, what="submitting")

    assert limited.value.retry_after == timedelta(seconds=seconds)


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "soon"}, {"X-RateLimit-Reset": "-1"}])
def test_a_rate_limit_may_not_say_how_long(headers):
    with pytest.raises(RateLimited) as limited:
        refuse_by_status(answered(429, **headers), changes=True, what="submitting")

    assert limited.value.retry_after is None


def answered(status, body=b"{}", **headers):
    return Answer(
        status=status,
        headers=tuple(headers.items()),
        body=body,
        asked_at=AT,
        received_at=AT,
    )


def test_a_secret_that_an_answer_repeats_is_hidden_however_json_writes_it():
    at = datetime(2026, 3, 2, 15, tzinfo=UTC)
    body = rb'{"message":"no key a/secret and no key a\/secret, or another"}'

    answer = Answer(status=401, headers=(), body=body, asked_at=at, received_at=at)
    hidden = without_secrets(answer, ["a/secret", "other"])

    assert hidden.body == b'{"message":"no key *** and no key ***, or an***"}'


@pytest.mark.parametrize(("method", "error"), [("GET", BrokerUnavailable), ("POST", OutcomeUnknown)])
def test_an_answer_that_trickles_ends(memory, httpserver, method, error):
    """G5-54: each piece comes in time, and the answer never."""
    ends = threading.Event()

    def trickle(request):
        return Response(b" " for _ in iter(lambda: ends.wait(0.02), True))

    httpserver.expect_request("/v2/orders").respond_with_handler(trickle)
    http = BrokerHttp(
        source="alpaca", base_url=httpserver.url_for("/"), recorder=memory, clock=lambda: AT, answer_seconds=0.15
    )

    with pytest.raises(error, match=r"not whole within 0\.3 s"):
        http.call(method, "/v2/orders", reference=SUBMIT)
    ends.set()

    assert memory.came[1].startswith("ReadTimeout")
    http.close()


def test_an_answer_without_end_fills_no_memory(memory, httpserver):
    httpserver.expect_request("/v2/orders").respond_with_data(b" " * 10_001)
    http = BrokerHttp(
        source="alpaca",
        base_url=httpserver.url_for("/"),
        recorder=memory,
        clock=lambda: AT,
        largest_answer_bytes=10_000,
    )

    with pytest.raises(OutcomeUnknown, match="more than 10000 bytes came; no answer came"):
        http.call("POST", "/v2/orders", reference=SUBMIT)
    http.close()


@pytest.fixture
def usual_depth():
    """As deep as Python goes by itself; in this process, tests have imported libraries that lift the limit."""
    lifted = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(lifted)


@pytest.mark.usefixtures("usual_depth")
@pytest.mark.parametrize(
    "body", [b"[" * 200_000, b'{"a":' * 200_000, b"1e99999999999999999999", b"[1e-99999999999999999999]", b'"\xff"']
)
def test_json_that_nobody_could_mean_is_none(body):
    answer = Answer(status=200, headers=(), body=body, asked_at=AT, received_at=AT)

    with pytest.raises(NotJson, match="expected JSON, was"):
        answer.json()


def test_a_nul_in_an_answer_gets_into_no_row():
    body = rb'{"message":"no\u0000thing"}'
    answer = Answer(status=200, headers=(), body=body, asked_at=AT, received_at=AT)

    assert answer.json() == {"message": "no\ufffdthing"}
    assert Answer(status=200, headers=(), body=b"no\0thing", asked_at=AT, received_at=AT).told() == "no\ufffdthing"


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "999999"},
        {"Retry-After": "Fri, 31 Dec 9999 23:59:59 -2359"},
        {"X-RateLimit-Reset": "99999999999"},
    ],
)
def test_nobody_is_waited_for_longer_than_a_day(headers):
    answer = Answer(status=429, headers=tuple(headers.items()), body=b"", asked_at=AT, received_at=AT)

    with pytest.raises(RateLimited) as limited:
        refuse_by_status(answer, changes=False, what="asking")

    assert limited.value.retry_after == timedelta(days=1)


def test_a_time_to_wait_that_is_none_is_not_told():
    told = (("Retry-After", "Wed, 21 Oct 99999999999999999999 07:28:00 GMT"),)
    answer = Answer(status=429, headers=told, body=b"", asked_at=AT, received_at=AT)

    with pytest.raises(RateLimited) as limited:
        refuse_by_status(answer, changes=False, what="asking")

    assert limited.value.retry_after is None
