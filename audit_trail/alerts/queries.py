"""Queries: the figures that the rules look at, from the tables, in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Count, F, QuerySet, Window
from django.db.models.functions import RowNumber

from audit_trail.alerts.figures import EndedDecisions, Figures, TaskFigures
from audit_trail.alerts.thresholds import Thresholds
from audit_trail.decisions.models import ENDS, Status, TradeDecision
from audit_trail.executions.models import TradeExecution
from audit_trail.executions.orders import OrderState
from audit_trail.ingestion.models import DataIngestionRun, RunStatus
from audit_trail.payloads.models import ApiCallLog, ApiPayload
from trading.growth.samples import TableSample
from trading.market_hours.calendar import NEW_YORK

MAY_BE_AT_THE_BROKER = tuple(
    state.value for state in OrderState if state not in (OrderState.DENIED, OrderState.UNSENT, OrderState.FAILED)
)
SAMPLED_WITHIN = timedelta(days=1)
DECIDED_WITHIN = timedelta(days=7)
"""Decisions of a day were made no longer before it; by that the database finds them in an index."""

IS_IT_THERE = "find"
"""How the purpose of a call begins that asks whether the broker has an order. No is an answer to it, and no failure."""


class WatchedTask(NamedTuple):
    """A kind of record that a schedule fetches."""

    task: str
    due_before: Callable[[datetime], datetime]
    """When it should have run last before a moment, on a trading day."""


def figures_at(at: datetime, tasks: Collection[WatchedTask], limits: Thresholds) -> Figures:
    """Gather what the rules look at."""
    day = at.astimezone(NEW_YORK).date()
    return Figures(
        at=at,
        trading_day=day,
        tasks=_tasks(tasks, at=at, limits=limits),
        today=_in_all(_ended(TradeDecision.objects.filter(trading_day=day, decided_at__gte=at - DECIDED_WITHIN))),
        pending=list(TradeDecision.objects.filter(status=Status.PENDING).values_list("trading_day", "decided_at")),
        failed_calls=_failed_calls(since=at - limits.calls_within),
        strategies=_ended(TradeDecision.objects.filter(decided_at__gte=at - limits.success_within)),
        payload_bytes=_bytes_of(ApiPayload._meta.db_table, at=at),
        executed_twice=_executed_twice(since=at - limits.executed_within),
    )


def _tasks(tasks: Collection[WatchedTask], *, at: datetime, limits: Thresholds) -> list[TaskFigures]:
    runs = DataIngestionRun.objects.filter(
        task_name__in=[one.task for one in tasks], status=RunStatus.COMPLETED, narrowed_to=None
    )
    newest = Window(RowNumber(), partition_by=F("task_name"), order_by=F("started_at").desc())
    last = {run.task_name: run for run in runs.annotate(place=newest).filter(place=1)} if tasks else {}
    return [
        TaskFigures(task=task, due_at=due_before(at - limits.ingestion_late_by), **_outcome(last.get(task)))
        for task, due_before in tasks
    ]


def _outcome(run: DataIngestionRun | None) -> dict[str, Any]:
    if run is None:
        return {}
    return {
        "completed_at": run.completed_at,
        "run_id": str(run.run_id),
        "fetched": run.records_fetched,
        "parked": run.records_parked,
    }


def _ended(decisions: QuerySet[TradeDecision]) -> dict[str, EndedDecisions]:
    """Count each strategy's decisions that have ended, by how."""
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    ended = decisions.filter(status__in=ENDS).order_by().values_list("strategy_name", "status")
    for name, status, count in ended.annotate(count=Count("id")):
        counts[name][status] = count
    return {name: EndedDecisions(**count) for name, count in counts.items()}


def _in_all(ended: dict[str, EndedDecisions]) -> EndedDecisions:
    return EndedDecisions(**{end.value: sum(getattr(each, end.value) for each in ended.values()) for end in ENDS})


def _failed_calls(*, since: datetime) -> dict[str, int]:
    failed = (
        ApiCallLog.objects.filter(http_status_code__gte=400, ended_at__gte=since)
        .exclude(http_status_code=404, purpose__startswith=IS_IT_THERE)
        .order_by()
        .values_list("source")
        .annotate(count=Count("id"))
    )
    return dict(failed)


def _bytes_of(table: str, *, at: datetime) -> int | None:
    """As the last sample of a day has it: to measure, SQLite reads the whole file."""
    samples = TableSample.objects.filter(table=table, sampled_at__gte=at - SAMPLED_WITHIN, sampled_at__lte=at)
    return samples.order_by("-sampled_at").values_list("bytes", flat=True).first()


def _executed_twice(*, since: datetime) -> dict[str, tuple[str, ...]]:
    orders = TradeExecution.objects.filter(status__in=MAY_BE_AT_THE_BROKER)
    twice = (
        orders.filter(placed_at__gte=since)
        .order_by()
        .values("trade_decision")
        .annotate(count=Count("id"))
        .filter(count__gt=1)
        .values("trade_decision")
    )
    found: dict[str, tuple[str, ...]] = {}
    rows = orders.filter(trade_decision__in=twice).order_by("id")
    for decision, order in rows.values_list("trade_decision__decision_id", "client_order_id"):
        found[str(decision)] = (*found.get(str(decision), ()), order)
    return found
