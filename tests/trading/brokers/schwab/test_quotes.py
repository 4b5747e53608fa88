"""Quotes: a price with its own time, and a symbol that is not listed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.trading.brokers.schwab.schwab_json import AT, REFUSAL, recorded
from trading.brokers.outcomes import BrokerUnavailable, NoSuchAsset, NotAuthorised, UnusableAnswer
from trading.values.symbols import symbol

PATH = "/marketdata/v1/quotes"
AAPL = symbol("AAPL")
QUOTED = datetime(2025, 11, 20, 15, 59, 58, 250000, tzinfo=UTC)
MILLISECONDS = int(QUOTED.timestamp() * 1000)


def entry(quote=None, **changes):
    told = recorded("GET /marketdata/v1/quotes")["body"]["AAPL"]
    return {**told, "quote": {**told["quote"], "quoteTime": MILLISECONDS, **(quote or {})}, **changes}


def answers(httpserver, body, **how):
    httpserver.expect_request(PATH).respond_with_json(body, **how)


def test_a_quote_is_exact_and_has_the_time_at_which_it_was_true(broker, memory, httpserver):
    answers(httpserver, {"AAPL": entry({"tradeTime": MILLISECONDS - 5000})})

    quote = broker.quote(AAPL)

    assert (quote.bid_usd, quote.ask_usd, quote.last_usd) == (Decimal("168.4"), Decimal("168.41"), Decimal("168.405"))
    assert (quote.symbol, quote.quoted_at, quote.as_of) == ("AAPL", QUOTED, AT)
    assert dict(httpserver.log[0][0].args) == {"symbols": "AAPL", "fields": "quote"}
    assert memory.sent[-1].reference.purpose == "quote"


def test_the_newest_part_tells_the_time(broker, httpserver):
    answers(httpserver, {"AAPL": entry({"tradeTime": MILLISECONDS + 1500})})

    assert broker.quote(AAPL).quoted_at == QUOTED + timedelta(seconds=1.5)


def test_a_class_of_shares_is_asked_for_as_schwab_writes_it(broker, httpserver):
    answers(httpserver, {"BRK/B": entry()})

    assert broker.quote(symbol("BRK.B")).symbol == "BRK.B"
    assert broker.asset(symbol("BRK.B")).symbol == "BRK.B"
    assert httpserver.log[0][0].args["symbols"] == "BRK/B"


@pytest.mark.parametrize(
    ("quote", "prices"),
    [
        ({"bidPrice": 0, "askPrice": 0.0}, (None, None, Decimal("168.405"))),
        ({"lastPrice": None}, (Decimal("168.4"), Decimal("168.41"), None)),
    ],
)
def test_nobody_bids_or_asks_zero(broker, httpserver, quote, prices):
    answers(httpserver, {"AAPL": entry(quote)})

    told = broker.quote(AAPL)

    assert (told.bid_usd, told.ask_usd, told.last_usd) == prices


@pytest.mark.parametrize(
    "body",
    [
        {"AAPL": entry({"bidPrice": None, "askPrice": None, "lastPrice": None})},
        {"AAPL": entry({"bidPrice": "high"})},
        # A price without a time may be from last week; the vendor's own sample has none.
        {"AAPL": entry({"quoteTime": None})},
        {"AAPL": entry({"quoteTime": 0})},
        {"AAPL": entry({"quoteTime": 1763654400.25})},
        {"AAPL": entry({"quoteTime": 10**14})},
        {"AAPL": entry({"quoteTime": "16:00"})},
        {"AAPL": entry(quote=None) | {"quote": None}},
        {"AAPL": None},
        {"MSFT": entry()},
        # Reportedly so without some header: an empty answer does not say that there is no such symbol.
        {},
        [],
        {"errors": {"invalidSymbols": ["MSFT"]}},
        {"errors": ["no"]},
    ],
)
def test_a_quote_that_can_not_be_read_is_told_so(broker, httpserver, body):
    answers(httpserver, body)

    with pytest.raises(UnusableAnswer, match="asking for a quote of AAPL: expected"):
        broker.quote(AAPL)


def test_a_symbol_that_schwab_does_not_list_is_told(broker, httpserver):
    answers(httpserver, {"errors": {"invalidSymbols": ["ZZZZ"]}})

    for question in (broker.quote, broker.asset):
        with pytest.raises(NoSuchAsset, match="does not list ZZZZ"):
            question(symbol("ZZZZ"))


def test_a_symbol_that_schwab_can_not_have_is_not_asked_for(broker, httpserver):
    for question in (broker.quote, broker.asset):
        with pytest.raises(NoSuchAsset, match="BRK/B"):
            question(symbol("BRK/B"))
    assert httpserver.log == []


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, NotAuthorised),
        (403, NotAuthorised),
        (404, UnusableAnswer),
        (400, UnusableAnswer),
        (503, BrokerUnavailable),
    ],
)
def test_a_quote_that_is_not_told_is_an_error(broker, httpserver, status, error):
    answers(httpserver, REFUSAL, status=status)

    for question in (broker.quote, broker.asset):
        with pytest.raises(error, match="AAPL"):
            question(AAPL)


@pytest.mark.parametrize(
    ("kind", "tradable"), [("EQUITY", True), ("ETF", True), ("INDEX", False), ("OPTION", False), ("MUTUAL_FUND", False)]
)
def test_a_stock_or_a_traded_fund_with_a_quote_is_taken_for_tradable(broker, httpserver, kind, tradable):
    answers(httpserver, {"AAPL": entry(assetMainType=kind)})

    asset = broker.asset(AAPL)

    assert (asset.tradable, asset.fractionable, asset.shortable) == (tradable, False, False)
    assert (asset.symbol, asset.as_of) == ("AAPL", AT)


def test_a_symbol_of_no_kind_is_told(broker, httpserver):
    answers(httpserver, {"AAPL": entry(assetMainType=None)})

    with pytest.raises(UnusableAnswer, match="assetMainType"):
        broker.asset(AAPL)
