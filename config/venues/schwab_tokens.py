"""Schwab's logins: codes, access tokens that live for half an hour, refresh tokens that live for a week."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from config.venues.clock import VenueClock
from config.venues.venue import Route
from config.venues.wire import Answer, Asked, Refusing

REDIRECT_URI = "https://127.0.0.1"

CODE_LIVES = timedelta(seconds=30)
ACCESS_LIVES = timedelta(seconds=1800)
LOGIN_LIVES = timedelta(days=7)

TOLD_OF_REFRESH = (
    '400 Bad Request: "{"error_description":"Exception while authenticating refresh token [tokenDigest=..., '
    'Exception=Failed refresh token authentication [tokenDigest=...]]","error":"refresh_token_authentication_error"}"'
)


@dataclass(kw_only=True)
class Login:
    """One time that somebody logged in by hand."""

    at: datetime
    refresh_token: str
    access: dict[str, datetime] = field(default_factory=dict)
    """Access tokens, and until when each opens something."""

    revoked: bool = False


class Tokens:
    """Gives out codes and tokens, and knows which of them open something."""

    def __init__(
        self,
        clock: VenueClock,
        *,
        app_key: str,
        app_secret: str,
        redirect_uri: str,
        access_lives: timedelta,
        login_lives: timedelta,
        rotates: bool,
    ) -> None:
        self._clock = clock
        self.app_key, self.app_secret, self.redirect_uri = app_key, app_secret, redirect_uri
        self.access_lives, self.login_lives, self.rotates = access_lives, login_lives, rotates
        self._codes: dict[str, datetime] = {}
        self._logins: list[Login] = []
        self._made = 0

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/v1/oauth/authorize", "authorize", self.authorize),
            Route("POST", "/v1/oauth/token", "token", self.token),
        ]

    # What a test does.

    def login(self) -> dict[str, Any]:
        """Log in as an operator does, and return the answer to the exchange of the code."""
        login = Login(at=self._clock.now(), refresh_token=self._name("refresh"))
        self._logins.append(login)
        return self._granted(login)

    def expire_access(self) -> None:
        """Let every access token end now; a refresh brings new ones."""
        for login in self._logins:
            login.access.clear()

    def revoke(self) -> None:
        """End every login: only a new one by hand brings tokens again."""
        for login in self._logins:
            login.revoked = True
            login.access.clear()

    # The protocol.

    def authorize(self, asked: Asked) -> Answer:
        """Send the browser back with a code, as after somebody logged in and agreed."""
        if asked.query.get("client_id") != self.app_key or asked.query.get("redirect_uri") != self.redirect_uri:
            return Answer(status=400, body={"error": "invalid_request", "error_description": "unknown app or callback"})
        code = f"C0.{self._name('code')}@"
        self._codes[code] = self._clock.now()
        query = urlencode({"code": code, "session": self._name("session"), **_only(asked.query, "state")})
        return Answer(status=302, headers={"Location": f"{self.redirect_uri}/?{query}"})

    def token(self, asked: Asked) -> Answer:
        wanted = base64.b64encode(f"{self.app_key}:{self.app_secret}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {wanted}":
            return Answer(status=401, body={"error": "invalid_client", "error_description": "Unauthorized"})
        form = asked.form()
        match form.get("grant_type"):
            case "authorization_code":
                return self._for_code(form)
            case "refresh_token":
                return self._for_refresh_token(form.get("refresh_token", ""))
            case other:
                return Answer(status=400, body={"error": "unsupported_grant_type", "error_description": f"was {other}"})

    def check(self, asked: Asked, refusal: Answer) -> None:
        """Raise Refusing where no token comes along that opens something now."""
        kind, _, token = asked.headers.get("authorization", "").partition(" ")
        now = self._clock.now()
        if kind != "Bearer" or not any(login.access.get(token, now) > now for login in self._logins):
            raise Refusing(refusal)

    def _for_code(self, form: dict[str, str]) -> Answer:
        given_at = self._codes.pop(form.get("code", ""), None)
        if given_at is None or self._clock.now() > given_at + CODE_LIVES:
            return Answer(status=400, body={"error": "invalid_grant", "error_description": "unknown or used code"})
        if form.get("redirect_uri") != self.redirect_uri:
            return Answer(status=400, body={"error": "invalid_grant", "error_description": "another callback"})
        return Answer(body=self.login())

    def _for_refresh_token(self, token: str) -> Answer:
        now = self._clock.now()
        for login in self._logins:
            if login.refresh_token == token and not login.revoked and now < login.at + self.login_lives:
                if self.rotates:
                    login.refresh_token = self._name("refresh")
                return Answer(body=self._granted(login))
        return Answer(status=400, body={"error": "unsupported_token_type", "error_description": TOLD_OF_REFRESH})

    def _granted(self, login: Login) -> dict[str, Any]:
        access = f"I0.{self._name('access')}@"
        login.access[access] = self._clock.now() + self.access_lives
        return {
            "expires_in": int(self.access_lives.total_seconds()),
            "token_type": "Bearer",
            "scope": "api",
            "refresh_token": login.refresh_token,
            "access_token": access,
            "id_token": self._name("id"),
        }

    def _name(self, kind: str) -> str:
        self._made += 1
        return f"venue-{kind}-{self._made}"


def _only(query: Mapping[str, str], name: str) -> dict[str, str]:
    return {name: query[name]} if name in query else {}
