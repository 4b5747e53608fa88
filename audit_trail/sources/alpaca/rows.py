"""Rows of Alpaca's bars, read exactly: prices with every digit, times in UTC."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from audit_trail.ingestion.batches import ReadRow, Unreadable
from audit_trail.sources.fields import fields_of, number_of, shown
from trading.market_hours.calendar import NEW_YORK
from trading.values.symbols import NotASymbol, symbol

PRICES = {"open_usd": "o", "high_usd": "h", "low_usd": "l", "close_usd": "c"}


def as_row(name: str, bar: msgspec.Raw) -> str:
    """Put a bar, as it was received, under the symbol that it came under."""
    return f'{{"symbol":{msgspec.json.encode(name).decode()},"bar":{bytes(bar).decode()}}}'


def read(text: str, *, feed: str) -> ReadRow:
    """Read a bar. Raises Unreadable."""
    fields = fields_of(text)
    bar = fields.get("bar")
    if not isinstance(bar, dict):
        raise Unreadable(f"expected a bar, was {shown(bar)}")
    try:
        named = symbol(str(fields.get("symbol")))
    except NotASymbol as error:
        raise Unreadable(str(error)) from None
    began_at = _time(bar)
    day = began_at.astimezone(NEW_YORK).date()
    prices = {column: number_of(bar, name) for column, name in PRICES.items()}
    _check(prices)
    return ReadRow(
        key=(named, day.isoformat()),
        symbol=named,
        disclosed_on=day,
        columns={"symbol": named, "day": day, "began_at": began_at, **prices, "volume": _volume(bar), "feed": feed},
        row=text,
    )


def _time(bar: Mapping[str, Any]) -> datetime:
    try:
        at = datetime.fromisoformat(str(bar.get("t")))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Unreadable(f"expected t as a time with a zone, was {shown(bar.get('t'))}")
    return at


def _check(prices: Mapping[str, Decimal]) -> None:
    low, high = prices["low_usd"], prices["high_usd"]
    if low <= 0:
        raise Unreadable(f"expected prices above 0, was {low}")
    for column, price in prices.items():
        if not low <= price <= high:
            raise Unreadable(f"expected {column} between the low {low} and the high {high}, was {price}")


def _volume(bar: Mapping[str, Any]) -> int:
    volume = number_of(bar, "v")
    if volume < 0 or volume != volume.to_integral_value():
        raise Unreadable(f"expected v as a whole number from 0, was {shown(bar.get('v'))}")
    return int(volume)
