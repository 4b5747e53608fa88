"""Sources, put together from the environment: public records with every call on record."""

import os
from datetime import date, timedelta

from django.utils import timezone

from audit_trail.days.gathering import symbols_looked_at
from audit_trail.ingestion.models import DataIngestionRun
from audit_trail.ingestion.running import AlreadyRunning, OpenRun
from audit_trail.payloads.recorder import PayloadRecorder
from audit_trail.payloads.redaction import Redaction
from audit_trail.sources.alpaca import ingesting as bars
from audit_trail.sources.alpaca.service import AlpacaBars
from audit_trail.sources.quiver.feeds import FEEDS
from audit_trail.sources.quiver.ingesting import ingest
from audit_trail.sources.quiver.service import QuiverService
from audit_trail.sources.window import Window
from audit_trail.strategies.registry import REGISTRY
from config.broker_environment import ALPACA_API_KEY
from config.days import day_parameters
from config.environment import Variable, broker_settings
from config.logs import secret_texts
from config.source_environment import QUIVER_API_TOKEN, BarsSettings, QuiverSettings, bars_settings, quiver_settings
from trading.brokers.recording import Recorder
from trading.values.symbols import Symbol

BARS = bars.TASK

TASKS = (*FEEDS, BARS)
"""What can be fetched, in the order in which a day does."""

# A member of Congress has 45 days for a report, and some are late; no strategy looks further back than 90. Of bars,
# fifteen sessions are needed, and an average of twenty is told.
LOOKED_BACK = {**dict.fromkeys(FEEDS, timedelta(days=100)), BARS: timedelta(days=45)}
NEEDS = {**dict.fromkeys(FEEDS, QUIVER_API_TOKEN), BARS: ALPACA_API_KEY}


def told(run: DataIngestionRun) -> str:
    """Say in a line what came of a run."""
    return (
        f"{run.task_name}: {run.records_fetched} records of {run.data_date_start} to {run.data_date_end}: "
        f"{run.records_created} new, {run.records_updated} changed, {run.records_skipped} as before, "
        f"{run.records_parked} not read (run {run.run_id})"
    )


def ingest_on_schedule(task: str) -> str:
    """Fetch, where there is a subscription; who only hedges has none. A failure is a notice already, and is raised."""
    key = NEEDS[task]
    if not is_set(key):
        return f"{key.name} is not set: nothing was fetched"
    try:
        return told(fetch(task, window(task)))
    except AlreadyRunning as error:
        return str(error)


def is_set(variable: Variable) -> bool:
    return bool(os.environ.get(variable.name, "").strip())


def fetch(task: str, asked: Window) -> DataIngestionRun:
    """Fetch a kind of record once. Raises SettingError, and what `ingest` raises."""
    if task == BARS:
        return ingest_bars(asked)
    return ingest(FEEDS[task], make_quiver(quiver_settings()), asked, clock=timezone.now)


def ingest_bars(asked: Window) -> DataIngestionRun:
    """Fetch the bars of a ticker, or of all symbols that the next day would look at: signalled, or held."""
    service, now = make_bars(bars_settings()), timezone.now()
    if asked.ticker is not None:
        symbols = {Symbol(asked.ticker)}
    else:
        broker = broker_settings().broker
        symbols = symbols_looked_at(parameters=day_parameters(broker), registry=REGISTRY, broker=broker, at=now)
    return bars.ingest(service, symbols, asked, clock=timezone.now)


def make_bars(settings: BarsSettings) -> AlpacaBars:
    return AlpacaBars(
        key=settings.key,
        secret=settings.secret,
        base_url=settings.base_url,
        feed=settings.feed,
        recorder_of=recorder_of,
        clock=timezone.now,
    )


def make_quiver(settings: QuiverSettings) -> QuiverService:
    return QuiverService(token=settings.token, recorder_of=recorder_of, clock=timezone.now, base_url=settings.base_url)


def recorder_of(run: OpenRun) -> Recorder:
    """Each run's calls are recorded as that run's."""
    return PayloadRecorder(Redaction(secret_texts(os.environ)), run=run.run_id)


def window(task: str, *, since: date | None = None, until: date | None = None, ticker: str | None = None) -> Window:
    """The days that are asked for; without any, those until today. Raises ValueError where they are none."""
    last = until or timezone.now().date()
    return Window(since=since or last - LOOKED_BACK[task], until=last, ticker=ticker)
