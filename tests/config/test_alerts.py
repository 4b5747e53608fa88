"""Alerts as they are set, scheduled and asked for: the environment, the commands, and what no log and no row tells."""

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from werkzeug import Response

from audit_trail.alerts.models import AlertDelivery
from audit_trail.alerts.sending import Manner, send_due
from config.alert_environment import alert_settings, urls_in
from config.alerts import evaluate_rules, last_due, send_on_schedule, watched_tasks
from config.environment import SettingError
from config.logs import Redactor
from tests.architecture.source import PROJECT
from tests.support.commands import run
from tests.support.logins import every_cell
from trading.notices.models import close_notice, open_notice

TOKEN = "kEyKeYkEy123"


# The environment.


def test_without_channels_there_are_none_and_the_rest_has_defaults():
    settings = alert_settings({})

    assert (settings.channels, settings.quiet, settings.remind_every) == ((), None, timedelta(hours=12))


def test_channels_stand_apart_by_spaces_or_commas_and_one_may_be_for_what_is_critical():
    text = "jsons://a.example.com/x?to=p,q,critical=jsons://b.example.com/x\n jsons://c.example.com/x"
    assert urls_in(text) == [
        "jsons://a.example.com/x?to=p,q",
        "critical=jsons://b.example.com/x",
        "jsons://c.example.com/x",
    ]

    settings = alert_settings({"ALERT_URLS": text, "ALERT_QUIET_HOURS": "22:00-07:00 Europe/Berlin"})

    assert [channel.only_critical for channel in settings.channels] == [False, True, False]
    assert str(settings.quiet) == "22:00-07:00 Europe/Berlin"


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("ALERT_URLS", f"jsons://a.example.com/x json://b.example.com/{TOKEN}", "address 2 can't be used: it sends in"),
        ("ALERT_URLS", f"nope://{TOKEN}", "address 1 can't be used: apprise knows no such scheme"),
        ("ALERT_URLS", "jsons://a.example.com/x jsons://a.example.com/x", "address 2 stands there twice"),
        ("ALERT_QUIET_HOURS", "22-7", "expected two times of the wall clock"),
        ("ALERT_QUIET_HOURS", "22:00-22:00 UTC", "they begin when they end"),
        ("ALERT_QUIET_HOURS", "22:00-25:00 UTC", "expected two times"),
        ("ALERT_QUIET_HOURS", "22:00-07:00 New/York", "there is no time zone 'New/York'"),
        ("ALERT_QUIET_HOURS", "22:00-07:00 ../etc/passwd", "expected two times"),
        ("ALERT_REMIND_HOURS", "-1", "whole hours"),
        ("ALERT_REMIND_HOURS", "721", "whole hours"),
    ],
)
def test_what_can_not_be_used_is_said_without_the_address(name, value, why):
    with pytest.raises(SettingError, match=re.escape(why)) as error:
        alert_settings({name: value})

    assert TOKEN not in str(error.value)
    assert error.value.__cause__ is None


def test_no_log_tells_of_an_address():
    hidden = Redactor(
        {"ALERT_URLS": f"critical=tgram://123456789:ABCdefghijkl/-1001234567 jsons://me@example.com/{TOKEN}"}
    )

    told = hidden.text(f"POST /bot123456789:ABCdefghijkl/ to -1001234567, then jsons://example.com/{TOKEN}")
    assert told == "POST /bot***:***/ to ***, then jsons://***/***"


# When something is overdue.


@pytest.mark.parametrize(
    ("before", "due"),
    [
        ("2026-03-03 12:59", "2026-03-02 13:00"),
        ("2026-03-03 13:00", "2026-03-03 13:00"),
        # Over a weekend, and over Good Friday: the schedule runs then, and nobody misses it.
        ("2026-03-08 20:00", "2026-03-06 13:00"),
        ("2026-04-04 12:00", "2026-04-02 13:00"),
    ],
)
def test_when_records_should_have_been_fetched(before, due):
    utc = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (before, due)]
    assert last_due("0 13 * * 1-5", utc[0]) == utc[1]


def test_only_who_has_a_subscription_misses_records(monkeypatch):
    assert watched_tasks() == []

    monkeypatch.setenv("QUIVER_API_TOKEN", TOKEN)
    assert [one.task for one in watched_tasks()] == ["congress", "insider"]
    monkeypatch.setenv("ALPACA_API_KEY", TOKEN)
    assert [one.task for one in watched_tasks()] == ["congress", "insider", "bars"]


# Commands and schedules.


@pytest.fixture
def hook(httpserver, monkeypatch):
    """A webhook, whose messages are in its log."""
    httpserver.expect_request(f"/hooks/{TOKEN}").respond_with_json({})
    monkeypatch.setenv("ALERT_URLS", url_of(httpserver))
    return httpserver


def url_of(server):
    return f"json://me:hunter22@{server.host}:{server.port}/hooks/{TOKEN}"


def told(server):
    return [request.json["title"].removeprefix("Hedgetrail: ") for request, _ in server.log]


@pytest.mark.django_db
def test_schedules_evaluate_and_tell_and_do_nothing_where_nothing_is_set(monkeypatch):
    monkeypatch.setenv("QUIVER_API_TOKEN", TOKEN)

    assert evaluate_rules() == "ingestion_overdue congress; ingestion_overdue insider"
    assert send_on_schedule() == "ALERT_URLS is not set: nothing is sent"
    monkeypatch.delenv("QUIVER_API_TOKEN")
    assert evaluate_rules() == "nothing to tell"


