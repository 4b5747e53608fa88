"""Models of the audit trail, collected from where they belong so that Django finds them."""

from audit_trail.payloads.models import ApiCallLog, ApiPayload

__all__ = ["ApiCallLog", "ApiPayload"]
