"""The order's columns for readers of the older schema."""

from decimal import Decimal

import pytest

from trading.offchain_order.view import cents


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (None, None),
        ("150.50", 15050),
        # Half-even.
        ("0.005", 0),
        ("0.015", 2),
        # A speck of a share for many dollars: the exact price stands beside it.
        ("1E+20", 2**63 - 1),
    ],
)
def test_a_price_in_cents(price, expected):
    assert cents(None if price is None else Decimal(price)) == expected
