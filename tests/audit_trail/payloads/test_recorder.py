"""The recorder: what is stored of a call, by a commit of its own, or not at all."""

import hashlib
import random
import threading
from base64 import b64encode
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction

from audit_trail.payloads.models import ApiCallLog, ApiPayload
from audit_trail.payloads.recorder import COMPRESSED_FROM_BYTES, LIMIT_BYTES, PayloadRecorder
from audit_trail.payloads.redaction import Redaction
from tests.audit_trail.payloads.calls import ASK, AT, LATER, ORDER, incoming, nobody_writes, outgoing
from tests.support import factories as make
from trading.brokers.recording import RecordingFailed, Reference

pytestmark = pytest.mark.django_db
real = pytest.mark.django_db(transaction=True)


@pytest.fixture
def recorder():
    return PayloadRecorder(Redaction(["a-known-secret"]))


def test_a_request_is_stored_as_it_is_sent(recorder):
    record = recorder.sending(outgoing())

    call = ApiCallLog.objects.values().get()
    assert call == {
        "id": record,
        "run_id": None,
        "reference": ORDER,
        "purpose": "submit",
        "source": "alpaca",
        "method": "POST",
        "endpoint": "https://paper-api.example.com/v2/orders",
        "sent_at": AT,
        "ended_at": None,
        "http_status_code": None,
        "duration_ms": None,
        "rate_limit_remaining": None,
        "correlation_id": None,
        "error": None,
        "request_payload_id": call["request_payload_id"],
        "response_payload_id": None,
    }
    assert ApiPayload.objects.values().get() == {
        "id": call["request_payload_id"],
        "type": "request",
        "source": "alpaca",
        "captured_at": AT,
        "headers": '[["Accept","application/json"]]',
        "body": '{"symbol":"AAPL","qty":"1.50"}',
        "encoding": "text",
        "size_bytes": 30,
        "secrets": 0,
        "truncated": False,
        "sha256": hashlib.sha256(b'{"symbol":"AAPL","qty":"1.50"}').hexdigest(),
        "purged_at": None,
    }


def test_an_answer_ends_its_call_with_the_status_that_it_had(recorder):
    """L5: a status is what came, and nothing else."""
    record = recorder.sending(outgoing())
    headers = (("X-RateLimit-Remaining", "199"), ("X-Request-ID", "77af"), ("Content-Type", "text/html"))

    recorder.received(record, incoming(status=503, headers=headers, body=b"<h1>no</h1>"))

    call = ApiCallLog.objects.get()
    assert (call.ended_at, call.http_status_code, call.duration_ms, call.error) == (LATER, 503, 250, None)
    assert (call.rate_limit_remaining, call.correlation_id) == (199, "77af")
    response = call.response_payload
    assert (response.type, response.source, response.captured_at) == ("response", "alpaca", LATER)
    assert (response.body, response.size_bytes) == ("<h1>no</h1>", 11)


@pytest.mark.parametrize(
    ("headers", "remaining", "correlation"),
    [
        ((), None, None),
        ((("Schwab-Client-CorrelId", "5f1c"), ("X-Request-ID", "7")), None, "5f1c"),
        ((("x-ratelimit-remaining", "0"),), 0, None),
        # What is no number is not known, and too much for the column neither.
        ((("X-RateLimit-Remaining", "many"),), None, None),
        ((("X-RateLimit-Remaining", "9" * 30),), None, None),
        ((("X-Request-ID", "x" * 900),), None, "x" * 200),
        ((("X-Request-ID", "for a-known-secret"),), None, "for ***"),
    ],
)
def test_what_the_headers_of_an_answer_tell(recorder, headers, remaining, correlation):
    recorder.received(recorder.sending(outgoing()), incoming(headers=headers))

    call = ApiCallLog.objects.get()
    assert (call.rate_limit_remaining, call.correlation_id) == (remaining, correlation)


def test_a_call_without_an_answer_has_no_status(recorder):
    """L5: an exception is no 500."""
    record = recorder.sending(outgoing())

    recorder.failed(record, "ReadTimeout: nothing came for a-known-secret", at=LATER, duration_ms=30_000)

    call = ApiCallLog.objects.get()
    assert (call.ended_at, call.http_status_code, call.response_payload, call.duration_ms) == (
        LATER,
        None,
        None,
        30_000,
    )
    assert call.error == "ReadTimeout: nothing came for ***"


