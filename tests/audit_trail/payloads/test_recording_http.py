"""Calls to real servers: each is on record before the server sees it, and ends on record, whatever becomes of it."""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
from base64 import b64encode

import pytest
from django.db import connection, connections, transaction
from pytest_httpserver import HTTPServer
from werkzeug import Response

from audit_trail.payloads.models import ApiCallLog, ApiPayload
from audit_trail.payloads.recorder import PayloadRecorder
from audit_trail.payloads.redaction import Redaction
from tests.architecture.source import PROJECT
from tests.audit_trail.payloads.calls import ASK, ORDER, SUBMIT, broker_http, impatient, nobody_writes, raw_server
from tests.support.secrets import tables_that_hold
from trading.brokers.outcomes import BrokerUnavailable, OutcomeUnknown

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/v2/orders"


@pytest.fixture
def server():
    with HTTPServer(threaded=True) as server:
        yield server


@pytest.fixture
def http(server):
    with broker_http(server.url_for("")) as http:
        yield http


def seen_by(server, answer=None):
    """Let the server note what it finds on record, over a connection of its own, when a call arrives."""
    seen = []

    def handler(request):
        try:
            seen.append(ApiCallLog.objects.values("reference", "ended_at", "request_payload__body").get())
        finally:
            connections.close_all()
        return answer or Response('{"id":"61e69015"}', content_type="application/json")

    server.expect_request(PATH).respond_with_handler(handler)
    return seen


def test_the_request_is_committed_before_the_server_sees_it_and_the_answer_after(server, http):
    """I15, L15: the payload is stored first."""
    seen = seen_by(server)

    http.call("POST", PATH, reference=SUBMIT, json={"symbol": "AAPL"})

    assert seen == [{"reference": ORDER, "ended_at": None, "request_payload__body": '{"symbol":"AAPL"}'}]
    call = ApiCallLog.objects.get()
    assert (call.http_status_code, call.response_payload.body) == (200, '{"id":"61e69015"}')


def test_what_is_stored_is_what_was_sent_and_what_came(server, http):
    """I15, L6, L23: the bytes, the method and the address as they were, and none that somebody made of them."""
    arrived = []
    answer = b'{"qty": 1.50, "filled_avg_price":null}\n'

    def handler(request):
        arrived.append((request.method, request.url, request.get_data(), request.headers.to_wsgi_list()))
        return Response(gzip.compress(answer), headers={"Content-Encoding": "gzip", "X-Request-ID": "77af"})

    server.expect_request(PATH, method="DELETE").respond_with_handler(handler)

    http.call("DELETE", PATH, reference=SUBMIT, params={"a": "b c"}, json={"note": "ä", "qty": "1.50"})

    call = ApiCallLog.objects.get()
    ((method, url, data, headers),) = arrived
    assert (call.method, call.endpoint, call.request_payload.body) == (method, url, data.decode())
    assert {name.lower(): value for name, value in _headers(call.request_payload)} == {
        name.lower(): value for name, value in headers
    }
    # Compression is undone, since nobody could read it else.
    assert call.response_payload.body == answer.decode()
    assert call.correlation_id == "77af"


def test_one_that_dies_before_the_answer_leaves_a_call_without_an_end(server, database_url):
    """L15: what was under way is seen."""

    def kill_it(request):
        os.kill(int(request.headers["X-Pid"]), signal.SIGKILL)
        return Response("{}")

    server.expect_request(PATH).respond_with_handler(kill_it)
    script = f"""
import os, django
django.setup()
from tests.audit_trail.payloads.calls import SUBMIT, broker_http
with broker_http({server.url_for("")!r}) as http:
    http.call("POST", {PATH!r}, reference=SUBMIT, headers={{"X-Pid": str(os.getpid())}}, json={{}})
"""
    environment = os.environ | {"DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "config.settings"}

    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, env=environment, check=False)

    assert done.returncode == -signal.SIGKILL
    call = ApiCallLog.objects.get()
    assert (call.reference, call.ended_at, call.http_status_code, call.response_payload) == (ORDER, None, None, None)


def test_a_call_that_cannot_be_recorded_does_not_reach_the_server(server, http):
    seen = seen_by(server)

    for method in ("GET", "POST"):
        with nobody_writes(), pytest.raises(BrokerUnavailable, match=f"{method} {PATH} was not sent"):
            http.call(method, PATH, reference=SUBMIT)

    assert (seen, server.log) == ([], [])


def test_a_call_from_within_a_transaction_does_not_reach_the_server(server, http):
    with transaction.atomic(), pytest.raises(BrokerUnavailable, match=r"was not sent: .*found a transaction open"):
        http.call("POST", PATH, reference=SUBMIT)

    assert server.log == []


@pytest.mark.parametrize(("method", "outcome"), [("GET", BrokerUnavailable), ("POST", OutcomeUnknown)])
def test_an_answer_that_cannot_be_recorded_is_as_good_as_none(server, http, method, outcome):
    held = nobody_writes_from_now_on()

    def handler(request):
        held.begin()
        return Response("{}")

    server.expect_request(PATH).respond_with_handler(handler)
    try:
        with impatient(), pytest.raises(outcome, match=f"the answer to {method} {PATH} could not be stored"):
            http.call(method, PATH, reference=SUBMIT)
    finally:
        held.end()

    assert ApiCallLog.objects.get().ended_at is None


def nobody_writes_from_now_on():
    """Hold the tables from the server's thread, when a call has arrived."""

    class Held:
        other = connection.copy()

        def begin(self):
            self.other.inc_thread_sharing()
            for word in (
                ("BEGIN", "LOCK TABLE api_call_logs, api_payloads IN ACCESS EXCLUSIVE MODE")
                if connection.vendor == "postgresql"
                else ("BEGIN IMMEDIATE",)
            ):
                self.other.cursor().execute(word)

        def end(self):
            self.other.cursor().execute("ROLLBACK")
            self.other.close()

    return Held()


