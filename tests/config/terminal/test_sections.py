"""How rows are shown: to eyes, to `cut`, and to programs."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management.base import OutputWrapper
from rich.console import Console

from config.terminal.sections import Section, age, ago, lines, table, write_columns

NOW = datetime(2026, 3, 2, 16, 0, 0, tzinfo=UTC)
EARLIER = NOW - timedelta(seconds=3)
LONG = Decimal("0.1234567890123456789012345678901234567")

ORDERS = Section("Orders", ("order", "placed_at", "shares", "reason"), [(12, EARLIER, LONG, None)])


def drawn(section):
    out = StringIO()
    Console(file=out, width=200).print(table(section, now=NOW))
    return out.getvalue()


def columns(section):
    out = StringIO()
    write_columns(OutputWrapper(out), section, now=NOW)
    return [line.split("\t") for line in out.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("span", "told"),
    [
        (timedelta(seconds=-2), "0 s"),
        (timedelta(seconds=3.9), "3 s"),
        (timedelta(seconds=60), "1 min"),
        (timedelta(seconds=125), "2 min 5 s"),
        (timedelta(hours=5, seconds=7), "5 h"),
        (timedelta(hours=5, minutes=7), "5 h 7 min"),
        (timedelta(days=4, hours=1, minutes=50), "4 d 1 h"),
    ],
)
def test_ages_are_told_as_a_person_does(span, told):
    assert age(span) == told


def test_of_two_clocks_that_are_a_little_apart_it_was_just_now():
    assert ago(NOW + timedelta(seconds=0.9), NOW) == "0 s ago"
    assert ago(NOW + timedelta(seconds=1), NOW) == "in 1 s"


def test_a_table_has_ages_beside_times_and_every_digit():
    shown = drawn(ORDERS)

    assert "15:59:57 (3 s ago)" in shown
    assert str(LONG) in shown
    # A column that no row has anything in is no column.
    assert "reason" not in shown


def test_a_time_of_another_day_has_its_day_and_one_to_come_says_so():
    shown = drawn(Section("T", ("a_at", "b_at"), [(NOW - timedelta(days=1), NOW + timedelta(minutes=2))]))

    assert "2026-03-01 16:00:00 (1 d ago)" in shown
    assert "(in 2 min)" in shown


def test_plain_columns_have_a_column_for_the_age_of_each_time():
    assert columns(ORDERS) == [
        ["order", "placed_at", "placed_age", "shares", "reason"],
        ["12", "2026-03-02T15:59:57.000000Z", "3 s ago", str(LONG), "none"],
    ]


def test_json_has_amounts_as_text_and_ages_in_seconds():
    assert [json.loads(line) for line in lines(ORDERS, now=NOW)] == [
        {
            "order": 12,
            "placed_at": "2026-03-02T15:59:57.000000Z",
            "placed_age_seconds": 3,
            "shares": str(LONG),
            "reason": None,
        }
    ]


@pytest.mark.parametrize("shown", [drawn, lambda section: "\n".join("\t".join(row) for row in columns(section))])
def test_what_a_broker_says_moves_no_cursor_and_makes_no_column(shown):
    text = shown(Section("T", ("reason",), [("\x1b[31mred\x07 [bold]a\tb\nc",)]))

    assert "\x1b[31m" not in text
    assert "[31mred  [bold]a b c" in text
