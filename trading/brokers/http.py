"""HTTP: one call to a broker's service, recorded before it leaves and when it is answered.

Nothing is repeated here, no redirect is followed, and no number becomes a float. What can be said of an answer by its
status alone is said here; the rest is the adapter's.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import httpx2
import msgspec

from trading.brokers.outcomes import BrokerUnavailable, NotAuthorised, OutcomeUnknown, RateLimited
from trading.brokers.port import Clock
from trading.brokers.recording import Incoming, Outgoing, Recorder, RecordingFailed, Reference
from trading.values.outside import NotJson, json_of

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
LARGEST_ANSWER_BYTES = 128 * 2**20

# Where a number in X-RateLimit-Reset is less than this, it counts seconds; else it is a time since 1970.
_SECONDS_BELOW = 300
# A longer wait is a mistake of whoever asks for it, and orders would stand still over it.
_LONGEST_WAIT = timedelta(days=1)
_LONGEST_TOLD = 300
# No database keeps a NUL, and what a broker says gets into rows.
_NUL_IN_JSON, _UNREADABLE_IN_JSON = rb"\u0000", rb"\ufffd"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. Its body is as received; `json` reads it with exact decimals."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    asked_at: datetime
    received_at: datetime

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        return found[0] if found else None

    def json(self) -> Any:
        """Read the body: numbers with a point are Decimal, whole ones int. Raises NotJson."""
        try:
            return json_of(self.body.replace(_NUL_IN_JSON, _UNREADABLE_IN_JSON))
        except NotJson as error:
            raise NotJson(f"expected JSON, was {self.told()!r} ({error})") from None

    def told(self) -> str:
        """The beginning of the body, for a message. Not for answers that carry tokens."""
        return self.body[:_LONGEST_TOLD].decode(errors="replace").replace("\0", "\ufffd")


def without_secrets(answer: Answer, secrets: Iterable[str]) -> Answer:
    """Take secrets of ours out of an answer that repeats them, since its words go into messages and rows."""
    body = answer.body
    for text in secrets:
        for written in (text, text.replace("/", r"\/")):
            body = body.replace(written.encode(), b"***")
    return answer if body == answer.body else msgspec.structs.replace(answer, body=body)


class BrokerHttp:
    """Calls to one broker's service. Safe for use by many threads at once."""

    def __init__(
        self,
        *,
        source: str,
        base_url: str,
        recorder: Recorder,
        clock: Clock,
        connect_seconds: float = CONNECT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        largest_answer_bytes: int = LARGEST_ANSWER_BYTES,
        stopwatch: Callable[[], float] = time.monotonic,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """`answer_seconds` is the longest silence; a whole answer may take twice as long."""
        self._source, self._recorder, self._clock = source, recorder, clock
        self._base_url = base_url.rstrip("/")
        self._whole_answer_seconds, self._stopwatch = 2 * answer_seconds, stopwatch
        self._largest_answer_bytes = largest_answer_bytes
        # trust_env: a proxy or a .netrc of the machine has no say in where orders go.
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(answer_seconds, connect=connect_seconds),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    @property
    def base_url(self) -> str:
        """Where the service is, without a slash at its end: for the one address that a person opens, the login's."""
        return self._base_url

    def close(self) -> None:
        self._client.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        reference: Reference,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make one call and return its answer, whatever its status: see `refuse_by_status` for what that means.

        Decimals in `json` are sent as strings. Raises BrokerUnavailable where nothing was sent, or where the call
        changes nothing and no answer came; OutcomeUnknown where a call that changes something got no answer.
        """
        request = self._request(method, path, headers, params, json, form)
        asked_at = self._clock()
        try:
            record = self._recorder.sending(
                Outgoing(
                    source=self._source,
                    method=method,
                    url=str(request.url),
                    headers=_pairs(request.headers),
                    body=request.content,
                    reference=reference,
                    at=asked_at,
                )
            )
        except RecordingFailed as error:
            raise BrokerUnavailable(f"{method} {path} was not sent: {error}") from error
        try:
            response, body = self._answered(request)
        except httpx2.RequestError as error:
            # Not TransportError alone: a body that can't be unpacked came from somebody who has read our request.
            self._tell_failure(record, method, error, asked_at)
            raise _unanswered(method, path, error) from error
        received_at = self._after(asked_at)
        answer = Answer(
            status=response.status_code,
            headers=_pairs(response.headers),
            body=body,
            asked_at=asked_at,
            received_at=received_at,
        )
        self._tell_answer(record, method, path, answer)
        return answer

    def _after(self, asked_at: datetime) -> datetime:
        """The time now. Where the clock was put back meanwhile, nothing is told to have ended before it began."""
        return max(asked_at, self._clock())

    def _answered(self, request: httpx2.Request) -> tuple[httpx2.Response, bytes]:
        """Read an answer as it comes: one that trickles has to end, and one without end must not fill the memory."""
        deadline = self._stopwatch() + self._whole_answer_seconds
        response, body = self._client.send(request, stream=True), bytearray()
        try:
            for piece in response.iter_bytes():
                body += piece
                if len(body) > self._largest_answer_bytes:
                    raise httpx2.ReadError(f"more than {self._largest_answer_bytes} bytes came", request=request)
                if self._stopwatch() > deadline:
                    told = f"the answer was not whole within {self._whole_answer_seconds:g} s"
                    raise httpx2.ReadTimeout(told, request=request)
        finally:
            response.close()
        return response, bytes(body)

    def _request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None,
        params: Mapping[str, str] | None,
        json: Any,
        form: Mapping[str, str] | None,
    ) -> httpx2.Request:
        given = {"Accept": "application/json", **(headers or {})}
        content = None
        if json is not None:
            content = msgspec.json.encode(json)
            given["Content-Type"] = "application/json"
        elif form is not None:
            content = urlencode(form).encode()
            given["Content-Type"] = "application/x-www-form-urlencoded"
        return self._client.build_request(
            method, f"{self._base_url}{path}", headers=given, params=params, content=content
        )

    def _tell_answer(self, record: int, method: str, path: str, answer: Answer) -> None:
        try:
            self._recorder.received(
                record,
                Incoming(
                    status=answer.status,
                    headers=answer.headers,
                    body=answer.body,
                    at=answer.received_at,
                    duration_ms=_milliseconds(answer.received_at - answer.asked_at),
                ),
            )
        except RecordingFailed as error:
            # An answer that nobody can look up later explains nothing: it is as if none had come, and is asked for.
            raise _not_known(method)(f"the answer to {method} {path} could not be stored: {error}") from error

    def _tell_failure(self, record: int, method: str, error: Exception, asked_at: datetime) -> None:
        now = self._after(asked_at)
        try:
            self._recorder.failed(
                record, f"{type(error).__name__}: {error}", at=now, duration_ms=_milliseconds(now - asked_at)
            )
        except RecordingFailed as trouble:
            raise _not_known(method)(f"no answer to {method}, which could not be stored: {trouble}") from error


def refuse_by_status(answer: Answer, *, changes: bool, what: str) -> None:
    """Raise what follows from the status alone; what the broker means by another 4xx is for the adapter to say.

    `changes` tells whether the call may have changed something there, so that a server's failure leaves it unknown.
    """
    if answer.status == 401:
        raise NotAuthorised(f"{what}: the broker does not accept our credentials (401): {answer.told()}")
    if answer.status == 429:
        raise RateLimited(f"{what}: the broker takes no more calls for now (429)", retry_after=_retry_after(answer))
    if answer.status >= 500 or answer.status == 408:
        raise (OutcomeUnknown if changes else BrokerUnavailable)(
            f"{what}: the broker answered {answer.status}: {answer.told()}"
        )
    if 300 <= answer.status < 400:
        raise (OutcomeUnknown if changes else BrokerUnavailable)(
            f"{what}: expected an answer, was a redirect ({answer.status}) to {answer.header('location')}"
        )


def _unanswered(method: str, path: str, error: httpx2.RequestError) -> Exception:
    told = f"{method} {path}: {type(error).__name__}: {error}"
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout):
        return BrokerUnavailable(f"{told}; nothing was sent")
    return _not_known(method)(f"{told}; no answer came")


def _not_known(method: str) -> type[BrokerUnavailable | OutcomeUnknown]:
    return BrokerUnavailable if method == "GET" else OutcomeUnknown


def _retry_after(answer: Answer) -> timedelta | None:
    """Read Retry-After, as seconds or an HTTP date, else X-RateLimit-Reset, as seconds or a time since 1970."""
    told = answer.header("retry-after")
    if told is not None and re.fullmatch(r"[0-9]{1,6}", told):
        return min(timedelta(seconds=int(told)), _LONGEST_WAIT)
    if told is not None:
        try:
            at = parsedate_to_datetime(told)
        except (ValueError, OverflowError):
            return None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return min(max(at - answer.received_at, timedelta(0)), _LONGEST_WAIT)
    reset = answer.header("x-ratelimit-reset")
    if reset is None or not re.fullmatch(r"[0-9]{1,11}", reset):
        return None
    if int(reset) < _SECONDS_BELOW:
        return timedelta(seconds=int(reset))
    return min(max(datetime.fromtimestamp(int(reset), tz=UTC) - answer.received_at, timedelta(0)), _LONGEST_WAIT)


def _milliseconds(span: timedelta) -> int:
    return max(span // timedelta(milliseconds=1), 0)


def _pairs(headers: httpx2.Headers) -> tuple[tuple[str, str], ...]:
    return tuple(headers.multi_items())
