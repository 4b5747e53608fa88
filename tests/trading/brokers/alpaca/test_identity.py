"""Whose keys these are, and which account they open; and that nobody sees the keys."""

import logging
import re
import traceback

import pytest

from tests.support.alpaca import (
    ACCOUNT,
    AT,
    KEY,
    ORDER,
    OURS,
    SECRET,
    Kept,
    LosesAnswers,
    identity,
    make_alpaca,
    order_row,
    request,
)
from trading.brokers.alpaca.identity import Mode
from trading.brokers.http import Answer
from trading.brokers.outcomes import BrokerError, BrokerUnavailable, NotAuthorised
from trading.values.symbols import symbol

LIVE_KEY = "AK" + KEY[2:]
PAPER_URL, LIVE_URL, OWN_URL = "https://paper-api.alpaca.markets", "https://api.alpaca.markets", "http://127.0.0.1:9"


ANYTHING, BY_OUR_ID = re.compile("/.*"), "/v2/orders:by_client_order_id"


# Keys, hosts and modes.


@pytest.mark.parametrize(
    ("mode", "key", "url", "wrong"),
    [
        (Mode.PAPER, KEY, PAPER_URL, None),
        (Mode.LIVE, LIVE_KEY, LIVE_URL, None),
        (Mode.PAPER, KEY, OWN_URL, None),
        (Mode.LIVE, LIVE_KEY, OWN_URL, None),
        # Q1: paper and live accounts were once mixed up.
        (Mode.PAPER, LIVE_KEY, PAPER_URL, r"ALPACA_API_KEY begins with AK \(live\), TRADING_MODE is paper\."),
        (Mode.LIVE, KEY, LIVE_URL, r"ALPACA_API_KEY begins with PK \(paper\), TRADING_MODE is live\."),
        (Mode.PAPER, KEY, LIVE_URL, "ALPACA_BASE_URL is Alpaca's host for live, TRADING_MODE is paper"),
        (Mode.LIVE, LIVE_KEY, PAPER_URL, "ALPACA_BASE_URL is Alpaca's host for paper, TRADING_MODE is live"),
        (Mode.LIVE, LIVE_KEY, PAPER_URL.upper(), "ALPACA_BASE_URL is Alpaca's host for paper, TRADING_MODE is live"),
        (Mode.PAPER, "CK" + KEY[2:], PAPER_URL, "begins with neither PK .paper. nor AK .live., TRADING_MODE is paper"),
        (Mode.PAPER, "pk" + KEY[2:], PAPER_URL, "begins with neither"),
    ],
)
def test_the_key_the_host_and_the_mode_belong_together(mode, key, url, wrong):
    who = identity(mode=mode, key=key, trading_url=url)

    if wrong is None:
        assert who.refuse_wrong_keys() is None
        return
    with pytest.raises(NotAuthorised, match=wrong) as raised:
        who.refuse_wrong_keys()
    assert KEY[2:] not in str(raised.value)


def test_each_mode_has_its_host():
    assert (Mode.PAPER.trading_url, Mode.LIVE.trading_url) == (PAPER_URL, LIVE_URL)


@pytest.mark.parametrize(
    ("key", "url", "paper"),
    [
        (KEY, PAPER_URL, True),
        (LIVE_KEY, LIVE_URL, False),
        # Alpaca's own host has the last word; at another, the key tells.
        (LIVE_KEY, PAPER_URL, True),
        (KEY, OWN_URL, True),
        (LIVE_KEY, OWN_URL, False),
        ("CK" + KEY[2:], OWN_URL, None),
    ],
)
def test_an_account_is_of_paper_where_host_or_key_say_so(key, url, paper):
    assert identity(key=key, trading_url=url).paper is paper


# Before the first order.


@pytest.fixture
def account(httpserver):
    def account(number, **more):
        httpserver.expect_request("/v2/account").respond_with_json(
            {"account_number": number, "status": "ACTIVE", **more}
        )

    return account


def posted(httpserver):
    return [asked for asked, _ in httpserver.log if asked.method == "POST"]


def test_keys_of_another_mode_send_nothing(httpserver):
    broker = make_alpaca(httpserver.url_for("").rstrip("/"), Kept(), key=LIVE_KEY)

    with pytest.raises(NotAuthorised, match="TRADING_MODE is paper"):
        broker.submit(request())

    assert httpserver.log == []
    broker.close()


