"""The feed of insider trades."""

from audit_trail.ingestion.batches import RecordKind
from audit_trail.sources.quiver.feed import Feed
from audit_trail.sources.quiver.insiders.models import InsiderTrade
from audit_trail.sources.quiver.insiders.rows import read

INSIDERS = Feed(
    task="insider",
    data_source="quiverquant_insider",
    kind=RecordKind("insider_trade", InsiderTrade),
    path="/beta/live/insiders",
    read=read,
    disclosed_under=("fileDate",),
)
