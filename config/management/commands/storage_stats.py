"""`manage.py storage_stats`: how much the audit trail holds, and whether something may be purged."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from audit_trail.reports.storage import StorageStats, storage_stats
from audit_trail.reports.telling import cell
from config.reporting import ReportCommand


class Command(ReportCommand):
    help = "Tell how many rows the tables of the audit trail have, by estimate, and how old the oldest are."
    columns = {"audit_tables": ("table", "rows", "bytes")}
    shown = 100

    def ask(self, options: Mapping[str, Any], *, now: datetime) -> StorageStats:
        return storage_stats(now=now)

    def words(self, report: StorageStats) -> list[str]:
        told = [
            f"oldest payload with its body: {_aged(report.oldest_payload_at, report.oldest_payload_days)}",
            f"oldest decision: {_aged(report.oldest_decision_at, report.oldest_decision_days)}",
            "rows and bytes are the database's estimates",
        ]
        return told if report.advice is None else [*told, report.advice]


def _aged(at: datetime | None, days: int | None) -> str:
    return "none" if at is None else f"{cell(at)}, {days} days ago"
