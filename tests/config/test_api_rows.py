"""Lists of the API: every one pages by cursor, asks a fixed number of queries, and is told as CSV too."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.config.api_rows import one_of_each
from tests.support import factories as make
from tests.support.api import csv_lines, reader, refused, told
from trading.ledger.mode import Mode

pytestmark = pytest.mark.django_db

LISTS = [
    "positions/",
    "trades/",
    "orders/",
    "links/",
    "nettings/",
    "decisions/",
    "executions/",
    "runs/",
    "notices/",
    "risk/limits/",
    "risk/restrictions/",
    "risk/changes/",
    "risk/denials/",
    "risk/checks/",
]
IN_BOTH_MEMORIES = LISTS[:5]


@pytest.fixture
def program(client):
    return reader(client)


def paged(client, path, **query):
    """Go through all pages of two rows."""
    found, cursor = [], {}
    while True:
        page = told(client, path, limit=2, **query, **cursor)
        assert len(page["results"]) <= 2
        found += page["results"]
        if page["next_cursor"] is None:
            assert page["next"] is None
            return found
        assert client.get(page["next"]).status_code == 200
        cursor = {"cursor": page["next_cursor"]}


def queries(client, path):
    with CaptureQueriesContext(
        connection,
    ) as captured:
        told(client, path)
    return len(captured)


@pytest.mark.parametrize("path", LISTS)
def test_pages_hold_every_row_once_in_either_order(program, path):
    one_of_each(5)
    names = orders_of(path)

    for name in names:
        whole = told(program, path, ordering=name)["results"]
        assert len(whole) >= 5
        assert paged(program, path, ordering=name) == whole
    if len(names) >= 2:
        assert (
            told(program, path, ordering=names[0])["results"] == told(program, path, ordering=names[1])["results"][::-1]
        )


@pytest.mark.parametrize("path", IN_BOTH_MEMORIES)
def test_pages_of_views_hold_every_row_too(program, path):
    make.ledger_mode(mode=Mode.EVENTS)
    one_of_each(5)

    assert paged(program, path) == told(program, path)["results"]
    assert len(paged(program, path)) >= 5


@pytest.mark.parametrize("path", LISTS)
def test_nine_rows_take_as_many_queries_as_three(program, path):
    one_of_each(3)
    few = queries(program, path)
    one_of_each_more()

    assert queries(program, path) <= few


@pytest.mark.parametrize("path", LISTS)
def test_csv_has_every_row_beneath_a_header(program, path):
    one_of_each(3)
    rows = told(program, path)["results"]

    lines = csv_lines(program, path, limit=1)

    assert lines[0] == ",".join(rows[0])
    assert len(lines) == len(rows) + 1


@pytest.mark.parametrize("path", LISTS)
def test_the_example_has_the_fields_that_a_row_has(program, path):
    one_of_each(1)

    assert view_of(path).example["results"][0].keys() == told(program, path)["results"][0].keys()


@pytest.mark.parametrize("path", LISTS)
def test_a_parameter_that_is_not_known_is_refused(program, path):
    problem = refused(program, path, 400, symbl="AAPL")

    assert problem["code"] == "parameter_unknown"
    assert "unknown parameter 'symbl': expected one of: " in problem["detail"]


@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_of_another_list_is_refused(program, path):
    one_of_each(3)
    other = "notices/" if path != "notices/" else "risk/changes/"
    cursor = told(program, other, limit=1)["next_cursor"]

    assert refused(program, path, 400, cursor=cursor)["code"] == "cursor_invalid"
    assert refused(program, path, 400, cursor="made-up")["code"] == "cursor_invalid"


@pytest.mark.parametrize("path", LISTS)
def test_nothing_is_written_through_a_list(program, path):
    for method in (program.post, program.put, program.patch, program.delete):
        answer = method(f"/api/v1/{path}", {}, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
        assert answer["Allow"] == "GET, HEAD, OPTIONS"


def view_of(path):
    from django.urls import resolve

    return resolve(f"/api/v1/{path}").func.cls


def orders_of(path):
    return list(view_of(path).orders)[:2]


def one_of_each_more():
    """Six more rows of each; symbols that are unique rows have other names."""
    one_of_each(6, first=3)