def test_an_error_without_words_ends_a_call_too(recorder):
    recorder.failed(recorder.sending(outgoing()), "", at=LATER, duration_ms=1)

    assert ApiCallLog.objects.get().error == "no reason was given"


def test_a_call_for_no_order_carries_its_purpose(recorder):
    recorder.sending(outgoing(reference=ASK))

    call = ApiCallLog.objects.get()
    assert (call.reference, call.purpose) == ("clock", "clock")


def test_a_call_for_a_run_carries_the_run():
    run = UUID("018f2f6e-0000-7000-8000-000000000001")

    PayloadRecorder(Redaction(), run=run).sending(outgoing(reference=Reference(purpose="congress")))

    assert ApiCallLog.objects.get().run_id == run


def test_a_call_for_nothing_is_not_made(recorder):
    with pytest.raises(RecordingFailed, match="made_for_something"):
        recorder.sending(outgoing(reference=Reference(purpose="")))

    assert (ApiCallLog.objects.count(), ApiPayload.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    "facts",
    [
        {"reference": None},
        {"reference": ""},
        # An answer has a status and a payload, no answer has a reason.
        {"http_status_code": None},
        {"error": "and yet"},
        {"response_payload": None},
        {"ended_at": None},
    ],
)
def test_the_table_takes_no_call_that_cannot_be(facts):
    with pytest.raises(IntegrityError), transaction.atomic():
        make.api_call(**facts)


@pytest.mark.parametrize("facts", [{"type": "other"}, {"body": None}, {"purged_at": AT}])
def test_the_table_takes_no_payload_that_cannot_be(facts):
    with pytest.raises(IntegrityError), transaction.atomic():
        make.api_payload(**facts)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" {}\n",
        "ä 你 \U0001f600".encode(),
        # No text, and a text that PostgreSQL does not keep.
        bytes(range(256)),
        b"a\x00b",
    ],
)
def test_a_body_without_a_secret_is_kept_byte_for_byte(recorder, data):
    recorder.received(recorder.sending(outgoing(body=data)), incoming(body=data))

    call = ApiCallLog.objects.get()
    for payload in (call.request_payload, call.response_payload):
        kept = payload.body if payload.encoding == "text" else payload.body.encode()
        assert kept == (data.decode() if payload.encoding == "text" else b64encode(data))
        assert (payload.size_bytes, payload.secrets, payload.truncated) == (len(data), 0, False)
        assert payload.sha256 == hashlib.sha256(data).hexdigest()


def test_a_body_of_10_mb_is_cut_and_says_so(recorder):
    data = b'{"a":"' + b"x" * 10 * 2**20 + b'","access_token":"hush-hush-hush"}'

    recorder.received(recorder.sending(outgoing()), incoming(body=data))

    payload = ApiPayload.objects.get(type="response")
    assert payload.text == data[:LIMIT_BYTES].decode()
    assert (payload.size_bytes, payload.truncated, payload.secrets) == (len(data), True, 1)
    assert payload.sha256 == hashlib.sha256(data.replace(b"hush-hush-hush", b"***")).hexdigest()