def test_keys_that_open_another_account_send_no_order(broker, httpserver, account):
    """Q1: the account is held against the broker's word before the first order."""
    account("PA9OTHER9876")

    for _ in range(2):  # It is asked again each time, until somebody mends it.
        with pytest.raises(NotAuthorised, match=r"ALPACA_ACCOUNT is …1234, and the keys open the account …9876"):
            broker.submit(request())

    assert posted(httpserver) == []
    assert len(httpserver.log) == 2


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (503, "busy", BrokerUnavailable),
        (401, '{"message": "unauthorized."}', NotAuthorised),
        (403, '{"message": "forbidden."}', NotAuthorised),
        (200, "<html>", BrokerUnavailable),
        (200, "{}", BrokerUnavailable),
    ],
)
def test_an_account_that_can_not_be_asked_for_gets_no_order(broker, httpserver, status, body, error):
    httpserver.expect_request("/v2/account").respond_with_data(body, status=status)

    with pytest.raises(error):
        broker.submit(request())

    assert posted(httpserver) == []


def test_the_account_is_asked_for_until_it_is_the_right_one_and_then_no_more(broker, httpserver, account):
    httpserver.expect_oneshot_request("/v2/account").respond_with_data("busy", status=503)
    with pytest.raises(BrokerUnavailable):
        broker.submit(request())
    account(ACCOUNT)
    httpserver.expect_request("/v2/orders").respond_with_json(order_row())

    for _ in range(3):
        broker.submit(request())

    assert [asked.path for asked, _ in httpserver.log] == ["/v2/account"] * 2 + ["/v2/orders"] * 3


# Nobody sees the keys.

ECHO = f'{{"code": 40310000, "message": "no {KEY} with {SECRET}", "symbol": "{SECRET}"}}'


def every_question(broker):
    yield lambda: broker.submit(request())
    yield lambda: broker.find(OURS)
    yield lambda: broker.report(ORDER)
    yield lambda: broker.cancel(ORDER)
    yield broker.open_orders
    yield lambda: broker.orders(since=AT, until=AT)
    yield broker.account
    yield broker.holdings
    yield lambda: broker.quote(symbol("AAPL"))
    yield lambda: broker.asset(symbol("AAPL"))
    yield broker.clock
    yield lambda: broker.sessions(first=AT.date(), last=AT.date())


@pytest.mark.parametrize("status", [200, 204, 302, 400, 401, 403, 404, 408, 422, 429, 500])
def test_an_answer_that_repeats_the_keys_leaks_them_nowhere(broker, httpserver, caplog, status):
    """G6-68: secrets stood in logs."""
    caplog.set_level(logging.DEBUG)
    body = ECHO if status != 204 else ""
    httpserver.expect_request("/v2/account", method="GET").respond_with_data(
        f'{{"account_number": "{ACCOUNT}", "status": "{SECRET}", "currency": "{KEY}"}}'
    )
    httpserver.expect_request(ANYTHING).respond_with_data(body, status=status)

    for ask in every_question(broker):
        try:
            told = repr(ask())
        except BrokerError as error:
            told = "".join(traceback.format_exception(error)) + repr(error)
        assert KEY not in told
        assert SECRET not in told

    assert KEY not in caplog.text
    assert SECRET not in caplog.text


def test_a_call_that_fails_shows_no_key_in_its_traceback(httpserver, kept, wire):
    httpserver.expect_request(BY_OUR_ID).respond_with_json(order_row())
    broker = make_alpaca(httpserver.url_for("").rstrip("/"), kept, transport=LosesAnswers(wire, "GET", BY_OUR_ID))

    with pytest.raises(BrokerUnavailable) as raised:
        broker.find(OURS)

    # With the locals of our own frames, as an error tracker shows them.
    told = "".join(traceback.format_exception(raised.value))
    frames = [frame for frame, _ in traceback.walk_tb(raised.value.__traceback__)]
    ours = [frame for frame in frames if "/trading/brokers/" in frame.f_code.co_filename]
    told += "".join(repr(value) for frame in ours for value in frame.f_locals.values())
    assert len(ours) >= 4
    assert KEY not in told
    assert SECRET not in told


def test_nothing_shows_the_keys(broker):
    who = identity()

    for told in (repr(broker), repr(who), repr(vars(who)), repr(who.headers()), str(who.headers())):
        assert KEY not in told
        assert SECRET not in told
    assert dict(who.headers()) == {"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET}


def test_a_secret_that_is_written_otherwise_is_hidden_too():
    who = identity(secret="half/and/half")
    answer = Answer(
        status=403,
        headers=(),
        body=rb'{"message": "no half\/and\/half, no half/and/half"}',
        asked_at=AT,
        received_at=AT,
    )

    assert who.hidden_in(answer).body == b'{"message": "no ***, no ***"}'
    assert who.hidden_in(who.hidden_in(answer)) == who.hidden_in(answer)


@pytest.mark.parametrize("who", [{"key": ""}, {"secret": ""}, {"account": ""}])
def test_nobody_is_nobody(who):
    with pytest.raises(ValueError, match="one of them empty"):
        identity(**who)
