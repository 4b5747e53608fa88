"""Daily summary: a day of the market, from midnight to midnight in New York: what came, what was decided and hedged."""

from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

import msgspec
from django.db.models import Count, F, Q, Sum

from audit_trail.ingestion.models import DataIngestionRun, RunStatus
from audit_trail.reports.failures import ByReason, failures_of
from audit_trail.reports.hedges import HedgeCounts, counts_of, orders_in
from audit_trail.reports.outcomes import Outcomes, decided_in, outcomes, outcomes_of
from audit_trail.reports.periods import Period
from trading.fields import exact_sum
from trading.notices.models import Notice
from trading.pnl.models import ProfitRow


class RunsOfTask(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of a task that were begun on the day."""

    task: str
    source: str
    runs: int
    completed: int
    failed: int
    running: int
    found_nothing: int
    """Completed, and the source told no record at all: to be looked at, not a success."""

    fetched: int
    created: int
    updated: int
    skipped: int
    parked: int


class StrategyOfDay(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy's decisions of the day."""

    strategy: str
    summary: Outcomes


class FillsOfDay(msgspec.Struct, frozen=True, kw_only=True):
    """The fills of hedging that were made on the day."""

    venue: str
    fills: int


class OpenMatter(msgspec.Struct, frozen=True, kw_only=True):
    """A notice that was open when the day ended, or is now."""

    kind: str
    subject: str
    text: str
    times: int
    opened_at: datetime


class DailySummary(msgspec.Struct, frozen=True, kw_only=True):
    """A day of the market. Runs count by their begin, decisions and orders by when they were made and placed."""

    tables: ClassVar[tuple[str, ...]] = ("strategies", "runs_by_task", "failures_by_reason", "fills", "open_notices")

    day: date
    since: datetime
    until: datetime
    runs: int
    fetched: int
    created: int
    runs_that_found_nothing: int
    runs_by_task: tuple[RunsOfTask, ...]
    decisions: Outcomes
    strategies: tuple[StrategyOfDay, ...]
    failures_by_reason: tuple[ByReason, ...]
    hedges: HedgeCounts
    fills: tuple[FillsOfDay, ...]
    realised_usd: Decimal
    """By the fills of the day that have a price, over both venues."""

    open_notices: tuple[OpenMatter, ...]


def daily_summary(*, day: date) -> DailySummary:
    """Tell of a day of the market, in eight statements and one for the ledger's mode."""
    period = Period.of_day(day)
    tasks = _tasks(period)
    decisions = decided_in(period)
    fills = ProfitRow.objects.filter(at__gte=period.since, at__lt=period.until)
    return DailySummary(
        day=day,
        since=period.since,
        until=period.until,
        runs=sum(task.runs for task in tasks),
        fetched=sum(task.fetched for task in tasks),
        created=sum(task.created for task in tasks),
        runs_that_found_nothing=sum(task.found_nothing for task in tasks),
        runs_by_task=tasks,
        decisions=outcomes_of(decisions),
        strategies=_strategies(period),
        failures_by_reason=failures_of(decisions),
        hedges=counts_of(orders_in(period)),
        fills=tuple(
            FillsOfDay(venue=venue, fills=count)
            for venue, count in fills.values_list("venue").annotate(Count("pk")).order_by("venue")
        ),
        realised_usd=exact_sum(fills, "realised_usd"),
        open_notices=_open_notices(period),
    )


def _tasks(period: Period) -> tuple[RunsOfTask, ...]:
    rows = DataIngestionRun.objects.filter(
        # Every status there is: by it the database finds the day in the index of status and time.
        status__in=RunStatus.values,
        started_at__gte=period.since,
        started_at__lt=period.until,
    )
    counted = rows.values(task=F("task_name"), source=F("data_source")).annotate(
        runs=Count("pk"),
        **{status.value: Count("pk", filter=Q(status=status)) for status in RunStatus},
        found_nothing=Count("pk", filter=Q(status=RunStatus.COMPLETED, records_fetched=0)),
        **{name: Sum(f"records_{name}") for name in ("fetched", "created", "updated", "skipped", "parked")},
    )
    return tuple(RunsOfTask(**row) for row in counted.order_by("task", "source"))


def _strategies(period: Period) -> tuple[StrategyOfDay, ...]:
    by_strategy: dict[str, Counter[str]] = {}
    rows = decided_in(period).order_by("strategy_name").values_list("strategy_name", "status").annotate(Count("pk"))
    for strategy, status, count in rows:
        by_strategy.setdefault(strategy, Counter())[status] = count
    return tuple(
        StrategyOfDay(strategy=strategy, summary=outcomes(counts)) for strategy, counts in sorted(by_strategy.items())
    )


def _open_notices(period: Period) -> tuple[OpenMatter, ...]:
    rows = Notice.objects.filter(Q(closed_at=None) | Q(closed_at__gte=period.until), opened_at__lt=period.until)
    return tuple(
        OpenMatter(kind=row.kind, subject=row.subject, text=row.text, times=row.times, opened_at=row.opened_at)
        for row in rows.order_by("opened_at", "id")
    )
