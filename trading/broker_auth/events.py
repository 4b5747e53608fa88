"""Events of a login at Schwab. They tell that there are tokens, and since when; no token is in any of them."""

from datetime import datetime

from eventstore.events import Event, event


@event("SchwabAuthEvent::TokensStored", schema=1)
class TokensStored(Event, frozen=True, kw_only=True):
    """An operator logged in, and the tokens that the broker gave were stored."""

    login_at: datetime
    fetched_at: datetime
    """When the access token was received: with the login, or later where an older installation had refreshed it."""
    expires_at: datetime
    """When the access token ends."""
    refresh_expires_at: datetime
    """When the login ends: it is counted from the login, and no refresh moves it."""


@event("SchwabAuthEvent::AccessTokenRefreshed", schema=1)
class AccessTokenRefreshed(Event, frozen=True, kw_only=True):
    """The broker gave a new access token in exchange for the refresh token."""

    refreshed_at: datetime
    expires_at: datetime


@event("SchwabAuthEvent::AuthenticationLost", schema=1)
class AuthenticationLost(Event, frozen=True, kw_only=True):
    """The login has ended, or the broker no longer accepts it. Only an operator can log in again."""

    lost_at: datetime
    reason: str


SchwabAuthEvent = TokensStored | AccessTokenRefreshed | AuthenticationLost
