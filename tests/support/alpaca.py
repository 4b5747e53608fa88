"""Alpaca, played: answers as Alpaca gives them, and a recorder that remembers what was sent."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx2

from tests.architecture.source import PROJECT
from trading.brokers.alpaca.broker import AlpacaBroker
from trading.brokers.alpaca.identity import Identity, Mode
from trading.brokers.http import BrokerHttp
from trading.brokers.orders import OrderRequest
from trading.brokers.port import Clock
from trading.brokers.recording import Incoming, Outgoing, Recorder
from trading.values.identifiers import ClientOrderId
from trading.values.quantities import shares
from trading.values.secret import Secret
from trading.values.sides import Side
from trading.values.symbols import symbol

AT = datetime(2026, 3, 2, 16, tzinfo=UTC)
KEY, SECRET, ACCOUNT = "PKTESTKEYOFNOBODY", "secret-of-nobody-at-all", "PA3TEST01234"
ORDER = "61e69015-8549-4bfd-b9c3-01e75843f47d"
OURS = "ht-test-1-1"

RECORDED = json.loads((PROJECT / "tests/recordings/api/alpaca.json").read_text())


def recorded(source: str) -> Any:
    """The body of the one recorded answer whose source or body holds the text."""
    found = [
        entry["body"] for entry in RECORDED if entry["source"].endswith(source) or source in json.dumps(entry["body"])
    ]
    assert len(found) == 1, f"{len(found)} recordings hold {source!r}"
    return found[0]


_TAKEN = recorded("test_order_routes.py::test_market_order")


def order_row(**changes: Any) -> dict[str, Any]:
    """An order as Alpaca tells it: ours, just taken. The shape is the vendor's."""
    return {
        **_TAKEN,
        "client_order_id": OURS,
        "created_at": "2026-03-02T16:00:00.942282123Z",
        "updated_at": "2026-03-02T16:00:00.942282123Z",
        "submitted_at": "2026-03-02T16:00:00.937734Z",
        "symbol": "AAPL",
        "qty": "4",
        "side": "sell",
        **changes,
    }


def request(name: str = OURS, **changes: Any) -> OrderRequest:
    given = {
        "client_order_id": ClientOrderId(name),
        "symbol": symbol("AAPL"),
        "side": Side.SELL,
        "shares": shares(4),
        "created_at": AT,
    }
    return OrderRequest(**{**given, **changes})


class Kept:
    """A recorder that remembers."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.came: dict[int, Incoming | str] = {}

    def sending(self, call: Outgoing) -> int:
        self.sent.append(call)
        return len(self.sent)

    def received(self, record: int, answer: Incoming) -> None:
        self.came[record] = answer

    def failed(self, record: int, error: str, *, at: datetime, duration_ms: int) -> None:
        self.came[record] = error


def identity(
    *,
    mode: Mode = Mode.PAPER,
    key: str = KEY,
    secret: str = SECRET,
    account: str = ACCOUNT,
    trading_url: str = "http://127.0.0.1:1",
) -> Identity:
    return Identity(mode=mode, key=Secret(key), secret=Secret(secret), account=account, trading_url=trading_url)


class SharedWire(httpx2.HTTPTransport):
    """Connections that outlive a broker: making them ready for https takes long, and no test talks it."""

    def close(self) -> None:
        """Stay; the next broker goes on with it."""

    def end(self) -> None:
        super().close()


class LosesAnswers(httpx2.BaseTransport):
    """Hands every call on, and loses the answers to those of one method and path."""

    def __init__(self, wire: httpx2.BaseTransport, method: str, path: str) -> None:
        self._wire, self._lost = wire, (method, path)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = self._wire.handle_request(request)
        if (request.method, request.url.path) != self._lost:
            return answer
        answer.read()
        raise httpx2.ReadTimeout("timed out", request=request)


def make_alpaca(
    url: str,
    recorder: Recorder,
    *,
    transport: httpx2.BaseTransport | None = None,
    clock: Clock = lambda: AT,
    data_url: str | None = None,
    **who: Any,
) -> AlpacaBroker:
    """An adapter whose two hosts are one server; unless told otherwise, prices are asked for under /data."""
    trading, data = (
        BrokerHttp(source="alpaca", base_url=base_url, recorder=recorder, clock=clock, transport=transport)
        for base_url in (url, data_url or f"{url}/data")
    )
    return AlpacaBroker(identity=identity(trading_url=url, **who), trading=trading, data=data)
