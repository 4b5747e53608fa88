"""Admin of the audit trail, collected from where it belongs so that Django finds it."""

from audit_trail.payloads import admin as payloads

__all__ = ["payloads"]
