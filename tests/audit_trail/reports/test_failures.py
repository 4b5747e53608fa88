"""Failure analysis: typed reasons, and days, weekdays and hours of New York."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from audit_trail.decisions.failures import FailureKind, kind_of_rejection
from audit_trail.reports.failures import failure_analysis
from audit_trail.reports.periods import Period
from tests.audit_trail.reports.rows import DAY, EXECUTED, PENDING
from tests.support import decided
from tests.support import factories as make
from tests.support.commands import run
from tests.support.factories import NOON

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Insufficient buying power", FailureKind.BUYING_POWER),
        ("not enough buying power for this", FailureKind.BUYING_POWER),
        ("API rate limit exceeded", FailureKind.RATE_LIMIT),
        ("Too many requests", FailureKind.RATE_LIMIT),
        ("the market is closed", FailureKind.MARKET_CLOSED),
        ("no after hours trading", FailureKind.MARKET_CLOSED),
        ("invalid symbol XYZ", FailureKind.SYMBOL),
        ("unknown symbol", FailureKind.SYMBOL),
        ("order rejected", FailureKind.REJECTED),
    ],
)
def test_a_brokers_words_are_read_as_a_kind_of_reason(message, kind):
    assert kind_of_rejection(message) is kind


def test_failures_are_told_by_reason_symbol_and_words_and_what_has_none_is_left_out():
    for kind, symbol, count in (("market_closed", "AAPL", 2), ("api_rate_limit", "TSLA", 1), ("other", "AAPL", 3)):
        for _ in range(count):
            decided.decision(failure_kind=kind, symbol=symbol, reason=f"told as {kind}")
    for became in (EXECUTED, PENDING):
        decided.decision(**became)

    found = failure_analysis(period=DAY)

    assert (found.total_decisions, found.failed_decisions, found.under_way) == (8, 6, 1)
    assert found.failure_rate_percent == 75
    assert [(row.reason, row.failed) for row in found.failures_by_reason] == [
        ("other", 3),
        ("market_closed", 2),
        ("api_rate_limit", 1),
    ]
    assert [(row.symbol, row.failed) for row in found.failures_by_symbol] == [("AAPL", 5), ("TSLA", 1)]
    assert found.top_messages[0].reason == "told as other"


def test_ten_messages_are_told_at_most():
    for n in range(12):
        decided.decision(reason=f"message {n}")
    assert len(failure_analysis(period=DAY).top_messages) == 10


def test_messages_are_alike_but_for_the_orders_that_they_name():
    for n in range(3):
        decision = decided.decision(reason=f"rejected htd-x-{n}-1: no money")
        decided.execution(trade_decision=decision, client_order_id=f"htd-x-{n}-1")
    decided.decision(reason="denied by max_order_shares")

    assert [(row.reason, row.failed) for row in failure_analysis(period=DAY).top_messages] == [
        ("rejected its order: no money", 3),
        ("denied by max_order_shares", 1),
    ]


def test_days_and_hours_are_those_of_new_york():
    # Half past ten at night in New York, and the next day by UTC.
    late = datetime(2026, 3, 3, 3, 30, tzinfo=UTC)
    decided.decision(decided_at=late, known_at=late, failed_at=late)
    # In summer the same hour of UTC is another one there.
    summer = datetime(2026, 7, 6, 14, 30, tzinfo=UTC)
    decided.decision(decided_at=summer, failed_at=summer, trading_day=date(2026, 7, 6))
    decided.decision(decided_at=NOON, failed_at=datetime(2026, 3, 2, 14, 30, tzinfo=UTC))

    found = failure_analysis(period=Period(DAY.since, summer + timedelta(days=1)))

    assert [(row.day, row.failed) for row in found.failures_by_day] == [(date(2026, 3, 2), 2), (date(2026, 7, 6), 1)]
    assert [(row.weekday, row.failed) for row in found.failures_by_weekday] == [("Monday", 3)]
    assert [(row.hour, row.failed) for row in found.failures_by_hour] == [(9, 1), (10, 1), (22, 1)]
    assert failure_analysis(period=DAY).total_decisions == 2


def test_one_strategy_alone_is_told_of_without_hedges():
    decided.decision(strategy_name="insider")
    decided.decision(strategy_name="congressional")
    make.order(detailed_status="rejected", status="FAILED")

    assert failure_analysis(period=DAY).hedges.by_status == {"rejected": 1}
    found = failure_analysis(period=DAY, strategy="insider")
    assert (found.total_decisions, found.hedges) == (1, None)


def test_of_nothing_nothing_failed():
    found = failure_analysis(period=DAY)
    assert (found.total_decisions, found.failure_rate_percent, found.failures_by_reason) == (0, Decimal(0), ())


def test_it_takes_as_many_statements_for_many_as_for_few(django_assert_num_queries):
    for count in (1, 7):
        for _ in range(count):
            decided.decision(symbol=f"S{make.number()}", reason=f"reason {make.number()}")
        with django_assert_num_queries(8):
            failure_analysis(period=DAY)


def test_the_command_tells_them():
    decided.decision()
    asked = ("failure_analysis", "--since", "2026-03-02", "--until", "2026-03-02")

    text = run(*asked)

    assert "1 of 1 failed, 100%; 0 of them are pending or under way" in text
    assert "insufficient_buying_power\t1" in text
    assert "Monday\t1" in text
    assert json.loads(run(*asked, "--json"))["failures_by_hour"] == [{"hour": 7, "failed": 1}]
    assert run(*asked, "--csv", "-", "--table", "failures_by_day") == "day,failed\r\n2026-03-02,1\r\n"
    assert "0 of 0 failed" in run(*asked, "--strategy", "nobody")
