"""Reading: source records out of their tables, in the versions that were known at a time, as strategies take them."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from django.db.models import F, Model, QuerySet

from audit_trail.ingestion.models import DataIngestionRun, DataIngestionRunRecord, Operation
from audit_trail.ingestion.records import SourceRecord
from audit_trail.sources.alpaca.models import HistoricalBar as BarRow
from audit_trail.sources.quiver.congress.models import CongressTrade as CongressRow
from audit_trail.sources.quiver.insiders.models import InsiderTrade as InsiderRow
from audit_trail.strategies import records
from audit_trail.strategies.politicians import SCORED_DAYS
from audit_trail.strategies.records import RecordRef, RunState, SourceRun
from trading.values.quantities import Shares, Usd
from trading.values.symbols import Symbol

T = TypeVar("T", bound=Model)

CONGRESS, INSIDERS, BARS = "quiver_congress", "quiver_insiders", "alpaca_bars"
# As strategies call a source, by what its runs are kept under.
SOURCES = {"quiverquant_congress": CONGRESS, "quiverquant_insider": INSIDERS}
STORED = frozenset({*SOURCES.values(), BARS})
"""The sources whose records have rows of ours."""

WHOLE = timedelta(days=90)
"""So far back a run must reach to be one of the whole source: no strategy that we set looks further."""

LOOKED_AT = timedelta(days=SCORED_DAYS + 1)
"""What was traded before is neither followed nor scored."""

UNLISTED = "--"


def congress_trades(*, at: datetime) -> list[records.CongressTrade]:
    rows = _known(CongressRow.objects.all(), at)
    runs = _runs_of(rows)
    return [
        records.CongressTrade(
            ref=_ref(CONGRESS, row.record, runs),
            known_at=row.record.known_at,
            disclosed_at=_disclosed_at(row.record),
            ticker=row.record.symbol or UNLISTED,
            transaction_date=row.traded_on,
            asset_type=row.asset_type or "",
            politician_name=row.politician,
            bioguide_id=row.bioguide_id,
            transaction_type=row.transaction_told,
            least_usd=None if row.amount_low_usd is None else Usd(row.amount_low_usd),
        )
        for row in rows
    ]


def insider_trades(*, at: datetime) -> list[records.InsiderTrade]:
    rows = _known(InsiderRow.objects.all(), at)
    runs = _runs_of(rows)
    return [
        records.InsiderTrade(
            ref=_ref(INSIDERS, row.record, runs),
            known_at=row.record.known_at,
            disclosed_at=_disclosed_at(row.record),
            ticker=row.record.symbol or UNLISTED,
            transaction_date=row.traded_on,
            insider_name=row.insider,
            officer_title=row.officer_title,
            is_director=bool(row.is_director),
            is_officer=bool(row.is_officer),
            is_ten_percent_owner=bool(row.is_ten_percent_owner),
            transaction_code=row.code,
            acquired_or_disposed="A" if row.acquired else "D",
            shares=Shares(row.shares),
            price_usd=None if row.price_usd is None else Usd(row.price_usd),
        )
        for row in rows
    ]


def daily_bars(symbols: Iterable[str], *, since: date, at: datetime) -> list[records.DailyBar]:
    """The bars of some symbols from a day on, in the versions that were known."""
    known = SourceRecord.objects.known(at=at)
    rows = (
        BarRow.objects.filter(symbol__in=sorted(set(symbols)), day__gte=since, record__in=known)
        .select_related("record")
        .order_by("record_id")
    )
    runs = _runs_of(rows)
    return [
        records.DailyBar(
            ref=_ref(BARS, row.record, runs),
            known_at=row.record.known_at,
            symbol=Symbol(row.symbol),
            day=row.day,
            open_usd=Usd(row.open_usd),
            high_usd=Usd(row.high_usd),
            low_usd=Usd(row.low_usd),
            close_usd=Usd(row.close_usd),
            volume=row.volume,
        )
        for row in rows
    ]


def newest_close(symbol: Symbol) -> Decimal | None:
    """The close of the newest session that we have a bar of, as the source tells it now."""
    bars = BarRow.objects.filter(symbol=symbol, record__superseded_at=None).order_by("-day")
    return bars.values_list("close_usd", flat=True).first()


def source_runs(*, at: datetime) -> list[SourceRun]:
    """The newest run of each source as a whole by then: of every symbol, up to the day on which it ran, and far back.

    One of a single ticker, or of some days only, says nothing of the rest: nobody decides by it, and it stops nobody.
    """
    newest = ((source, _newest_whole(data_source, at)) for data_source, source in SOURCES.items())
    return [
        SourceRun(
            source=source,
            run_id=run.pk,
            state=RunState(run.status),
            started_at=run.started_at,
            ended_at=run.completed_at or run.failed_at,
            records_fetched=run.records_fetched,
        )
        for source, run in newest
        if run is not None
    ]


def _newest_whole(data_source: str, at: datetime) -> DataIngestionRun | None:
    runs = DataIngestionRun.objects.filter(
        data_source=data_source, narrowed_to=None, started_at__lte=at, started_at__date__lte=F("data_date_end")
    )
    return next((run for run in runs.order_by("-started_at", "-pk").iterator() if _reaches_back(run)), None)


def _reaches_back(run: DataIngestionRun) -> bool:
    return run.window is not None and run.window[1] - run.window[0] >= WHOLE


def _known(rows: "QuerySet[T]", at: datetime) -> "QuerySet[T]":
    known = SourceRecord.objects.known(at=at)
    return (
        rows.filter(record__in=known, traded_on__gte=at.date() - LOOKED_AT)
        .select_related("record")
        .order_by("record_id")
    )


def _runs_of(rows: "QuerySet[Any]") -> dict[int, int]:
    """The run that brought each version."""
    brought = DataIngestionRunRecord.objects.filter(
        record__in=rows.order_by().values("record_id"), operation__in=[Operation.CREATED, Operation.UPDATED]
    )
    return dict(brought.values_list("record_id", "run_id"))


def _ref(source: str, record: SourceRecord, runs: dict[int, int]) -> RecordRef:
    return RecordRef(source=source, record_id=record.pk, run_id=runs.get(record.pk), version=record.version)


def _disclosed_at(record: SourceRecord) -> datetime:
    """The source tells a day; when it had begun is as early as it can have been, and we had it later."""
    return datetime.combine(record.disclosed_on, time(), UTC)
