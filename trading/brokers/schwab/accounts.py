"""Accounts: the one that we trade in, found by its number and addressed by its hash."""

import re
from collections.abc import Mapping
from typing import Any

from trading.brokers.http import Answer
from trading.brokers.outcomes import BrokerUnavailable, NotAuthorised
from trading.brokers.recording import Reference
from trading.brokers.schwab.answers import Unreadable, object_of, order_json_of, text_of
from trading.brokers.schwab.session import SchwabSession

ACCOUNTS = "/trader/v1/accounts"

_HASH = re.compile(r"[A-Za-z0-9_~.-]{1,200}")
_SHOWN_DIGITS = 3


class SchwabAccount:
    """Makes calls about one account.

    Its hash is asked for once and kept. It is asked for anew after an answer that may mean that Schwab knows it by
    another one now, as after a login with another app.
    """

    def __init__(self, *, session: SchwabSession, number: str) -> None:
        if not number:
            raise ValueError("expected the number of an account, was none")
        self.number = number
        self._session = session
        self._hash: str | None = None

    def hash(self) -> str:
        """Give the account's hash. Raises BrokerUnavailable, and NotAuthorised where this login has no such account."""
        if self._hash is None:
            self._hash = self._ask()
        return self._hash

    def call(
        self,
        method: str,
        path: str,
        *,
        reference: Reference,
        params: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> Answer:
        """Make one call about the account, as SchwabSession.call does; `path` is what follows its hash."""
        answer = self._session.call(
            method, f"{ACCOUNTS}/{self.hash()}{path}", reference=reference, params=params, json=json
        )
        if answer.status in (400, 403, 404):
            self._hash = None
        return answer

    def _ask(self) -> str:
        what = "finding the account"
        answer = self._session.call("GET", f"{ACCOUNTS}/accountNumbers", reference=Reference(purpose="account hash"))
        rows = order_json_of(answer, what=what)
        try:
            if not isinstance(rows, list):
                raise Unreadable("expected a list of accounts")
            found = [
                (text_of(row, "accountNumber"), text_of(row, "hashValue"))
                for row in (object_of(each, name="an account") for each in rows)
            ]
        except Unreadable as error:
            raise BrokerUnavailable(f"{what}: {error}") from None
        return self._ours(found)

    def _ours(self, found: list[tuple[str, str]]) -> str:
        hashes = {hashed for number, hashed in found if number == self.number}
        if len(hashes) != 1:
            others = ", ".join(tail(number) for number, _ in found) or "none"
            raise NotAuthorised(
                f"expected account {tail(self.number)} once among the accounts of this login, found "
                f"{len(found)}: {others}. Set SCHWAB_ACCOUNT to the whole number of one of them, or log in again and "
                "tick the account"
            )
        hashed = hashes.pop()
        if not _HASH.fullmatch(hashed):
            raise BrokerUnavailable(f"expected the hash of account {tail(self.number)} as letters and digits")
        return hashed


def tail(number: str) -> str:
    """As much of an account's number as a message shows."""
    return f"…{number[-_SHOWN_DIGITS:]}"
