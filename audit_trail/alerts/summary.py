"""Summary: the report of a trading day in a few lines, for people who want to know after the close that all is well."""

from collections.abc import Iterator
from datetime import date

from audit_trail.decisions.models import Status
from audit_trail.reports.day import DailySummary, daily_summary

MOST_NOTICES = 10
MOST_REASONS = 3


def summary_text(day: date) -> str:
    """Tell what was fetched, decided and hedged on a day of the market, and what was open at its end."""
    return "\n".join(_lines(daily_summary(day=day)))


def _lines(report: DailySummary) -> Iterator[str]:
    yield f"Trading day {report.day.isoformat()}"
    failed = sum(task.failed for task in report.runs_by_task)
    yield (
        f"Ingestion: {report.runs} runs{f', {failed} failed' if failed else ''}, {report.fetched} records, "
        f"{report.created} new"
    )
    decisions = {status.label: getattr(report.decisions, status.value) for status in Status}
    yield _counted("Decisions", report.decisions.decisions, decisions)
    if report.failures_by_reason:
        told = ", ".join(f"{one.reason} {one.failed}" for one in report.failures_by_reason[:MOST_REASONS])
        yield f"Failed for: {told}"
    yield _counted("Hedges", report.hedges.orders, report.hedges.by_status)
    if not report.open_notices:
        yield "Open notices: none"
        return
    more = " and more" if len(report.open_notices) > MOST_NOTICES else ""
    told = ", ".join(f"{one.kind} {one.subject}".strip() for one in report.open_notices[:MOST_NOTICES])
    yield f"Open notices: {told}{more}"


def _counted(title: str, every: int, counts: dict[str, int]) -> str:
    parts = [f"{count} {word.replace('_', ' ')}" for word, count in sorted(counts.items()) if count]
    return f"{title}: {', '.join([str(every), *parts])}" if every else f"{title}: none"
