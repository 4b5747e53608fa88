"""Reading: what a broker's answers mean to the gate, and how figures are written down."""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from trading.brokers.market import MarketClock, Quote
from trading.values.arithmetic import multiply, plain
from trading.values.quantities import Usd
from trading.values.sides import Side

MINUTE = timedelta(minutes=1)
MARKETS_ZONE = ZoneInfo("America/New_York")
LONGEST_SECONDS = Decimal(10**9)


def day_began(now: datetime) -> datetime:
    """When the market's own day began, at midnight in New York: what is counted by the day begins anew then."""
    return now.astimezone(MARKETS_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)


def is_open(clock: MarketClock, now: datetime) -> bool:
    """What the broker's clock says, until the end that it names itself."""
    return clock.is_open is True and (clock.next_close_at is None or now < clock.next_close_at)


def price_of(quote: Quote, side: Side) -> Usd | None:
    """What the other side of the market asks or bids, else the last price, else what our own side says."""
    far, near = (quote.ask_usd, quote.bid_usd) if side is Side.BUY else (quote.bid_usd, quote.ask_usd)
    return next((price for price in (far, quote.last_usd, near) if price is not None and price > 0), None)


def span(seconds: Decimal) -> timedelta:
    return timedelta(microseconds=int(multiply(min(seconds, LONGEST_SECONDS), Decimal(1_000_000))))


def shown(value: object) -> str:
    """Write a figure down with every digit of it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return plain(value)
        case datetime():
            return value.isoformat()
        case _:
            return str(value)
