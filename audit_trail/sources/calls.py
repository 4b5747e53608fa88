"""Calls to a source: one question at a time, within the allowance, on record, and asked again where it may help.

Every try is a call of its own on record. What a source means by a status is its adapter's to say.
"""

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Self

import stamina

from audit_trail.ingestion.running import Clock, OpenRun
from audit_trail.sources.allowance import LONGEST_WAIT, Allowance
from audit_trail.sources.outcomes import SourceUnavailable
from trading.brokers.http import Answer, BrokerHttp, without_secrets
from trading.brokers.outcomes import BrokerUnavailable, OutcomeUnknown, RateLimited
from trading.brokers.recording import Recorder, Reference
from trading.values.secret import Secret

TRIES = 4
RecorderOf = Callable[[OpenRun], Recorder]
Pause = Callable[[float], object]

Refuse = Callable[[Answer, str], None]
"""Raises what an answer means that is none: SourceError, or what `refuse_by_status` raises."""


class SourceCalls:
    """The calls of one run."""

    def __init__(
        self,
        http: BrokerHttp,
        run: OpenRun,
        *,
        headers: Mapping[str, Secret],
        allowance: Allowance,
        clock: Clock,
        pause: Pause | None,
        refuse: Refuse,
    ) -> None:
        """`headers` are sent with each call and never shown, nor is what they hold in an answer that repeats it.

        Without a `pause` it sleeps.
        """
        self._http, self._run, self._headers = http, run, headers
        self._allowance, self._clock, self._refuse = allowance, clock, refuse
        self._pause = pause or time.sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, params: Mapping[str, str], *, purpose: str) -> Answer:
        """Ask, again where that may help, and return the answer that was not refused. Raises SourceError."""
        for attempt in stamina.retry_context(
            on=_may_help, attempts=TRIES, timeout=None, wait_initial=1.0, wait_max=30.0
        ):
            with attempt:
                return self._ask(path, params, purpose)
        raise AssertionError("the last try returns or raises")

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
                headers=_Unshown({name: secret.reveal() for name, secret in self._headers.items()}),
                params=dict(params),
            )
            told = (secret.reveal().removeprefix("Bearer ") for secret in self._headers.values())
            answer = without_secrets(answer, told)
            self._refuse(answer, f"GET {path}")
        except RateLimited as error:
            if error.retry_after is not None:
                self._allowance.hold(self._clock() + error.retry_after)
            raise SourceUnavailable(str(error), retry_after=error.retry_after) from error
        except (BrokerUnavailable, OutcomeUnknown) as error:
            raise SourceUnavailable(str(error)) from error
        return answer


def is_page(answer: Answer) -> bool:
    """Tell whether a gateway answered with a page in the source's place."""
    return answer.body.lstrip()[:1] == b"<"


class _Unshown(dict[str, str]):
    """Headers that are sent, and never shown."""

    def __repr__(self) -> str:
        return "_Unshown(***)"

    __str__ = __repr__


def _may_help(error: Exception) -> bool | timedelta:
    """Tell stamina whether to ask again, and when."""
    if not isinstance(error, SourceUnavailable):
        return False
    if error.retry_after is None:
        return True
    # The wait itself is the allowance's, which all processes keep to.
    return error.retry_after <= LONGEST_WAIT and timedelta(0)
