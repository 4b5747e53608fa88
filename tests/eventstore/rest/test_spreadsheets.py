"""CSV: every cell is shown, and none is run."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.rest.spreadsheets import cell, lines


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, ""),
        (True, "true"),
        (7, "7"),
        # Numbers stay numbers, below zero too.
        ("-1.5", "-1.5"),
        ("+3", "+3"),
        ("1E-7", "1E-7"),
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-1+1", "'-1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        (" =1", "' =1"),
        ("a=1", "a=1"),
        ({"a": "=1"}, '{"a": "=1"}'),
        (["=1"], '["=1"]'),
    ],
)
def test_how_a_cell_is_written(value, written):
    assert cell(value) == written


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1, max_size=3))
def test_what_is_read_back_is_what_was_written(values):
    row = {str(place): value for place, value in enumerate(values)}

    header, read = csv.reader(io.StringIO("".join(lines(list(row), [row])), newline=""))

    assert header == list(row)
    assert [text.removeprefix("'") for text in read] == [value.removeprefix("'") for value in values]
