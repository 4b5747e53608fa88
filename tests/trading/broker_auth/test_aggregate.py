"""Schwab auth: a login, refreshes that do not prolong it, its end, and the next login."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from eventstore.testing import given
from trading.broker_auth.aggregate import AlreadyAuthenticated, AuthState, NotAuthenticated, SchwabAuth
from trading.broker_auth.commands import LoseAuthentication, Migrate, RefreshAccessToken, StoreTokens
from trading.broker_auth.events import AccessTokenRefreshed, AuthenticationLost, TokensStored

AT = datetime(2025, 11, 3, 14, 30, tzinfo=UTC)
LATER = AT + timedelta(minutes=25)
HALF_AN_HOUR, A_WEEK = timedelta(minutes=30), timedelta(days=7)

TIMES = {"login_at": AT, "fetched_at": AT, "expires_at": AT + HALF_AN_HOUR, "refresh_expires_at": AT + A_WEEK}
STORE, STORED = StoreTokens(**TIMES), TokensStored(**TIMES)
REFRESH = RefreshAccessToken(refreshed_at=LATER, expires_at=LATER + HALF_AN_HOUR)
REFRESHED = AccessTokenRefreshed(refreshed_at=LATER, expires_at=LATER + HALF_AN_HOUR)
LOSE = LoseAuthentication(lost_at=LATER, reason="refused (400)")
LOST = AuthenticationLost(lost_at=LATER, reason="refused (400)")
AGAIN = {name: at + timedelta(days=5) for name, at in TIMES.items()}


def auth(*events):
    return given(SchwabAuth, "schwab", *events)


def test_a_login_is_stored_from_any_state():
    auth().when(STORE).then(STORED)
    auth(STORED).when(StoreTokens(**AGAIN)).then(TokensStored(**AGAIN))
    auth(STORED, LOST).when(StoreTokens(**AGAIN)).then(TokensStored(**AGAIN))


def test_a_refresh_moves_the_access_token_and_never_the_login():
    auth(STORED).when(REFRESH).then(REFRESHED)
    auth(STORED, REFRESHED).then_state(
        state=AuthState.AUTHENTICATED,
        login_at=AT,
        refreshed_at=LATER,
        expires_at=LATER + HALF_AN_HOUR,
        refresh_expires_at=AT + A_WEEK,
    )


@pytest.mark.parametrize("command", [REFRESH, LOSE])
@pytest.mark.parametrize("events", [(), (STORED, LOST)])
def test_without_a_login_there_is_nothing_to_refresh_or_to_lose(events, command):
    auth(*events).when(command).then_refused(NotAuthenticated)


def test_a_lost_login_is_none_and_when_and_why_stays_known():
    auth(STORED).when(LOSE).then(LOST)
    auth(STORED, LOST).then_state(
        state=AuthState.NOT_AUTHENTICATED, login_at=AT, lost_at=LATER, lost_reason="refused (400)"
    )


def test_the_next_login_forgets_the_loss():
    auth(STORED, LOST, TokensStored(**AGAIN)).then_state(
        state=AuthState.AUTHENTICATED, lost_at=None, lost_reason=None, login_at=AT + timedelta(days=5)
    )


def test_an_older_installations_login_comes_in_with_its_own_times_and_only_where_there_was_none():
    old = Migrate(**TIMES | {"fetched_at": LATER, "expires_at": LATER + HALF_AN_HOUR})

    auth().when(old).then(TokensStored(**msgspec.structs.asdict(old)))
    auth(STORED).when(old).then_refused(AlreadyAuthenticated)
    auth(STORED, LOST).when(old).then_refused(AlreadyAuthenticated)


def test_no_event_and_no_command_has_room_for_a_token():
    """Each field is a time, but for one reason."""
    told = {
        field.name: field.type
        for kind in (STORED, REFRESHED, LOST, STORE, REFRESH, LOSE, Migrate)
        for field in msgspec.structs.fields(kind)
    }
    assert told.pop("reason") is str
    assert set(told.values()) == {datetime}
