"""Commands to a login at Schwab. They carry times, and never a token."""

from datetime import datetime

import msgspec


class StoreTokens(msgspec.Struct, frozen=True, kw_only=True, tag="store"):
    """Note that an operator logged in and that tokens are stored."""

    login_at: datetime
    fetched_at: datetime
    expires_at: datetime
    refresh_expires_at: datetime


class RefreshAccessToken(msgspec.Struct, frozen=True, kw_only=True, tag="refresh"):
    """Note that a newer access token is stored."""

    refreshed_at: datetime
    expires_at: datetime


class LoseAuthentication(msgspec.Struct, frozen=True, kw_only=True, tag="lose"):
    """Note that the login has ended."""

    lost_at: datetime
    reason: str


class Migrate(msgspec.Struct, frozen=True, kw_only=True, tag="migrate"):
    """Bring in the login of an older installation, with the times that it had there."""

    login_at: datetime
    fetched_at: datetime
    expires_at: datetime
    refresh_expires_at: datetime


SchwabAuthCommand = StoreTokens | RefreshAccessToken | LoseAuthentication | Migrate
