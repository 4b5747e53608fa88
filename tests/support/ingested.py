"""Runs of ingestion and their records for tests: rows that are sound but for what a test says of them."""

from datetime import date, timedelta
from decimal import Decimal

from audit_trail.ingestion.batches import Batch, ReadRow, RecordKind
from audit_trail.ingestion.models import DataIngestionRun, DataIngestionRunRecord, ParkedRow
from audit_trail.ingestion.records import SourceRecord
from audit_trail.sources.allowance import SourceAllowance
from audit_trail.sources.quiver.congress.models import CongressTrade
from audit_trail.sources.quiver.insiders.models import InsiderTrade
from tests.support.factories import NOON, number

KIND = RecordKind("congress_trade", CongressTrade, passing=frozenset({"excess_return"}))


def run(**facts):
    """A completed run that fetched three rows."""
    given = {
        "task_name": f"task-{number()}",
        "data_source": "quiverquant_congress",
        "data_date_start": date(2026, 1, 1),
        "data_date_end": date(2026, 3, 2),
        "status": "completed",
        "started_at": NOON,
        "completed_at": NOON + timedelta(seconds=12),
        "holder": "elsewhere:1:ab",
        "alive_until": NOON + timedelta(minutes=10),
        "records_fetched": 3,
        "records_created": 3,
    } | facts
    return DataIngestionRun.objects.create(**given)


def running(**facts):
    """A run under way on another machine."""
    return run(**{"status": "running", "completed_at": None, "records_fetched": 0, "records_created": 0} | facts)


def record(**facts):
    n = number()
    given = {
        "kind": "congress_trade",
        "key": f"{n:064x}",
        "occurrence": 1,
        "version": 1,
        "content": f"{n + 1:064x}",
        "symbol": "AAPL",
        "disclosed_on": date(2026, 3, 1),
        "known_at": NOON,
        "row": '{"Ticker":"AAPL"}',
    }
    return SourceRecord.objects.create(**given | facts)


def run_record(**facts):
    given = {"run": facts.pop("run", None) or run(), "record": facts.pop("record", None) or record()}
    return DataIngestionRunRecord.objects.create(**{"operation": "created"} | given | facts)


def parked_row(**facts):
    its_run = facts.pop("run", None) or run()
    given = {
        "kind": "congress_trade",
        "mark": f"{number():064x}",
        "row": '{"Ticker":"AAPL"}',
        "reason": "expected Traded as a date, was nothing",
        "first_run": its_run,
        "last_run": its_run,
        "first_met_at": NOON,
        "last_met_at": NOON,
    }
    return ParkedRow.objects.create(**given | facts)


CONGRESS_COLUMNS = {
    "politician": "Doe, Jane",
    "bioguide_id": "D000001",
    "chamber": "house",
    "transaction": "purchase",
    "transaction_told": "Purchase",
    "traded_on": date(2026, 2, 20),
    "amount_low_usd": Decimal(1001),
    "amount_high_usd": Decimal(15000),
}
INSIDER_COLUMNS = {
    "insider": "DOE JANE",
    "relationship": "CEO",
    "officer_title": "Chief Executive Officer",
    "transaction": "purchase",
    "code": "P",
    "acquired": True,
    "traded_on": date(2026, 2, 27),
    "shares": Decimal("1000.5"),
    "price_usd": Decimal("20.25"),
    "filed_told": "2026-03-01T21:44:37",
}


def congress_trade(**facts):
    its_record = facts.pop("record", None) or record()
    return CongressTrade.objects.create(record=its_record, **CONGRESS_COLUMNS | facts)


def insider_trade(**facts):
    its_record = facts.pop("record", None) or record(kind="insider_trade")
    return InsiderTrade.objects.create(record=its_record, **INSIDER_COLUMNS | facts)


def allowance(**facts):
    given = {"source": f"source-{number()}", "day": NOON.date(), "calls": 3, "next_call_at": NOON}
    return SourceAllowance.objects.create(**given | facts)


def read_row(key="a", **facts):
    """A row of a batch; its columns but for those named are a congress trade's."""
    given = {
        "key": (key,),
        "detail": None,
        "symbol": "AAPL",
        "disclosed_on": date(2026, 3, 1),
        "row": f'{{"key":"{key}"}}',
    }
    shared = {name: facts.pop(name) for name in given if name in facts}
    return ReadRow(**given | shared, columns=CONGRESS_COLUMNS | facts)


def batch(*rows, bad=()):
    return Batch(kind=KIND, read=rows, bad=bad)
