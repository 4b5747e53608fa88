"""OAuth: codes and tokens go to Schwab and come back, and are seen nowhere else."""

import base64
import gzip
import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.unanswered import unanswered
from tests.trading.brokers.schwab.said import all_that_is_said
from tests.trading.brokers.schwab.schwab_json import AT, recorded
from trading.brokers.http import BrokerHttp
from trading.brokers.outcomes import (
    BrokerUnavailable,
    LoginNeeded,
    NotAuthorised,
    OutcomeUnknown,
    RateLimited,
)
from trading.brokers.schwab.oauth import Grant, NotARedirect, SchwabOAuth
from trading.values.secret import Secret

KEY, SECRET, CODE, REFRESH, ACCESS = (
    "app-key-A1",
    "app-secret-B2",
    "C0.b2F1dGgy+x@",
    "refresh-tok-D4@",
    "access-tok-E5@",
)
BASIC = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
SECRETS = [SECRET, BASIC, CODE, REFRESH, ACCESS, "b2F1dGgy"]
REDIRECT = "https://127.0.0.1"
GRANT = recorded("POST /v1/oauth/token")["body"] | {"access_token": ACCESS, "refresh_token": REFRESH}


@pytest.fixture
def oauth(http):
    return SchwabOAuth(app_key=Secret(KEY), app_secret=Secret(SECRET), redirect_uri=REDIRECT, http=http)


@pytest.fixture(params=["exchange", "refresh"])
def ask(request, oauth):
    """Both ways to tokens; `ask.changes` where the call may spend what it was given."""

    def call():
        return oauth.exchange(Secret(CODE)) if request.param == "exchange" else oauth.refresh(Secret(REFRESH))

    call.changes = request.param == "exchange"
    return call


def answers(httpserver, body=None, *, data=None, **how):
    data = json.dumps(body) if data is None else data
    httpserver.expect_request("/v1/oauth/token", method="POST").respond_with_data(data, **how)


def failing(ask, error):
    """Let it fail, and look through all that is said of it."""
    with pytest.raises(error) as raised:
        ask()
    said = all_that_is_said(raised.value)
    assert [secret for secret in SECRETS if secret in said] == []
    return raised.value


# The address of the login.


def test_an_operator_logs_in_at_schwab(oauth, httpserver):
    address = urlsplit(oauth.authorize_url("state-7"))

    assert f"{address.scheme}://{address.netloc}" == httpserver.url_for("/").rstrip("/")
    assert address.path == "/v1/oauth/authorize"
    assert parse_qs(address.query) == {
        "response_type": ["code"],
        "client_id": [KEY],
        "redirect_uri": [REDIRECT],
        "state": ["state-7"],
    }


# The address that comes back.


@pytest.mark.parametrize(
    "address",
    [
        "https://127.0.0.1/?code=C0.b2F1dGgy+x%40&session=5d5d",
        "https://127.0.0.1?code=C0.b2F1dGgy+x%40&session=5d5d&state=s1",
        "  https://127.0.0.1:443/?session=5d5d&code=C0.b2F1dGgy%2Bx@\n",
        '"https://127.0.0.1/?code=C0.b2F1dGgy+x%40"',
    ],
)
def test_the_code_is_taken_out_of_the_address(oauth, address):
    assert oauth.code_of(address, "s1").reveal() == CODE


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("", "begins with https://127.0.0.1, was none"),
        (CODE, "was none"),
        ("https://[", "was none"),
        ("https://127.0.0.1:99999999/?code=C0.b2F1dGgy+x%40", "was none"),
        (f"https://api.schwabapi.com/?code={CODE}", "was one at api.schwabapi.com"),
        (f"http://127.0.0.1/?code={CODE}", "was one at 127.0.0.1"),
        (f"https://127.0.0.1:8443/?code={CODE}", "was one at 127.0.0.1"),
        (f"https://127.0.0.1/elsewhere?code={CODE}", "was one at 127.0.0.1"),
        ("https://127.0.0.1/", "expected a code in the address, was none"),
        (f"https://127.0.0.1/?{CODE}", "expected a code in the address, was none"),
        ("https://127.0.0.1/?error=access_denied&error_description=b2F1dGgy", "was the error access_denied"),
        ("https://127.0.0.1/?error=b2F1dGgy+%40&x=1", "was none"),
        (f"https://127.0.0.1/?code={CODE}&code={CODE}", "expected one code"),
        ("https://127.0.0.1/?code=", "expected one code"),
        ("https://127.0.0.1/?code=b2F1dGgy%0d%0aX:1", "expected one code"),
        (f"https://127.0.0.1/?code={CODE}&state=s2", "login that was begun last"),
        (f"https://127.0.0.1/?code={CODE}&state=", "login that was begun last"),
    ],
)
def test_another_address_is_refused_without_repeating_it(oauth, address, told):
    with pytest.raises(NotARedirect, match=told) as raised:
        oauth.code_of(address, "s1")
    said = all_that_is_said(raised.value)
    assert [secret for secret in SECRETS if secret in said] == []
    assert any(word in str(raised.value) for word in ("Copy the whole address", "Log in again"))


