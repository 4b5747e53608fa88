"""The dashboard for Prometheus asks for figures that are told, by labels that they have."""

import json
import re

from config.monitoring.metrics import METRICS, PREFIX
from tests.architecture.source import PROJECT

DASHBOARD = json.loads((PROJECT / "docs" / "grafana" / "prometheus" / "metrics.json").read_text())
TARGETS = [(panel["title"], target) for panel in DASHBOARD["panels"] for target in panel["targets"]]
TOLD = {PREFIX + metric.name: metric for metric in METRICS}


def metric_of(target):
    (name,) = re.findall(rf"{PREFIX}[a-z_]+", target["expr"])
    metric = TOLD.get(name) or TOLD[name.removesuffix("_bucket")]
    assert metric.is_histogram == name.endswith("_bucket")
    return metric


def test_every_query_is_of_a_figure_that_is_told():
    assert TARGETS
    for title, target in TARGETS:
        metric = metric_of(target)
        shown = re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
        assert set(shown) <= set(metric.labels), title


def test_what_tells_of_hedging_is_drawn():
    drawn = {metric_of(target).name for _, target in TARGETS}
    left_out = {"checkpoint_block", "table_rows", "table_sample_age_seconds", "scrape_seconds"}

    assert {metric.name for metric in METRICS} - drawn == left_out


def test_the_dashboard_names_no_installation():
    used = {json.dumps(place["datasource"]) for panel in DASHBOARD["panels"] for place in (panel, *panel["targets"])}

    assert used == {'{"type": "prometheus", "uid": "${datasource}"}'}
    assert (DASHBOARD["uid"], DASHBOARD["timezone"]) == ("hedgetrail-metrics", "utc")
