"""`manage.py daily_summary`: a day of the market."""

from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from audit_trail.reports.day import DailySummary, daily_summary
from audit_trail.reports.periods import day_asked
from config.reporting import ReportCommand, period_told
from trading.values.arithmetic import plain


class Command(ReportCommand):
    help = (
        "Tell of a day of the market, from midnight to midnight in New York, today by default: runs, decisions, "
        "failures, hedges, and what is open."
    )
    columns = {
        "strategies": (),
        "runs_by_task": ("task", "source", "runs", "completed", "failed", "found_nothing", "fetched", "created"),
        "failures_by_reason": ("reason", "failed"),
        "fills": ("venue", "fills"),
        "open_notices": ("opened_at", "kind", "subject", "text"),
    }

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("day", nargs="?", metavar="DAY", help="as 2026-03-02")
        super().add_arguments(parser)

    def ask(self, options: Mapping[str, Any], *, now: datetime) -> DailySummary:
        return daily_summary(day=day_asked(options["day"], now=now))

    def words(self, report: DailySummary) -> list[str]:
        done = report.decisions
        told = [
            f"{report.day.isoformat()}, {period_told(report.since, report.until)}",
            (
                f"{report.runs} runs fetched {report.fetched} records, {report.created} of them new; "
                f"{report.runs_that_found_nothing} found nothing at all"
            ),
            (
                f"{done.decisions} decisions: {done.executed} executed ({plain(done.success_rate_percent)}%), "
                f"{done.partially_executed} in part, {done.failed} failed, {done.cancelled} cancelled, "
                f"{done.pending} pending, {done.under_way} under way"
            ),
        ]
        told += [
            f"  {row.strategy}: {row.summary.decisions} decisions, {row.summary.executed} executed, "
            f"{row.summary.failed} failed"
            for row in report.strategies
        ]
        fills = sum(row.fills for row in report.fills)
        told.append(
            f"{report.hedges.orders} hedge orders: {report.hedges.filled} filled, {report.hedges.under_way} under way; "
            f"{fills} fills realised {plain(report.realised_usd)} USD"
        )
        told.append(f"{len(report.open_notices)} notices open")
        return told
