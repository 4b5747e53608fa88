"""The recorder: each call to the outside is committed before it is made, and its answer when it has come.

Two commits a call, each by itself and durable. Whatever is wrong with one, the caller hears of it as RecordingFailed
and knows what follows: what could not be stored is not sent, and an answer that could not be stored is as good as none.
"""

import base64
import gzip
import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog
from django.db import Error, connection, transaction

from audit_trail.payloads.models import ApiCallLog, ApiPayload
from audit_trail.payloads.redaction import Redaction
from trading.brokers.recording import Incoming, Outgoing, RecordingFailed

Pairs = Sequence[tuple[str, str]]

log = structlog.get_logger(__name__)

LIMIT_BYTES = 8 * 2**20
"""How much of a body is kept. Of a longer one there is the beginning, its whole size and its hash."""

COMPRESSED_FROM_BYTES = 32 * 2**10
"""Longer texts are compressed: a page of a source's rows is, and no answer about an order."""

# The one that takes the least time saves nearly as much as any.
COMPRESSION = 1

CORRELATION_HEADERS = ("schwab-client-correlid", "x-request-id", "x-correlation-id")


class NotUnderWay(Exception):
    """The call that an answer belongs to is not recorded, or was ended before."""


class PayloadRecorder:
    """Keeps calls and their answers, without secrets. Safe for use by many threads at once.

    A call that is made for a run of ingestion carries the run's id.
    """

    def __init__(self, redaction: Redaction, *, run: UUID | None = None, limit_bytes: int = LIMIT_BYTES) -> None:
        self._redaction, self._run, self._limit_bytes = redaction, run, limit_bytes

    def sending(self, call: Outgoing) -> int:
        """Store a request, and return the number of its record. Raises RecordingFailed: then it must not be sent."""
        with _recording("a call"):
            self._redaction.learn(call.headers, call.url, call.body)
            headers = self._redaction.headers(call.headers)
            request = self._payload(ApiPayload.Type.REQUEST, call.source, headers, call.body, call.at)
            started = ApiCallLog(
                run_id=self._run,
                reference=call.reference.order or call.reference.purpose,
                purpose=call.reference.purpose,
                source=call.source,
                method=call.method,
                endpoint=_storable(self._redaction.text(call.url)),
                sent_at=call.at,
            )
            with transaction.atomic(durable=True):
                request.save(force_insert=True)
                started.request_payload = request
                started.save(force_insert=True)
        return started.id

    def received(self, record: int, answer: Incoming) -> None:
        """Store what came back. Raises RecordingFailed."""
        with _recording(f"the answer to call {record}"):
            source = ApiCallLog.objects.filter(pk=record).values_list("source", flat=True).first() or ""
            headers = self._redaction.headers(answer.headers)
            response = self._payload(ApiPayload.Type.RESPONSE, source, headers, answer.body, answer.at)
            with transaction.atomic(durable=True):
                response.save(force_insert=True)
                _end(
                    record,
                    ended_at=answer.at,
                    duration_ms=answer.duration_ms,
                    http_status_code=answer.status,
                    rate_limit_remaining=_rate_limit_remaining(headers),
                    correlation_id=_correlation_id(headers),
                    response_payload=response,
                )

    def failed(self, record: int, error: str, *, at: datetime, duration_ms: int) -> None:
        """Store that no answer came, and why. Raises RecordingFailed."""
        with _recording(f"the failure of call {record}"):
            told = _storable(self._redaction.text(error)) or "no reason was given"
            with transaction.atomic(durable=True):
                _end(record, ended_at=at, duration_ms=duration_ms, error=told)

    def _payload(self, type: str, source: str, headers: Pairs, body: bytes, at: datetime) -> ApiPayload:  # noqa: A002
        data, secrets = self._redaction.body(body)
        text, encoding = _kept(data, self._limit_bytes)
        truncated = len(data) > self._limit_bytes
        if truncated:
            log.warning("Only the beginning of a payload is kept", source=source, type=type, size_bytes=len(body))
        return ApiPayload(
            type=type,
            source=source,
            captured_at=at,
            headers=msgspec.json.encode(headers).decode(),
            body=text,
            encoding=encoding,
            size_bytes=len(body),
            secrets=secrets,
            truncated=truncated,
            sha256=hashlib.sha256(data).hexdigest(),
        )


@contextmanager
def _recording(what: str) -> Iterator[None]:
    try:
        yield
    except Error as error:
        if not connection.in_atomic_block:
            # A connection that is gone is not used again: the next call opens another.
            connection.close_if_unusable_or_obsolete()
        raise RecordingFailed(f"expected to store {what}, found the database not to take it: {error}") from error
    except NotUnderWay as error:
        raise RecordingFailed(str(error)) from error
    except RuntimeError as error:
        if not connection.in_atomic_block:
            raise RecordingFailed(f"expected to store {what}, found {type(error).__name__}") from error
        raise RecordingFailed(
            f"expected to store {what} by a commit of its own, found a transaction open: nothing outside is called "
            "from within one, so make the call before it begins"
        ) from error
    except Exception as error:
        # Its message may hold what was to be hidden.
        raise RecordingFailed(f"expected to store {what}, found {type(error).__name__}") from error


def _end(record: int, **facts: Any) -> None:
    if ApiCallLog.objects.filter(pk=record, ended_at=None).update(**facts) != 1:
        raise NotUnderWay(f"expected call {record} to be under way, found that it has ended or was never recorded")


def _kept(data: bytes, limit: int) -> tuple[str, str]:
    """Return what is stored of a body, and how it is written."""
    try:
        data.decode()
    except UnicodeDecodeError:
        is_text = False
    else:
        is_text = b"\0" not in data  # Which PostgreSQL keeps in no text.
    if is_text:
        # What the cut leaves of a character of several bytes is left out.
        text = data[:limit].decode(errors="ignore")
        if len(data) < COMPRESSED_FROM_BYTES:
            return text, ApiPayload.Encoding.TEXT
        compressed = base64.b64encode(gzip.compress(text.encode(), compresslevel=COMPRESSION, mtime=0)).decode()
        return (
            (compressed, ApiPayload.Encoding.GZIP) if len(compressed) < len(text) else (text, ApiPayload.Encoding.TEXT)
        )
    return base64.b64encode(data[:limit]).decode(), ApiPayload.Encoding.BASE64


def _storable(text: str) -> str:
    return text.replace("\0", "�")


def _rate_limit_remaining(headers: Pairs) -> int | None:
    told = _header(headers, "x-ratelimit-remaining") or ""
    return int(told) if re.fullmatch(r"[0-9]{1,9}", told) else None


def _correlation_id(headers: Pairs) -> str | None:
    found = (_header(headers, name) for name in CORRELATION_HEADERS)
    return next((_storable(value)[:200] for value in found if value), None)


def _header(headers: Pairs, name: str) -> str | None:
    return next((value for key, value in headers if key.lower() == name), None)
