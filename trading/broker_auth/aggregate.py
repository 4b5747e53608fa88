"""Schwab auth: whether we may act at Schwab, since which login, and until when."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Self, assert_never

import msgspec

from trading.broker_auth.commands import (
    LoseAuthentication,
    Migrate,
    RefreshAccessToken,
    SchwabAuthCommand,
    StoreTokens,
)
from trading.broker_auth.events import AccessTokenRefreshed, AuthenticationLost, SchwabAuthEvent, TokensStored


class AuthState(StrEnum):
    """NOT_AUTHENTICATED is also what follows when a login is lost; when and why stays known."""

    NOT_AUTHENTICATED = "NotAuthenticated"
    AUTHENTICATED = "Authenticated"


class SchwabAuthError(Exception):
    """The login refuses the command; nothing happened."""


class NotAuthenticated(SchwabAuthError):
    """There is no login to refresh or to lose. Log in first."""


class AlreadyAuthenticated(SchwabAuthError):
    """There was a login here before, so nothing is brought in from an older installation."""


class SchwabAuth(msgspec.Struct, frozen=True, kw_only=True):
    """Our login at a broker; the stream's id is the broker's name."""

    aggregate_type: ClassVar[str] = "SchwabAuth"
    state_schema: ClassVar[int] = 1

    broker: str
    state: AuthState = AuthState.NOT_AUTHENTICATED
    login_at: datetime | None = None
    refreshed_at: datetime | None = None
    """When the newest access token was received."""
    expires_at: datetime | None = None
    refresh_expires_at: datetime | None = None
    lost_at: datetime | None = None
    lost_reason: str | None = None

    @classmethod
    def initial(cls, id: str) -> Self:
        return cls(broker=id)

    def decide(self, command: SchwabAuthCommand) -> list[SchwabAuthEvent]:
        match command:
            case StoreTokens():
                return [TokensStored(**msgspec.structs.asdict(command))]
            case Migrate():
                if self.login_at is not None:
                    raise AlreadyAuthenticated(f"there was a login at {self.broker} at {self.login_at} already")
                return [TokensStored(**msgspec.structs.asdict(command))]
            case RefreshAccessToken():
                self._refuse_without_a_login("a newer access token")
                return [AccessTokenRefreshed(**msgspec.structs.asdict(command))]
            case LoseAuthentication():
                self._refuse_without_a_login("its loss")
                return [AuthenticationLost(**msgspec.structs.asdict(command))]
            case _:
                assert_never(command)

    def evolve(self, event: SchwabAuthEvent) -> Self:
        match event:
            case TokensStored():
                return type(self)(
                    broker=self.broker,
                    state=AuthState.AUTHENTICATED,
                    login_at=event.login_at,
                    refreshed_at=event.fetched_at,
                    expires_at=event.expires_at,
                    refresh_expires_at=event.refresh_expires_at,
                )
            case AccessTokenRefreshed(refreshed_at=refreshed_at, expires_at=expires_at):
                return msgspec.structs.replace(self, refreshed_at=refreshed_at, expires_at=expires_at)
            case AuthenticationLost(lost_at=lost_at, reason=reason):
                return msgspec.structs.replace(
                    self, state=AuthState.NOT_AUTHENTICATED, lost_at=lost_at, lost_reason=reason
                )
            case _:
                assert_never(event)

    def _refuse_without_a_login(self, what: str) -> None:
        if self.state is not AuthState.AUTHENTICATED:
            raise NotAuthenticated(f"expected a login at {self.broker} before {what}, there is none")
