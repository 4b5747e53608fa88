"""The official client of each broker works against its venue: it reads every answer as its own."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx2
import pytest

from config.venues.alpaca import AlpacaVenue
from config.venues.schwab import SchwabVenue
from tests.support.venues import wait

pytestmark = [
    pytest.mark.slow,
    # What they bring along warns of itself when it is imported.
    pytest.mark.filterwarnings("ignore:websockets.legacy is deprecated:DeprecationWarning"),
]


@pytest.fixture
def trading(alpaca: AlpacaVenue):
    from alpaca.trading.client import TradingClient

    client = TradingClient(alpaca.key, alpaca.secret, url_override=alpaca.url)
    yield client
    client._session.close()


def market_order(client_order_id="ht-1", **changes):
    from alpaca.trading.enums import OrderSide, TimeInForce
    from alpaca.trading.requests import MarketOrderRequest

    given = {"symbol": "AAPL", "qty": 4, "side": OrderSide.BUY, "time_in_force": TimeInForce.DAY}
    return MarketOrderRequest(client_order_id=client_order_id, **{**given, **changes})


# alpaca-py.


def test_alpacas_client_submits_finds_and_follows_an_order(alpaca, trading):
    submitted = trading.submit_order(market_order())
    wait(alpaca, 1)
    found = trading.get_order_by_client_id("ht-1")
    wait(alpaca, 1)
    done = trading.get_order_by_id(submitted.id)

    assert [(order.status.value, order.filled_qty) for order in (submitted, found, done)] == [
        ("pending_new", "0"),
        ("partially_filled", "2"),
        ("filled", "4"),
    ]
    assert submitted.id == found.id == done.id
    assert done.filled_at > done.submitted_at
    assert alpaca.exchange.orders[0].ask.client_id == "ht-1"


def test_alpacas_client_sends_dollars_and_limits(alpaca, trading):
    from alpaca.trading.enums import OrderSide, TimeInForce
    from alpaca.trading.requests import LimitOrderRequest

    dollars = trading.submit_order(market_order(qty=None, notional=100.5))
    limit = trading.submit_order(
        LimitOrderRequest(
            symbol="TSLA",
            qty=1,
            limit_price=300.25,
            side=OrderSide.BUY,
            time_in_force=TimeInForce.DAY,
            extended_hours=True,
        )
    )

    assert (dollars.notional, dollars.qty) == ("100.5", None)
    assert (limit.limit_price, limit.extended_hours) == ("300.25", True)


def test_alpacas_client_lists_replaces_and_cancels(alpaca, trading):
    from alpaca.trading.enums import QueryOrderStatus
    from alpaca.trading.requests import GetOrdersRequest, ReplaceOrderRequest

    first, second, third = (trading.submit_order(market_order(f"ht-{number}")) for number in range(3))
    trading.cancel_order_by_id(first.id)
    replacement = trading.replace_order_by_id(second.id, ReplaceOrderRequest(qty=2))
    assert [order.id for order in trading.get_orders()] == [replacement.id, third.id]
    cancelled = trading.cancel_orders()

    listed = trading.get_orders(GetOrdersRequest(status=QueryOrderStatus.CLOSED, symbols=["AAPL"]))

    assert {response.id for response in cancelled} == {third.id, replacement.id}
    assert {order.id: order.status.value for order in listed} == {
        first.id: "canceled",
        second.id: "replaced",
        third.id: "canceled",
        replacement.id: "canceled",
    }


def test_alpacas_client_is_refused_with_a_code(alpaca, trading):
    from alpaca.common.exceptions import APIError

    trading.submit_order(market_order())

    with pytest.raises(APIError) as refused:
        trading.submit_order(market_order())

    assert (refused.value.status_code, refused.value.code) == (422, 40010001)
    assert refused.value.message == "client_order_id must be unique"


def test_alpacas_client_reads_account_clock_calendar_positions_and_assets(alpaca, trading):
    from alpaca.trading.requests import GetCalendarRequest

    alpaca.exchange.account().hold("AAPL", Decimal("2.5"), Decimal(200))

    account, clock, asset = trading.get_account(), trading.get_clock(), trading.get_asset("AAPL")
    (position,) = trading.get_all_positions()
    calendar = trading.get_calendar(GetCalendarRequest(start="2026-03-02", end="2026-03-03"))

    assert (account.cash, account.status.value, account.shorting_enabled) == ("100000", "ACTIVE", True)
    assert clock.is_open
    assert clock.timestamp.isoformat() == "2026-03-02T12:00:00-05:00"
    assert (asset.symbol, asset.tradable, asset.fractionable) == ("AAPL", True, True)
    assert (position.qty, position.side.value, trading.get_open_position("AAPL")) == ("2.5", "long", position)
    assert [str(day.open) for day in calendar] == ["2026-03-02 09:30:00", "2026-03-03 09:30:00"]


def test_alpacas_client_reads_quotes(alpaca):
    from alpaca.data.historical import StockHistoricalDataClient
    from alpaca.data.requests import StockLatestQuoteRequest, StockLatestTradeRequest

    data = StockHistoricalDataClient(alpaca.key, alpaca.secret, url_override=alpaca.url)

    with data._session:
        quote = data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols="AAPL"))["AAPL"]
        trade = data.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols=["AAPL"]))["AAPL"]

    assert (quote.bid_price, quote.ask_price, trade.price) == (271.48, 271.5, 271.49)


# schwab-py. Where it calls is written into it, so its calls are led to the venue underneath it.


@pytest.fixture
def led_to_the_venue(monkeypatch):
    with SchwabVenue() as venue:
        there = httpx2.URL(venue.url)
        send = httpx2.HTTPTransport.handle_request
        used = set()

        def led(transport, request):
            used.add(transport)
            if request.url.host == "api.schwabapi.com":
                request.url = request.url.copy_with(scheme=there.scheme, host=there.host, port=there.port)
            return send(transport, request)

        monkeypatch.setattr(httpx2.HTTPTransport, "handle_request", led)
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.lower(), raising=False)
        yield venue
        for transport in used:
            transport.close()  # It closes none itself.


@pytest.fixture
def trader(led_to_the_venue):
    from schwab.auth import client_from_access_functions

    venue = led_to_the_venue
    venue.written = []
    token = {"creation_timestamp": int(time.time()), "token": expiring(venue.login(), 1800)}
    return client_from_access_functions(
        venue.tokens.app_key,
        venue.tokens.app_secret,
        lambda: token,
        lambda written, *rest, **more: venue.written.append(written),
    )


def expiring(token, seconds):
    return {**token, "expires_at": int(time.time()) + seconds}


def placed(trader, venue, order):
    from schwab.utils import Utils

    return Utils(trader, venue.account_hash()).extract_order_id(trader.place_order(venue.account_hash(), order))


def test_schwabs_client_places_follows_and_cancels_an_order(trader, led_to_the_venue):
    from schwab.orders.equities import equity_buy_limit, equity_buy_market

    venue, hash = led_to_the_venue, led_to_the_venue.account_hash()
    venue.exchange.set_rule(None)
    id = placed(trader, venue, equity_buy_market("AAPL", 4))
    venue.exchange.fill(venue.order_named(str(id)), 2)
    half = trader.get_order(id, hash).json()
    cancelled = trader.cancel_order(id, hash)
    limit = placed(trader, venue, equity_buy_limit("TSLA", 2, "100.25"))

    # Without a span it asks until now, cut to the second, and may miss what was entered within it.
    until = datetime.now(UTC) + timedelta(seconds=60)
    listed = trader.get_orders_for_account(hash, to_entered_datetime=until).json()

    assert (half["orderId"], half["status"], half["filledQuantity"]) == (id, "WORKING", 2)
    assert cancelled.status_code == 200
    assert [(order["orderId"], order["status"]) for order in listed] == [(limit, "WORKING"), (id, "CANCELED")]
    working = trader.Order.Status.WORKING
    assert trader.get_orders_for_account(hash, to_entered_datetime=until, status=working).json() == [listed[0]]


def test_schwabs_client_replaces_an_order(trader, led_to_the_venue):
    from schwab.orders.equities import equity_buy_limit
    from schwab.utils import Utils

    venue, hash = led_to_the_venue, led_to_the_venue.account_hash()
    old = placed(trader, venue, equity_buy_limit("TSLA", 2, "100.25"))

    answer = trader.replace_order(hash, old, equity_buy_limit("TSLA", 3, "100.25"))

    new = Utils(trader, hash).extract_order_id(answer)
    assert trader.get_order(old, hash).json()["status"] == "REPLACED"
    assert trader.get_order(new, hash).json()["quantity"] == 3


def test_schwabs_client_reads_accounts_hours_and_quotes(trader, led_to_the_venue):
    led_to_the_venue.exchange.account().hold("AAPL", Decimal(3), Decimal(200))
    hash = led_to_the_venue.account_hash()

    numbers = trader.get_account_numbers().json()
    account = trader.get_account(hash, fields=trader.Account.Fields.POSITIONS).json()["securitiesAccount"]
    hours = trader.get_market_hours(trader.MarketHours.Market.EQUITY).json()
    quote = trader.get_quote("AAPL").json()["AAPL"]["quote"]

    assert numbers == [{"accountNumber": "10000001", "hashValue": hash}]
    assert [(one["instrument"]["symbol"], one["longQuantity"]) for one in account["positions"]] == [("AAPL", 3)]
    assert hours["equity"]["EQ"]["isOpen"] is True
    assert quote["lastPrice"] == 271.49
    assert trader.get_quotes(["AAPL", "BRK/B"]).json()["BRK/B"]["symbol"] == "BRK/B"


def test_schwabs_client_refreshes_a_token_that_is_about_to_end(trader, led_to_the_venue):
    trader.session.token["expires_at"] = int(time.time()) + 60

    assert trader.get_account_numbers().status_code == 200

    (written,) = led_to_the_venue.written
    assert written["token"]["access_token"] != ""
    assert [request.call for request in led_to_the_venue.requests] == ["token", "accounts"]


def test_schwabs_client_logs_in(led_to_the_venue):
    from schwab.auth import client_from_received_url, get_auth_context

    tokens = led_to_the_venue.tokens
    context = get_auth_context(tokens.app_key, tokens.redirect_uri)
    landed = httpx2.get(context.authorization_url).headers["Location"]

    trader = client_from_received_url(
        tokens.app_key, tokens.app_secret, context, landed, lambda written, *rest, **more: None
    )

    assert trader.get_account_numbers().status_code == 200