def test_a_redirect_with_a_path_is_compared_with_its_path(http):
    oauth = SchwabOAuth(
        app_key=Secret(KEY), app_secret=Secret(SECRET), redirect_uri="https://h.example:8443/callback", http=http
    )

    assert oauth.code_of(f"https://h.example:8443/callback?code={CODE}", "s1") == Secret(CODE)


# Tokens.


def test_a_code_is_changed_for_tokens(oauth, memory, httpserver):
    answers(httpserver, GRANT)

    grant = oauth.exchange(Secret(CODE))

    assert grant == Grant(access_token=Secret(ACCESS), refresh_token=Secret(REFRESH), expires_in=timedelta(minutes=30))
    [(asked, _)] = httpserver.log
    assert asked.headers["Authorization"] == f"Basic {BASIC}"
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert asked.form.to_dict() == {"grant_type": "authorization_code", "code": CODE, "redirect_uri": REDIRECT}
    assert memory.sent[0].reference.purpose == "token exchange"


def test_a_token_is_refreshed(oauth, memory, httpserver):
    answers(httpserver, GRANT | {"expires_in": 1200, "access_token": "newer"})

    grant = oauth.refresh(Secret(REFRESH))

    assert (grant.access_token, grant.expires_in) == (Secret("newer"), timedelta(minutes=20))
    assert httpserver.log[0][0].form.to_dict() == {"grant_type": "refresh_token", "refresh_token": REFRESH}
    assert memory.sent[0].reference.purpose == "token refresh"


def test_a_refresh_token_that_is_not_told_again_stays(oauth, httpserver):
    answers(httpserver, {name: value for name, value in GRANT.items() if name != "refresh_token"})

    assert oauth.refresh(Secret("kept")).refresh_token == Secret("kept")


def test_tokens_may_come_packed_without_a_word_of_it(ask, httpserver):
    answers(httpserver, data=gzip.compress(json.dumps(GRANT).encode()))

    assert ask().access_token == Secret(ACCESS)


def test_a_grant_shows_no_token(oauth, httpserver):
    answers(httpserver, GRANT)

    shown = repr(oauth.refresh(Secret(REFRESH)))

    assert ACCESS not in shown
    assert REFRESH not in shown


# What goes wrong.


@pytest.mark.parametrize("status", [400, 401])
@pytest.mark.parametrize("packed", [False, True])
def test_what_schwab_does_not_take_needs_a_login(ask, httpserver, status, packed):
    body = recorded("POST /v1/oauth/token (refresh)", 400)["body"]
    data = json.dumps(body | {"error_description": f"refresh token {REFRESH} for {CODE}"}).encode()
    answers(httpserver, data=gzip.compress(data) if packed else data, status=status)

    error = failing(ask, LoginNeeded)

    assert f"({status}, unsupported_token_type). Log in again" in str(error)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        ("<html>", "no JSON"),
        ("", "no JSON"),
        ("[]", "no word for it"),
        ('{"error": 7}', "no word for it"),
        (json.dumps({"error": f"token {REFRESH}"}), "no word for it"),
    ],
)
def test_an_error_in_other_words_is_not_repeated(ask, httpserver, data, word):
    answers(httpserver, data=data, status=400)

    assert f"(400, {word})" in str(failing(ask, LoginNeeded))