@pytest.mark.parametrize(("method", "outcome"), [("GET", BrokerUnavailable), ("POST", OutcomeUnknown)])
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda accepted: None, "RemoteProtocolError"),
        (lambda accepted: accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), "RemoteProtocolError"),
        (lambda accepted: accepted.sendall(b"not http at all\r\n\r\n"), "RemoteProtocolError"),
        (
            lambda accepted: accepted.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip"
            ),
            "DecodingError",
        ),
    ],
    ids=["nothing", "half an answer", "no HTTP", "no gzip"],
)
def test_a_cut_connection_leaves_an_error(method, outcome, answer, error):
    with raw_server(answer) as url, broker_http(url) as http, pytest.raises(outcome, match=error):
        http.call(method, PATH, reference=SUBMIT)

    call = ApiCallLog.objects.get()
    assert call.error.startswith(f"{error}: ")
    assert (call.http_status_code, call.response_payload, call.ended_at is None) == (None, None, False)


@pytest.mark.parametrize(("method", "outcome"), [("GET", BrokerUnavailable), ("POST", OutcomeUnknown)])
def test_a_server_that_does_not_answer_in_time_leaves_an_error(method, outcome):
    over = threading.Event()
    with raw_server(lambda accepted: over.wait(10)) as url, broker_http(url, answer_seconds=0.05) as http:
        with pytest.raises(outcome, match="ReadTimeout"):
            http.call(method, PATH, reference=SUBMIT)
        over.set()

    assert ApiCallLog.objects.get().error.startswith("ReadTimeout")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_server_that_is_not_there_leaves_an_error(method):
    with raw_server(lambda accepted: None) as url, broker_http(url) as http, pytest.raises(BrokerUnavailable):
        http.call("GET", PATH, reference=ASK)
    with broker_http(url) as http, pytest.raises(BrokerUnavailable, match="nothing was sent"):
        http.call(method, PATH, reference=SUBMIT)

    assert ApiCallLog.objects.get(reference=ORDER).error.startswith("ConnectError")


def test_no_secret_is_in_any_table_or_log(server, caplog):
    """Secrets in headers, queries, JSON, forms and Basic go out, and the server throws all of them back."""
    given, app_key, app_secret = "given-secret/1+2", "app-key-4711", "app=secret&4711"
    access, refresh, code, session = "access.token.4711", "refresh@token/4711", "C0.code4711%40", "session-4711"
    secrets = [given, app_key, app_secret, access, refresh, code, session, "key-id-4711", "cookie-4711"]

    def throw_back(request):
        pair = b64encode(f"{app_key}:{app_secret}".encode()).decode()
        return Response(
            f"<p>{request.url} {request.get_data().decode()} {dict(request.headers)} {pair} {' '.join(secrets)}</p>",
            status=401,
            headers={"Set-Cookie": "a=cookie-4711", "Location": f"https://127.0.0.1/?code={code}&session={session}"},
        )

    server.expect_request(PATH).respond_with_handler(throw_back)
    server.expect_request("/token").respond_with_json({"access_token": access, "data": [{"refresh_token": refresh}]})
    recorder = PayloadRecorder(Redaction([given]))
    basic = b64encode(f"{app_key}:{app_secret}".encode()).decode()
    with broker_http(server.url_for(""), recorder=recorder) as http:
        caplog.set_level("DEBUG")
        headers = {"Authorization": f"Basic {basic}"}
        form = {"grant_type": "authorization_code", "code": code, "refresh_token": refresh}
        http.call("POST", "/token", reference=ASK, headers=headers, form=form)
        http.call(
            "POST",
            PATH,
            reference=SUBMIT,
            headers={
                "Authorization": f"Bearer {access}",
                "APCA-API-KEY-ID": "key-id-4711",
                "APCA-API-SECRET-KEY": given,
                "Cookie": "cookie-4711",
            },
            params={"session": session, "apikey": given},
            json={"client_secret": app_secret, "nested": [{"url": f"https://127.0.0.1/?code={code}"}], "note": given},
        )

    assert ApiPayload.objects.count() == 4
    assert tables_that_hold(secrets) == []
    logged = [record.getMessage() for record in caplog.records if record.name != "werkzeug"]  # The server's own log.
    assert [secret for secret in secrets if any(secret in message for message in logged)] == []
    # The search finds what is there, and the rest of the calls is.
    assert tables_that_hold([ORDER]) == [f"api_call_logs: {ORDER}"]
    assert (
        "grant_type=authorization_code&code=***&refresh_token=***" in ApiPayload.objects.filter(type="request")[0].body
    )


def test_eight_threads_record_their_own_calls(server):
    server.expect_request(PATH).respond_with_handler(lambda request: Response(request.get_data()))
    start, failures = threading.Barrier(8), []

    def work(number):
        try:
            start.wait(30)
            for turn in range(3):
                http.call("POST", PATH, reference=SUBMIT, json={"thread": number, "turn": turn})
        except BaseException as error:  # noqa: BLE001  # raised below, in the test's own thread
            failures.append(error)
        finally:
            connections.close_all()

    with broker_http(server.url_for("")) as http:
        threads = [threading.Thread(target=work, args=[number], daemon=True) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
    if failures:
        raise failures[0]

    bodies = [(call.request_payload.body, call.response_payload.body) for call in ApiCallLog.objects.all()]
    assert [sent for sent, came in bodies if sent != came] == []
    assert {sent for sent, _ in bodies} == {
        f'{{"thread":{number},"turn":{turn}}}' for number in range(8) for turn in range(3)
    }


def _headers(payload):
    return json.loads(payload.headers)
