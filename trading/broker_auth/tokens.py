"""Tokens: the newest access and refresh token of a broker, each in a row of its own, and only as a ciphertext.

What a row says beside the ciphertext (whose token, of which kind, since when, until when) is bound into it: a row whose
times were changed no longer opens.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec
from django.db import models, transaction

from trading.broker_auth.keys import KeyRing, Sealed
from trading.values.secret import Secret

LOGIN_LASTS = timedelta(days=7)
"""How long a refresh token is good, counted from the interactive login; no refresh makes it longer."""

ENCRYPTION_VERSION = 1
"""How a ciphertext is made, and what is bound into it."""


class TokenKind(StrEnum):
    """An access token lasts half an hour and goes with every call; a refresh token is exchanged for the next one."""

    ACCESS = "access"
    REFRESH = "refresh"


class BrokerToken(models.Model):
    """A token, as a ciphertext."""

    id = models.BigAutoField(primary_key=True)
    broker = models.CharField(max_length=20)
    kind = models.CharField(max_length=10)
    ciphertext = models.TextField(help_text="hex of nonce, text and tag")
    key_id = models.CharField(max_length=8, help_text="the beginning of the SHA-256 of the key that opens it")
    encryption_version = models.IntegerField(default=ENCRYPTION_VERSION)
    fetched_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "broker_tokens"
        verbose_name = "token of a broker"
        verbose_name_plural = "tokens of brokers"
        constraints = [
            models.UniqueConstraint(fields=["broker", "kind"], name="broker_tokens_once"),
            models.CheckConstraint(
                condition=models.Q(kind__in=[kind.value for kind in TokenKind]), name="broker_tokens_kind"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} token of {self.broker}"


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token and its times."""

    kind: TokenKind
    secret: Secret
    fetched_at: datetime
    expires_at: datetime


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a broker gave us."""

    access: Token
    refresh: Token


class TokenStore:
    """Keeps tokens under the keys of this installation."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def read(self, broker: str) -> Tokens | None:
        """Return the newest tokens, or None where there are none. Raises UnknownKey and DoesNotOpen."""
        rows = {TokenKind(row.kind): row for row in BrokerToken.objects.filter(broker=broker)}
        if len(rows) < len(TokenKind):
            return None
        return Tokens(access=self._opened(rows[TokenKind.ACCESS]), refresh=self._opened(rows[TokenKind.REFRESH]))

    def write(self, broker: str, tokens: Tokens) -> None:
        """Put these tokens in the place of those before, in the caller's transaction."""
        for token in (tokens.access, tokens.refresh):
            BrokerToken.objects.update_or_create(broker=broker, kind=token.kind, defaults=self._row(broker, token))

    def rotate(self) -> tuple[int, int]:
        """Seal every row anew under the newest key, all or none. Return how many were, and of how many.

        Raises UnknownKey and DoesNotOpen.
        """
        with transaction.atomic(durable=True):
            rows = list(BrokerToken.objects.select_for_update().order_by("broker", "kind"))
            opened = [self._opened(row) for row in rows]
            older = [pair for pair in zip(rows, opened, strict=True) if pair[0].key_id != self._keys.newest]
            for row, token in older:
                BrokerToken.objects.filter(pk=row.pk).update(**self._row(row.broker, token))
        return len(older), len(rows)

    def _row(self, broker: str, token: Token) -> dict[str, object]:
        sealed = self._keys.seal(
            token.secret, bound_to=_bound_to(broker, token.kind, ENCRYPTION_VERSION, token.fetched_at, token.expires_at)
        )
        return {
            "ciphertext": sealed.ciphertext,
            "key_id": sealed.key_id,
            "encryption_version": ENCRYPTION_VERSION,
            "fetched_at": token.fetched_at,
            "expires_at": token.expires_at,
        }

    def _opened(self, row: BrokerToken) -> Token:
        bound_to = _bound_to(row.broker, row.kind, row.encryption_version, row.fetched_at, row.expires_at)
        return Token(
            kind=TokenKind(row.kind),
            secret=self._keys.open(Sealed(row.ciphertext, row.key_id), bound_to=bound_to),
            fetched_at=row.fetched_at,
            expires_at=row.expires_at,
        )


def _bound_to(broker: str, kind: str, version: int, fetched_at: datetime, expires_at: datetime) -> str:
    return (
        f"broker_tokens broker={broker} kind={kind} version={version} "
        f"fetched_at={fetched_at.astimezone(UTC).isoformat()} expires_at={expires_at.astimezone(UTC).isoformat()}"
    )


def keys_in_use() -> Sequence[str]:
    """Return the ids of the keys under which tokens lie."""
    return sorted(set(BrokerToken.objects.values_list("key_id", flat=True)))