@pytest.mark.parametrize("length", [COMPRESSED_FROM_BYTES - 1, COMPRESSED_FROM_BYTES])
def test_a_long_text_is_compressed_and_read_as_it_was(recorder, length):
    data = b"[" + b'{"Ticker":"AAPL"},' * (length // 18 + 1)
    data = data[:length]

    recorder.received(recorder.sending(outgoing()), incoming(body=data))

    payload = ApiPayload.objects.get(type="response")
    assert (payload.text, payload.text_encoding) == (data.decode(), "text")
    assert payload.sha256 == hashlib.sha256(data).hexdigest()
    assert payload.size_bytes == length
    assert (payload.encoding, len(payload.body) < length / 10) == (
        ("gzip", True) if length == COMPRESSED_FROM_BYTES else ("text", False)
    )


def test_a_long_text_that_compresses_to_no_less_stays_as_it_is(recorder):
    data = b64encode(random.Random(7).randbytes(COMPRESSED_FROM_BYTES))

    recorder.received(recorder.sending(outgoing()), incoming(body=data))

    payload = ApiPayload.objects.get(type="response")
    assert (payload.encoding, payload.body) == ("text", data.decode())


def test_no_character_and_no_secret_is_cut_in_the_middle():
    recorder = PayloadRecorder(Redaction(["a-known-secret"]), limit_bytes=11)

    recorder.sending(outgoing(body="123456789ä你".encode()))
    recorder.sending(outgoing(body="123456789 你".encode()))
    recorder.sending(outgoing(body=b"12345 a-known-secret"))
    recorder.sending(outgoing(body=b"\xff" * 12))

    kept = ["123456789ä", "123456789 ", "12345 ***", b64encode(b"\xff" * 11).decode()]
    assert [payload.body for payload in ApiPayload.objects.order_by("id")] == kept
    assert [payload.truncated for payload in ApiPayload.objects.order_by("id")] == [True, True, False, True]


def test_a_call_is_answered_once(recorder):
    """Q10: no call is written over."""
    record = recorder.sending(outgoing())
    recorder.received(record, incoming(body=b"first"))

    for again in (
        lambda: recorder.received(record, incoming(body=b"second")),
        lambda: recorder.failed(record, "ReadError", at=LATER, duration_ms=1),
    ):
        with pytest.raises(RecordingFailed, match="has ended or was never recorded"):
            again()

    assert [payload.body for payload in ApiPayload.objects.filter(type="response")] == ["first"]


def test_an_answer_to_no_call_is_refused(recorder):
    with pytest.raises(RecordingFailed, match="expected call 77 to be under way"):
        recorder.received(77, incoming())

    assert ApiPayload.objects.count() == 0


@real
def test_within_a_transaction_nothing_is_recorded(recorder):
    with transaction.atomic(), pytest.raises(RecordingFailed, match="make the call before it begins"):
        recorder.sending(outgoing())

    record = recorder.sending(outgoing())
    for word in (
        lambda: recorder.received(record, incoming()),
        lambda: recorder.failed(record, "ReadError", at=LATER, duration_ms=1),
    ):
        with transaction.atomic(), pytest.raises(RecordingFailed, match="found a transaction open"):
            word()

    assert ApiCallLog.objects.get().ended_at is None


@real
@pytest.mark.parametrize("word", ["sending", "received", "failed"])
def test_a_database_that_does_not_take_it_is_told(recorder, word):
    record = recorder.sending(outgoing())
    words = {
        "sending": lambda: recorder.sending(outgoing()),
        "received": lambda: recorder.received(record, incoming()),
        "failed": lambda: recorder.failed(record, "ReadError", at=LATER, duration_ms=1),
    }

    with nobody_writes(), pytest.raises(RecordingFailed, match=r"found the database not to take it: .*lock"):
        words[word]()

    recorder.received(record, incoming())
    assert ApiCallLog.objects.get().http_status_code == 200


@real
def test_a_connection_that_is_gone_is_opened_again_for_the_next_call(recorder):
    record = recorder.sending(outgoing())
    if connection.vendor == "postgresql":
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
        other.close()
    else:
        connection.connection.close()

    with pytest.raises(RecordingFailed, match=f"expected to store the answer to call {record}"):
        recorder.received(record, incoming())

    recorder.received(record, incoming())
    assert ApiCallLog.objects.get().http_status_code == 200


def test_what_nobody_expected_is_told_without_its_words(recorder, monkeypatch):
    """The words of an error may be those that were to be hidden."""

    def break_down(data):
        raise ValueError("a-known-secret")

    monkeypatch.setattr(recorder._redaction, "body", break_down)

    with pytest.raises(RecordingFailed) as told:
        recorder.sending(outgoing())

    assert str(told.value) == "expected to store a call, found ValueError"


@real
@pytest.mark.skipif(connection.vendor != "sqlite", reason="on PostgreSQL writers do not wait for each other")
def test_a_locked_database_is_waited_for(recorder):
    other = connection.copy()
    other.inc_thread_sharing()
    with other.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.1, lambda: other.cursor().execute("ROLLBACK"))
    release.start()
    try:
        recorder.sending(outgoing())
    finally:
        release.join()
        other.close()

    assert ApiCallLog.objects.count() == 1


@real
def test_a_call_takes_two_commits(recorder, django_assert_num_queries):
    with django_assert_num_queries(4):  # BEGIN, two rows, COMMIT: PostgreSQL's BEGIN and COMMIT are queries too.
        record = recorder.sending(outgoing())
    with django_assert_num_queries(5):  # Whose call it was, and the same.
        recorder.received(record, incoming())
