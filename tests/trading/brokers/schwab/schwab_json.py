"""Schwab's answers as its API gives them, for tests to change."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from trading.brokers.orders import OrderRequest
from trading.values.identifiers import ClientOrderId
from trading.values.quantities import shares
from trading.values.secret import Secret
from trading.values.sides import Side
from trading.values.symbols import symbol

RECORDINGS = Path(__file__).parents[3] / "recordings" / "api" / "schwab.json"

AT = datetime(2025, 11, 20, 16, tzinfo=UTC)
HTTP_DATE = "Thu, 20 Nov 2025 16:00:01 GMT"
NUMBER, HASH = "12345678", "0A1B2C3D4E5F"
ORDERS = f"/trader/v1/accounts/{HASH}/orders"
ACCOUNT_NUMBERS = "/trader/v1/accounts/accountNumbers"
REFUSAL = {"message": "Order validation failed", "errors": ["Insufficient funds"]}


@cache
def _recorded() -> list[dict[str, Any]]:
    return json.loads(RECORDINGS.read_text())


def recorded(request: str, status: int = 200) -> dict[str, Any]:
    """The one recorded answer to such a request."""
    found = [each for each in _recorded() if each["request"].startswith(request) and each["status"] == status]
    assert len(found) == 1, f"{request} {status} is recorded {len(found)} times"
    return json.loads(json.dumps(found[0]))


def exact(body: Any) -> Any:
    """What the HTTP layer makes of a body: numbers with a point are decimals."""
    return json.loads(json.dumps(body), parse_float=Decimal)


def order(number: int = 1004055538123, **changes: Any) -> dict[str, Any]:
    """An order of ours as it is just after it was sent."""
    leg = {
        "orderLegType": "EQUITY",
        "legId": 1,
        "instrument": {"assetType": "EQUITY", "cusip": "037833100", "symbol": "AAPL", "instrumentId": 1},
        "instruction": "SELL",
        "positionEffect": "CLOSING",
        "quantity": 4.0,
    }
    plain = {
        "session": "NORMAL",
        "duration": "DAY",
        "orderType": "MARKET",
        "complexOrderStrategyType": "NONE",
        "quantity": 4.0,
        "filledQuantity": 0.0,
        "remainingQuantity": 4.0,
        "requestedDestination": "AUTO",
        "destinationLinkName": "AutoRoute",
        "orderLegCollection": [leg],
        "orderStrategyType": "SINGLE",
        "orderId": number,
        "cancelable": True,
        "editable": False,
        "status": "WORKING",
        "enteredTime": "2025-11-20T16:00:01+0000",
        "tag": "API_X",
        "accountNumber": 12345678,
    }
    return {**plain, **changes}


def leg(**changes: Any) -> dict[str, Any]:
    """The leg of `order`; what is said of `instrument` changes that."""
    plain = order()["orderLegCollection"][0]
    instrument = {**plain["instrument"], **changes.pop("instrument", {})}
    return {**plain, "instrument": instrument, **changes}


def executions(*parts: tuple[Any, Any], time: str = "2025-11-20T16:00:03+0000") -> list[dict[str, Any]]:
    """An execution for each (quantity, price)."""
    return [
        {
            "activityType": "EXECUTION",
            "executionType": "FILL",
            "quantity": quantity,
            "executionLegs": [
                {
                    "legId": 1,
                    "price": price,
                    "quantity": quantity,
                    "mismarkedQuantity": 0.0,
                    "instrumentId": 1,
                    "time": time,
                }
            ],
        }
        for quantity, price in parts
    ]


def filled(number: int = 1004055538123, **changes: Any) -> dict[str, Any]:
    return order(
        number,
        **{
            "status": "FILLED",
            "filledQuantity": 4.0,
            "remainingQuantity": 0.0,
            "closeTime": "2025-11-20T16:00:03+0000",
            "orderActivityCollection": executions((4.0, 187.25)),
            **changes,
        },
    )


def request(name: str = "ht-test-1-1", **changes: Any) -> OrderRequest:
    given = {
        "client_order_id": ClientOrderId(name),
        "symbol": symbol("AAPL"),
        "side": Side.SELL,
        "shares": shares(4),
        "created_at": AT,
    }
    return OrderRequest(**{**given, **changes})


class Tokens:
    """Tokens in a row: each that is refused makes place for the next."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = [Secret(token) for token in tokens or ("I0.first-token@",)]
        self.refusals: list[Secret] = []
        self.error: Exception | None = None

    def current(self) -> Secret:
        if self.error is not None:
            raise self.error
        return self.tokens[0]

    def refused(self, token: Secret) -> Secret:
        self.refusals.append(token)
        if self.error is not None:
            raise self.error
        if len(self.tokens) > 1:
            self.tokens.pop(0)
        return self.tokens[0]


class Memory:
    """A recorder that remembers what it was told."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.came: list[Any] = []

    def sending(self, call: Any) -> int:
        self.sent.append(call)
        return len(self.sent)

    def received(self, record: int, answer: Any) -> None:
        self.came.append(answer)

    def failed(self, record: int, error: str, *, at: datetime, duration_ms: int) -> None:
        self.came.append(error)
