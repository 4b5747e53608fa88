"""The service: one question to Quiver at a time, within the allowance, on record, and asked again where it may help.

Every try is a call of its own on record. What Quiver means by a status is said here:

    401         it does not take our token
    500         it failed; it answers so to a bad token as well
    403         our plan does not have this
    404         there is nothing
    422         the question is malformed
    429         too many calls: we wait as it asks
    a page      a gateway answered in its place, whatever the status
"""

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import httpx2
import msgspec
import stamina

from audit_trail.ingestion.running import Clock, OpenRun
from audit_trail.sources.allowance import LONGEST_WAIT, Allowance
from audit_trail.sources.outcomes import NotAuthorised, NotInPlan, NotTaken, SourceUnavailable, UnusableAnswer
from audit_trail.sources.quiver.address import BASE_URL
from trading.brokers.http import Answer, BrokerHttp, refuse_by_status
from trading.brokers.outcomes import BrokerUnavailable, OutcomeUnknown, RateLimited
from trading.brokers.recording import Recorder, Reference
from trading.values.secret import Secret

SOURCE = "quiverquant"

CALLS_A_MINUTE = 60
CALLS_A_DAY = 1000

# The whole history in one answer takes more than 15 seconds.
ANSWER_SECONDS = 60.0
TRIES = 4
RecorderOf = Callable[[OpenRun], Recorder]


class _Rows(msgspec.Struct):
    data: list[msgspec.Raw]


_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_WRAPPED = msgspec.json.Decoder(_Rows)


class QuiverService:
    """Quiver's API under one token. Its calls are recorded by what `recorder_of` gives for a run."""

    def __init__(
        self,
        *,
        token: Secret,
        recorder_of: RecorderOf,
        clock: Clock,
        base_url: str = BASE_URL,
        allowance: Allowance | None = None,
        pause: Callable[[float], object] = time.sleep,
        answer_seconds: float = ANSWER_SECONDS,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self._token, self._recorder_of, self._clock = token, recorder_of, clock
        self._base_url, self._pause = base_url, pause
        self._allowance = allowance or Allowance(SOURCE, a_minute=CALLS_A_MINUTE, a_day=CALLS_A_DAY)
        self._answer_seconds, self._transport = answer_seconds, transport

    def calls_for(self, run: OpenRun) -> "QuiverCalls":
        """What asks for a run. Close it."""
        http = BrokerHttp(
            source=SOURCE,
            base_url=self._base_url,
            recorder=self._recorder_of(run),
            clock=self._clock,
            answer_seconds=self._answer_seconds,
            transport=self._transport,
        )
        return QuiverCalls(http, run, self._token, self._allowance, self._clock, self._pause)


class QuiverCalls:
    """The calls of one run."""

    def __init__(
        self,
        http: BrokerHttp,
        run: OpenRun,
        token: Secret,
        allowance: Allowance,
        clock: Clock,
        pause: Callable[[float], object],
    ) -> None:
        self._http, self._run, self._token = http, run, token
        self._allowance, self._clock, self._pause = allowance, clock, pause

    def __enter__(self) -> "QuiverCalls":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def rows(self, path: str, params: Mapping[str, str], *, purpose: str) -> list[str] | None:
        """Ask for rows and return each as it was written; None where Quiver says that there is nothing (404).

        Raises SourceError.
        """
        for attempt in stamina.retry_context(
            on=_may_help, attempts=TRIES, timeout=None, wait_initial=1.0, wait_max=30.0
        ):
            with attempt:
                answer = self._ask(path, params, purpose)
        return None if answer.status == 404 else _rows_of(answer, f"GET {path}")

    def _ask(self, path: str, params: Mapping[str, str], purpose: str) -> Answer:
        self._run.beat()
        wait = self._allowance.take(now=self._clock())
        if wait:
            self._pause(wait.total_seconds())
        try:
            answer = self._http.call(
                "GET",
                path,
                reference=Reference(purpose=purpose),
                headers=_Bearer({"Authorization": f"Bearer {self._token.reveal()}"}),
                params=dict(params),
            )
            answer = self._without_token(answer)
            _refuse(answer, f"GET {path}")
        except RateLimited as error:
            if error.retry_after is not None:
                self._allowance.hold(self._clock() + error.retry_after)
            raise SourceUnavailable(str(error), retry_after=error.retry_after) from error
        except (BrokerUnavailable, OutcomeUnknown) as error:
            raise SourceUnavailable(str(error)) from error
        return answer

    def _without_token(self, answer: Answer) -> Answer:
        """Take our token out of an answer that repeats it, since its words go into messages and rows."""
        token = self._token.reveal().encode()
        if token not in answer.body:
            return answer
        return msgspec.structs.replace(answer, body=answer.body.replace(token, b"***"))


class _Bearer(dict[str, str]):
    """A header that is sent, and never shown."""

    def __repr__(self) -> str:
        return "_Bearer(***)"

    __str__ = __repr__


def _may_help(error: Exception) -> bool | timedelta:
    """Tell stamina whether to ask again, and when."""
    if not isinstance(error, SourceUnavailable):
        return False
    if error.retry_after is None:
        return True
    # The wait itself is the allowance's, which all processes keep to.
    return error.retry_after <= LONGEST_WAIT and timedelta(0)


def _refuse(answer: Answer, what: str) -> None:
    if _is_page(answer):
        raise SourceUnavailable(f"{what}: expected JSON, was a page under status {answer.status}: {answer.told()}")
    match answer.status:
        case 200 | 404:
            return
        case 401:
            raise NotAuthorised(f"{what}: Quiver does not take our token (401): {answer.told()}. Set QUIVER_API_TOKEN")
        case 403:
            raise NotInPlan(f"{what}: our plan at Quiver does not have this (403): {answer.told()}")
        case 422:
            raise NotTaken(f"{what}: Quiver does not take the question (422): {answer.told()}")
        case 500:
            raise SourceUnavailable(
                f"{what}: Quiver answered 500, as it does where it fails and where it does not take a token; if it "
                f"goes on, look at QUIVER_API_TOKEN: {answer.told()}"
            )
        case _:
            pass
    refuse_by_status(answer, changes=False, what=what)
    raise UnusableAnswer(f"{what}: expected 200, was {answer.status}: {answer.told()}")


def _is_page(answer: Answer) -> bool:
    return answer.body.lstrip()[:1] == b"<"


def _rows_of(answer: Answer, what: str) -> list[str]:
    body = answer.body.lstrip()
    try:
        rows: list[Any] = _WRAPPED.decode(body).data if body[:1] == b"{" else _LIST.decode(body)
        return [bytes(row).decode() for row in rows]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnusableAnswer(f"{what}: expected a list of rows ({error}), was {answer.told()!r}") from None
