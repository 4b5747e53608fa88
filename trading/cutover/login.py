"""Login: the tokens of an older installation, brought in once, so that a cut-over need not wait for an operator.

They come in as ciphertexts under our own keys, with the times that they had there. Without the older installation's key
nothing is lost but the wait: somebody logs in.
"""

from collections import Counter
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from eventstore.events import name_of
from eventstore.handling import handle, load
from eventstore.locks import lock_streams
from eventstore.models import StoredEvent
from trading.broker_auth.aggregate import SchwabAuth
from trading.broker_auth.commands import Migrate
from trading.broker_auth.keys import KeyRing
from trading.broker_auth.legacy import LEGACY_VERSION, CannotRead, LegacyLogin, read_tokens
from trading.broker_auth.logins import login_of, store_migrated
from trading.broker_auth.tokens import Tokens, TokenStore
from trading.broker_auth.view import SCHWAB
from trading.cutover.foreign_file import BadCell, Cells, ForeignFile
from trading.cutover.migrating import METADATA, Brought, Look, Tell
from trading.ledger.compare import NOTHING_BEHIND, Difference, different_rows
from trading.ledger.replay import LOGINS
from trading.values.secret import Secret

TABLE = "schwab_auth"
LONGEST_CIPHERTEXT = 20_000
LOG_IN = f"log in with `manage.py broker_auth {SCHWAB}`"


class FoundLogin(NamedTuple):
    """A row of an older installation's table, or why it can't be understood."""

    login: LegacyLogin | None
    trouble: str | None = None


def foreign_login(file: ForeignFile) -> FoundLogin | None:
    """Read the login of another installation's file; None where it has none."""
    rows = list(file.rows(TABLE)) if file.has(TABLE) else []
    return _understood(rows[0]) if rows else None


def own_login() -> FoundLogin | None:
    """Read the login of an older installation whose table lies in our own database; None where there is none."""
    with connection.cursor() as cursor:
        if TABLE not in connection.introspection.table_names(cursor):
            return None
        cursor.execute("SELECT * FROM schwab_auth ORDER BY id")
        row = cursor.fetchone()
        names = [column[0] for column in cursor.description]
    if row is None:
        return None
    cells = {
        name: cell.isoformat() if isinstance(cell, datetime) else cell for name, cell in zip(names, row, strict=True)
    }
    return _understood(Cells(TABLE, "id", cells))


class LoginMigration:
    """The login, on its way into our tables and the log."""

    name = "login"

    def __init__(self, found: FoundLogin, *, keys: KeyRing | None, older_key: Secret | None) -> None:
        self._store = None if keys is None else TokenStore(keys)
        self._tokens, self._trouble = _opened(found, older_key)
        if self._trouble is None and keys is None:
            self._trouble = "TOKEN_ENCRYPTION_KEYS is not set, so there is no key to store it under"

    def look(self) -> Look:
        if (
            login_of(SCHWAB) is not None
            or StoredEvent.objects.filter(aggregate_type=SchwabAuth.aggregate_type).exists()
        ):
            return Look(1, [], 1, 0, "there was a login here already, which stays")
        if self._trouble is not None or self._tokens is None:
            return Look(1, [], 0, 0, f"the older installation's login is not brought in: {self._trouble}; {LOG_IN}")
        ends_at = self._tokens.refresh.expires_at
        return Look(1, [SCHWAB], 0, 0, f"good until {ends_at:%Y-%m-%d %H:%M} UTC at the latest; {LOG_IN} before that")

    def plan(self, look: Look, *, at: datetime, tell: Tell) -> Brought:
        tell(len(look.missing))
        return Brought(Counter(["SchwabAuthEvent::TokensStored"] * len(look.missing)), [], [])

    def bring(self, look: Look, *, at: datetime, tell: Tell) -> Brought:
        brought = Brought(Counter(), [], [])
        if not look.missing or self._tokens is None or self._store is None:
            return brought
        lock_streams(SchwabAuth.aggregate_type, [SCHWAB])
        login_at = self._tokens.refresh.fetched_at
        if load(SchwabAuth, SCHWAB).version or not store_migrated(self._store, SCHWAB, self._tokens, login_at=login_at):
            return brought  # Somebody has logged in meanwhile, which is better.
        command = Migrate(
            login_at=login_at,
            fetched_at=self._tokens.access.fetched_at,
            expires_at=self._tokens.access.expires_at,
            refresh_expires_at=self._tokens.refresh.expires_at,
        )
        for recorded in handle(SchwabAuth, SCHWAB, command, at=at, metadata=METADATA):
            brought.events[name_of(recorded.event)] += 1
        if self._store.read(SCHWAB) != self._tokens:
            brought.differences.append(Difference(LOGINS.name, SCHWAB, "tokens", "as read", "others, read back"))
        brought.differences.extend(different_rows(LOGINS, [SCHWAB], NOTHING_BEHIND, kept=False))
        tell(1)
        return brought


def _understood(cells: Cells) -> FoundLogin:
    try:
        return FoundLogin(
            LegacyLogin(
                access_token=cells.text("access_token", longest=LONGEST_CIPHERTEXT),
                access_token_fetched_at=cells.time("access_token_fetched_at"),
                refresh_token=cells.text("refresh_token", longest=LONGEST_CIPHERTEXT),
                refresh_token_fetched_at=cells.time("refresh_token_fetched_at"),
                encryption_version=(
                    cells.whole("encryption_version") if cells.has("encryption_version") else LEGACY_VERSION
                ),
            )
        )
    except BadCell as error:
        # Before tokens were encrypted they lay there as they were: the cell itself is never shown.
        return FoundLogin(None, f"{error.bad.table} {error.bad.id}, {error.bad.column}: {error.bad.reason}")


def _opened(found: FoundLogin, older_key: Secret | None) -> tuple[Tokens | None, str | None]:
    if found.login is None:
        return None, found.trouble
    if older_key is None:
        return None, "ENCRYPTION_KEY, under which it lies, is not set"
    try:
        return read_tokens(found.login, older_key), None
    except CannotRead as error:
        return None, str(error)
