"""The feed of congress trades."""

from audit_trail.ingestion.batches import RecordKind
from audit_trail.sources.quiver.congress.models import CongressTrade
from audit_trail.sources.quiver.congress.rows import PASSING, read
from audit_trail.sources.quiver.feed import Feed

CONGRESS = Feed(
    task="congress",
    data_source="quiverquant_congress",
    kind=RecordKind("congress_trade", CongressTrade, passing=PASSING),
    path="/beta/bulk/congresstrading",
    # What is asked for without a version is V1, which leaves out companies and subholdings.
    params={"version": "V2"},
    read=read,
    disclosed_under=("Filed", "ReportDate"),
)
