"""Schwab on a loopback: what a test says it answers."""

import httpx2
import pytest
from werkzeug.serving import WSGIRequestHandler

from tests.trading.brokers.schwab.schwab_json import ACCOUNT_NUMBERS, AT, HASH, HTTP_DATE, NUMBER, Memory, Tokens
from trading.brokers.http import BrokerHttp
from trading.brokers.schwab.broker import SchwabBroker


class Wall:
    """The clock on the server's wall, as its Date header tells it."""

    shows = HTTP_DATE


@pytest.fixture(autouse=True)
def wall(monkeypatch):
    hung = Wall()
    monkeypatch.setattr(WSGIRequestHandler, "date_time_string", lambda handler, timestamp=None: hung.shows)
    return hung


@pytest.fixture
def memory():
    return Memory()


@pytest.fixture
def tokens():
    return Tokens()


@pytest.fixture
def answer_seconds():
    """Short, since some tests wait for it to pass; where nobody does, a busy machine needs more."""
    return 0.4


@pytest.fixture
def http(memory, httpserver, answer_seconds):
    client = BrokerHttp(
        source="schwab",
        base_url=httpserver.url_for("/"),
        recorder=memory,
        clock=lambda: AT,
        answer_seconds=answer_seconds,
        # On a loopback nobody shows a certificate, and reading those of all authorities takes longer than a test.
        transport=httpx2.HTTPTransport(verify=False),
    )
    yield client
    client.close()


@pytest.fixture
def accounts(httpserver):
    """The one account of this login."""
    httpserver.expect_request(ACCOUNT_NUMBERS, method="GET").respond_with_json(
        [{"accountNumber": NUMBER, "hashValue": HASH}]
    )


@pytest.fixture
def broker(http, tokens, accounts):
    return SchwabBroker(http=http, tokens=tokens, account_number=NUMBER, clock=lambda: AT)
