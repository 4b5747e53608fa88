"""Models of the audit trail, collected from where they belong so that Django finds them."""

from audit_trail.ingestion.models import DataIngestionRun, DataIngestionRunRecord, ParkedRow
from audit_trail.ingestion.records import SourceRecord
from audit_trail.payloads.models import ApiCallLog, ApiPayload
from audit_trail.sources.allowance import SourceAllowance
from audit_trail.sources.quiver.congress.models import CongressTrade
from audit_trail.sources.quiver.insiders.models import InsiderTrade

__all__ = [
    "ApiCallLog",
    "ApiPayload",
    "CongressTrade",
    "DataIngestionRun",
    "DataIngestionRunRecord",
    "InsiderTrade",
    "ParkedRow",
    "SourceAllowance",
    "SourceRecord",
]
