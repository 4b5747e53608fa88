"""Whether fills are hedged, and each reason why not."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError

from config.monitoring import pages
from config.monitoring.health import HEDGING_STATIONS, Limits, What, reasons
from tests.support import factories as make

pytestmark = pytest.mark.django_db

# A Monday, while the market is open.
NOW = datetime(2026, 3, 2, 16, 0, 0, tzinfo=UTC)
LIMITS = Limits(checkpoint=timedelta(minutes=5), exposure=timedelta(minutes=5))


def ago(**span):
    return NOW - timedelta(**span)


def told(now=NOW):
    return [(reason.what, reason.text) for reason in reasons(LIMITS, now=now)]


@pytest.fixture(autouse=True)
def a_chain_is_named(monkeypatch):
    monkeypatch.setenv("ORDERBOOK_ADDRESS", "0xd2938e7c9fe3597f78832ce780feb61945c377d7")


@pytest.fixture
def conducting():
    """What a conductor that gets on leaves behind it."""
    make.checkpoint(updated_at=ago(seconds=2))
    for station in HEDGING_STATIONS:
        make.heartbeat(station=station, process="host:1:a", last_turn_at=ago(seconds=1))


def test_a_conductor_that_gets_on_hedges(conducting):
    assert told() == []


def test_a_fresh_installation_does_not():
    assert told() == [
        (What.CHECKPOINT, "no block of the chain was read yet"),
        (What.HEARTBEAT, "no conductor has given any station a turn"),
    ]


@pytest.mark.parametrize(
    ("row", "facts", "reason"),
    [
        (
            make.checkpoint,
            {"orderbook": "0xold", "updated_at": ago(seconds=301), "next_block": 18},
            (What.CHECKPOINT, "the chain was last read 301 s ago, up to block 17; expected 300 s at most"),
        ),
        (
            make.queued_log,
            {"created_at": ago(seconds=301)},
            (What.QUEUE, "a log has waited to be processed for 301 s"),
        ),
        (
            make.backlogged_event,
            {"happened_at": ago(seconds=301)},
            (What.BACKLOG, "the event store has not taken an event for 301 s"),
        ),
        (
            make.exposure,
            {"symbol": "AAPL", "since_at": ago(seconds=300)},
            (What.EXPOSURE, "AAPL has been past its threshold for 300 s"),
        ),
        (
            make.kill_switch,
            {"is_on": True, "scope": "global", "subject": ""},
            (What.KILL_SWITCH, "the kill switch (global) is on"),
        ),
        (
            make.broker_fact,
            {"broker": "alpaca", "kind": "account", "subject": "", "tries": 3, "not_before": NOW},
            (What.BROKER, "alpaca was asked for the account 3 times in vain"),
        ),
    ],
)
def test_each_reason_why_not(conducting, row, facts, reason):
    row(**facts)

    assert told() == [reason]


@pytest.mark.parametrize(
    ("row", "facts"),
    [
        (make.queued_log, {"created_at": ago(seconds=299)}),
        (make.queued_log, {"created_at": ago(days=3), "processed": True, "outcome": "fill"}),
        (make.backlogged_event, {"happened_at": ago(seconds=299)}),
        (make.exposure, {"since_at": ago(seconds=299)}),
        (make.kill_switch, {"is_on": False, "scope": "global", "subject": ""}),
        # One symbol that is left alone on purpose is not the installation.
        (make.kill_switch, {"is_on": True, "scope": "symbol", "subject": "AAPL"}),
        (make.broker_fact, {"kind": "account", "subject": "", "tries": 2, "not_before": NOW}),
        # Nobody has asked since: nothing waits to be hedged.
        (make.broker_fact, {"kind": "account", "subject": "", "tries": 9, "not_before": ago(minutes=6)}),
    ],
)
def test_what_is_no_reason(conducting, row, facts):
    row(**facts)

    assert told() == []


def test_exposure_waits_for_the_opening(conducting):
    make.exposure(symbol="AAPL", since_at=ago(hours=60))
    opens = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)

    def open_too_long(at):
        return [reason for reason in reasons(LIMITS, now=at) if reason.what is What.EXPOSURE]

    assert open_too_long(opens - timedelta(seconds=1)) == []
    assert open_too_long(opens + timedelta(seconds=299)) == []
    assert len(open_too_long(opens + timedelta(seconds=300))) == 1


def test_a_station_that_is_silent_or_missing_or_failing_is_named():
    make.checkpoint(updated_at=NOW)
    for station in HEDGING_STATIONS[2:]:
        make.heartbeat(station=station, process="host:1:a", last_turn_at=NOW, failures=0)
    make.heartbeat(station="watcher", process="host:1:a", last_turn_at=ago(seconds=61))
    make.heartbeat(station="hedger", process="host:2:b", last_turn_at=NOW, failures=10)

    assert told() == [
        (What.HEARTBEAT, "the watcher had its last turn 61 s ago"),
        (What.HEARTBEAT, "the processor had no turn"),
    ]


def test_a_station_that_fails_in_every_process_is_named(conducting):
    make.heartbeat(station="extra", process="host:1:a", last_turn_at=NOW, failures=50)
    type(make.heartbeat(station="other", process="x")).objects.filter(station="poller").update(failures=10)

    assert told() == [(What.HEARTBEAT, "the poller failed 10 times in a row")]


def test_a_broker_that_answered_none_of_the_last_calls_is_told_of(conducting):
    lost = {"source": "alpaca", "http_status_code": None, "error": "timed out", "response_payload": None}
    make.api_call(source="alpaca", sent_at=ago(seconds=40), ended_at=ago(seconds=39))
    make.api_call(**lost, sent_at=ago(seconds=30), ended_at=ago(seconds=25))
    make.api_call(**lost, sent_at=ago(seconds=20), ended_at=ago(seconds=15))
    assert told() == []

    make.api_call(source="alpaca", sent_at=ago(seconds=9), ended_at=ago(seconds=8), http_status_code=503)
    assert told() == [(What.BROKER, "the last 3 calls to alpaca were in vain")]

    # Long ago is no word about now.
    assert (What.BROKER, "the last 3 calls to alpaca were in vain") not in told(NOW + timedelta(minutes=6))


def test_live_asks_nothing_of_the_database(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = client.get("/health/live", headers={"X-Forwarded-For": "203.0.113.9"})

    assert (response.status_code, response.json()) == (200, {"live": True})


def test_ready_says_why_not(client):
    response = client.get("/health/ready")

    assert response.status_code == 503
    assert response.json()["ready"] is False
    assert [reason["what"] for reason in response.json()["reasons"]] == ["checkpoint", "heartbeat"]
    assert "no-store" in response["Cache-Control"]


def test_ready_says_so_where_all_goes_well(client, monkeypatch, conducting):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)

    response = client.get("/health/ready")

    assert (response.status_code, response.json()) == (200, {"ready": True, "reasons": []})


def test_a_database_that_is_away_is_a_reason_and_its_error_is_not_told(client, monkeypatch):
    def away(*_, **__):
        raise OperationalError("connection to db.internal failed for user hedge")

    monkeypatch.setattr(pages, "reasons", away)
    response = client.get("/health/ready")

    assert response.status_code == 503
    assert [reason["what"] for reason in response.json()["reasons"]] == ["database"]
    assert b"db.internal" not in response.content


@pytest.mark.parametrize("path", ["/health/ready", "/metrics"])
@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, None),
        ("::1", {}, None),
        ("203.0.113.9", {}, 403),
        ("", {}, 403),
        # A proxy on this machine has its address, and anyone may be behind it.
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, 403),
        ("127.0.0.1", {"Forwarded": "for=203.0.113.9"}, 403),
    ],
)
def test_without_a_token_only_this_machine_may_ask(client, path, address, headers, status):
    response = client.get(path, headers=headers, REMOTE_ADDR=address)

    assert (response.status_code in (200, 503)) if status is None else response.status_code == status


def test_behind_a_proxy_nobody_is_taken_for_this_machine(client, settings):
    settings.PROXIES = 1

    assert client.get("/metrics").status_code == 403


@pytest.mark.parametrize("path", ["/health/ready", "/metrics"])
def test_with_a_token_everyone_has_to_know_it(client, monkeypatch, path):
    monkeypatch.setenv("METRICS_TOKEN", "a-token-that-is-long")

    def asked(**headers):
        return client.get(path, headers=headers, REMOTE_ADDR="203.0.113.9").status_code

    assert client.get(path).status_code == 401
    assert asked(Authorization="Bearer another") == 401
    assert asked(Authorization="Basic a-token-that-is-long") == 401
    assert asked(Authorization="Bearer a-token-that-is-long") in (200, 503)


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
def test_nothing_is_posted_there(client, path):
    assert client.post(path).status_code == 405
