"""Findings: what an operator must know of runs, as notices that stay open until a later run mends them."""

from audit_trail.ingestion.models import DataIngestionRun
from trading.notices.models import close_notice, open_notice

FAILED = "ingestion_failed"
NOTHING = "nothing_ingested"
PARKED = "rows_parked"


def of_completed(run: DataIngestionRun) -> None:
    """Tell of a run that is completed. What was asked of a part of the source says nothing of the whole."""
    at = run.completed_at
    if at is None or run.narrowed_to is not None:
        return
    task = run.task_name
    close_notice(FAILED, task, at=at)
    if run.found_nothing:
        open_notice(
            NOTHING,
            task,
            f"{run.data_source} answered, and told no record {_days(run)}. Expected some: look at the calls of run "
            f"{run.run_id} before anything is decided on",
            at=at,
        )
    else:
        close_notice(NOTHING, task, at=at)
    if run.records_parked:
        open_notice(
            PARKED,
            task,
            f"{run.records_parked} of {run.records_fetched} rows of {run.data_source} could not be read by run "
            f"{run.run_id}. Each is kept with its reason under parked rows",
            at=at,
        )
    else:
        close_notice(PARKED, task, at=at)


def of_failed(run: DataIngestionRun) -> None:
    """Tell of a run that failed."""
    at = run.failed_at
    if at is None or run.narrowed_to is not None:
        return
    open_notice(
        FAILED,
        run.task_name,
        f"run {run.run_id} of {run.data_source} failed, and nothing of it was stored: {run.error_message}",
        at=at,
    )


def _days(run: DataIngestionRun) -> str:
    return "at all" if run.window is None else f"of {run.window[0]} to {run.window[1]}"
