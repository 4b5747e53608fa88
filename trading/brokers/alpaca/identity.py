"""Identity: whose keys these are, and which account they open. Both are checked before the first order is sent."""

from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import urlsplit

from trading.brokers.http import Answer, without_secrets
from trading.brokers.outcomes import NotAuthorised
from trading.values.secret import Secret

_SHOWN_DIGITS = 4


class Mode(StrEnum):
    """Whether orders cost real money."""

    PAPER = "paper"
    LIVE = "live"

    @property
    def trading_url(self) -> str:
        """Where Alpaca takes the orders of this mode."""
        return "https://api.alpaca.markets" if self is Mode.LIVE else "https://paper-api.alpaca.markets"


DATA_URL = "https://data.alpaca.markets"
"""Where Alpaca tells prices: one host for both modes."""

# Alpaca's own mark on the keys that it gives out.
_PREFIXES = {"PK": Mode.PAPER, "AK": Mode.LIVE}


class ApiKeys(dict[str, str]):
    """The two headers that open an account. They are sent, and never shown."""

    def __repr__(self) -> str:
        return "ApiKeys(***)"

    __str__ = __repr__


class Identity:
    """Who we are at Alpaca, and who we expect to be."""

    def __init__(self, *, mode: Mode, key: Secret, secret: Secret, account: str, trading_url: str) -> None:
        if not (key.reveal() and secret.reveal() and account):
            raise ValueError("expected a key, its secret and the number of an account, was one of them empty")
        self.mode = mode
        self._key, self._secret, self._account = key, secret, account
        self._host_mode = _mode_of_host(trading_url)
        self._key_mode = _PREFIXES.get(key.reveal()[:2])

    @property
    def paper(self) -> bool | None:
        """Tell whether nothing real is traded: as the host says, and at a host that is not Alpaca's own, as the key."""
        told = self._host_mode or self._key_mode
        return None if told is None else told is Mode.PAPER

    def headers(self) -> Mapping[str, str]:
        return ApiKeys({"APCA-API-KEY-ID": self._key.reveal(), "APCA-API-SECRET-KEY": self._secret.reveal()})

    def hidden_in(self, answer: Answer) -> Answer:
        """Take our keys out of an answer that repeats them, since its words go into messages and rows."""
        return without_secrets(answer, (self._key.reveal(), self._secret.reveal()))

    def refuse_wrong_keys(self) -> None:
        """Raise NotAuthorised where the key or the host is of the other mode."""
        if self._key_mode is None:
            raise NotAuthorised(
                f"ALPACA_API_KEY begins with neither PK (paper) nor AK (live), TRADING_MODE is {self.mode}. "
                "Nothing is sent: expected a key of Alpaca's Trading API"
            )
        if self._key_mode is not self.mode:
            prefix = next(prefix for prefix, mode in _PREFIXES.items() if mode is self._key_mode)
            raise NotAuthorised(
                f"ALPACA_API_KEY begins with {prefix} ({self._key_mode}), TRADING_MODE is {self.mode}. "
                "Nothing is sent: set the key that belongs to the mode, or the mode that belongs to the key"
            )
        if self._host_mode not in (None, self.mode):
            raise NotAuthorised(
                f"ALPACA_BASE_URL is Alpaca's host for {self._host_mode}, TRADING_MODE is {self.mode}. "
                "Nothing is sent: leave ALPACA_BASE_URL out, or set the mode that belongs to it"
            )

    def refuse_wrong_account(self, number: str) -> None:
        """Raise NotAuthorised where the keys open another account than the expected one."""
        if number != self._account:
            raise NotAuthorised(
                f"ALPACA_ACCOUNT is {_tail(self._account)}, and the keys open the account {_tail(number)}. Nothing is "
                "sent: set the keys that belong to the account, or the account that is meant"
            )


def _mode_of_host(url: str) -> Mode | None:
    host = urlsplit(url).hostname
    return next((mode for mode in Mode if urlsplit(mode.trading_url).hostname == host), None)


def _tail(number: str) -> str:
    """As much of an account's number as a message shows."""
    return number if len(number) <= _SHOWN_DIGITS else f"…{number[-_SHOWN_DIGITS:]}"
