"""`manage.py failure_analysis`: what failed in a period, and why, in what, and when."""

from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from audit_trail.reports.failures import FailureAnalysis, failure_analysis
from config.reporting import ReportCommand, add_period, period_of, period_told
from trading.values.arithmetic import plain


class Command(ReportCommand):
    help = (
        "Tell which decisions of a period failed, of the last thirty days by default: by reason, symbol, weekday, hour "
        "and day in New York, and in which words."
    )
    columns = {
        "failures_by_reason": ("reason", "failed"),
        "failures_by_symbol": ("symbol", "failed"),
        "failures_by_weekday": ("weekday", "failed"),
        "failures_by_hour": ("hour", "failed"),
        "failures_by_day": ("day", "failed"),
        "top_messages": ("failed", "reason"),
    }

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--strategy", metavar="NAME", help="of one strategy alone")
        add_period(parser)
        super().add_arguments(parser)

    def ask(self, options: Mapping[str, Any], *, now: datetime) -> FailureAnalysis:
        return failure_analysis(period=period_of(options, now=now), strategy=options["strategy"])

    def words(self, report: FailureAnalysis) -> list[str]:
        of = "" if report.strategy is None else f" of {report.strategy}"
        told = [
            f"decisions{of} made {period_told(report.since, report.until)}",
            (
                f"{report.failed_decisions} of {report.total_decisions} failed, "
                f"{plain(report.failure_rate_percent)}%; {report.under_way} of them are pending or under way"
            ),
        ]
        if report.hedges is not None:
            by_status = ", ".join(f"{count} {status}" for status, count in report.hedges.by_status.items())
            told.append(f"{report.hedges.orders} hedge orders" + (f": {by_status}" if by_status else ""))
        return told
