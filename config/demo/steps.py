"""Steps: what can be done on the market, and what is to be seen of it."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal
from enum import StrEnum
from typing import Literal

from trading.values.arithmetic import EXACT
from trading.values.sides import Side
from trading.values.symbols import base_symbol

EQUITIES = {
    # Each with a price as of late 2025, in dollars.
    "tAAPL": Decimal("271.49"),
    "NVDA0x": Decimal("178.88"),
    "MSFTs1": Decimal("472.12"),
    "wtTSLA": Decimal("391.09"),
    "tGME": Decimal("20.65"),
    "tBRK.B": Decimal("504.04"),
}
PRICES = {str(base_symbol(token)): price for token, price in EQUITIES.items()}
SYMBOLS = tuple(PRICES)

USDC_DECIMALS, EQUITY_DECIMALS = 6, 18
DUST = Decimal("0.000000000001")
SPREAD = Decimal("0.01")
"""What a clear leaves with whoever matched the two orders, at most."""


Generation = Literal[4, 5]
Feed = Literal["own", "another"]
"""Whose price a trade reads from the oracle, in its own transaction: the share's, or something else's."""


@dataclass(frozen=True)
class Take:
    """A taker takes our order. A fleeting take is in no block any more after the next reorganisation."""

    symbol: str
    side: Side
    shares: Decimal
    price: Decimal
    generation: Generation = 5
    fleeting: bool = False
    feed: Feed | None = "own"


@dataclass(frozen=True)
class Clear:
    """A third party matches our order with somebody's; ours is alice's, bob's, or neither."""

    symbol: str
    side: Side
    shares: Decimal
    price: Decimal
    generation: Generation = 5
    ours: Literal["alice", "bob"] | None = "alice"
    feed: Feed | None = "own"


@dataclass(frozen=True)
class Stranger:
    """A taker takes somebody else's order: none of our business."""

    symbol: str
    side: Side
    shares: Decimal
    price: Decimal
    generation: Generation = 5


@dataclass(frozen=True)
class ForeignPair:
    """A taker takes an order of ours that trades a share for something other than USDC, which nobody can price."""

    symbol: str
    side: Side
    shares: Decimal
    price: Decimal
    generation: Generation = 5


@dataclass(frozen=True)
class Several:
    """Several of them in one transaction."""

    steps: "tuple[Call, ...]"


@dataclass(frozen=True)
class Reorg:
    """The chain is reorganised: fleeting takes are gone, what came after them comes back in other blocks."""


Call = Take | Clear | Stranger | ForeignPair
Step = Call | Several | Reorg


def dust(symbol: str, side: Side, generation: Generation = 5) -> Take:
    """A take of as little as makes no difference, which is booked all the same."""
    return Take(symbol, side, DUST, PRICES[symbol], generation)


class Outcome(StrEnum):
    """What is to become of an event."""

    FILL = "fill"
    FILTERED = "filtered"
    """It is sound and not ours."""
    PARKED = "parked"
    """It is ours and nobody can tell what was bought or sold."""
    VANISHED = "vanished"
    """It was a fill until its block was replaced."""


@dataclass(frozen=True)
class Quote:
    """A price that the oracle is told and asked for: whole numbers, times ten to the exponent."""

    feed: str
    price: int
    confidence: int
    exponent: int

    @property
    def price_usd(self) -> Decimal:
        return Decimal(self.price).scaleb(self.exponent, EXACT)

    @property
    def confidence_usd(self) -> Decimal:
        return Decimal(self.confidence).scaleb(self.exponent, EXACT)


@dataclass(frozen=True)
class Expected:
    """What is to be seen of one take or clear: from our side where it is ours, else from the stranger's."""

    outcome: Outcome
    tx_hash: str
    log_index: int
    symbol: str
    side: Side
    shares: Decimal
    usd: Decimal
    oracle: Quote | None
    """The price of the share that its transaction read."""


def rounded(amount: Decimal, decimals: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-decimals), ROUND_DOWN, Context(prec=EXACT.prec))
