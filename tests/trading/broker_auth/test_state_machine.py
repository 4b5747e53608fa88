"""Any sequence of commands to a login at Schwab: there is one, or it was lost, and a refresh never prolongs it."""

from datetime import datetime
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from tests.support.machines import AggregateMachine, play
from tests.trading.ledger.states import TIMES
from trading.broker_auth.aggregate import AlreadyAuthenticated, NotAuthenticated, SchwabAuth, SchwabAuthError
from trading.broker_auth.commands import LoseAuthentication, Migrate, RefreshAccessToken, StoreTokens


class LoginMachine(AggregateMachine):
    aggregate, refusals, id = SchwabAuth, SchwabAuthError, "schwab"

    def __init__(self) -> None:
        super().__init__()
        self.login: tuple[datetime, datetime] | None = None
        """When it was made, and when it ends."""
        self.access: tuple[datetime, datetime] | None = None
        self.lost: tuple[datetime | None, str | None] = (None, None)
        self.is_there = False

    @rule(kind=st.sampled_from([StoreTokens, Migrate]), times=st.tuples(TIMES, TIMES, TIMES, TIMES))
    def log_in(self, kind: Any, times: tuple[datetime, ...]) -> None:
        names = ("login_at", "refresh_expires_at", "fetched_at", "expires_at")
        again = kind is Migrate and self.login is not None
        if self.tell(kind(**dict(zip(names, times, strict=True))), AlreadyAuthenticated if again else None):
            self.login, self.access, self.lost, self.is_there = times[:2], times[2:], (None, None), True

    @rule(at=TIMES, until=TIMES)
    def refresh(self, at: datetime, until: datetime) -> None:
        refusal = None if self.is_there else NotAuthenticated
        if self.tell(RefreshAccessToken(refreshed_at=at, expires_at=until), refusal):
            self.access = at, until

    @rule(at=TIMES, reason=st.sampled_from(["it ended", "refused"]))
    def lose(self, at: datetime, reason: str) -> None:
        if self.tell(LoseAuthentication(lost_at=at, reason=reason), None if self.is_there else NotAuthenticated):
            self.lost, self.is_there = (at, reason), False

    @invariant()
    def the_login_is_the_last_one_with_its_newest_token(self) -> None:
        kept = self.kept
        assert (kept.login_at, kept.refresh_expires_at) == (self.login or (None, None))
        assert (kept.refreshed_at, kept.expires_at) == (self.access or (None, None))
        assert (kept.lost_at, kept.lost_reason) == self.lost
        assert kept.state.value == ("Authenticated" if self.is_there else "NotAuthenticated")


def test_any_commands_to_a_login_end_in_one_that_is_there_or_lost():
    play(LoginMachine, stories=40, steps=20)
