"""Telling: numbers with every digit, and cells that no spreadsheet takes for a formula."""

import csv
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

import msgspec
import pytest

from audit_trail.reports.telling import NoSuchTable, cell, csv_lines, plain_data, table_of


class Row(msgspec.Struct, frozen=True):
    who: str
    price_usd: Decimal | None


class Two(msgspec.Struct, frozen=True):
    tables: ClassVar[tuple[str, ...]] = ("rows", "others")
    rows: tuple[Row, ...]
    others: tuple[Row, ...] = ()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\tx", "\rx", "\nx"])
def test_a_text_that_a_spreadsheet_would_compute_is_made_a_text(text):
    (_, line) = csv_lines(table_of(Two((Row(text, Decimal(-5)),))))
    ((who, price),) = csv.reader([line])
    assert who == f"'{text}"
    assert price == "-5"  # A number stays one.


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, ""),
        (True, "yes"),
        (7, "7"),
        (Decimal("1.10"), "1.1"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.000000000000000000000000000000000000000000000000000000000000000000012345"),) * 2,
        (datetime(2026, 3, 2, 9, 30, tzinfo=timezone(timedelta(hours=-5))), "2026-03-02T14:30:00Z"),
        (date(2026, 3, 2), "2026-03-02"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (("a", "=b"), "a; =b"),
        ({"=a": 1}, "'=a 1"),
    ],
)
def test_a_cell_is_exact(value, told):
    assert cell(value) == (f"{told:f}" if isinstance(told, Decimal) else told)


def test_a_list_without_rows_has_its_header():
    assert table_of(Two(())) == (["who", "price_usd"], [])
    assert table_of(Two(()), "others").header == ["who", "price_usd"]
    with pytest.raises(NoSuchTable, match="expected one of the tables rows, others, was 'who'"):
        table_of(Two(()), "who")


def test_json_tells_numbers_as_text_and_times_in_utc():
    class Told(msgspec.Struct, frozen=True):
        at: datetime
        shares: Decimal

    assert plain_data(Told(datetime(2026, 3, 2, tzinfo=UTC), Decimal("1E+2"))) == {
        "at": "2026-03-02T00:00:00Z",
        "shares": "100",
    }
