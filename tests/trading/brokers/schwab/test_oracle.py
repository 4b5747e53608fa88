"""An older client of Schwab's API, schwab-py, as a second opinion on what an order looks like."""

import warnings

import pytest

from tests.trading.brokers.schwab.schwab_json import request
from trading.brokers.schwab.placing import order_json
from trading.values.quantities import usd
from trading.values.sides import Side

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Of the libraries that it is built on.
    from schwab.orders import equities


@pytest.mark.parametrize(
    ("changes", "theirs"),
    [
        ({}, lambda: equities.equity_sell_market("AAPL", 4)),
        ({"side": Side.BUY}, lambda: equities.equity_buy_market("AAPL", 4)),
        ({"limit_price_usd": usd("187.35")}, lambda: equities.equity_sell_limit("AAPL", 4, "187.35")),
        (
            {"side": Side.BUY, "limit_price_usd": usd("187.35")},
            lambda: equities.equity_buy_limit("AAPL", 4, "187.35"),
        ),
    ],
    ids=["sell", "buy", "sell at a limit", "buy at a limit"],
)
def test_an_order_looks_as_another_client_writes_it(changes, theirs):
    assert order_json(request(**changes)) == theirs().build()
