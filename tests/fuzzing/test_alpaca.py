"""Alpaca, whatever it answers: an answer in the port's words, or one of its errors."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzing.bounds import ends_well, fuzzed
from tests.fuzzing.played import http_of, service
from tests.support.alpaca import ACCOUNT, AT, KEY, ORDER, OURS, SECRET, order_row, request
from trading.brokers.alpaca.broker import AlpacaBroker
from trading.brokers.alpaca.identity import Identity, Mode
from trading.brokers.outcomes import BrokerError
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.secret import Secret
from trading.values.symbols import Symbol

AAPL = Symbol("AAPL")
WORKING = order_row()
FILLED = order_row(
    status="filled", filled_qty="4", filled_avg_price="187.25", filled_at="2026-03-02T16:00:01.5Z", reject_reason=None
)
POSITION = {
    "symbol": "AAPL",
    "asset_class": "us_equity",
    "side": "long",
    "qty": "4.25",
    "qty_available": "4",
    "avg_entry_price": "150.125",
}
ANSWERS = {
    "/v2/account": {
        "account_number": ACCOUNT,
        "status": "ACTIVE",
        "currency": "USD",
        "cash": "100.5",
        "buying_power": "201",
        "equity": "300.25",
        "shorting_enabled": True,
        "account_blocked": False,
        "trading_blocked": False,
    },
    "/v2/positions": [POSITION, {**POSITION, "symbol": "TSLA", "side": "short", "qty": "-2", "qty_available": "-2"}],
    "/v2/orders": [WORKING, {**FILLED, "id": "0b11f089-722d-4ced-9beb-e2eeed3637dc"}],
    "/v2/clock": {
        "timestamp": "2026-03-02T11:00:00.5-05:00",
        "is_open": True,
        "next_open": "2026-03-03T09:30:00-05:00",
        "next_close": "2026-03-02T16:00:00-05:00",
    },
    "/v2/calendar": [{"date": "2026-03-02", "open": "09:30", "close": "16:00"}],
    "/v2/assets/AAPL": {
        "class": "us_equity",
        "symbol": "AAPL",
        "status": "active",
        "tradable": True,
        "fractionable": True,
        "shortable": True,
        "easy_to_borrow": True,
    },
    "/v2/stocks/AAPL/quotes/latest": {
        "symbol": "AAPL",
        "quote": {"t": "2026-03-02T16:00:00.123456789Z", "bp": 187.2, "ap": 187.3, "bs": 1, "as": 2},
    },
    "/v2/stocks/AAPL/trades/latest": {"symbol": "AAPL", "trade": {"t": "2026-03-02T16:00:00Z", "p": 187.25, "s": 10}},
}
REFUSAL = {"code": 40310000, "message": "insufficient buying power", "buying_power": "1", "cost_basis": "700"}


def answers(method, path):
    if method == "DELETE":
        return 204, {}
    if method == "POST":
        return 200, WORKING
    return 200, ANSWERS.get(path, FILLED)


CALLS = {
    "submit": lambda broker: broker.submit(request()),
    "find": lambda broker: broker.find(ClientOrderId(OURS)),
    "report": lambda broker: broker.report(BrokerOrderId(ORDER)),
    "cancel": lambda broker: broker.cancel(BrokerOrderId(ORDER)),
    "open orders": lambda broker: broker.open_orders(),
    "orders": lambda broker: broker.orders(since=AT - timedelta(days=1), until=AT + timedelta(days=1)),
    "account": lambda broker: broker.account(),
    "holdings": lambda broker: broker.holdings(),
    "quote": lambda broker: broker.quote(AAPL),
    "asset": lambda broker: broker.asset(AAPL),
    "clock": lambda broker: broker.clock(),
    "sessions": lambda broker: broker.sessions(first=date(2026, 3, 2), last=date(2026, 3, 3)),
}


@fuzzed(600)
@given(data=st.data(), call=st.sampled_from(sorted(CALLS)), refuses=st.integers(0, 7))
def test_whatever_alpaca_answers_is_read_or_an_error_of_the_ports(data, call, refuses):
    said = (lambda method, path: (403, REFUSAL)) if refuses == 0 else answers
    broker = alpaca(service(data.draw, said))

    ends_well(lambda: CALLS[call](broker), BrokerError)


def alpaca(transport):
    http = http_of(transport, clock=AT)
    identity = Identity(
        mode=Mode.PAPER, key=Secret(KEY), secret=Secret(SECRET), account=ACCOUNT, trading_url="http://fuzzed"
    )
    return AlpacaBroker(identity=identity, trading=http, data=http)
