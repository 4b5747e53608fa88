"""What `status` shows first, and when it says that somebody has to do something."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from config.monitoring.health import HEDGING_STATIONS
from tests.support import decided
from tests.support import factories as make

pytestmark = pytest.mark.django_db

# A Monday, while the market is open.
NOW = datetime(2026, 3, 2, 16, 0, 0, tzinfo=UTC)


def ago(**span):
    return NOW - timedelta(**span)


@pytest.fixture(autouse=True)
def conducting(monkeypatch):
    """A conductor that gets on, at the time of the test."""
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    make.checkpoint(updated_at=ago(seconds=2), next_block=18)
    make.block(timestamp=ago(seconds=4))
    for station in HEDGING_STATIONS:
        make.heartbeat(station=station, process="host:1:a", last_turn_at=ago(seconds=1))


def status(*arguments):
    """Return what is printed, and the exit code."""
    out, code = StringIO(), 0
    try:
        call_command("status", *arguments, stdout=out)
    except SystemExit as ended:
        code = ended.code
    return out.getvalue(), code


def told():
    text, code = status("--json")
    return json.loads(text), code


def test_all_is_well_where_nothing_needs_an_operator():
    sections, code = told()

    assert code == 0
    assert sections["needs_an_operator"] == []
    installation = {row["what"]: row["value"] for row in sections["installation"]}
    assert (installation["read up to block"], installation["feed lag"]) == ("17", 4)
    assert {row["status"] for row in sections["stations"]} == {"at work"}


@pytest.mark.parametrize(
    ("row", "facts", "what"),
    [
        (make.notice, {"kind": "overfill", "subject": "order 7"}, ("notice overfill", "order 7")),
        (make.symbol_wait, {"symbol": "TSLA", "halted_at": ago(minutes=1)}, ("halted", "TSLA")),
        (make.exposure, {"symbol": "AAPL", "since_at": ago(minutes=6)}, ("not hedging", "exposure")),
        (make.kill_switch, {"is_on": True, "scope": "global", "subject": ""}, ("not hedging", "kill_switch")),
    ],
)
def test_what_needs_an_operator_ends_it_with_1(row, facts, what):
    row(**facts)
    sections, code = told()

    assert code == 1
    assert [(row["what"], row["subject"]) for row in sections["needs_an_operator"]] == [what]


def test_an_order_that_nobody_knows_of_needs_an_operator():
    order = make.open_order(detailed_status="unknown", placed_at=ago(minutes=2))
    sections, code = told()

    assert code == 1
    assert [(r["what"], r["subject"]) for r in sections["needs_an_operator"]] == [
        ("unknown order", f"order {order.pk}")
    ]
    assert [row["order"] for row in sections["orders_under_way"]] == [order.pk]


def test_a_halted_symbol_with_its_notice_is_told_once():
    make.symbol_wait(symbol="TSLA", halted_at=ago(minutes=1))
    make.notice(kind="symbol_halted", subject="TSLA")

    assert [row["what"] for row in told()[0]["needs_an_operator"]] == ["notice symbol_halted"]


def test_what_is_exposed_under_way_waiting_and_decided_is_told():
    make.position(symbol="AAPL")
    make.position(symbol="GME", net_position=0)
    make.exposure(symbol="AAPL", since_at=ago(seconds=20))
    make.queued_log(created_at=ago(seconds=9))
    decided.decision(decided_at=ago(minutes=3), known_at=ago(minutes=4))
    # Before the market's midnight.
    decided.decision(decided_at=ago(hours=12), known_at=ago(hours=13))

    sections, code = told()

    assert code == 0
    assert [(row["symbol"], row["exposed_age_seconds"]) for row in sections["exposure"]] == [("AAPL", 20)]
    assert {row["queue"]: (row["waiting"], row["oldest_age_seconds"]) for row in sections["queues"]}["logs"] == (1, 9)
    assert sections["decisions_today"] == [{"status": "failed", "decisions": 1}]


def test_without_a_terminal_sections_are_plain_columns_under_their_titles():
    make.notice(kind="overfill", subject="order 7")
    text, _ = status()

    assert text.startswith("Needs an operator\nwhat\tsubject\tsince_at\tsince_age\ttext\nnotice overfill\torder 7\t")
    assert "\x1b" not in text
    assert "\n\nQueues\nqueue\twaiting\t" in text


class Terminal(StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_sections_are_tables():
    out = Terminal()
    call_command("status", "--no-color", stdout=out)

    text = out.getvalue()
    assert "│ watcher" in text
    assert "(1 s ago)" in text
