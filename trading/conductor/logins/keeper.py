"""Token keeper: hands out access tokens that are good for the next call, and has many processes refresh once.

A refresh is claimed in a row, and committed, before the broker is asked; what comes back is stored in a commit of its
own, which nothing that follows takes back; then it becomes an event. So no lock is held over the network, and no token
that was received is lost to an error elsewhere. What the broker says is stored and logged without our tokens in it.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections

from trading.broker_auth.aggregate import SchwabAuth
from trading.broker_auth.keys import DoesNotOpen, UnknownKey
from trading.broker_auth.logins import (
    BrokerLogin,
    Claim,
    give_back,
    login_of,
    renew_claim,
    store_login,
    store_loss,
    store_refresh,
    take_claim,
)
from trading.broker_auth.outbox import has_notes, take_notes
from trading.broker_auth.tokens import LOGIN_LASTS, Tokens, TokenStore
from trading.broker_auth.view import SCHWAB
from trading.brokers.outcomes import BrokerUnavailable, LoginNeeded, OutcomeUnknown
from trading.conductor.logins.grants import Granted, Refreshes, retold, tokens_of
from trading.conductor.logins.notices import close_login_notice, tell_of_no_login
from trading.ledger.book import Ledger
from trading.values.secret import Secret

log = structlog.get_logger(__name__)

REFRESH_BEFORE = timedelta(minutes=5)
"""How much of an access token is left when a newer one is asked for."""

RETRY_AFTER = timedelta(seconds=15)
"""How long after a refresh that failed nobody tries again, while the token that there is still lasts."""

WAIT_SECONDS = 0.1
MOST_WAITS = 100
TRIES_TO_STORE = 3


class Kept(NamedTuple):
    """A login and its tokens, as they are stored."""

    login: BrokerLogin
    tokens: Tokens


class TokenKeeper:
    """The tokens of one broker. Safe for use by many threads and processes at once; never inside a transaction."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        oauth: Refreshes,
        store: TokenStore,
        clock: Callable[[], datetime],
        broker: str = SCHWAB,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._ledger, self._oauth, self._store, self._clock = ledger, oauth, store, clock
        self._broker, self._pause = broker, pause

    # What an adapter asks for.

    def current(self) -> Secret:
        """Give a token that is good for the next call, refreshed if it has five minutes or less left.

        Raises LoginNeeded, and BrokerUnavailable where it has ended and no newer one is to be had.
        """
        kept, now = self._kept(), self._clock()
        access = kept.tokens.access
        if access.expires_at - now > REFRESH_BEFORE:
            return access.secret
        if access.expires_at <= now:
            return self._newer(kept)
        if kept.login.retry_at is not None and now < kept.login.retry_at:
            return access.secret
        try:
            return self._newer(kept, wait=False)
        except LoginNeeded:
            raise
        except BrokerUnavailable as error:
            log.warning("Token not refreshed, the old one still lasts", broker=self._broker, error=str(error))
            return access.secret

    def refused(self, token: Secret) -> Secret:
        """Give a newer token in place of one that the broker answered 401 to, refreshed once at most.

        Raises LoginNeeded, BrokerUnavailable.
        """
        kept = self._kept()
        if kept.tokens.access.secret != token:
            return kept.tokens.access.secret  # Another process was faster.
        if kept.login.refused_too_often(self._clock()):
            raise BrokerUnavailable(
                f"{self._broker} refused {kept.login.refusals} tokens in a row, the last one given at "
                f"{kept.login.refused_at}: it is asked for the next one a minute later; look at what the account may do"
            )
        return self._newer(kept, because_refused=True)

    # What an operator's login leads to.

    def log_in(self, grant: Granted, *, at: datetime) -> datetime:
        """Store what a login gave, asked for at this time. Return when the next login is due."""
        ends_at = at + LOGIN_LASTS
        tokens = tokens_of(grant, asked_at=at, login_ends_at=ends_at)
        self._insist(lambda: store_login(self._store, self._broker, tokens, login_at=at))
        log.info("Logged in", broker=self._broker, ends_at=ends_at.isoformat())
        close_login_notice(self._broker, at=at)
        self._tell_or_leave_it()
        return ends_at

    def tell(self) -> int:
        """Make events of what happened and is none yet. Return how many there were."""
        if not has_notes(self._broker):
            return 0
        with self._ledger.step(at=self._clock(), actor="token_keeper") as step:
            commands = take_notes(self._broker)
            for command in commands:
                with step.group(f"login:{self._broker}"):
                    step.handle(SchwabAuth, self._broker, command)
        return len(commands)

    # Refreshing

    def _newer(self, kept: Kept, *, wait: bool = True, because_refused: bool = False) -> Secret:
        """Have newer tokens than these fetched, by us or by whoever is at it. Without `wait`, what there is will do."""
        for _ in range(MOST_WAITS):
            self._refuse_after_the_end(kept, lasts=not because_refused)
            claim = take_claim(kept.login, now=self._clock())
            if claim is not None:
                return self._refreshed(claim, kept, because_refused=because_refused)
            again = self._kept()
            if not wait or again.login.stored_claim != kept.login.stored_claim:
                return again.tokens.access.secret
            self._pause(WAIT_SECONDS)
            kept = again
        raise BrokerUnavailable(f"another process is refreshing the token of {self._broker}, and is not done")

    def _refuse_after_the_end(self, kept: Kept, *, lasts: bool) -> None:
        """With a refresh token whose login is over, nothing is tried; an access token that still lasts goes on."""
        now, ends_at = self._clock(), kept.tokens.refresh.expires_at
        if now < ends_at:
            return
        if lasts and now < kept.tokens.access.expires_at:
            raise BrokerUnavailable(f"the login at {self._broker} ended at {ends_at}")
        raise self._lost(kept, f"the login of {kept.login.login_at} ended after seven days")

    def _refreshed(self, claim: Claim, kept: Kept, *, because_refused: bool) -> Secret:
        asked_at = self._clock()
        try:
            grant = self._ask(claim, kept)
        except LoginNeeded as error:
            reason = str(error)
        except BaseException:
            give_back(claim, retry_at=self._clock() + RETRY_AFTER)
            raise
        else:
            if isinstance(grant, Tokens):
                return grant.access.secret  # Another process's, while we asked in vain.
            tokens = tokens_of(grant, asked_at=asked_at, login_ends_at=kept.tokens.refresh.expires_at)
            return self._stored(claim, tokens, because_refused=because_refused)
        raise self._lost(kept, reason)

    def _ask(self, claim: Claim, kept: Kept) -> Granted | Tokens:
        """Ask once; after no answer, look whether another process has newer tokens, and ask once more."""
        try:
            return self._ask_once(kept)
        except OutcomeUnknown as error:
            log.warning("No answer to a refresh, asking once more", broker=self._broker, error=str(error))
        again = self._kept()
        if again.login.stored_claim != kept.login.stored_claim:
            return again.tokens
        if not renew_claim(claim, now=self._clock()):
            raise BrokerUnavailable(f"a refresh at {self._broker} got no answer, and another process took it over")
        try:
            return self._ask_once(kept)
        except OutcomeUnknown as error:
            raise BrokerUnavailable(f"two refreshes at {self._broker} got no answer: {error}") from error

    def _ask_once(self, kept: Kept) -> Granted:
        try:
            return self._oauth.refresh(kept.tokens.refresh.secret)
        except (BrokerUnavailable, OutcomeUnknown) as error:
            trouble = retold(error, kept.tokens)
        raise trouble  # Apart from what it came of, whose frames may hold what was sent.

    def _stored(self, claim: Claim, tokens: Tokens, *, because_refused: bool) -> Secret:
        stored = self._insist(lambda: store_refresh(self._store, claim, tokens, because_refused=because_refused))
        if not stored:
            return self._kept().tokens.access.secret
        log.info("Token refreshed", broker=self._broker, expires_at=tokens.access.expires_at.isoformat())
        self._tell_or_leave_it()
        return tokens.access.secret

    def _lost(self, kept: Kept, reason: str) -> BrokerUnavailable:
        """Note that the login has ended; return what is to be raised."""
        at = self._clock()
        if not store_loss(self._broker, over=kept.login.stored_claim, at=at, reason=reason):
            self._kept()  # Which raises if the loss is noted already.
            return BrokerUnavailable(f"a refresh at {self._broker} was refused, and newer tokens are stored: ask again")
        log.error("Login lost", broker=self._broker, reason=reason)
        needed = _login_needed(self._broker, f"lost at {at}: {reason}")
        tell_of_no_login(self._broker, str(needed), now=at)
        self._tell_or_leave_it()
        return needed

    # Rows

    def _kept(self) -> Kept:
        """Read what is stored. Raises LoginNeeded."""
        login = login_of(self._broker)
        if login is None:
            raise _login_needed(self._broker, "nobody has logged in yet")
        if login.lost_at is not None:
            raise _login_needed(self._broker, f"lost at {login.lost_at}: {login.lost_reason}")
        try:
            tokens = self._store.read(self._broker)
        except (UnknownKey, DoesNotOpen) as error:
            raise _login_needed(self._broker, str(error)) from None
        if tokens is None:
            raise _login_needed(self._broker, "its tokens are not there")
        return Kept(login, tokens)

    def _insist(self, store: Callable[[], "bool | None"]) -> bool | None:
        """Store what the broker will not give twice; a database that is away for a moment is asked again."""
        for _ in range(TRIES_TO_STORE - 1):
            try:
                return store()
            except (DatabaseError, InterfaceError) as error:
                log.warning("Tokens not stored, trying again", broker=self._broker, error=type(error).__name__)
            close_old_connections()
            self._pause(WAIT_SECONDS)
        return store()

    def _tell_or_leave_it(self) -> None:
        """Tell at once where that works; else the note waits for the station of tokens, which fails aloud."""
        try:
            self.tell()
        except Exception:
            log.exception("What happened to the login is no event yet", broker=self._broker)


def _login_needed(broker: str, why: str) -> LoginNeeded:
    return LoginNeeded(f"no login at {broker} ({why}): log in with `manage.py broker_auth {broker}`")
