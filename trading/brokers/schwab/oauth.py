"""OAuth: from an operator's login at Schwab to tokens, and from a refresh token to newer ones.

Codes, tokens and the app's secret are in what is sent and in what comes back, and in nothing that is said about it:
of an answer that is no grant, only its status and Schwab's one word for the error are told.
"""

import base64
import re
from datetime import timedelta
from typing import Any
from urllib.parse import SplitResult, unquote, urlencode, urlsplit

import msgspec

from trading.brokers.http import Answer, BrokerHttp, refuse_by_status
from trading.brokers.outcomes import BrokerError, BrokerUnavailable, LoginNeeded, NotAuthorised, OutcomeUnknown
from trading.brokers.recording import Reference
from trading.brokers.schwab.answers import unpacked
from trading.values.outside import NotJson
from trading.values.secret import Secret

AUTHORIZE = "/v1/oauth/authorize"
TOKEN = "/v1/oauth/token"  # noqa: S105 - a path.

# Of the app, and not of what it asks with (RFC 6749, 5.2): a process that knows a wrong secret ends no login.
_OF_THE_APP = {"invalid_client", "unauthorized_client"}
_ERROR_WORD = re.compile(r"[A-Za-z_]{1,60}")
# Anything else in a header is an error that would repeat it.
_TOKEN = re.compile(r"[\x21-\x7e]+")
_LONGEST_SECONDS = 366 * 86400


class NotARedirect(ValueError):
    """The address is not the one that Schwab sent the browser to after a login."""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens as Schwab gave them. The refresh token's week is counted from the login, however often it is used."""

    access_token: Secret
    refresh_token: Secret
    expires_in: timedelta
    """How long the access token is good for, from when it was given."""


class SchwabOAuth:
    """Asks Schwab for tokens. It repeats nothing and keeps nothing."""

    def __init__(self, *, app_key: Secret, app_secret: Secret, redirect_uri: str, http: BrokerHttp) -> None:
        """Take `redirect_uri` as it is registered for the app at Schwab, letter by letter."""
        self._app_key, self._app_secret, self._redirect_uri, self._http = app_key, app_secret, redirect_uri, http

    def authorize_url(self, state: str) -> str:
        """Give the address at which an operator logs in. It holds the app's key, which Schwab's page needs."""
        return f"{self._http.base_url}{AUTHORIZE}?" + urlencode(
            {
                "response_type": "code",
                "client_id": self._app_key.reveal(),
                "redirect_uri": self._redirect_uri,
                "state": state,
            }
        )

    def code_of(self, redirect_url: str, state: str) -> Secret:
        """Take the code out of the address that the browser was sent to. Raises NotARedirect, which never repeats it.

        The state is compared where the address has one: an address of another login is refused.
        """
        found = _code(redirect_url, self._redirect_uri, state)
        del redirect_url  # A traceback with variables would show it.
        if isinstance(found, str):
            raise NotARedirect(found)
        return found

    def exchange(self, code: Secret) -> Grant:
        """Change a login's code for tokens, once: a code is good for one call.

        Raises LoginNeeded where Schwab does not take it, BrokerUnavailable where it was not sent, and OutcomeUnknown
        where it may be spent: then only another login helps.
        """
        return _raised_or_given(
            self._asked(
                {"grant_type": "authorization_code", "code": code.reveal(), "redirect_uri": self._redirect_uri},
                purpose="token exchange",
                what="changing the code for tokens",
                spent=True,
            )
        )

    def refresh(self, refresh_token: Secret) -> Grant:
        """Ask for a newer access token.

        Raises LoginNeeded where Schwab does not take the refresh token any more, BrokerUnavailable where the same may
        be asked again, as by an app whose key and secret are right, and OutcomeUnknown where it may have been taken
        and no answer came.
        """
        return _raised_or_given(
            self._asked(
                {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()},
                purpose="token refresh",
                what="refreshing the token",
                kept=refresh_token,
            )
        )

    def _asked(
        self, form: dict[str, str], *, purpose: str, what: str, spent: bool = False, kept: Secret | None = None
    ) -> Grant | BrokerError:
        """Ask for tokens. What went wrong is returned, to be raised where no answer is at hand to be shown with it.

        `spent` tells whether what is asked with may be good for nothing after this call.
        """
        answer = self._ask(form, purpose=purpose)
        refusal = _refusal(answer, what=what, changes=spent)
        if refusal is not None:
            return refusal
        found = _grant(answer, kept)
        if isinstance(found, Grant):
            return found
        if spent:
            return OutcomeUnknown(f"{what}: {found}. The code is spent: log in again")
        return BrokerUnavailable(f"{what}: {found}")

    def _ask(self, form: dict[str, str], *, purpose: str) -> Answer:
        try:
            return unpacked(
                self._http.call(
                    "POST",
                    TOKEN,
                    reference=Reference(purpose=purpose),
                    headers={"Authorization": f"Basic {self._basic()}"},
                    form=form,
                )
            )
        except BrokerError as error:
            # The frames below hold the secrets as they are sent; the message tells what they would.
            raise error.with_traceback(None) from None
        finally:
            form.clear()  # Whoever raises after this has no token in a variable.

    def _basic(self) -> str:
        return base64.b64encode(f"{self._app_key.reveal()}:{self._app_secret.reveal()}".encode()).decode()