@pytest.mark.parametrize("word", ["invalid_client", "unauthorized_client"])
def test_an_app_that_schwab_does_not_know_by_its_secret_ends_no_login(ask, httpserver, word):
    answers(httpserver, data=json.dumps({"error": word, "error_description": f"for {REFRESH}"}), status=401)

    error = failing(ask, NotAuthorised)

    assert type(error) is NotAuthorised
    assert f"(401, {word}). Compare SCHWAB_APP_KEY and SCHWAB_APP_SECRET" in str(error)


def test_a_page_that_denies_access_is_no_word_about_the_login(ask, httpserver):
    page = recorded("POST /v1/oauth/token", 403)["body_text"]
    answers(httpserver, data=page + CODE, status=403, content_type="text/html")

    error = failing(ask, NotAuthorised)

    assert type(error) is NotAuthorised
    assert "status 403 (no JSON)" in str(error)


def test_too_many_calls_are_told_with_how_long_to_wait(ask, httpserver):
    answers(httpserver, data=REFRESH, status=429, headers={"Retry-After": "9"})

    assert failing(ask, RateLimited).retry_after == timedelta(seconds=9)


@pytest.mark.parametrize("status", [500, 503, 504, 302])
def test_a_failure_of_schwabs_may_have_spent_a_code_and_spends_no_refresh_token(ask, httpserver, status):
    answers(httpserver, data=REFRESH + CODE, status=status, headers={"Location": f"/?code={CODE}"})

    failing(ask, OutcomeUnknown if ask.changes else BrokerUnavailable)


def test_no_answer_leaves_both_unknown(ask, httpserver):
    with unanswered(httpserver, "/v1/oauth/token"):
        failing(ask, OutcomeUnknown)


@pytest.mark.parametrize(
    "body",
    [
        [GRANT],
        GRANT | {"expires_in": None},
        GRANT | {"expires_in": "1800"},
        GRANT | {"expires_in": 0},
        GRANT | {"expires_in": True},
        GRANT | {"expires_in": 10**10},
        GRANT | {"access_token": None},
        GRANT | {"access_token": ""},
        # In a header it would be refused in words that repeat it.
        GRANT | {"access_token": f"{ACCESS}\r\nX: y"},
        GRANT | {"refresh_token": None},
        {"error": "nothing"},
        {},
    ],
)
def test_tokens_that_can_not_be_used_are_told_without_repeating_them(ask, httpserver, body):
    answers(httpserver, body)

    error = failing(ask, OutcomeUnknown if ask.changes else BrokerUnavailable)

    assert "expected" in str(error)


def test_a_login_without_a_refresh_token_is_none(oauth, httpserver):
    answers(httpserver, {name: value for name, value in GRANT.items() if name != "refresh_token"})

    failing(lambda: oauth.exchange(Secret(CODE)), OutcomeUnknown)


def test_a_page_in_place_of_tokens_is_told(ask, httpserver):
    answers(httpserver, data=f"<html>{CODE}{REFRESH}")

    failing(ask, OutcomeUnknown if ask.changes else BrokerUnavailable)


def test_where_schwab_is_not_reached_a_code_is_still_good(memory):
    http = BrokerHttp(source="schwab", base_url="http://127.0.0.1:9", recorder=memory, clock=lambda: AT)
    oauth = SchwabOAuth(app_key=Secret(KEY), app_secret=Secret(SECRET), redirect_uri=REDIRECT, http=http)

    error = failing(lambda: oauth.exchange(Secret(CODE)), BrokerUnavailable)
    http.close()

    assert "nothing was sent" in str(error)
