"""Schwab's logins, accounts and market over HTTP."""

from datetime import timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest

from config.venues.accounts import Account
from config.venues.exchange import Exchange
from config.venues.hours import Door
from config.venues.schwab import SchwabVenue
from tests.support.venues import NOON, client, orders_at, schwab_client, schwab_order, wait

NUMBERS = "/trader/v1/accounts/accountNumbers"


def ask_token(venue, *, key=None, **form):
    with client(venue, auth=(key or venue.tokens.app_key, venue.tokens.app_secret)) as app:
        return app.post("/v1/oauth/token", data=form)


def code_of(venue):
    with client(venue) as browser:
        answer = browser.get(venue.authorize_url())
    assert answer.status_code == 302
    return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]


def for_code(venue, code, **more):
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": venue.tokens.redirect_uri}
    return ask_token(venue, **(form | more))


def refreshed(venue, token):
    return ask_token(venue, grant_type="refresh_token", refresh_token=token)


def opens(venue, token):
    with schwab_client(venue, token) as there:
        return there.get(NUMBERS).status_code == 200


# Logins.


def test_a_login_brings_a_code_and_the_code_brings_tokens(schwab):
    code = code_of(schwab)

    answer = for_code(schwab, code)

    assert code.endswith("@")
    assert (answer.status_code, answer.json()["expires_in"], answer.json()["token_type"]) == (200, 1800, "Bearer")
    assert opens(schwab, answer.json()["access_token"])


def test_a_code_is_good_once_and_for_half_a_minute(schwab):
    used, late = code_of(schwab), code_of(schwab)
    for_code(schwab, used)
    wait(schwab, 31)

    assert [for_code(schwab, code).status_code for code in (used, late, "made up")] == [400, 400, 400]


def test_a_code_is_good_for_the_callback_it_was_made_for(schwab):
    assert for_code(schwab, code_of(schwab), redirect_uri="https://elsewhere.example").status_code == 400


@pytest.mark.parametrize("change", [("client_id=venue-app-key", "client_id=other"), ("2F127.0.0.1", "2Fother")])
def test_only_the_registered_app_is_authorised(schwab, change):
    with client(schwab) as browser:
        assert browser.get(schwab.authorize_url().replace(*change)).status_code == 400


def test_who_is_not_the_app_gets_no_token(schwab):
    answer = ask_token(schwab, key="other", grant_type="refresh_token", refresh_token="x")

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_another_grant_is_not_known(schwab):
    assert ask_token(schwab, grant_type="password").status_code == 400


def test_an_access_token_opens_for_half_an_hour(schwab):
    token = schwab.login()["access_token"]
    wait(schwab, 1799)
    assert opens(schwab, token)

    wait(schwab, 1)

    with schwab_client(schwab, token) as there:
        answer = there.get(NUMBERS)
    assert (answer.status_code, answer.json()["errors"][0]["title"]) == (401, "Unauthorized")


def test_a_refresh_brings_a_new_access_token_and_the_old_one_lives_on(schwab):
    tokens = schwab.login()

    answer = refreshed(schwab, tokens["refresh_token"])

    assert answer.json()["refresh_token"] == tokens["refresh_token"]
    assert answer.json()["access_token"] != tokens["access_token"]
    assert opens(schwab, answer.json()["access_token"])
    assert opens(schwab, tokens["access_token"])


def test_a_login_lasts_seven_days_however_often_it_is_refreshed(schwab):
    token = schwab.login()["refresh_token"]
    wait(schwab, 7 * 86_400 - 1)
    assert refreshed(schwab, token).status_code == 200

    wait(schwab, 1)

    answer = refreshed(schwab, token)
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_token_type")
    assert "refresh_token_authentication_error" in answer.json()["error_description"]


def test_a_venue_may_give_a_new_refresh_token_each_time():
    with SchwabVenue(Exchange(clock=NOON), rotates_refresh_token=True) as venue:
        first = venue.login()["refresh_token"]
        second = refreshed(venue, first).json()["refresh_token"]

        assert first != second
        assert refreshed(venue, first).status_code == 400
        assert refreshed(venue, second).status_code == 200


def test_tokens_are_taken_away_by_hand(schwab):
    tokens = schwab.login()
    schwab.tokens.expire_access()
    assert not opens(schwab, tokens["access_token"])
    assert refreshed(schwab, tokens["refresh_token"]).status_code == 200

    schwab.tokens.revoke()

    assert refreshed(schwab, tokens["refresh_token"]).status_code == 400


def test_lifetimes_can_be_shorter():
    with SchwabVenue(Exchange(clock=NOON), access_lives=timedelta(seconds=5)) as venue:
        tokens = venue.login()
        wait(venue, 5)

        assert tokens["expires_in"] == 5
        assert not opens(venue, tokens["access_token"])


def test_no_code_and_no_token_is_in_the_record(schwab):
    code = code_of(schwab)
    tokens = for_code(schwab, code).json()
    refreshed(schwab, tokens["refresh_token"])
    opens(schwab, tokens["access_token"])

    told = repr(schwab.requests)
    secrets = (code.rstrip("@"), tokens["refresh_token"], tokens["access_token"], schwab.tokens.app_secret)
    assert [secret for secret in secrets if secret in told] == []
    assert b"grant_type=refresh_token&refresh_token=..." in [request.body for request in schwab.asked("token")]


