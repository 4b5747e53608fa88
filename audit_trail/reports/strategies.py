"""Strategy performance: what each strategy decided and what came of it; how good its signals were stands apart."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import ClassVar

import msgspec
from django.db.models import Count as Counted
from django.db.models import F, Sum

from audit_trail.days.drafting import PORTFOLIO
from audit_trail.reports.moves import Move, moves_in
from audit_trail.reports.origins import MILLION, Count, origins_counted
from audit_trail.reports.outcomes import Outcomes, decided_in, outcomes
from audit_trail.reports.periods import Period
from trading.values.arithmetic import canonical, quotient, total


class SignalQuality(msgspec.Struct, frozen=True, kw_only=True):
    """How good signals were, whatever trouble there was in carrying them out."""

    mean_signal_strength: Decimal
    """Of all decisions, to the millionth; of a strategy within the portfolio, of the decisions it had a part in."""

    moves_known: int
    """Executed decisions after whose fill a price of the symbol was seen."""

    moves_unknown: int
    """Those of which no later price is known, so that nothing is said of them."""

    moved_as_bet: int
    mean_move_percent: Decimal | None
    """From the fill to the newest price seen before the period's end; above zero is as was bet, a sale bets on less."""


class StrategyPerformance(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy's decisions in a period."""

    strategy: str
    within: str | None
    """Empty for decisions stored under its own name. Else it had a part in decisions of that portfolio: one decision
    may count for several strategies, so these are never added up."""

    summary: Outcomes
    signals: SignalQuality
    failures: dict[str, int]
    """Failed decisions by reason; only reasons that there are."""


class StrategiesPerformance(msgspec.Struct, frozen=True, kw_only=True):
    """What each strategy decided in [since, until), the highest success rate first."""

    tables: ClassVar[tuple[str, ...]] = ("strategies",)

    since: datetime
    until: datetime
    strategy: str | None
    """The only one that was asked about."""

    strategies: tuple[StrategyPerformance, ...]


def strategy_performance(*, period: Period, strategy: str | None = None) -> StrategiesPerformance:
    """Tell how strategies did, all or one, in five statements."""
    counted: dict[tuple[str, str | None], list[Count]] = defaultdict(list)
    for count in _by_name(period, strategy):
        counted[count.strategy, None].append(count)
    for count in origins_counted(period):
        if strategy in (None, count.strategy):
            counted[count.strategy, PORTFOLIO].append(count)
    moves: dict[tuple[str, str | None], list[Move]] = defaultdict(list)
    for move in moves_in(period, strategy=strategy):
        name, *origins = move.strategies
        moves[name, None].append(move)
        for origin in origins:
            moves[origin, PORTFOLIO].append(move)
    rows = [_performance(*who, counts, moves[who]) for who, counts in counted.items()]
    rows.sort(key=lambda row: (-row.summary.success_rate_percent, row.strategy, row.within or ""))
    return StrategiesPerformance(since=period.since, until=period.until, strategy=strategy, strategies=tuple(rows))


def _by_name(period: Period, strategy: str | None) -> Iterator[Count]:
    rows = decided_in(period, strategy=strategy).order_by().values_list("strategy_name", "status", "failure_kind")
    for name, status, kind, decisions, whole, rest in rows.annotate(
        Counted("pk"), whole=Sum(F("strength_order") / MILLION), rest=Sum(F("strength_order") % MILLION)
    ):
        yield Count(name, status, kind, decisions, whole * MILLION + rest)


def _performance(strategy: str, within: str | None, counts: Iterable[Count], moves: list[Move]) -> StrategyPerformance:
    by_status: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    decisions = strength = 0
    for count in counts:
        by_status[count.status] += count.decisions
        decisions += count.decisions
        strength += count.strength
        if count.status == "failed" and count.failure_kind is not None:
            failures[count.failure_kind] += count.decisions
    known = [move.percent for move in moves if move.percent is not None]
    return StrategyPerformance(
        strategy=strategy,
        within=within,
        summary=outcomes(by_status),
        signals=SignalQuality(
            mean_signal_strength=_rounded(quotient(Decimal(strength), Decimal(decisions * MILLION)), places=6),
            moves_known=len(known),
            moves_unknown=len(moves) - len(known),
            moved_as_bet=sum(percent > 0 for percent in known),
            mean_move_percent=_rounded(quotient(total(known), Decimal(len(known))), places=2) if known else None,
        ),
        failures=dict(sorted(failures.items(), key=lambda item: (-item[1], item[0]))),
    )


def _rounded(value: Decimal, *, places: int) -> Decimal:
    return canonical(value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP))
