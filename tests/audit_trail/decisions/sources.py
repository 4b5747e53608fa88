"""Sources for decisions: runs that brought purchases by a member of Congress, under names that a test gives them."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from audit_trail.ingestion.models import DataIngestionRun
from audit_trail.ingestion.records import SourceRecord
from audit_trail.ingestion.running import ingesting
from tests.audit_trail.decisions.drafts import AT
from tests.support import ingested
from tests.support.ingested import batch, read_row

WINDOW = (date(2026, 1, 1), date(2026, 3, 2))


def told(*keys: str, at: datetime = AT, least_usd: str = "1001") -> tuple[DataIngestionRun, list[int]]:
    """Let a run bring these records, or other versions of them, and return it with the numbers that they have."""
    with ingesting("congress", "quiverquant_congress", window=WINDOW, clock=lambda: at) as run:
        run.keep(batch(*(read_row(key, amount_low_usd=Decimal(least_usd)) for key in keys)))
    row = DataIngestionRun.objects.latest("id")
    return row, list(SourceRecord.objects.filter(runs__run=row).order_by("id").values_list("pk", flat=True))


def a_run(*, at: datetime = AT, failed: bool = False) -> DataIngestionRun:
    """A run that looked and found nothing, or that failed."""
    nothing = {"records_fetched": 0, "records_created": 0, "started_at": at - timedelta(seconds=9)}
    if failed:
        nothing |= {"status": "failed", "completed_at": None, "failed_at": at, "error_message": "it broke"}
    else:
        nothing |= {"completed_at": at}
    row: DataIngestionRun = ingested.run(**nothing)
    return row
