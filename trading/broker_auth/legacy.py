"""Legacy tokens: those of an older installation, which bound nothing into its ciphertexts and had one key."""

from datetime import datetime, timedelta

import msgspec

from trading.broker_auth.keys import key_fault, opened_or_none
from trading.broker_auth.tokens import LOGIN_LASTS, Token, TokenKind, Tokens
from trading.values.secret import Secret

ACCESS_LASTS = timedelta(minutes=30)
LEGACY_VERSION = 1


class CannotRead(ValueError):
    """The older installation's tokens can't be read with this key. Log in again, or find the key."""


class LegacyLogin(msgspec.Struct, frozen=True, kw_only=True):
    """The one row of an older installation's table: ciphertexts in hex, and when each token was fetched."""

    access_token: str
    access_token_fetched_at: datetime
    refresh_token: str
    refresh_token_fetched_at: datetime
    encryption_version: int = LEGACY_VERSION

    def __repr__(self) -> str:
        return f"LegacyLogin(fetched at {self.refresh_token_fetched_at})"


def read_tokens(login: LegacyLogin, key: Secret) -> Tokens:
    """Open both tokens under the older installation's key. Raises CannotRead.

    It kept no time of the login, so the one at which the refresh token was fetched stands for it.
    """
    if login.encryption_version != LEGACY_VERSION:
        raise CannotRead(f"expected encryption_version {LEGACY_VERSION}, was {login.encryption_version}")
    if (fault := key_fault(key)) is not None:
        raise CannotRead(f"ENCRYPTION_KEY: {fault}")
    access, refresh = opened_or_none(login.access_token, key), opened_or_none(login.refresh_token, key)
    if access is None or refresh is None:
        which = " and ".join(name for name, opened in (("access", access), ("refresh", refresh)) if opened is None)
        raise CannotRead(
            f"the {which} token does not open under ENCRYPTION_KEY: it is another key than the one that the older "
            "installation had, or the row was changed"
        )
    return Tokens(
        access=Token(
            kind=TokenKind.ACCESS,
            secret=access,
            fetched_at=login.access_token_fetched_at,
            expires_at=login.access_token_fetched_at + ACCESS_LASTS,
        ),
        refresh=Token(
            kind=TokenKind.REFRESH,
            secret=refresh,
            fetched_at=login.refresh_token_fetched_at,
            expires_at=login.refresh_token_fetched_at + LOGIN_LASTS,
        ),
    )
