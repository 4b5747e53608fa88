"""Rules: what in the figures an operator must know of. Pure: each gives a text for each subject it holds for."""

from datetime import UTC, date, datetime
from decimal import Decimal

from audit_trail.alerts.figures import EndedDecisions, Figures, TaskFigures
from audit_trail.alerts.thresholds import Thresholds
from trading.market_hours.calendar import session_of

Findings = dict[str, str]
"""What is found, by what it is about. Nothing found is nothing to tell, and closes what was told."""


def ingestion_overdue(figures: Figures, limits: Thresholds) -> Findings:
    """Tell of records that were not fetched on a trading day after their time."""
    return {
        task.task: f"expected a whole run of {task.task} since {_told(task.due_at)}, "
        + (
            "found none at all"
            if task.completed_at is None
            else f"the last was completed at {_told(task.completed_at)}"
        )
        + ". Nothing is decided on records that are not there: look whether its schedule runs"
        for task in figures.tasks
        if not _ran_that_day(task)
    }


def rows_unread(figures: Figures, limits: Thresholds) -> Findings:
    """Tell of a run in which too many rows could not be read."""
    return {
        task.task: f"{task.parked} of {task.fetched} rows could not be read by run {task.run_id}, more than "
        f"{limits.unread_percent}%. Each is kept with its reason under parked rows"
        for task in figures.tasks
        if _is_above(task.parked, limits.unread_percent, of=task.fetched)
    }


def decisions_failing(figures: Figures, limits: Thresholds) -> Findings:
    """Tell of a day on which too many of the decisions that have ended failed."""
    ended, day = figures.today, figures.trading_day.isoformat()
    if not _is_above(ended.failed, limits.failed_percent, of=ended.total):
        return {}
    share = (
        "too few for a share"
        if ended.total < limits.few_decisions
        else f"{_percent(ended.failed, ended.total)}%, more than {limits.failed_percent}%"
    )
    return {day: f"{ended.failed} of the {ended.total} decisions of {day} that have ended failed ({share})"}


def decisions_waiting(figures: Figures, limits: Thresholds) -> Findings:
    """Tell of decisions that nobody carries out, though the market is open."""
    waiting = [decided for day, decided in figures.pending if figures.at >= _from(day, decided) + limits.waiting_for]
    if len(waiting) <= limits.waiting_decisions:
        return {}
    return {
        "pending decisions": f"{len(waiting)} decisions are pending, and could have been executed for more than "
        f"{_hours(limits)}; the oldest was decided at {_told(min(waiting))}"
    }


def calls_failing(figures: Figures, limits: Thresholds) -> Findings:
    """Tell of services that answer with errors."""
    count = sum(figures.failed_calls.values())
    if count <= limits.failed_calls:
        return {}
    services = ", ".join(f"{service} {n}" for service, n in sorted(figures.failed_calls.items()))
    return {"calls": f"{count} calls of the last hour were answered with 400 or more: {services}"}


def strategy_failing(figures: Figures, limits: Thresholds) -> Findings:
    """Tell of a strategy of whose decisions too few are executed."""
    return {
        name: f"{ended.traded} of {ended.total} decisions of the last {limits.success_within.days} days were executed "
        f"({_percent(ended.traded, ended.total)}%, less than {limits.success_percent}%)"
        for name, ended in figures.strategies.items()
        if _can_be_judged(ended, limits) and ended.traded * 100 < limits.success_percent * ended.total
    }


def payload_storage(figures: Figures, limits: Thresholds) -> Findings:
    """Tell of bodies of calls that take too much room."""
    if figures.payload_bytes is None or figures.payload_bytes <= limits.payload_bytes:
        return {}
    return {
        "api_payloads": f"the bodies of calls take {_gigabytes(figures.payload_bytes)} GB, more than "
        f"{_gigabytes(limits.payload_bytes)} GB: take out old ones with `manage.py purge_api_payloads --older-than`"
    }


def decision_executed_twice(figures: Figures, limits: Thresholds) -> Findings:
    """Tell of a decision with more than one order at the broker."""
    return {
        decision: f"{len(orders)} orders of one decision are or were at the broker: {', '.join(orders)}"
        for decision, orders in figures.executed_twice.items()
    }


def _ran_that_day(task: TaskFigures) -> bool:
    """A run by hand counts as well, from the morning of the day on which it was due."""
    return task.completed_at is not None and task.completed_at >= task.due_at.replace(hour=0, minute=0)


def _from(day: date, decided_at: datetime) -> datetime:
    """From when on a decision could be executed."""
    session = session_of(day)
    return decided_at if session is None else max(decided_at, session.opens_at)


def _can_be_judged(ended: EndedDecisions, limits: Thresholds) -> bool:
    return ended.total >= limits.judged_decisions


def _is_above(part: int, percent: Decimal, *, of: int) -> bool:
    return part * 100 > percent * of


def _percent(part: int, whole: int) -> Decimal:
    """Rounded down to a tenth."""
    return Decimal(part * 1000 // whole).scaleb(-1)


def _gigabytes(count: int) -> Decimal:
    return Decimal(count // 10**8).scaleb(-1)


def _hours(limits: Thresholds) -> str:
    hours = limits.waiting_for.total_seconds() // 3600
    return "an hour" if hours == 1 else f"{hours:.0f} hours"


def _told(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