@pytest.mark.django_db
def test_a_round_tells_and_the_list_says_what_is_open(hook):
    open_notice("symbol_halted", "AAPL", "Five rejections in a row.", at=timezone.now())

    assert run("send_alerts", "--once") == "1 sent, 0 not delivered\n"
    assert send_on_schedule() == "0 sent, 0 not delivered"
    assert told(hook) == ["critical: symbol_halted AAPL"]

    shown, as_json = run("alerts"), json.loads(run("alerts", "--json"))
    assert shown.splitlines()[0] == "severity\tkind\tsubject\tsince\ttold on\ttext"
    assert "critical\tsymbol_halted\tAAPL\t" in shown
    assert shown.splitlines()[-1] == "nothing waits to be told"
    assert [(one["subject"], one["told_on"]) for one in as_json["open"]] == [("AAPL", 1)]
    assert as_json["undelivered"] == []
    with pytest.raises(SystemExit, match="1"):
        run("alerts", "--check")

    close_notice("symbol_halted", "AAPL", at=timezone.now())
    assert run("alerts", "--check") == "nothing is open\nnothing waits to be told\n"


@pytest.mark.django_db
def test_a_hook_that_is_down_ends_the_round_with_1_and_no_row_and_no_log_tells_of_it(hook, caplog):
    hook.clear()
    hook.expect_request(f"/hooks/{TOKEN}").respond_with_response(Response(f"no {TOKEN}", status=500))
    open_notice("symbol_halted", "AAPL", "Five rejections in a row.", at=timezone.now())

    with caplog.at_level(logging.DEBUG), pytest.raises(SystemExit, match="1"):
        run("send_alerts", "--once")

    row = AlertDelivery.objects.get()
    assert (row.state, row.attempts) == ("pending", 1)
    assert "error=500" in row.last_error
    assert row.channel_id.startswith("json-")
    assert "error=500" in run("alerts")
    secrets = (TOKEN, "hunter22", url_of(hook))
    assert [cell for cell in every_cell() if any(secret in cell for secret in secrets)] == []
    ours = [record.getMessage() for record in caplog.records if record.name.split(".")[0] in ("audit_trail", "config")]
    assert ours
    assert [line for line in ours if any(secret in line for secret in secrets)] == []


@pytest.mark.django_db
def test_a_test_message_says_which_channel_did_not_take_it(hook, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        nobody = listening.getsockname()[1]
    monkeypatch.setenv("ALERT_URLS", f"{url_of(hook)} critical=json://127.0.0.1:{nobody}/x")
    out = []
    with pytest.raises(SystemExit, match="1"):
        run_into(out, "alert_test")

    lines = "".join(out).splitlines()
    assert re.fullmatch(r"1\. json-[0-9a-f]{8}: taken", lines[0])
    assert re.match(r"2\. json-[0-9a-f]{8} \(critical alerts only\): not delivered: A Connection error", lines[1])
    assert lines[2] == "1 of 2 channels did not take the message"
    assert told(hook) == ["test"]


@pytest.mark.django_db
@pytest.mark.parametrize("command", [("send_alerts", "--once"), ("alert_test",)])
def test_without_a_channel_a_command_says_what_to_set(command, monkeypatch):
    monkeypatch.delenv("ALERT_URLS", raising=False)

    with pytest.raises(SettingError, match=r"^ALERT_URLS is not set\. Expected addresses"):
        run(*command)


def run_into(out, *arguments):
    from io import StringIO

    from django.core.management import call_command

    written = StringIO()
    try:
        call_command(*arguments, stdout=written, stderr=written)
    finally:
        out.append(written.getvalue())


# Crashes.


def test_who_is_killed_between_sending_and_noting_it_sends_it_again_under_the_same_number(httpserver, database_url):
    open_notice("symbol_halted", "AAPL", "Five rejections in a row.", at=timezone.now())
    processes = []

    def killing(request):
        os.kill(processes[0].pid, signal.SIGKILL)
        return Response("{}")

    httpserver.expect_oneshot_request(f"/hooks/{TOKEN}").respond_with_handler(killing)
    processes.append(child("send_alerts", "--once", url=url_of(httpserver), database=database_url))
    processes[0].communicate(timeout=60)
    assert processes[0].returncode == -signal.SIGKILL
    row = AlertDelivery.objects.get()
    assert (row.state, row.attempts, row.held_by is None) == ("pending", 1, False)

    httpserver.expect_request(f"/hooks/{TOKEN}").respond_with_json({})
    settings = alert_settings({"ALERT_URLS": url_of(httpserver)})
    for minutes in (1, 3, 4):
        send_due(settings.channels, Manner(), clock=lambda: timezone.now() + timedelta(minutes=minutes))  # noqa: B023

    numbers = [re.search(r"\[\w+-[0-9]+\]", request.json["message"])[0] for request, _ in httpserver.log]
    assert len(numbers) == 2
    assert len(set(numbers)) == 1
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("sent", 2)


def test_the_loop_ends_when_it_is_told_to(httpserver, database_url):
    httpserver.expect_request(f"/hooks/{TOKEN}").respond_with_json({})
    open_notice("symbol_halted", "AAPL", "Five rejections in a row.", at=timezone.now())
    process = child("send_alerts", url=url_of(httpserver), database=database_url)
    try:
        assert process.stdout.readline() == "1 sent, 0 not delivered\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()


def child(*arguments, url, database):
    return subprocess.Popen(
        [sys.executable, "-u", "manage.py", *arguments],
        cwd=PROJECT,
        env=os.environ | {"ALERT_URLS": url, "DATABASE_URL": database},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
