"""Sources, put together from the environment: public records with every call on record."""

import os
from datetime import date, timedelta

from django.utils import timezone

from audit_trail.ingestion.models import DataIngestionRun
from audit_trail.ingestion.running import AlreadyRunning, OpenRun
from audit_trail.payloads.recorder import PayloadRecorder
from audit_trail.payloads.redaction import Redaction
from audit_trail.sources.quiver.feeds import FEEDS
from audit_trail.sources.quiver.ingesting import ingest
from audit_trail.sources.quiver.service import QuiverService
from audit_trail.sources.window import Window
from config.logs import secret_texts
from config.source_environment import QUIVER_API_TOKEN, QuiverSettings, quiver_settings
from trading.brokers.recording import Recorder

LOOKED_BACK = timedelta(days=100)
"""A member of Congress has 45 days for a report, and some are late; no strategy looks further back than 90."""


def told(run: DataIngestionRun) -> str:
    """Say in a line what came of a run."""
    return (
        f"{run.task_name}: {run.records_fetched} records of {run.data_date_start} to {run.data_date_end}: "
        f"{run.records_created} new, {run.records_updated} changed, {run.records_skipped} as before, "
        f"{run.records_parked} not read (run {run.run_id})"
    )


def ingest_on_schedule(task: str) -> str:
    """Fetch, where there is a subscription; who only hedges has none. A failure is a notice already, and is raised."""
    if not os.environ.get(QUIVER_API_TOKEN.name, "").strip():
        return f"{QUIVER_API_TOKEN.name} is not set: nothing was fetched"
    try:
        return told(ingest_from_quiver(task, window()))
    except AlreadyRunning as error:
        return str(error)


def make_quiver(settings: QuiverSettings) -> QuiverService:
    """Put the service together; each run's calls are recorded as that run's."""

    def recorder_of(run: OpenRun) -> Recorder:
        return PayloadRecorder(Redaction(secret_texts(os.environ)), run=run.run_id)

    return QuiverService(token=settings.token, recorder_of=recorder_of, clock=timezone.now, base_url=settings.base_url)


def window(*, since: date | None = None, until: date | None = None, ticker: str | None = None) -> Window:
    """The days that are asked for; without any, those until today. Raises ValueError where they are none."""
    last = until or timezone.now().date()
    return Window(since=since or last - LOOKED_BACK, until=last, ticker=ticker)


def ingest_from_quiver(task: str, asked: Window) -> DataIngestionRun:
    """Fetch a kind of record once. Raises SettingError, and what `ingest` raises."""
    return ingest(FEEDS[task], make_quiver(quiver_settings()), asked, clock=timezone.now)
