"""Grants: what a broker gives for a login or a refresh, as tokens of ours, and what it says where it gives nothing."""

from datetime import datetime, timedelta
from typing import Protocol

from trading.broker_auth.tokens import Token, TokenKind, Tokens
from trading.brokers.outcomes import BrokerUnavailable, LoginNeeded, NotAuthorised, OutcomeUnknown, RateLimited
from trading.values.secret import Secret

LONGEST_TOLD = 300


class Granted(Protocol):
    """What a broker gives for a code, or for a refresh token."""

    @property
    def access_token(self) -> Secret: ...
    @property
    def refresh_token(self) -> Secret: ...
    @property
    def expires_in(self) -> timedelta: ...


class Refreshes(Protocol):
    """Where newer tokens come from."""

    def refresh(self, refresh_token: Secret, /) -> Granted:
        """Ask for newer tokens. Raises LoginNeeded, BrokerUnavailable, OutcomeUnknown."""


class LogsIn(Refreshes, Protocol):
    """How an operator logs in: by a page of the broker's, which ends at an address of ours with a code in it."""

    def authorize_url(self, state: str, /) -> str:
        """Return the address of the broker's page."""

    def code_of(self, redirect_url: str, state: str, /) -> Secret:
        """Take the code out of the address at which the page ended. Raises ValueError, which repeats none of it."""

    def exchange(self, code: Secret, /) -> Granted:
        """Exchange the code for tokens. Raises LoginNeeded, BrokerUnavailable, OutcomeUnknown."""


def tokens_of(grant: Granted, *, asked_at: datetime, login_ends_at: datetime) -> Tokens:
    """Count from when it was asked for: the broker counts from a little later, so nothing is held for good too long."""
    return Tokens(
        access=Token(
            kind=TokenKind.ACCESS,
            secret=grant.access_token,
            fetched_at=asked_at,
            expires_at=asked_at + grant.expires_in,
        ),
        refresh=Token(
            kind=TokenKind.REFRESH, secret=grant.refresh_token, fetched_at=asked_at, expires_at=login_ends_at
        ),
    )


def retold(error: Exception, tokens: Tokens) -> BrokerUnavailable | OutcomeUnknown:
    """The same trouble in the same words, less any token of ours that the broker may have repeated in them."""
    text = str(error)
    for token in (tokens.access, tokens.refresh):
        text = text.replace(token.secret.reveal(), "***")
    text = text[:LONGEST_TOLD]
    match error:
        case RateLimited(retry_after=wait):
            return RateLimited(text, retry_after=wait)
        case LoginNeeded():
            return LoginNeeded(text)
        case NotAuthorised():
            return NotAuthorised(text)
        case OutcomeUnknown():
            return OutcomeUnknown(text)
        case _:
            return BrokerUnavailable(text)
