"""Tokens: what a program shows to be let in, for a user, to some of what that user may see, until a day."""

import hmac
import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

import structlog
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DatabaseError, models, transaction
from django.db.models import Q
from django.views.decorators.debug import sensitive_variables

log = structlog.get_logger(__name__)

PREFIX = "htk"
EVERYTHING = "*:read"
"""The scope to read all that the user may look at."""

LONGEST_NAME = 80
NOTED_EVERY = timedelta(minutes=1)

_KEY_LETTERS = "23456789bcdfghjkmnpqrstvwxz"
_KEY_LENGTH = 12
_TOKEN = re.compile(rf"{PREFIX}_([{_KEY_LETTERS}]{{{_KEY_LENGTH}}})_([A-Za-z0-9_-]{{43}})")
# Compared with where no token has the key, so that this takes as long as with one.
_NOBODYS = "0" * 64


class NotLetIn(Exception):
    """The token opens nothing: it is none of ours, was revoked, or has expired. The message never repeats it."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class NotAToken(ValueError):
    """Such a token can't be made, or there is none to revoke. Nothing was changed."""


class ApiToken(models.Model):
    """What is kept of a token: never the token itself, nor its secret half."""

    id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=16, unique=True, help_text="the half of the token that names it; no secret")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the secret half, which is kept nowhere")
    name = models.CharField(max_length=LONGEST_NAME, help_text="what it is for")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    scopes = models.TextField(help_text="with a space between them")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True, help_text="to the minute")

    class Meta:
        db_table = "api_tokens"
        verbose_name = "API token"
        constraints = [
            models.CheckConstraint(condition=~Q(name="") & ~Q(scopes=""), name="api_tokens_named"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.key})"

    def allows(self, scope: str) -> bool:
        """Tell whether it reaches a scope, as `trades:read`."""
        granted = self.scopes.split()
        return scope in granted or (scope.endswith(":read") and EVERYTHING in granted)

    def state(self, at: datetime) -> str:
        """Tell in a word whether it opens anything."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at <= at else "valid"


class Made(NamedTuple):
    """A new token, and its text, which is told this once."""

    row: ApiToken
    text: str


@sensitive_variables("secret")
def make_token(*, name: str, user: str, scopes: Collection[str], expires_at: datetime, at: datetime) -> Made:
    """Make a token for a user. Raises NotAToken."""
    if not name.strip() or len(name.strip()) > LONGEST_NAME or "\0" in name:
        raise NotAToken(f"name: expected 1 to {LONGEST_NAME} letters that say what it is for, was {name[:100]!r}")
    if not scopes:
        raise NotAToken(f"scopes: expected one at least, as {EVERYTHING}, found none")
    if expires_at <= at:
        raise NotAToken(f"expires_at: expected a time to come, was {expires_at.isoformat()}")
    owner = get_user_model().objects.filter(username=user).first()
    if owner is None or not owner.is_active:
        raise NotAToken(f"user: expected the name of an active user, was {user[:150]!r}")
    key = "".join(secrets.choice(_KEY_LETTERS) for _ in range(_KEY_LENGTH))
    secret = secrets.token_urlsafe(32)
    row = ApiToken.objects.create(
        key=key,
        digest=_digest(secret),
        name=name.strip(),
        user=owner,
        scopes=" ".join(sorted(set(scopes))),
        created_at=at,
        expires_at=expires_at,
    )
    return Made(row, f"{PREFIX}_{key}_{secret}")


@sensitive_variables("text", "matched")
def token_of(text: str, *, at: datetime) -> ApiToken:
    """Return the token that a text is. Raises NotLetIn."""
    matched = _TOKEN.fullmatch(text)
    key, secret = matched.groups() if matched else ("", "")
    row = ApiToken.objects.select_related("user").filter(key=key).first() if key else None
    right = hmac.compare_digest(_digest(secret), _NOBODYS if row is None else row.digest)
    if row is None or not right:
        raise NotLetIn("token_unknown", "expected a token of this installation; make one with `manage.py api_token`")
    if row.revoked_at is not None:
        raise NotLetIn("token_revoked", f"the token {row.key} was revoked")
    if row.expires_at <= at:
        raise NotLetIn("token_expired", f"the token {row.key} expired at {row.expires_at.isoformat()}")
    if not row.user.is_active:
        raise NotLetIn("user_inactive", f"the user of the token {row.key} is not active any more")
    return row


def note_use(token: ApiToken, *, at: datetime) -> None:
    """Write down when a token was used last, once a minute at most."""
    if token.last_used_at is not None and at - token.last_used_at < NOTED_EVERY:
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lte=at - NOTED_EVERY)
    try:
        with transaction.atomic():
            ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=at)
    except DatabaseError as error:
        # A database that can't be written to now can be read all the same.
        log.warning("Use of a token not noted", key=token.key, error=type(error).__name__)


def revoke_token(key: str, *, at: datetime) -> ApiToken:
    """Let a token open nothing from now on. Raises NotAToken."""
    row = ApiToken.objects.filter(key=key).first()
    if row is None:
        # Whoever pastes the whole token must not find it in a log.
        raise NotAToken(f"expected the key of a token, its middle part of {_KEY_LENGTH} letters; found no such token")
    ApiToken.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=at)
    row.refresh_from_db()
    return row


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
