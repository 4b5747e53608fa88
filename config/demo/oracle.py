"""The oracle of the demo's chain: what it is told of a share's price when somebody trades it, in Pyth's numbers."""

import random
from decimal import Decimal

from config.demo.steps import Clear, Quote, Take, rounded
from trading.chain.feeds import feeds_of
from trading.values.arithmetic import EXACT
from trading.values.sides import Side

EXPONENT = -5
"""Pyth's, for shares of the United States."""

ANOTHER, ANOTHER_PRICE = "QQQM", Decimal("251.30")
"""What an order may ask for by mistake, or for a purpose of its own: a fund's price beside a share's."""

_HUNDREDTH_OF_A_POINT = Decimal("0.000001")


def quote_of(call: Take | Clear, seed: int) -> Quote | None:
    """Return the price that is read beside a trade, the same for the same trade; None where none is read."""
    chance = random.Random(f"{seed} {call}")  # noqa: S311 (a made-up market)
    if call.feed is None:
        return None
    if call.feed == "another":
        return _quote(ANOTHER, ANOTHER_PRICE, chance)
    if not feeds_of(call.symbol):
        return None  # Pyth has no price of it that we know of.
    # Whoever has an order buys a little below what a share is worth and sells above, as a rule.
    edge = EXACT.multiply(Decimal(chance.randint(-500, 2500)), _HUNDREDTH_OF_A_POINT)
    ours = edge if call.side is Side.BUY else edge.copy_negate()
    return _quote(call.symbol, EXACT.multiply(call.price, EXACT.add(Decimal(1), ours)), chance)


def _quote(symbol: str, price: Decimal, chance: random.Random) -> Quote:
    spread = EXACT.multiply(price, EXACT.multiply(Decimal(chance.randint(200, 900)), _HUNDREDTH_OF_A_POINT))
    return Quote(feeds_of(symbol)[0], _whole(price), _whole(spread), EXPONENT)


def _whole(amount: Decimal) -> int:
    return int(rounded(amount, -EXPONENT).scaleb(-EXPONENT, EXACT))
