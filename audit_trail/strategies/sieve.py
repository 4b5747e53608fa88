"""Sieve: lets a strategy go through its records rule by rule, and keeps account of each that a rule leaves out."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from audit_trail.strategies.known import named
from audit_trail.strategies.records import Record, ReportedTrade, TradeKind
from audit_trail.strategies.signals import Dropped, Opinion, Reason, Signal
from audit_trail.strategies.tickers import tradable
from trading.values.symbols import Symbol

R = TypeVar("R", bound=Record)
T = TypeVar("T", bound=ReportedTrade)


class Sieve:
    """The account of one strategy on one day."""

    def __init__(self, strategy: str) -> None:
        self._strategy = strategy
        self._dropped: list[Dropped] = []
        self._signals: list[Signal] = []

    def keep(
        self, records: Iterable[R], *, where: Callable[[R], bool], otherwise: Reason, because: Callable[[R], str]
    ) -> list[R]:
        """Return the records for which a rule holds; of each other it is kept why not."""
        kept = []
        for record in records:
            if where(record):
                kept.append(record)
            else:
                self.drop([record], otherwise, because(record))
        return kept

    def keep_recent(self, trades: Iterable[T], *, day: date, lookback_days: int) -> list[T]:
        """Return the trades that were made within so many days up to a day."""
        since = day - timedelta(days=lookback_days)
        return self.keep(
            trades,
            where=lambda trade: since <= trade.transaction_date <= day,
            otherwise=Reason.OUTSIDE_THE_WINDOW,
            because=lambda _: f"not traded from {since} to {day}, which is looked at",
        )

    def keep_purchases(self, trades: Iterable[T]) -> list[T]:
        """Return the trades by which something was bought."""
        return self.keep(
            trades,
            where=lambda trade: trade.kind is TradeKind.PURCHASE,
            otherwise=Reason.NOT_A_PURCHASE,
            because=lambda trade: f"it is no purchase but {trade.words}",
        )

    def by_symbol(self, trades: Iterable[T]) -> dict[Symbol, list[T]]:
        """Sort the trades by what they are in, symbols in order; what has no name of a share is left out."""
        groups: dict[Symbol, list[T]] = {}
        for trade in trades:
            symbol = tradable(trade.ticker)
            if symbol is None:
                self.drop([trade], Reason.NOT_A_SYMBOL, f"{trade.ticker!r} is no symbol that can be traded")
            else:
                groups.setdefault(symbol, []).append(trade)
        return dict(sorted(groups.items()))

    def drop(self, records: Iterable[Record], reason: Reason, text: str) -> None:
        """Leave records out, each with the same reason."""
        self._dropped += [
            Dropped(strategy=self._strategy, symbol=named(record), reason=reason, text=text, records=(record.ref,))
            for record in records
        ]

    def signal(
        self, records: Iterable[Record], symbol: Symbol, *, score: Decimal, trigger: str, facts: Mapping[str, Any]
    ) -> None:
        """Say something of a symbol that rests on these records. Raises NotASignal."""
        self._signals.append(
            Signal.resting_on(
                records, strategy=self._strategy, symbol=symbol, score=score, trigger=trigger, facts=facts
            )
        )

    def opinion(self) -> Opinion:
        """Return all that was said, and all that was left out."""
        return Opinion(signals=tuple(self._signals), dropped=tuple(self._dropped))
