"""Collector: what prometheus-client asks for the figures. It keeps nothing, so every process tells the same."""

import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db import transaction
from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector, CollectorRegistry

from config.monitoring.durations import durations
from config.monitoring.figures import figures
from config.monitoring.health import Limits, What, reasons
from config.monitoring.metrics import BUCKETS, METRICS, PREFIX, Durations, Sample
from config.read_side import read_side
from trading.ledger.backlog import short_timeouts


class RowsCollector(Collector):
    """Reads the rows at each scrape."""

    def __init__(self, limits: Limits, *, now: datetime) -> None:
        self._limits, self._now = limits, now

    def collect(self) -> Iterator[Family]:
        begun = time.perf_counter()
        # One look, so that the figures fit together, and no statement of it may take for ever.
        with transaction.atomic(), short_timeouts():
            side = read_side()
            samples = [*self._ready(), *figures(side, now=self._now)]
            took = durations(side, now=self._now)
        samples.append(Sample("scrape_seconds", time.perf_counter() - begun))
        return families(samples, took)

    def _ready(self) -> Iterator[Sample]:
        met = {reason.what for reason in reasons(self._limits, now=self._now)}
        yield Sample("ready", int(not met))
        yield from (Sample("not_ready", int(what in met), (what.value,)) for what in What)


def registry(limits: Limits, *, now: datetime) -> CollectorRegistry:
    """Make a registry of the figures as of now."""
    made = CollectorRegistry(auto_describe=False)
    made.register(RowsCollector(limits, now=now))
    return made


def families(samples: Iterable[Sample], took: Iterable[Durations]) -> Iterator[Family]:
    """Lay samples out as the list of metrics has them; one that the list lacks is an error of ours."""
    gauges = {
        m.name: GaugeMetricFamily(PREFIX + m.name, m.help, labels=m.labels) for m in METRICS if not m.is_histogram
    }
    histograms = {
        m.name: GaugeHistogramMetricFamily(PREFIX + m.name, m.help, labels=m.labels) for m in METRICS if m.is_histogram
    }
    for sample in samples:
        gauges[sample.metric].add_metric(sample.labels, sample.value)
    for each in took:
        histograms[each.metric].add_metric(each.labels, _buckets(each.seconds), gsum_value=sum(each.seconds))
    yield from gauges.values()
    yield from histograms.values()


def _buckets(seconds: list[float]) -> list[tuple[str, float]]:
    """How many took so long or less, for each bound."""
    bounds = [float(bound) for bound in BUCKETS]
    counts = [0] * (len(bounds) + 1)
    for each in seconds:
        counts[bisect_left(bounds, each)] += 1
    return [(bound, sum(counts[: place + 1])) for place, bound in enumerate((*BUCKETS, "+Inf"))]
