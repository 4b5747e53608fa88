"""Asking: reports by the words of a request, the same for the API and the pages. Empty words are not there."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from audit_trail.decisions.drafts import LONGEST_NAME
from audit_trail.reports.day import DailySummary, daily_summary
from audit_trail.reports.failures import FailureAnalysis, failure_analysis
from audit_trail.reports.known import KnownThen, what_was_known
from audit_trail.reports.periods import NotAPeriod, Period, day_asked, past_moment_asked
from audit_trail.reports.storage import StorageStats, storage_stats
from audit_trail.reports.strategies import StrategiesPerformance, strategy_performance
from audit_trail.reports.symbol import MOST, SymbolActivity, symbol_activity
from trading.values.symbols import NotASymbol, symbol

MOST_ASKED = 10_000

Words = Mapping[str, str]


class NotAnswerable(ValueError):
    """The words ask for nothing that can be told; it says what was expected of them."""


class Question(NamedTuple):
    """A report that can be asked for by words, of which some must be there."""

    title: str
    words: tuple[str, ...]
    needed: tuple[str, ...]
    answer: Callable[[Words, datetime], Any]
    told: type

    def ask(self, words: Words, *, now: datetime) -> Any:
        """Make the report. Raises NotAnswerable."""
        given = {name: words[name] for name in self.words if words.get(name)}
        if missing := [name for name in self.needed if name not in given]:
            raise NotAnswerable(f"expected {' and '.join(missing)}, was without")
        try:
            return self.answer(given, now)
        except (NotAPeriod, NotASymbol) as error:
            raise NotAnswerable(str(error)) from error


def _symbol(words: Words, now: datetime) -> SymbolActivity:
    return symbol_activity(symbol=symbol(words["symbol"]), period=_period(words, now), limit=_limit(words))


def _strategies(words: Words, now: datetime) -> StrategiesPerformance:
    return strategy_performance(period=_period(words, now), strategy=_strategy(words))


def _failures(words: Words, now: datetime) -> FailureAnalysis:
    return failure_analysis(period=_period(words, now), strategy=_strategy(words))


def _known(words: Words, now: datetime) -> KnownThen:
    return what_was_known(
        symbol=symbol(words["symbol"]), at=past_moment_asked(words["at"], now=now), limit=_limit(words)
    )


def _day(words: Words, now: datetime) -> DailySummary:
    return daily_summary(day=day_asked(words.get("day"), now=now))


def _storage(words: Words, now: datetime) -> StorageStats:
    return storage_stats(now=now)


_PERIOD = ("since", "until")
QUESTIONS = {
    "symbol": Question("Symbol", ("symbol", *_PERIOD, "limit"), ("symbol",), _symbol, SymbolActivity),
    "strategies": Question("Strategies", ("strategy", *_PERIOD), (), _strategies, StrategiesPerformance),
    "failures": Question("Failures", ("strategy", *_PERIOD), (), _failures, FailureAnalysis),
    "known": Question("What was known", ("symbol", "at", "limit"), ("symbol", "at"), _known, KnownThen),
    "day": Question("Day", ("day",), (), _day, DailySummary),
    "storage": Question("Storage", (), (), _storage, StorageStats),
}


def _period(words: Words, now: datetime) -> Period:
    return Period.asked(words.get("since"), words.get("until"), now=now)


def _limit(words: Words) -> int:
    text = words.get("limit", str(MOST))
    limit = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(MOST_ASKED)) else 0
    if not 1 <= limit <= MOST_ASKED:
        raise NotAnswerable(f"limit: expected a whole number from 1 to {MOST_ASKED}, was {text[:80]!r}")
    return limit


def _strategy(words: Words) -> str | None:
    name = words.get("strategy")
    if name is not None and ("\0" in name or len(name) > LONGEST_NAME):
        raise NotAnswerable(f"strategy: expected a name of at most {LONGEST_NAME} characters, was {name[:80]!r}")
    return name
