"""Volatility: how far a share moves in a session, by its average true range; and what it was last worth."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

import msgspec

from audit_trail.strategies.known import Known
from audit_trail.strategies.parameters import Sizing
from audit_trail.strategies.records import DailyBar, LatestPrice, RecordRef
from trading.market_hours.calendar import NEW_YORK, session_of
from trading.values.arithmetic import ZERO, multiply, quotient, subtract, total
from trading.values.symbols import Symbol

RANGES = 14
VOLUME_SESSIONS = 20


class RangeSource(StrEnum):
    """Where an average true range is from. Only the first is one; the others are a guess, and say so."""

    BARS = "atr_14"
    LAST_CLOSE = "percent_of_last_close"
    LATEST_PRICE = "percent_of_latest_price"


class MarketView(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a symbol's price and of how it moves."""

    symbol: Symbol
    price_usd: Decimal
    priced_on: date
    atr_usd: Decimal
    atr_source: RangeSource
    sessions: int
    """How many bars there were to look at."""

    volume_20d_avg: Decimal | None
    """None where there are no bars."""

    records: tuple[RecordRef, ...]
    missing: tuple[date, ...] = ()
    """Sessions of the last fifteen that have no bar, where there are bars at all."""

    known_at: datetime
    """When we had the newest of them."""


class Market:
    """The prices that were known at the moment of deciding."""

    def __init__(self, known: Known, sizing: Sizing) -> None:
        self._day, self._sizing = known.day, sizing
        self._bars: dict[Symbol, dict[date, DailyBar]] = {}
        # The bar of the day itself is not finished.
        since = known.day - timedelta(days=sizing.bars_days)
        for bar in known.of(DailyBar):
            if since <= bar.day < known.day:
                days = self._bars.setdefault(bar.symbol, {})
                days[bar.day] = max(days.get(bar.day, bar), bar, key=lambda one: (one.known_at, one.ref.place))
        self._latest: dict[Symbol, LatestPrice] = {}
        for price in sorted(known.of(LatestPrice), key=lambda one: (one.known_at, one.ref.place)):
            self._latest[price.symbol] = price

    def view(self, symbol: Symbol) -> MarketView | None:
        """Tell what is known of a symbol; None where no price is young enough."""
        oldest = self._day - timedelta(days=self._sizing.max_price_age_days)
        days = self._bars.get(symbol, {})
        bars = [days[day] for day in sorted(days)]
        if bars and bars[-1].day >= oldest:
            return self._of_bars(symbol, bars)
        latest = self._latest.get(symbol)
        if latest is None or latest.known_at.astimezone(NEW_YORK).date() < oldest:
            return None
        return MarketView(
            symbol=symbol,
            price_usd=latest.price_usd,
            priced_on=latest.known_at.astimezone(NEW_YORK).date(),
            atr_usd=multiply(latest.price_usd, self._sizing.fallback_atr_pct),
            atr_source=RangeSource.LATEST_PRICE,
            sessions=0,
            volume_20d_avg=None,
            records=(latest.ref,),
            known_at=latest.known_at,
        )

    def _last_sessions(self) -> list[date]:
        """The sessions before the day that an average true range is of."""
        days = (self._day - timedelta(days=number) for number in range(1, self._sizing.bars_days + 1))
        return sorted([day for day in days if session_of(day) is not None][: RANGES + 1])

    def _of_bars(self, symbol: Symbol, bars: list[DailyBar]) -> MarketView:
        last = bars[-1]
        measured = average_true_range(bars)
        used = bars[-max(RANGES + 1, VOLUME_SESSIONS) :]
        volumes = [Decimal(bar.volume) for bar in bars[-VOLUME_SESSIONS:]]
        return MarketView(
            symbol=symbol,
            price_usd=last.close_usd,
            priced_on=last.day,
            atr_usd=measured or multiply(last.close_usd, self._sizing.fallback_atr_pct),
            atr_source=RangeSource.BARS if measured else RangeSource.LAST_CLOSE,
            sessions=len(bars),
            volume_20d_avg=quotient(total(volumes), Decimal(len(volumes))),
            records=tuple(bar.ref for bar in used),
            missing=tuple(day for day in self._last_sessions() if day not in self._bars[symbol]),
            known_at=max(bar.known_at for bar in used),
        )


def average_true_range(bars: Iterable[DailyBar]) -> Decimal | None:
    """Average the last fourteen true ranges; None below fifteen bars, and where nothing moved in all of them."""
    ordered = sorted(bars, key=lambda bar: bar.day)[-(RANGES + 1) :]
    if len(ordered) < RANGES + 1:
        return None
    ranges = [true_range(bar, before) for before, bar in pairwise(ordered)]
    average = quotient(total(ranges), Decimal(RANGES))
    return average if average > ZERO else None


def true_range(bar: DailyBar, before: DailyBar) -> Decimal:
    """Tell how far the price went in a session, the gap after the session before counted."""
    return max(
        subtract(bar.high_usd, bar.low_usd),
        subtract(bar.high_usd, before.close_usd).copy_abs(),
        subtract(bar.low_usd, before.close_usd).copy_abs(),
    )
