"""Logins: one row a broker, which says since when we may act there, and who is asking for newer tokens right now.

A refresh is claimed by a conditional update, which is committed before the broker is asked: whoever claims it is alone,
and holds no lock while the network is slow. Claims are numbered. What comes back is stored unless a later claim's
answer, or a login, was stored meanwhile; so one that slept through its claim can't put older tokens over newer ones.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import models, transaction
from django.db.models import F, Q

from trading.broker_auth import outbox
from trading.broker_auth.commands import LoseAuthentication, RefreshAccessToken, StoreTokens
from trading.broker_auth.tokens import Tokens, TokenStore

CLAIM_LASTS = timedelta(seconds=60)
"""Longer than a call to the broker takes. Whoever dies over it holds the others up for as long."""

REFUSALS_APART = timedelta(minutes=1)
MOST_REFUSALS = 3
"""So many tokens in a row, each refused so soon after it was given, are no matter of tokens."""


class BrokerLogin(models.Model):
    """Our login at a broker, and the claim on its next refresh."""

    broker = models.CharField(max_length=20, primary_key=True)
    login_at = models.DateTimeField(null=True)
    lost_at = models.DateTimeField(null=True)
    lost_reason = models.TextField(null=True)
    claims = models.BigIntegerField(default=0, help_text="the number of the last claim on a refresh")
    stored_claim = models.BigIntegerField(default=0, help_text="the claim whose tokens are stored")
    claimed_until = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True, help_text="after a refresh that failed: not before, while a token lasts")
    refused_at = models.DateTimeField(null=True, help_text="when a refresh was last due to a refused token")
    refusals = models.IntegerField(default=0, help_text="how many of these were in a row")

    class Meta:
        db_table = "broker_logins"
        verbose_name = "login row"

    def __str__(self) -> str:
        return f"login at {self.broker}"

    def refused_just_now(self, now: datetime) -> bool:
        return self.refused_at is not None and now - self.refused_at < REFUSALS_APART

    def refused_too_often(self, now: datetime) -> bool:
        """Whether newer tokens were no help, so that another one would be none either."""
        return self.refusals >= MOST_REFUSALS and self.refused_just_now(now)


class Claim(NamedTuple):
    """The right to ask for newer tokens, in place of those that an earlier claim stored."""

    broker: str
    number: int
    over: int


def login_of(broker: str) -> BrokerLogin | None:
    """Return the row of a broker's login, or None if nobody ever logged in."""
    return BrokerLogin.objects.filter(broker=broker).exclude(login_at=None).first()


def take_claim(login: BrokerLogin, *, now: datetime) -> Claim | None:
    """Claim the refresh of the tokens that this row stands for; None while another has it, or has done it since."""
    with transaction.atomic(durable=True):
        taken = (
            BrokerLogin.objects.filter(pk=login.pk, claims=login.claims, stored_claim=login.stored_claim, lost_at=None)
            .filter(Q(claimed_until=None) | Q(claimed_until__lte=now))
            .update(claims=F("claims") + 1, claimed_until=now + CLAIM_LASTS)
        )
    return Claim(login.broker, login.claims + 1, login.stored_claim) if taken else None


def renew_claim(claim: Claim, *, now: datetime) -> bool:
    """Hold a claim for longer, if nobody took it over and nothing newer was stored."""
    renewed = BrokerLogin.objects.filter(pk=claim.broker, claims=claim.number, stored_claim=claim.over)
    return bool(renewed.update(claimed_until=now + CLAIM_LASTS))


def give_back(claim: Claim, *, retry_at: datetime | None) -> None:
    """Let another claim it at once; while the token lasts, nobody tries before `retry_at`."""
    BrokerLogin.objects.filter(pk=claim.broker, claims=claim.number).update(claimed_until=None, retry_at=retry_at)


# Each of the following is a commit of its own: tokens, times and the note of what happened.


def store_login(store: TokenStore, broker: str, tokens: Tokens, *, login_at: datetime) -> None:
    """Store what an interactive login gave, over whatever is there; refreshes under way no longer count."""
    with transaction.atomic(durable=True):
        login = _locked(broker)
        login.claims += 1
        login.stored_claim = login.claims
        login.login_at = login_at
        login.lost_at = login.lost_reason = login.claimed_until = login.retry_at = login.refused_at = None
        login.refusals = 0
        login.save()
        store.write(broker, tokens)
        outbox.note(broker, _stored(login_at, tokens), at=login_at)


def store_refresh(store: TokenStore, claim: Claim, tokens: Tokens, *, because_refused: bool) -> bool:
    """Store what a refresh gave. Return False where newer tokens are stored already; then those stand."""
    with transaction.atomic(durable=True):
        login = _locked(claim.broker)
        if login.stored_claim >= claim.number or login.login_at is None:
            return False
        at = tokens.access.fetched_at
        # One that another was refused for came back in the end: from here on it is as if there had been a login.
        news = (
            RefreshAccessToken(refreshed_at=at, expires_at=tokens.access.expires_at)
            if login.lost_at is None
            else _stored(login.login_at, tokens)
        )
        login.stored_claim = claim.number
        login.lost_at = login.lost_reason = login.retry_at = None
        if login.claims == claim.number:
            login.claimed_until = None
        if because_refused:
            login.refusals = login.refusals + 1 if login.refused_just_now(at) else 1
            login.refused_at = at
        login.save()
        store.write(claim.broker, tokens)
        outbox.note(claim.broker, news, at=at)
    return True


def store_loss(broker: str, *, over: int, at: datetime, reason: str) -> bool:
    """Note that the login has ended, and keep the tokens. Return False where newer tokens, or the loss, are stored."""
    with transaction.atomic(durable=True):
        login = _locked(broker)
        if login.stored_claim != over or login.lost_at is not None:
            return False
        login.lost_at, login.lost_reason, login.claimed_until, login.retry_at = at, reason, None, None
        login.save()
        outbox.note(broker, LoseAuthentication(lost_at=at, reason=reason), at=at)
    return True


def store_migrated(store: TokenStore, broker: str, tokens: Tokens, *, login_at: datetime) -> bool:
    """Store an older installation's tokens, in the caller's transaction, unless there was a login here."""
    login = _locked(broker)
    if login.login_at is not None:
        return False
    login.login_at, login.claims, login.stored_claim = login_at, login.claims + 1, login.claims + 1
    login.save()
    store.write(broker, tokens)
    return True


def _locked(broker: str) -> BrokerLogin:
    # Insert if missing, then lock: of two that find no row, one waits for the other.
    BrokerLogin.objects.bulk_create([BrokerLogin(broker=broker)], ignore_conflicts=True)
    return BrokerLogin.objects.select_for_update().get(pk=broker)


def _stored(login_at: datetime, tokens: Tokens) -> StoreTokens:
    return StoreTokens(
        login_at=login_at,
        fetched_at=tokens.access.fetched_at,
        expires_at=tokens.access.expires_at,
        refresh_expires_at=tokens.refresh.expires_at,
    )