# Accounts.


def test_accounts_are_known_by_a_hash(schwab, at_schwab):
    told = at_schwab.get(NUMBERS).json()

    assert told == [{"accountNumber": "10000001", "hashValue": schwab.account_hash()}]


def test_several_accounts_are_told_in_their_order_and_kept_apart():
    accounts = [Account(number="10000001"), Account(number="20000002", cash_usd=Decimal(5))]
    with SchwabVenue(Exchange(clock=NOON, accounts=accounts)) as venue, schwab_client(venue) as there:
        hashes = [one["hashValue"] for one in there.get(NUMBERS).json()]
        second = there.get(f"/trader/v1/accounts/{hashes[1]}").json()["securitiesAccount"]
        both = there.get("/trader/v1/accounts").json()

    assert (second["accountNumber"], second["currentBalances"]["cashBalance"]) == ("20000002", 5)
    assert [one["securitiesAccount"]["accountNumber"] for one in both] == ["10000001", "20000002"]


def test_positions_are_told_only_where_they_are_asked_for_and_there_are_any(schwab, at_schwab):
    """G3-39: who holds nothing has no list of positions, which is not an empty one."""
    path = f"/trader/v1/accounts/{schwab.account_hash()}"
    asked = {"fields": "positions"}
    assert "positions" not in at_schwab.get(path, params=asked).json()["securitiesAccount"]

    schwab.exchange.account().hold("AAPL", Decimal(3), Decimal(250))
    schwab.exchange.account().hold("TSLA", Decimal(-2), Decimal(400))

    assert "positions" not in at_schwab.get(path).json()["securitiesAccount"]
    positions = at_schwab.get(path, params=asked).json()["securitiesAccount"]["positions"]
    assert [(one["instrument"]["symbol"], one["longQuantity"], one["shortQuantity"]) for one in positions] == [
        ("AAPL", 3, 0),
        ("TSLA", 0, 2),
    ]


# The market.


def test_quotes_tell_what_is_listed_and_name_what_is_not(schwab, at_schwab):
    told = at_schwab.get("/marketdata/v1/quotes", params={"symbols": "AAPL,NOPE"}).json()

    quote = told["AAPL"]["quote"]
    assert (quote["bidPrice"], quote["askPrice"], quote["lastPrice"]) == (271.48, 271.5, 271.49)
    assert quote["quoteTime"] == int(NOON.timestamp() * 1000)
    assert told["errors"] == {"invalidSymbols": ["NOPE"]}
    assert at_schwab.get("/marketdata/v1/AAPL/quotes").json() == {"AAPL": told["AAPL"]}
    assert at_schwab.get("/marketdata/v1/NOPE/quotes").status_code == 404
    assert at_schwab.get("/marketdata/v1/quotes").status_code == 400


def test_the_class_of_a_share_stands_after_a_slash(schwab, at_schwab):
    told = at_schwab.get("/marketdata/v1/quotes", params={"symbols": "BRK/B,BRK.B"}).json()
    order = at_schwab.post(orders_at(schwab), json=schwab_order(symbol="BRK/B"))
    refused = at_schwab.post(orders_at(schwab), json=schwab_order(symbol="BRK.B"))
    (leg,) = at_schwab.get(order.headers["Location"].partition(".com")[2]).json()["orderLegCollection"]

    assert told["BRK/B"]["symbol"] == "BRK/B"
    assert told["errors"] == {"invalidSymbols": ["BRK.B"]}
    assert schwab.exchange.orders[0].ask.symbol == "BRK.B"
    assert leg["instrument"]["symbol"] == "BRK/B"
    assert refused.status_code == 400


def test_hours_are_told_of_a_day(at_schwab):
    """G3-38: the day after summer time begins has another offset."""
    told = at_schwab.get("/marketdata/v1/markets/equity", params={"date": "2026-03-09"}).json()["equity"]["EQ"]

    assert told["isOpen"] is True
    assert told["sessionHours"]["regularMarket"] == [
        {"start": "2026-03-09T09:30:00-04:00", "end": "2026-03-09T16:00:00-04:00"}
    ]


@pytest.mark.parametrize("day", ["2026-03-07", "2026-04-03"], ids=["Saturday", "Good Friday"])
def test_a_closed_day_has_no_hours_and_another_key(at_schwab, day):
    told = at_schwab.get("/marketdata/v1/markets", params={"markets": "equity", "date": day}).json()

    (inner,) = told["equity"].values()
    assert "EQ" not in told["equity"]
    assert inner["isOpen"] is False
    assert "sessionHours" not in inner


def test_today_is_what_the_door_makes_of_it(schwab, at_schwab):
    schwab.exchange.set_door(Door.CLOSED)

    (inner,) = at_schwab.get("/marketdata/v1/markets/equity").json()["equity"].values()

    assert inner["isOpen"] is False


@pytest.mark.parametrize("day", ["2026-03-01", "2027-03-03", "soon"])
def test_hours_are_told_from_today_for_a_year(at_schwab, day):
    assert at_schwab.get("/marketdata/v1/markets/equity", params={"date": day}).status_code == 400
