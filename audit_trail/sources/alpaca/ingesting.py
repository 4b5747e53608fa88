"""Ingesting bars: one run, from its first call to its records."""

from collections.abc import Collection
from datetime import date, datetime, timedelta

from audit_trail.ingestion.batches import BadRow, Batch, RecordKind, Unreadable
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
    good, bad = [], []
    until = min(window.until, finished)
    for name, bar in service.bars(calls, symbols, since=window.since, until=until):
        row = as_row(name, bar)
        try:
            told = read(row, feed=service.feed)
        except Unreadable as error:
            bad.append(BadRow(row, str(error)))
            continue
        if window.since <= told.disclosed_on <= until:
            good.append(told)
    return Batch(kind=KIND, read=good, bad=bad)
