"""Ingesting: one run of one feed, from its first call to its records."""

from audit_trail.ingestion.models import DataIngestionRun
from audit_trail.ingestion.running import Clock, ingesting
from audit_trail.sources.quiver.feed import Feed
from audit_trail.sources.quiver.service import QuiverService
from audit_trail.sources.window import Window


def ingest(feed: Feed, service: QuiverService, window: Window, *, clock: Clock) -> DataIngestionRun:
    """Fetch what was disclosed in a window, and store it. Return the run, which is completed.

    Raises AlreadyRunning, SourceError, TooManyUnreadable, RunEnded; all but the first leave a failed run.
    """
    with ingesting(
        feed.task,
        feed.data_source,
        window=(window.since, window.until),
        narrowed_to=window.narrowed_to,
        clock=clock,
    ) as run:
        with service.calls_for(run) as calls:
            batch = feed.batch(calls, window, now=clock())
        run.keep(batch)
    done: DataIngestionRun = DataIngestionRun.objects.get(run_id=run.run_id)
    return done
