"""What the tests of Alpaca share: a server that answers as it is told, and a broker that asks it."""

import pytest

from tests.support.alpaca import ACCOUNT, Kept, SharedWire, make_alpaca


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture(scope="session")
def wire():
    shared = SharedWire()
    yield shared
    shared.end()


@pytest.fixture
def broker(httpserver, kept, wire):
    return make_alpaca(httpserver.url_for("").rstrip("/"), kept, transport=wire)


@pytest.fixture
def ready(broker, httpserver):
    """A broker whose keys open the right account."""
    httpserver.expect_request("/v2/account").respond_with_json({"account_number": ACCOUNT, "status": "ACTIVE"})
    return broker
