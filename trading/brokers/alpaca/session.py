"""The session: calls that carry our keys, and what follows from an answer that is none."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from trading.brokers.alpaca.answers import Json, Unreadable
from trading.brokers.alpaca.identity import Identity
from trading.brokers.alpaca.refusals import refusal_of
from trading.brokers.http import Answer, BrokerHttp, refuse_by_status
from trading.brokers.outcomes import BrokerUnavailable, NotAuthorised, UnusableAnswer
from trading.brokers.recording import Reference

T = TypeVar("T")


class AlpacaSession:
    """Calls to Alpaca's two hosts: the one that trades, and the one that tells prices."""

    def __init__(self, *, identity: Identity, trading: BrokerHttp, data: BrokerHttp) -> None:
        self.identity = identity
        self._trading, self._data = trading, data

    def close(self) -> None:
        self._trading.close()
        self._data.close()

    def call(
        self,
        method: str,
        path: str,
        reference: Reference,
        *,
        params: Mapping[str, str] | None = None,
        json: Json | None = None,
    ) -> Answer:
        """Make one call to the host that trades, as BrokerHttp.call does, and return its answer whatever its status."""
        return self._with_keys(self._trading, method, path, reference, params, json)

    def call_data(self, path: str, reference: Reference, *, params: Mapping[str, str]) -> Answer:
        """Ask the host that tells prices, and return its answer whatever its status."""
        return self._with_keys(self._data, "GET", path, reference, params, None)

    def ask(self, path: str, reference: Reference, *, what: str, params: Mapping[str, str] | None = None) -> Answer:
        """Ask the host that trades for what is always there. Raises BrokerUnavailable and its kin."""
        answer = self.call("GET", path, reference, params=params)
        must_be_an_answer(answer, what)
        return answer

    def _with_keys(
        self,
        http: BrokerHttp,
        method: str,
        path: str,
        reference: Reference,
        params: Mapping[str, str] | None,
        json: Json | None,
    ) -> Answer:
        answer = http.call(method, path, reference=reference, headers=self.identity.headers(), params=params, json=json)
        return self.identity.hidden_in(answer)


def must_be_an_answer(answer: Answer, what: str) -> None:
    """Raise what follows where a question was not answered. Nothing was changed by it."""
    if not is_success(answer):
        refuse_by_status(answer, changes=False, what=what)
        raise refused(answer, what)


def is_success(answer: Answer) -> bool:
    return 200 <= answer.status < 300


def refused(answer: Answer, what: str) -> BrokerUnavailable:
    """What a call came to that Alpaca refuses without a word on an order: nothing was changed."""
    refusal = refusal_of(answer)
    if refusal is None:
        return BrokerUnavailable(f"{what}: expected an answer of Alpaca's, was {answer.status}: {answer.told()}")
    if answer.status == 403:
        return NotAuthorised(f"{what}: Alpaca forbids it: {refusal.told()}")
    return BrokerUnavailable(f"{what}: Alpaca refused: {refusal.told()}")


def readable(read: Callable[[], T], what: str) -> T:
    """Read an answer of the market or the account. Raises UnusableAnswer."""
    try:
        return read()
    except Unreadable as error:
        raise UnusableAnswer(f"{what}: {error}") from None
