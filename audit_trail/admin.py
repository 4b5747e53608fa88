"""Admin of the audit trail, collected from where it belongs so that Django finds it."""

from audit_trail.ingestion import admin as ingestion
from audit_trail.payloads import admin as payloads
from audit_trail.sources import admin as sources
from audit_trail.sources.quiver import admin as quiver

__all__ = ["ingestion", "payloads", "quiver", "sources"]