def _raised_or_given(found: Grant | BrokerError) -> Grant:
    if isinstance(found, BrokerError):
        raise found
    return found


def _refusal(answer: Answer, *, what: str, changes: bool) -> BrokerError | None:
    if answer.status in (400, 401) and _word(answer) in _OF_THE_APP:
        return NotAuthorised(
            f"{what}: Schwab does not know the app by this key and secret ({answer.status}, {_word(answer)}). Compare "
            "SCHWAB_APP_KEY and SCHWAB_APP_SECRET with those at developer.schwab.com; the login is left as it is"
        )
    if answer.status in (400, 401):
        return LoginNeeded(
            f"{what}: Schwab does not take it ({answer.status}, {_word(answer)}). Log in again; if that does not help, "
            "compare the app's key, its secret and the redirect URI with those at developer.schwab.com"
        )
    # Without its body and a redirect's address, which may repeat what was asked.
    headers = tuple((name, value) for name, value in answer.headers if name.lower() != "location")
    try:
        refuse_by_status(msgspec.structs.replace(answer, body=b"", headers=headers), changes=changes, what=what)
    except BrokerError as error:
        return error.with_traceback(None)
    if answer.status == 200:
        return None
    return NotAuthorised(
        f"{what}: expected tokens, was status {answer.status} ({_word(answer)}). Compare the app's key and secret "
        "with those at developer.schwab.com, and whether the app is approved"
    )


def _word(answer: Answer) -> str:
    """Schwab's one word for an error, as invalid_grant; its sentences are left out, since they quote tokens."""
    try:
        body = answer.json()
    except NotJson:
        return "no JSON"
    word = body.get("error") if isinstance(body, dict) else None
    return word if isinstance(word, str) and _ERROR_WORD.fullmatch(word) else "no word for it"


def _grant(answer: Answer, kept: Secret | None) -> Grant | str:
    """Read tokens, or tell why there are none. A refresh may leave the refresh token as it is, and out."""
    try:
        body = answer.json()
    except NotJson:
        return "expected tokens, was no JSON"
    if not isinstance(body, dict):
        return "expected tokens, was no JSON object"
    seconds = body.get("expires_in")
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 < seconds <= _LONGEST_SECONDS:
        return "expected expires_in as a number of seconds, was something else"
    access_token = _token(body, "access_token")
    refresh_token = kept if kept is not None and "refresh_token" not in body else _token(body, "refresh_token")
    if access_token is None or refresh_token is None:
        return "expected an access_token and a refresh_token, was one less, or one with letters that no token has"
    return Grant(access_token=access_token, refresh_token=refresh_token, expires_in=timedelta(seconds=seconds))


def _token(body: dict[str, Any], name: str) -> Secret | None:
    text = body.get(name)
    return Secret(text) if isinstance(text, str) and _TOKEN.fullmatch(text) else None


# Addresses.


def _code(redirect_url: str, redirect_uri: str, state: str) -> Secret | str:
    """Find the code in an address, or tell what the address is instead."""
    again = "Copy the whole address from the browser after the login, and be quick: it is good for 30 seconds"
    found = _split(redirect_url)
    if found is None:
        return f"expected an address that begins with {redirect_uri}, was none. {again}"
    if _place(found) != _place(urlsplit(redirect_uri)):
        return f"expected an address that begins with {redirect_uri}, was one at {found.hostname!s:.100}. {again}"
    items = _items(found.query)
    if any(given != state for given in items.get("state", [])):
        return "expected the address of the login that was begun last, was another one's. Log in again"
    codes, errors = items.get("code", []), [each for each in items.get("error", []) if _ERROR_WORD.fullmatch(each)]
    if not codes:
        # Names are not told: of an address that was copied in part, the code may be one.
        told = f"the error {errors[0]}" if errors else "none"
        return f"expected a code in the address, was {told}. Log in again, and allow the access"
    if len(codes) > 1 or not _TOKEN.fullmatch(codes[0]):
        return f"expected one code in the address, was something else. {again}"
    return Secret(codes[0])


def _split(text: str) -> SplitResult | None:
    try:
        found = urlsplit(text.strip().strip("'\"<>"))
        return found if found.scheme in ("http", "https") and found.hostname and found.port != 0 else None
    except ValueError:
        return None


def _place(url: SplitResult) -> tuple[str, str | None, int | None, str]:
    default = 443 if url.scheme == "https" else 80
    return url.scheme, url.hostname, url.port or default, url.path.rstrip("/")


def _items(query: str) -> dict[str, list[str]]:
    """Take a query apart. A plus stays one: codes are not forms, in which it would stand for a space."""
    items: dict[str, list[str]] = {}
    for item in query.split("&"):
        name, _, value = item.partition("=")
        if name:
            items.setdefault(name[:40], []).append(unquote(value))
    return items
