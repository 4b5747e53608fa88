"""Sides: buy or sell, always from our own point of view."""

from enum import StrEnum


class Side(StrEnum):
    """BUY or SELL as we experienced it (a fill) or as we ask for it (an order)."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY
