"""Schwab's answers where nothing is wrong, by method and path."""

from collections.abc import Callable
from typing import Any

from tests.trading.brokers.schwab.schwab_json import (
    ACCOUNT_NUMBERS,
    HASH,
    NUMBER,
    ORDERS,
    REFUSAL,
    executions,
    filled,
    order,
    recorded,
)
from tests.trading.brokers.schwab.test_holdings import CASH, account, position
from tests.trading.brokers.schwab.test_hours import day
from trading.values.symbols import Symbol

AAPL = Symbol("AAPL")
ONE = 1004055538123
WORKING, DONE = order(ONE), filled(ONE, orderActivityCollection=executions((1.5, 187.25), (2.5, 187.5)))
REPLACED = order(
    ONE,
    status="REPLACED",
    closeTime="2025-11-20T16:00:03+0000",
    replacingOrderCollection=[{"orderId": ONE + 1}],
)
ENTRY = recorded("GET /marketdata/v1/quotes")["body"]["AAPL"]
ENTRY = {**ENTRY, "quote": {**ENTRY["quote"], "quoteTime": 1763654398250, "tradeTime": 1763654397000}}
TOKENS = {"access_token": "I0.access@", "refresh_token": "refresh-token@", "expires_in": 1800, "token_type": "Bearer"}


def answers(kind: str) -> Callable[[str, str], tuple[int, Any]]:
    def answer(method: str, path: str) -> tuple[int, Any]:
        if method == "POST" and path == "/v1/oauth/token":
            return 200, TOKENS
        if method in ("POST", "DELETE"):
            return 201, {}
        found = {
            ACCOUNT_NUMBERS: [{"accountNumber": NUMBER, "hashValue": HASH}],
            ORDERS: [WORKING, filled(ONE + 1), {**REPLACED, "orderId": ONE + 2}],
            f"{ORDERS}/{ONE}": {"replaced": REPLACED, "filled": DONE}.get(kind, WORKING),
            f"{ORDERS}/{ONE + 1}": filled(ONE + 1),
            f"/trader/v1/accounts/{HASH}": account(
                **({"type": "CASH", "balances": CASH} if kind == "cash" else {}),
                positions=[position(long=4.25), position(long=1), position("TSLA", short=2)],
            ),
            "/marketdata/v1/quotes": {"AAPL": ENTRY},
            "/marketdata/v1/markets/equity": day("2025-11-20"),
        }
        return (200, found[path]) if path in found else (404, REFUSAL)

    return answer
