"""What an operator must know is told once on each channel, whatever happens on the way; nothing is lost in silence."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection

from audit_trail.alerts import outbox
from audit_trail.alerts.models import AlertChannel, AlertDelivery
from audit_trail.alerts.planning import last_summed_up
from audit_trail.alerts.sending import Manner, Round, send_due
from tests.audit_trail.alerts.rounds import EVENING, MORNING, NIGHT, Desk, states
from tests.support import factories
from tests.support.alerted import Told
from trading.ledger.mode import Installation
from trading.notices.models import Notice

pytestmark = pytest.mark.django_db


@pytest.fixture(name="desk")
def _desk():
    return Desk()


# Once.


def test_a_notice_is_told_once(desk):
    desk.opened()
    for _ in range(3):
        desk.opened()
        desk.passes(minutes=1)

    assert desk.titles == ["critical: symbol_halted AAPL"]
    assert "Five rejections in a row." in desk.told.messages[0][1]


def test_each_channel_is_told():
    desk = Desk(Told("json-aaaaaaaa"), Told("json-bbbbbbbb"))
    desk.opened()

    assert desk.round() == Round(sent=2, failed=0)
    assert [len(channel.messages) for channel in desk.channels] == [1, 1]


def test_a_channel_for_what_is_critical_hears_nothing_else():
    desk = Desk(Told(only_critical=True))
    desk.opened("ingestion_failed", "congress")
    desk.opened()
    desk.passes(hours=7)  # After the close.

    assert desk.titles == ["critical: symbol_halted AAPL"]


def test_who_was_told_that_it_is_open_is_told_that_it_is_over(desk):
    desk.opened()
    desk.round()
    desk.closed()
    desk.passes(minutes=1)
    desk.passes(minutes=1)

    assert desk.titles == ["critical: symbol_halted AAPL", "over: symbol_halted AAPL"]


def test_a_warning_that_is_over_before_it_was_told_is_not_told(desk):
    desk.round()
    desk.opened("ingestion_failed", "congress")
    desk.closed("ingestion_failed", "congress")
    desk.passes(minutes=1)

    assert desk.titles == []
    assert states() == [("opened", "skipped")]


def test_that_money_was_at_risk_is_told_even_when_it_is_over_and_only_once(desk):
    desk.round()
    desk.opened()
    desk.at += timedelta(seconds=20)
    desk.closed()
    for _ in range(3):
        desk.passes(minutes=1)

    assert desk.titles == ["over: symbol_halted AAPL"]


def test_a_new_channel_is_told_of_what_is_open_and_of_nothing_older(desk):
    factories.notice(kind="symbol_halted", subject="OLD", closed_at=MORNING, opened_at=MORNING - timedelta(days=1))
    factories.notice(kind="symbol_halted", subject="STILL", opened_at=MORNING - timedelta(days=1))

    desk.round()

    assert desk.titles == ["critical: symbol_halted STILL"]


def test_what_comes_and_goes_is_held_back(desk):
    for _ in range(10):
        desk.opened("ingestion_failed", "congress")
        desk.passes(minutes=1)
        desk.closed("ingestion_failed", "congress")
        desk.passes(minutes=1)
    assert desk.titles == ["warning: ingestion_failed congress", "over: ingestion_failed congress"] * 2

    # What stays is told in the end.
    desk.opened("ingestion_failed", "congress")
    desk.passes(minutes=1)
    assert len(desk.titles) == 4
    desk.passes(minutes=15)
    assert desk.titles[4:] == ["warning: ingestion_failed congress"]


def test_what_stays_open_is_told_again_and_a_record_is_not(desk):
    desk.opened()
    desk.opened("late_fill", "order 7")
    for _ in range(25):
        desk.passes(hours=1)

    alerts = [title for title in desk.titles if "2026" not in title]
    assert alerts == ["2 alerts, 1 critical", *["still open, critical: symbol_halted AAPL"] * 2]


def test_reminders_can_be_done_without(desk):
    desk.manner = Manner(remind_every=None)
    desk.opened()
    for _ in range(3):
        desk.passes(days=1)

    assert len([title for title in desk.titles if "halted" in title]) == 1


# Several at once.


def test_many_alerts_come_in_one_message_a_line_each_with_what_is_critical_first(desk):
    desk.opened("ingestion_failed", "congress")
    for n in range(7):
        desk.opened(subject=f"S{n}")

    desk.round()

    (message,) = desk.told.messages
    assert message[0] == "Hedgetrail: 8 alerts, 7 critical"
    lines = message[1].splitlines()
    assert len(lines) == 8
    assert lines[0].startswith("critical: symbol_halted S0: Five rejections in a row. [")
    assert lines[-1].startswith("warning: ingestion_failed congress")


def test_a_storm_goes_out_in_a_few_messages_a_round_and_nothing_of_it_is_lost():
    desk = Desk(Told(longest_body=300))
    for n in range(40):
        desk.opened(subject=f"S{n}")

    desk.round()
    assert len(desk.told.messages) == 3
    for _ in range(10):
        desk.passes(minutes=1)

    body = "\n".join(body for _, body in desk.told.messages)
    assert sorted(re.findall(r"symbol_halted (S[0-9]+)", body)) == sorted(f"S{n}" for n in range(40))
    assert all(len(body) <= 300 for _, body in desk.told.messages)
    assert set(states()) == {("opened", "sent")}
    assert set(AlertDelivery.objects.values_list("attempts", flat=True)) == {1}


# Down, and up again.


def test_a_channel_that_is_down_is_asked_less_and_less_and_hears_all_when_it_is_up(desk):
    desk.told.down = "error=503"
    desk.opened()
    failed = [desk.passes(seconds=30).failed for _ in range(20)]
    assert [n for n, one in enumerate(failed) if one] == [0, 1, 3, 7, 15]

    desk.opened(subject="MSFT")
    desk.told.down = ""
    desk.passes(seconds=30)
    desk.passes(seconds=30)

    assert sorted(desk.titles) == [
        "critical: symbol_halted AAPL",
        "critical: symbol_halted MSFT",
    ]
    assert AlertDelivery.objects.filter(last_error__isnull=False).count() == 0


def test_a_channel_that_fails_is_told_on_the_others_and_not_on_itself():
    lost, other = Told("json-aaaaaaaa"), Told("json-bbbbbbbb")
    desk = Desk(lost, other)
    lost.down = "error=503"
    desk.opened()
    for _ in range(10):
        desk.passes(minutes=5)
    lost.down = ""
    desk.passes(minutes=30)
    desk.passes(minutes=1)

    assert [title for title, _ in lost.messages] == ["Hedgetrail: critical: symbol_halted AAPL"]
    assert [title for title, _ in other.messages if "channel" in title] == [
        "Hedgetrail: critical: alert_channel_failing json-aaaaaaaa",
        "Hedgetrail: over: alert_channel_failing json-aaaaaaaa",
    ]
    assert "error=503" in str(other.messages)


def test_a_channel_that_fails_keeps_no_other_waiting():
    lost, other = Told("json-aaaaaaaa"), Told("json-bbbbbbbb")
    lost.down = "error=503"
    desk = Desk(lost, other)
    desk.opened()

    assert desk.round() == Round(sent=1, failed=1)


def test_what_is_given_up_is_said(desk, monkeypatch):
    monkeypatch.setattr(outbox, "MOST_ATTEMPTS", 3)
    desk.told.down = "error=410"
    desk.opened()
    for _ in range(6):
        desk.passes(minutes=10)

    row = AlertDelivery.objects.get(notice__kind="symbol_halted")
    assert (row.state, row.attempts, row.last_error) == ("failed", 3, "error=410")
    notice = Notice.objects.get(kind="alert_channel_failing")
    assert notice.closed_at is None
    assert "1 alerts were given up" in notice.text


def test_waits_double_up_to_half_an_hour_and_tries_last_for_a_day():
    waits = [outbox.wait_after(n) for n in range(1, outbox.MOST_ATTEMPTS)]

    assert [str(wait) for wait in waits[:8]] == [
        *("0:00:30", "0:01:00", "0:02:00", "0:04:00", "0:08:00", "0:16:00", "0:30:00", "0:30:00")
    ]
    assert sum(waits, timedelta()) > timedelta(days=1)


def test_what_waits_for_a_channel_that_is_not_there_any_more_is_given_up_after_a_day(desk):
    desk.told.down = "error=503"
    desk.opened()
    desk.round()
    desk.channels = [Told("json-other000")]
    desk.passes(hours=23)
    assert states(channel="json-0badcafe") == [("opened", "pending")]

    desk.passes(hours=2)
    assert states(channel="json-0badcafe") == [("opened", "failed")]


def test_what_another_process_sends_is_left_to_it(desk):
    desk.opened()
    desk.told.down = "error=503"
    desk.round()
    row = AlertDelivery.objects.get()
    AlertDelivery.objects.update(
        held_by="host:1:ab", held_until=desk.at + timedelta(minutes=2), next_attempt_at=desk.at
    )
    desk.told.down = ""

    assert desk.round() == Round(0, 0)
    # It died: two minutes later the rest of us take it.
    desk.passes(minutes=2)
    assert desk.titles == ["critical: symbol_halted AAPL"]
    assert f"[{Installation.objects.get().mark}-{row.pk}]" in desk.told.messages[0][1]


def test_who_comes_too_late_overwrites_nothing(desk):
    desk.opened()
    desk.told.down = "error=503"
    desk.round()
    row = AlertDelivery.objects.get()
    channel = AlertChannel.objects.get()
    mine = outbox.take(channel, at=desk.at + timedelta(minutes=1), quiet=False)
    theirs = outbox.take(channel, at=desk.at + timedelta(minutes=5), quiet=False)
    outbox.mark_sent(channel, theirs, over=[], at=desk.at + timedelta(minutes=5))
    outbox.mark_failed(channel, mine, "no answer", at=desk.at + timedelta(minutes=6))

    row.refresh_from_db()
    assert (row.state, row.last_error) == ("sent", None)


# Quiet hours.


def test_while_it_is_quiet_warnings_wait_and_what_is_critical_does_not():
    desk = Desk(manner=NIGHT, at=EVENING)
    desk.opened("ingestion_failed", "congress")
    desk.opened()
    desk.round()
    assert [title for title in desk.titles if "2026" not in title] == ["critical: symbol_halted AAPL"]

    desk.passes(hours=8, minutes=29)  # A minute to seven.
    assert len(desk.titles) == 1
    desk.passes(minutes=1)
    assert desk.titles[1:] == ["warning: ingestion_failed congress"]


def test_a_warning_that_ends_in_the_night_wakes_nobody_in_the_morning():
    desk = Desk(manner=NIGHT, at=EVENING)
    desk.opened("ingestion_failed", "congress")
    desk.round()
    desk.closed("ingestion_failed", "congress")
    desk.passes(hours=9)

    assert desk.titles == []


# The summary of a day.


@pytest.mark.parametrize(
    ("at", "day"),
    [
        # Half past four in New York, in winter and in summer.
        ("2026-03-02 21:29", date(2026, 2, 27)),
        ("2026-03-02 21:30", date(2026, 3, 2)),
        ("2026-07-06 20:30", date(2026, 7, 6)),
        # The day after Thanksgiving ends at one, and Thanksgiving is none.
        ("2026-11-26 23:00", date(2026, 11, 25)),
        ("2026-11-27 18:29", date(2026, 11, 25)),
        ("2026-11-27 18:30", date(2026, 11, 27)),
        # A weekend.
        ("2026-03-08 12:00", date(2026, 3, 6)),
    ],
)
def test_which_day_is_summed_up(at, day):
    assert last_summed_up(datetime.fromisoformat(at).replace(tzinfo=UTC)) == day


def test_each_trading_day_is_summed_up_once(desk):
    desk.round()
    for _ in range(7 * 24):
        desk.passes(hours=1)

    assert desk.titles == [f"2026-03-0{n}" for n in (2, 3, 4, 5, 6)]
    body = desk.told.messages[0][1]
    assert body.startswith(
        "Trading day 2026-03-02\nIngestion: 0 runs, 0 records, 0 new\nDecisions: none\nHedges: none\n"
    )
    assert "Open notices: none" in body


def test_a_channel_that_comes_after_the_close_waits_for_the_next_day():
    desk = Desk(at=datetime(2026, 3, 2, 22, tzinfo=UTC))
    desk.round()
    assert desk.titles == []


# Secrets, and the number of queries.


def test_what_is_told_passes_the_redactor(desk):
    desk.manner = Manner(redact=lambda text: text.replace("hunter22", "***"))
    desk.opened(text="the node says hunter22")
    desk.round()

    assert "hunter22" not in str(desk.told.messages)
    assert "the node says ***" in str(desk.told.messages)


def test_a_round_without_news_asks_little_and_no_more_for_more_notices(desk, django_assert_max_num_queries):
    for n in range(30):
        desk.opened(subject=f"S{n}")
    desk.round()
    desk.at += timedelta(minutes=1)

    with django_assert_max_num_queries(16):
        desk.round()


def test_a_round_that_tells_much_does_it_in_a_fixed_number_of_queries(desk, django_assert_max_num_queries):
    for n in range(40):
        desk.opened(subject=f"S{n}")

    with django_assert_max_num_queries(30):
        desk.round()
    assert len(states(state="sent")) == 40


# Side by side.


@pytest.mark.django_db(transaction=True)
def test_two_processes_at_once_tell_each_matter_once():
    for n in range(12):
        factories.notice(kind="symbol_halted", subject=f"S{n}", opened_at=MORNING)
    begin = threading.Barrier(4)
    channels = [Slow() for _ in range(4)]

    def work(channel):
        try:
            begin.wait()
            for _ in range(3):
                send_due([channel], Manner(), clock=lambda: MORNING)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, channels))

    body = "\n".join(body for channel in channels for _, body in channel.messages)
    assert sorted(re.findall(r"symbol_halted (S[0-9]+)", body)) == sorted(f"S{n}" for n in range(12))
    assert set(states()) == {("opened", "sent")}


class Slow(Told):
    """Takes its time, so that another process comes meanwhile."""

    def send(self, title, body, *, is_critical=False):
        time.sleep(0.05)
        super().send(title, body, is_critical=is_critical)
