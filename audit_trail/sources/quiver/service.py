"""The service: Quiver's API under one token, and what Quiver means by a status.

401         it does not take our token
500         it failed; it answers so to a bad token as well
403         our plan does not have this
404         there is nothing
422         the question is malformed
429         too many calls: we wait as it asks
a page      a gateway answered in its place, whatever the status
"""

from collections.abc import Mapping
from typing import Any

import httpx2
import msgspec

from audit_trail.ingestion.running import Clock, OpenRun
from audit_trail.sources.allowance import Allowance
from audit_trail.sources.calls import Pause, RecorderOf, SourceCalls, is_page
from audit_trail.sources.outcomes import NotAuthorised, NotInPlan, NotTaken, SourceUnavailable, UnusableAnswer
from audit_trail.sources.quiver.address import BASE_URL
from trading.brokers.http import Answer, BrokerHttp, refuse_by_status
from trading.values.secret import Secret

SOURCE = "quiverquant"

CALLS_A_MINUTE = 60
CALLS_A_DAY = 1000

# The whole history in one answer takes more than 15 seconds.
ANSWER_SECONDS = 60.0


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
        pause: Pause | None = None,
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
        return QuiverCalls(
            http,
            run,
            headers={"Authorization": Secret(f"Bearer {self._token.reveal()}")},
            allowance=self._allowance,
            clock=self._clock,
            pause=self._pause,
            refuse=_refuse,
        )


class QuiverCalls(SourceCalls):
    """The calls of one run."""

    def rows(self, path: str, params: Mapping[str, str], *, purpose: str) -> list[str] | None:
        """Ask for rows and return each as it was written; None where Quiver says that there is nothing (404).

        Raises SourceError.
        """
        answer = self.get(path, params, purpose=purpose)
        return None if answer.status == 404 else _rows_of(answer, f"GET {path}")


def _refuse(answer: Answer, what: str) -> None:
    if is_page(answer):
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


def _rows_of(answer: Answer, what: str) -> list[str]:
    body = answer.body.lstrip()
    try:
        rows: list[Any] = _WRAPPED.decode(body).data if body[:1] == b"{" else _LIST.decode(body)
        return [bytes(row).decode() for row in rows]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnusableAnswer(f"{what}: expected a list of rows ({error}), was {answer.told()!r}") from None
