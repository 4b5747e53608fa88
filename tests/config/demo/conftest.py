"""The demo's world for its tests: an embedded chain with a market on it, and a plain client of its JSON-RPC."""

import json
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from config.demo.chain import EmbeddedChain
from config.demo.market import Market
from config.demo.scenarios import scenario

Rpc = Callable[..., Any]


@pytest.fixture(scope="package")
def traded() -> Iterator[Market]:
    """A market after a whole day. Tests only read it."""
    with EmbeddedChain() as chain:
        market = Market(chain)
        for step in scenario():
            market.play(step)
        yield market


@pytest.fixture
def chain() -> Iterator[EmbeddedChain]:
    """A chain with nothing on it."""
    with EmbeddedChain() as chain:
        yield chain


@pytest.fixture(scope="package")
def rpc(traded: Market) -> Rpc:
    """Ask the day's chain over HTTP; returns the result, or the error as it came."""
    return client(traded.node.url)


def client(url: str) -> Rpc:
    def ask(method: str, *params: object) -> Any:
        answer = post(url, {"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
        assert answer["jsonrpc"] == "2.0"
        assert answer["id"] == 7
        return answer["error"] if "error" in answer else answer["result"]

    return ask


def post(url: str, body: object) -> Any:
    connection = HTTPConnection(url.removeprefix("http://"), timeout=10)
    try:
        connection.request("POST", "/", body if isinstance(body, bytes) else json.dumps(body))
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()
