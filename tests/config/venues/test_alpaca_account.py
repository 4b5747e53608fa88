"""Alpaca's account and market over HTTP, and who may ask."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from config.venues.alpaca import AlpacaVenue
from config.venues.exchange import Exchange
from config.venues.hours import Door
from tests.support.venues import NOON, alpaca_client, alpaca_order, wait


@pytest.mark.parametrize(
    "headers",
    [{"APCA-API-KEY-ID": "PKOTHER"}, {"APCA-API-SECRET-KEY": "other"}, {"APCA-API-KEY-ID": ""}],
    ids=str,
)
def test_who_has_not_the_keys_is_told_as_alpaca_tells(alpaca, headers):
    with alpaca_client(alpaca) as client:
        answer = client.get("/v2/account", headers=headers)

    assert (answer.status_code, answer.json()) == (401, {"message": "unauthorized."})


def test_the_account_tells_cash_and_what_may_be_spent(alpaca, at_alpaca):
    at_alpaca.post("/v2/orders", json=alpaca_order(qty="100"))

    told = at_alpaca.get("/v2/account").json()

    assert (told["status"], told["cash"], told["buying_power"]) == ("ACTIVE", "100000", "72850")
    assert "pattern_day_trader" not in told


def test_with_margin_more_may_be_spent_than_is_there(alpaca, at_alpaca):
    """G3-35: what may be spent, what of it without margin, and cash are three numbers."""
    alpaca.exchange.account().multiplier = 4

    told = at_alpaca.get("/v2/account").json()

    assert (told["cash"], told["buying_power"], told["non_marginable_buying_power"]) == ("100000", "400000", "100000")


def test_positions_are_listed_and_asked_for_by_symbol_and_by_id(alpaca, at_alpaca):
    alpaca.exchange.account().hold("BRK.B", Decimal("1.5"), Decimal(500))
    alpaca.exchange.account().hold("TSLA", Decimal(-2), Decimal(400))

    listed = at_alpaca.get("/v2/positions").json()
    by_id = at_alpaca.get(f"/v2/positions/{listed[0]['asset_id']}").json()

    assert [(one["symbol"], one["qty"], one["side"], one["market_value"]) for one in listed] == [
        ("BRK.B", "1.5", "long", "756.06"),
        ("TSLA", "-2", "short", "-782.18"),
    ]
    assert by_id == listed[0] == at_alpaca.get("/v2/positions/BRK.B").json()


def test_a_position_that_is_not_held_does_not_exist(at_alpaca):
    answer = at_alpaca.get("/v2/positions/AAPL")

    assert (answer.status_code, answer.json()["code"]) == (404, 40410000)
    assert at_alpaca.get("/v2/positions").json() == []


def test_an_asset_tells_what_may_be_done_with_it(alpaca, at_alpaca):
    alpaca.exchange.book.instruments["GME"].shortable = False

    told = at_alpaca.get("/v2/assets/GME").json()

    assert (told["class"], told["status"], told["tradable"], told["fractionable"], told["shortable"]) == (
        "us_equity",
        "active",
        True,
        True,
        False,
    )
    assert at_alpaca.get(f"/v2/assets/{told['id']}").json() == told
    assert at_alpaca.get("/v2/assets/NOPE").status_code == 404


def test_the_clock_tells_new_yorks_time(alpaca, at_alpaca):
    assert at_alpaca.get("/v2/clock").json() == {
        "timestamp": "2026-03-02T12:00:00-05:00",
        "is_open": True,
        "next_open": "2026-03-03T09:30:00-05:00",
        "next_close": "2026-03-02T16:00:00-05:00",
    }

    alpaca.exchange.set_door(Door.CLOSED)

    assert at_alpaca.get("/v2/clock").json()["is_open"] is False


def test_the_calendar_leaves_closed_days_out(at_alpaca):
    told = at_alpaca.get("/v2/calendar", params={"start": "2026-04-02", "end": "2026-04-06"}).json()

    # Good Friday, and a weekend.
    assert [(row["date"], row["open"], row["close"]) for row in told] == [
        ("2026-04-02", "09:30", "16:00"),
        ("2026-04-06", "09:30", "16:00"),
    ]


def test_prices_are_numbers_digit_by_digit(alpaca, at_alpaca):
    alpaca.exchange.set_price("AAPL", Decimal("271.4900001"))

    quote = at_alpaca.get("/v2/stocks/AAPL/quotes/latest")
    trade = at_alpaca.get("/v2/stocks/AAPL/trades/latest")

    assert b'"ap":271.5000001,' in quote.content
    assert b'"bp":271.4800001,' in quote.content
    assert b'"p":271.4900001,' in trade.content
    assert quote.json()["quote"]["t"] == "2026-03-02T17:00:00Z"


def test_a_quote_may_be_old_and_one_sided(alpaca, at_alpaca):
    """G3-34: a quote says when it was made, and may be no price at all."""
    old = datetime(2026, 2, 27, 21, tzinfo=UTC)
    alpaca.exchange.set_quote("AAPL", bid_usd=Decimal(0), ask_usd=Decimal("300"), quoted_at=old)

    quote = at_alpaca.get("/v2/stocks/AAPL/quotes/latest").json()["quote"]

    assert (quote["t"], quote["bp"], quote["ap"]) == ("2026-02-27T21:00:00Z", 0, 300)


def test_many_symbols_are_quoted_at_once_and_unknown_ones_left_out(at_alpaca):
    told = at_alpaca.get("/v2/stocks/quotes/latest", params={"symbols": "AAPL,NOPE,TSLA"}).json()

    assert sorted(told["quotes"]) == ["AAPL", "TSLA"]
    assert at_alpaca.get("/v2/stocks/NOPE/quotes/latest").status_code == 404


def test_fills_are_activities_paged_by_the_last_id(alpaca, at_alpaca):
    for number in range(3):
        at_alpaca.post("/v2/orders", json=alpaca_order(f"ht-{number}"))
        wait(alpaca, 2)

    pages, token = [], None
    while page := at_alpaca.get(
        "/v2/account/activities/FILL",
        params={"direction": "asc", "page_size": 4, **({"page_token": token} if token else {})},
    ).json():
        pages.append(page)
        token = page[-1]["id"]

    rows = [row for page in pages for row in page]
    assert [len(page) for page in pages] == [4, 2]
    assert [(row["qty"], row["cum_qty"], row["leaves_qty"], row["type"]) for row in rows] == [
        ("2", "2", "2", "partial_fill"),
        ("2", "4", "0", "fill"),
    ] * 3
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    newest_first = at_alpaca.get("/v2/account/activities", params={"activity_types": "FILL,CSD"}).json()
    assert newest_first == rows[::-1]
    assert at_alpaca.get("/v2/account/activities/CSD").json() == []
    assert at_alpaca.get("/v2/account/activities/FILL", params={"page_size": 101}).status_code == 422


def test_too_many_calls_in_a_minute_are_refused_until_it_has_passed():
    with AlpacaVenue(Exchange(clock=NOON), calls_per_minute=2) as venue, alpaca_client(venue) as client:
        answers = [client.get("/v2/clock") for _ in range(3)]
        wait(venue, 60)
        answers.append(client.get("/v2/clock"))

    assert [answer.status_code for answer in answers] == [200, 200, 429, 200]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0", "1"]
    assert answers[2].headers["X-RateLimit-Reset"] == str(int(NOON.timestamp()) + 60)
    assert answers[2].json()["code"] == 42910000


def test_another_path_is_no_endpoint(at_alpaca):
    assert at_alpaca.get("/v1/orders").status_code == 404
    assert at_alpaca.put("/v2/orders").status_code == 404


def test_two_series_share_no_id():
    ids = []
    for series in (1, 2):
        with AlpacaVenue(Exchange(clock=NOON), series=series) as venue, alpaca_client(venue) as client:
            ids.append(client.post("/v2/orders", json=alpaca_order(None)).json())

    assert ids[0]["id"] != ids[1]["id"]
    assert ids[0]["client_order_id"] != ids[1]["client_order_id"]


def test_credentials_are_not_in_the_record(alpaca, at_alpaca):
    at_alpaca.get("/v2/account")

    assert alpaca.secret not in repr(alpaca.requests)
    assert alpaca.key not in repr(alpaca.requests)
