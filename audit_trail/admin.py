"""Admin of the audit trail, collected from where it belongs so that Django finds it."""

from audit_trail.alerts import admin as alerts
from audit_trail.days import admin as days
from audit_trail.decisions import admin as decisions
from audit_trail.executions import admin as executions
from audit_trail.ingestion import admin as ingestion
from audit_trail.payloads import admin as payloads
from audit_trail.sources import admin as sources
from audit_trail.sources.alpaca import admin as alpaca
from audit_trail.sources.quiver import admin as quiver

__all__ = ["alerts", "alpaca", "days", "decisions", "executions", "ingestion", "payloads", "quiver", "sources"]
