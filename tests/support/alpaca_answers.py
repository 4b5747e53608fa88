"""Alpaca's answers where nothing is wrong, by method and path."""

from typing import Any

from tests.support.alpaca import ACCOUNT, order_row
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


def answers(method: str, path: str) -> tuple[int, Any]:
    if method == "DELETE":
        return 204, {}
    if method == "POST":
        return 200, WORKING
    return 200, ANSWERS.get(path, FILLED)
