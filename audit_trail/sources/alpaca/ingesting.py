"""Ingesting bars: one run, from its first call to its records."""

from collections.abc import Collection
from datetime import date, datetime, timedelta

from audit_trail.ingestion.batches import BadRow, Batch, ReadRow, RecordKind, Unreadable
from audit_trail.ingestion.models import DataIngestionRun
from audit_trail.ingestion.running import Clock, ingesting
from audit_trail.sources.alpaca.models import HistoricalBar
from audit_trail.sources.alpaca.rows import as_row, read
from audit_trail.sources.alpaca.service import AlpacaBars
from audit_trail.sources.calls import SourceCalls
from audit_trail.sources.window import DAY, Window
from trading.market_hours.calendar import NEW_YORK, session_of

TASK = "bars"
DATA_SOURCE = "alpaca_bars"
KIND = RecordKind("daily_bar", HistoricalBar)

SETTLES = timedelta(minutes=20)
"""So long after the close a session's bar may still change."""


def last_finished_day(now: datetime) -> date:
    """The last day whose session has ended for good. The bar of one that has not is none yet."""
    day = now.astimezone(NEW_YORK).date()
    while (session := session_of(day)) is None or session.closes_at + SETTLES > now:
        day -= DAY
    return day


def ingest(service: AlpacaBars, symbols: Collection[str], window: Window, *, clock: Clock) -> DataIngestionRun:
    """Fetch the daily bars of some symbols, and store them. Return the run, which is completed.

    Raises AlreadyRunning, SourceError, TooManyUnreadable, RunEnded; all but the first leave a failed run.
    """
    with ingesting(
        TASK, DATA_SOURCE, window=(window.since, window.until), narrowed_to=window.narrowed_to, clock=clock
    ) as run:
        with service.calls_for(run) as calls:
            batch = _batch(service, calls, sorted(symbols), window, finished=last_finished_day(clock()))
        run.keep(batch)
    done: DataIngestionRun = DataIngestionRun.objects.get(run_id=run.run_id)
    return done


def _batch(service: AlpacaBars, calls: SourceCalls, symbols: list[str], window: Window, *, finished: date) -> Batch:
    good: dict[tuple[str, ...], ReadRow] = {}
    bad = []
    until = min(window.until, finished)
    for name, bar in service.bars(calls, symbols, since=window.since, until=until):
        row = as_row(name, bar)
        try:
            told = read(row, feed=service.feed)
            if window.since <= told.disclosed_on <= until:
                _refuse_other_than_asked(told, symbols)
                _refuse_another(good.setdefault(told.key, told), told)
        except Unreadable as error:
            bad.append(BadRow(row, str(error)))
    return Batch(kind=KIND, read=list(good.values()), bad=bad)


def _refuse_other_than_asked(told: ReadRow, symbols: Collection[str]) -> None:
    if told.symbol not in symbols:
        raise Unreadable(f"expected a bar of a symbol that was asked for, was of {told.symbol}")
    if session_of(told.disclosed_on) is None:
        raise Unreadable(f"expected a bar of a session, and there is none on {told.disclosed_on}")


def _refuse_another(first: ReadRow, told: ReadRow) -> None:
    """A session has one bar of a symbol. One that is repeated says nothing new; one that differs is not guessed at."""
    if first.content_hash != told.content_hash:
        raise Unreadable(f"expected one bar of {told.symbol} on {told.disclosed_on}, found another that differs")
