"""Logins: a made-up Schwab that gives out tokens, and what keeps them, on a clock of the test's own."""

import io
import threading
import traceback
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import msgspec
from django.db import connection

from tests.support.stations import Clock
from trading.broker_auth.keys import KeyRing
from trading.broker_auth.tokens import TokenStore
from trading.conductor.logins.keeper import TokenKeeper
from trading.ledger.book import Ledger
from trading.ledger.mode import Mode
from trading.values.secret import Secret

LOGIN_AT = datetime(2026, 3, 2, 16, tzinfo=UTC)
NEW_KEY, KEY, OTHER_KEY = "0123456789abcdef" * 4, "fedcba9876543210" * 4, "00112233445566778899AABBCCDDEEFF" * 2
HALF_AN_HOUR = timedelta(minutes=30)


class Grant(msgspec.Struct, frozen=True):
    access_token: Secret
    refresh_token: Secret
    expires_in: timedelta = HALF_AN_HOUR


def grant(n: int, *, expires_in: timedelta = HALF_AN_HOUR) -> Grant:
    return Grant(Secret(f"ACCESS-{n}-SECRET@"), Secret(f"REFRESH-{n}-SECRET@"), expires_in)


class MadeUpSchwab:
    """Gives the next tokens at each refresh, unless it was told to do something else first."""

    CODE = "C0.the-code-of-a-login@"

    def __init__(self, *answers: Exception | Grant | Callable[[], Grant]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.given = 1
        self._lock = threading.Lock()

    def refresh(self, refresh_token: Secret) -> Grant:
        # Whoever asks the broker holds no lock that another process waits for.
        assert not connection.in_atomic_block or connection.atomic_blocks[-1]._from_testcase
        with self._lock:
            self.asked.append(refresh_token.reveal())
            answer = self.answers.pop(0) if self.answers else None
        return self._given(answer)

    def _given(self, answer: Exception | Grant | Callable[[], Grant] | None) -> Grant:
        match answer:
            case None:
                with self._lock:
                    self.given += 1
                    return grant(self.given)
            case Exception():
                raise answer
            case Grant():
                return answer
            case _:
                return answer()

    # As an operator's login asks it.

    def authorize_url(self, state: str) -> str:
        return f"https://schwab.example/v1/oauth/authorize?client_id=app&state={state}"

    def code_of(self, redirect_url: str, state: str) -> Secret:
        code = redirect_url.partition("?code=")[2].partition("&")[0]
        if not code:
            raise ValueError("expected an address with a code in it, found none")
        return Secret(code)

    def exchange(self, code: Secret) -> Grant:
        with self._lock:
            self.asked.append(code.reveal())
            answer = self.answers.pop(0) if self.answers else grant(1)
        return self._given(answer)


def store(*keys: str) -> TokenStore:
    return TokenStore(KeyRing.parse(Secret(",".join(keys or (KEY,)))))


def keeper(
    schwab: MadeUpSchwab | None = None,
    *,
    clock: Clock | None = None,
    mode: Mode = Mode.DUAL,
    tokens: TokenStore | None = None,
    pause: Callable[[float], object] = lambda seconds: None,
    ledger: Ledger | None = None,
) -> TokenKeeper:
    return TokenKeeper(
        ledger=ledger or Ledger(mode),
        oauth=schwab or MadeUpSchwab(),
        store=tokens or store(),
        clock=clock or Clock(LOGIN_AT),
        pause=pause,
    )


def logged_in(schwab: MadeUpSchwab | None = None, **options: object) -> TokenKeeper:
    """A keeper after a login that gave ACCESS-1 and REFRESH-1."""
    made = keeper(schwab, **options)
    made.log_in(grant(1), at=LOGIN_AT)
    return made


# Where a secret could show up.


def told_with_locals(error: BaseException) -> str:
    """What a tool prints of an error that prints the local names of each frame as well."""
    out = io.StringIO()
    traceback.TracebackException.from_exception(error, capture_locals=True).print(file=out)
    return out.getvalue()


def frames_of_ours(error: BaseException) -> str:
    """The same of the product's own frames, since a test's hold what it made up."""
    told, seen = [], set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack
        told += [f"{frame.name} {frame.locals}" for frame in frames if "/tests/" not in frame.filename]
        told.append(f"{error!r} {error.args}")
        error = error.__cause__ or error.__context__
    return "\n".join(told)


def every_cell() -> Iterable[str]:
    """Every cell of every table, as text."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            for row in cursor.fetchall():
                yield from (f"{table}: {cell}" for cell in row if cell is not None)
