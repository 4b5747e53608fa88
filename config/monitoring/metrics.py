"""Metrics: the one list of what Prometheus is told, each with what it means. The documents show this list."""

from datetime import timedelta
from typing import NamedTuple

COUNTED_AT_MOST = 20_000
"""No queue or day is counted further, so that a scrape costs the same however long the tables are."""

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)

BUCKETS = ("0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30", "60", "300", "1800")
"""Upper bounds of the stages' histograms, in seconds."""


class Metric(NamedTuple):
    """A figure, by its name without the prefix."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    is_histogram: bool = False


class Sample(NamedTuple):
    """A value of a metric, with the labels in the metric's order."""

    metric: str
    value: float
    labels: tuple[str, ...] = ()


class Durations(NamedTuple):
    """What a stage took lately, in seconds."""

    metric: str
    labels: tuple[str, ...]
    seconds: list[float]


PREFIX = "hedgetrail_"

METRICS = (
    Metric("ready", "1 where fills are hedged, or days decided, as /health/ready says"),
    Metric("not_ready", "1 for each kind of reason why they are not", ("reason",)),
    Metric("feed_lag_seconds", "how old the newest block is that was read"),
    Metric("checkpoint_age_seconds", "how long ago the chain was read further", ("orderbook",)),
    Metric("checkpoint_block", "the last block that was read", ("orderbook",)),
    Metric("queue_depth", "what waits in a queue; it is counted up to 20000", ("queue",)),
    Metric("queue_oldest_seconds", "how long the oldest has waited; 0 where nothing waits", ("queue",)),
    Metric(
        "stage_seconds",
        "what a stage took, of the newest 1000 fills and orders of the last hour",
        ("stage",),
        is_histogram=True,
    ),
    Metric("orders_open", "hedge orders that have not ended, by status", ("status",)),
    Metric("orders_ended_last_day", "hedge orders that ended in the last 24 hours, by outcome", ("status",)),
    Metric("denials_standing", "orders that the risk gate does not let through, by rule", ("rule",)),
    Metric("decisions_last_day", "decisions made in the last 24 hours, by status", ("status",)),
    Metric("executions_last_day", "attempts placed or denied in the last 24 hours, by outcome", ("status",)),
    Metric("exposure_age_seconds", "how long a symbol has been past its threshold", ("symbol",)),
    Metric("symbols_halted", "symbols in which nothing is placed until an operator resumes them"),
    Metric("kill_switches_on", "kill switches that are on"),
    Metric("notices_open", "what an operator has to look at, by kind", ("kind",)),
    Metric("ledger_differs", "1 while the memories do not say the same"),
    Metric("station_turn_age_seconds", "how long ago a station had a turn, in whichever process", ("station",)),
    Metric("station_failures", "how often it failed in a row, in the process that fails least", ("station",)),
    Metric("table_bytes", "how large a table is with its indexes, at the last sample", ("table",)),
    Metric("table_rows", "how many rows it has, estimated at the last sample", ("table",)),
    Metric("table_sample_age_seconds", "how old that sample is"),
    Metric("disk_free_bytes", "what is free of the disk that the database lies on"),
    Metric("scrape_seconds", "what it took to gather all of this"),
)
