"""Instruments: the shares that a venue lists, each with a price that somebody sets."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading.values.arithmetic import ZERO, add, subtract

PRICES_USD = {
    "AAPL": Decimal("271.49"),
    "AMZN": Decimal("220.69"),
    "BRK.B": Decimal("504.04"),
    "F": Decimal("12.84"),
    "GME": Decimal("20.65"),
    "GOOGL": Decimal("299.66"),
    "MSFT": Decimal("472.12"),
    "NVDA": Decimal("178.88"),
    "SPY": Decimal("659.03"),
    "TSLA": Decimal("391.09"),
}
"""As of late 2025, in dollars."""

HALF_SPREAD_USD = Decimal("0.01")


@dataclass(kw_only=True)
class Instrument:
    """One listed share."""

    symbol: str
    price_usd: Decimal
    priced_at: datetime
    """Since when this has been the price."""

    tradable: bool = True
    fractionable: bool = True
    shortable: bool = True
    quoted: tuple[Decimal, Decimal] | None = None
    """Bid and ask, where they are not the price with the usual spread around it."""

    quoted_at: datetime | None = None
    """When its quote was made; None: just now, whenever somebody asks."""

    @property
    def bid_usd(self) -> Decimal:
        return self.quoted[0] if self.quoted else max(subtract(self.price_usd, HALF_SPREAD_USD), ZERO)

    @property
    def ask_usd(self) -> Decimal:
        return self.quoted[1] if self.quoted else add(self.price_usd, HALF_SPREAD_USD)
