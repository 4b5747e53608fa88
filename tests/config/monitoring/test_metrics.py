"""What Prometheus is told: every figure of the list and no other, at a cost that does not grow."""

from datetime import timedelta

import pytest
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from config.monitoring import queues
from config.monitoring.collector import families, registry
from config.monitoring.health import Limits
from config.monitoring.metrics import METRICS, PREFIX, Durations, Sample
from config.read_side import LEGACY_TABLES, VIEWS, read_side
from tests.architecture.source import PROJECT
from tests.support import decided
from tests.support import factories as make
from tests.trading.ledger.history import History
from trading.ledger.book import Ledger
from trading.ledger.mode import Mode

pytestmark = pytest.mark.django_db

LIMITS = Limits(checkpoint=timedelta(minutes=5), exposure=timedelta(minutes=5))


def scrape(client, **headers):
    response = client.get("/metrics", headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def values(client):
    """Every sample that is told, by its name without the prefix, and its labels."""
    return {
        (sample.name.removeprefix(PREFIX), *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(scrape(client))
        for sample in family.samples
    }


def ago(**span):
    return timezone.now() - timedelta(**span)


def test_every_metric_of_the_list_is_told_and_no_other(client):
    one_of_each()

    found = {family.name for family in text_string_to_metric_families(scrape(client)) if family.samples}

    assert found - {PREFIX + "stage_seconds_gcount", PREFIX + "stage_seconds_gsum"} == {
        PREFIX + m.name for m in METRICS
    }


def one_of_each():
    make.block(timestamp=ago(seconds=3))
    make.checkpoint(updated_at=ago(seconds=2))
    make.heartbeat(last_turn_at=ago(seconds=1))
    make.exposure(symbol="AAPL", since_at=ago(seconds=40))
    make.denial(rule="price_collar")
    make.notice(kind="overfill")
    make.table_sample(table="events", rows=7, bytes=8192, sampled_at=ago(minutes=20))


def test_figures_are_those_of_the_rows(client):
    one_of_each()
    make.queued_log(created_at=ago(seconds=90))
    make.queued_log(processed=True, outcome="fill")
    make.open_order(placed_at=ago(seconds=5))
    make.backlogged_event()
    make.notice(kind="ledger_difference")
    make.notice(kind="overfill", subject="other")
    make.notice(kind="overfill", subject="over", closed_at=ago(days=1))
    make.symbol_wait(symbol="TSLA", halted_at=ago(minutes=1))
    make.kill_switch(is_on=True, scope="global", subject="")
    decided.decision(
        decided_at=ago(minutes=3),
        known_at=ago(minutes=4),
        status="pending",
        failed_at=None,
        failure_kind=None,
        reason=None,
    )

    told = values(client)

    assert 3 <= told["feed_lag_seconds",] < 30
    assert 90 <= told["queue_oldest_seconds", ("queue", "logs")] < 120
    assert 40 <= told["exposure_age_seconds", ("symbol", "AAPL")] < 70
    expected = {
        ("queue_depth", ("queue", "logs")): 1,
        ("queue_depth", ("queue", "backlog")): 1,
        ("queue_depth", ("queue", "decisions")): 1,
        ("queue_depth", ("queue", "requests")): 0,
        ("queue_oldest_seconds", ("queue", "requests")): 0,
        ("denials_standing", ("rule", "price_collar")): 1,
        ("notices_open", ("kind", "overfill")): 2,
        ("ledger_differs",): 1,
        ("symbols_halted",): 1,
        ("kill_switches_on",): 1,
        ("decisions_last_day", ("status", "pending")): 1,
        ("decisions_last_day", ("status", "failed")): 0,
        ("table_bytes", ("table", "events")): 8192,
        ("table_rows", ("table", "events")): 7,
        ("ready",): 0,
        ("not_ready", ("reason", "kill_switch")): 1,
        ("not_ready", ("reason", "exposure")): told["not_ready", ("reason", "exposure")],
    }
    assert {name: told[name] for name in expected} == expected


@pytest.mark.parametrize("mode", Mode)
def test_orders_are_those_of_the_memory_that_is_read(client, mode):
    make.ledger_mode(mode=mode)
    make.open_order(placed_at=ago(seconds=5))
    make.order_view(detailed_status="unknown", status="Pending", placed_at=ago(seconds=9), ended_at=None)

    told = values(client)

    expected = VIEWS if mode is Mode.EVENTS else LEGACY_TABLES
    assert read_side() is expected
    state = expected.orders.values_list("detailed_status", flat=True).get()
    assert told["orders_open", ("status", state)] == 1
    assert told["queue_depth", ("queue", "orders_at_broker")] + told["queue_depth", ("queue", "orders_to_send")] == 1


@pytest.mark.parametrize("side", [LEGACY_TABLES, VIEWS], ids=["legacy", "views"])
def test_stages_are_measured_from_block_to_end(side):
    history = History(3, Ledger(Mode.DUAL))
    history.run(90)
    newest = max(side.orders.values_list("placed_at", flat=True))

    told = text_of(now=newest + timedelta(minutes=1), mode=Mode.EVENTS if side is VIEWS else Mode.DUAL)

    counts = {name: value for name, value in told.items() if name.startswith("stage_seconds_bucket") and "+Inf" in name}
    assert len(counts) == 5
    assert all(value > 0 for value in counts.values()), counts


def text_of(*, now, mode):
    from trading.ledger.mode import LedgerMode

    LedgerMode.objects.update(mode=mode)
    return {
        f"{sample.name.removeprefix(PREFIX)}{sorted(sample.labels.values())}": sample.value
        for family in registry(LIMITS, now=now).collect()
        for sample in family.samples
    }


def test_a_histogram_counts_what_took_so_long_or_less():
    (family,) = [
        family
        for family in families([], [Durations("stage_seconds", ("placed_to_submitted",), [0.1, 0.11, 40.0, 9999.0])])
        if family.name == PREFIX + "stage_seconds"
    ]

    counts = {s.labels["le"]: s.value for s in family.samples if s.name.endswith("_bucket")}
    assert (counts["0.1"], counts["0.25"], counts["30"], counts["60"], counts["1800"], counts["+Inf"]) == (
        1,
        2,
        2,
        3,
        3,
        4,
    )
    assert {s.value for s in family.samples if s.name.endswith("_gsum")} == {0.1 + 0.11 + 40.0 + 9999.0}


def test_a_figure_that_the_list_lacks_is_refused():
    with pytest.raises(KeyError, match="made_up"):
        list(families([Sample("made_up", 1)], []))


def test_a_scrape_asks_as_much_of_long_tables_as_of_short_ones(client, django_assert_max_num_queries):
    for _ in range(30):
        make.queued_log()
        make.notice(subject=str(make.number()))
        make.order()
        make.onchain_trade()
    with django_assert_max_num_queries(75):
        scrape(client)


def test_a_long_queue_is_counted_up_to_a_bound(client, monkeypatch):
    monkeypatch.setattr(queues, "COUNTED_AT_MOST", 3)
    for _ in range(5):
        make.queued_log()

    assert values(client)["queue_depth", ("queue", "logs")] == 3


def test_prometheus_may_ask_for_the_newer_format(client):
    text = scrape(client, Accept="application/openmetrics-text; version=1.0.0")

    assert text.endswith("# EOF\n")
    assert "# TYPE hedgetrail_stage_seconds gaugehistogram" in text


def test_the_documents_show_the_list():
    document = (PROJECT / "docs" / "operations.md").read_text()

    for metric in METRICS:
        labels = "{" + ", ".join(metric.labels) + "}" if metric.labels else ""
        assert f"| `{PREFIX}{metric.name}{labels}` | {metric.help} |" in document
