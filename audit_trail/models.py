"""Models of the audit trail, collected from where they belong so that Django finds them."""

from audit_trail.alerts.models import AlertChannel, AlertDelivery
from audit_trail.days.models import DroppedCandidate, PlannedDay, PlannedDecision
from audit_trail.decisions.lineage import TradeDecisionRecord, TradeDecisionRun
from audit_trail.decisions.models import TradeDecision
from audit_trail.executions.legacy import AlpacaOrder
from audit_trail.executions.models import DecisionHolding, ExecutionFill, TradeExecution
from audit_trail.ingestion.models import DataIngestionRun, DataIngestionRunRecord, ParkedRow
from audit_trail.ingestion.records import SourceRecord
from audit_trail.payloads.kinds import ApiRequest, ApiResponse
from audit_trail.payloads.models import ApiCallLog, ApiPayload
from audit_trail.sources.allowance import SourceAllowance
from audit_trail.sources.alpaca.models import HistoricalBar
from audit_trail.sources.quiver.congress.models import CongressTrade
from audit_trail.sources.quiver.insiders.models import InsiderTrade

__all__ = [
    "AlertChannel",
    "AlertDelivery",
    "AlpacaOrder",
    "ApiCallLog",
    "ApiPayload",
    "ApiRequest",
    "ApiResponse",
    "CongressTrade",
    "DataIngestionRun",
    "DataIngestionRunRecord",
    "DecisionHolding",
    "DroppedCandidate",
    "ExecutionFill",
    "HistoricalBar",
    "InsiderTrade",
    "ParkedRow",
    "PlannedDay",
    "PlannedDecision",
    "SourceAllowance",
    "SourceRecord",
    "TradeDecision",
    "TradeDecisionRecord",
    "TradeDecisionRun",
    "TradeExecution",
]
