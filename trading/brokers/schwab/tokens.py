"""Tokens: what the adapter needs to be let in. Where they are kept and how they are renewed is not its matter."""

from typing import Protocol

from trading.values.secret import Secret


class AccessTokens(Protocol):
    """Gives the token that a call carries. Safe for use by many threads and processes at once."""

    def current(self) -> Secret:
        """Give a token that is good for the next call. Raises LoginNeeded, BrokerUnavailable."""

    def refused(self, token: Secret) -> Secret:
        """Give a newer token than one that Schwab answered with 401; it is renewed at most once.

        Raises LoginNeeded, BrokerUnavailable.
        """
