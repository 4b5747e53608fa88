"""The API as a whole: one form of errors, filters that pick what they say, and answers that are not sent twice."""

from datetime import timedelta

import pytest
from django.db import connection

from tests.config.api_rows import one_of_each
from tests.support import decided
from tests.support import factories as make
from tests.support.api import PROBLEM, csv_lines, reader, refused, token_for, told
from tests.support.factories import NOON
from trading.ledger.api.trades import trades
from trading.ledger.mode import Mode

pytestmark = pytest.mark.django_db


@pytest.fixture
def program(client):
    return reader(client)


def ids(client, path, name, **query):
    return [row[name] for row in told(client, path, **query)["results"]]


# Errors.


def test_an_error_is_a_problem_as_rfc_9457_has_it(program):
    assert refused(program, "orders/", 400, limit="0") == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "code": "parameter_invalid",
        "detail": "limit: expected a whole number from 1 to 1000, was '0'",
        "instance": "/api/v1/orders/",
    }


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("nothing/", 404, "not_found"),
        ("decisions/1%0A/", 404, "not_found"),
        ("orders", 404, "not_found"),
        ("orders/9/", 404, "not_found"),
        ("orders/99999999999999999999999/", 404, "not_found"),
        ("decisions/9/lineage/", 404, "not_found"),
        ("positions/A%00/", 404, "not_found"),
        ("trades/0xab/", 404, "not_found"),
    ],
)
def test_what_is_not_there_is_a_problem_too(program, path, status, code):
    answer = program.get(f"/api/v1/{path}")

    assert (answer.status_code, answer["Content-Type"], answer.json()["code"]) == (status, PROBLEM, code)


@pytest.mark.parametrize("debug", [True, False])
def test_a_path_without_its_slash_is_told_of_the_slash(program, settings, debug):
    settings.DEBUG = debug

    assert "paths end with a slash" in refused(program, "orders", 404)["detail"]


def test_a_format_that_there_is_none_of_is_refused(program):
    assert refused(program, "orders/", 404, format="xml")["status"] == 404
    answer = program.get("/api/v1/orders/", headers={"Accept": "application/xml"})
    assert (answer.status_code, answer["Content-Type"], answer.json()["code"]) == (406, PROBLEM, "not_acceptable")


def test_what_can_not_be_parsed_is_refused(program):
    program.defaults["HTTP_AUTHORIZATION"] = f"Bearer {token_for(program.user, 'kill_switch:write')}"

    broken = program.post("/api/v1/kill-switch/", "{", content_type="application/json")
    form = program.post("/api/v1/kill-switch/", {"on": "true"})

    assert (broken.status_code, broken["Content-Type"], broken.json()["code"]) == (400, PROBLEM, "parse_error")
    assert (form.status_code, form["Content-Type"]) == (415, PROBLEM)


def test_a_host_that_is_unknown_is_a_problem(client):
    answer = client.get("/api/v1/orders/", headers={"host": "elsewhere.example.com"})

    assert (answer.status_code, answer["Content-Type"]) == (400, PROBLEM)


def test_what_goes_wrong_with_us_is_a_problem_that_tells_no_more(program, monkeypatch):
    def broken(self):
        raise RuntimeError("a secret")

    monkeypatch.setattr("trading.notices.api.NoticesView.rows", broken)
    program.raise_request_exception = False

    problem = refused(program, "notices/", 500)

    assert (problem["code"], "secret" in str(problem)) == ("server_error", False)


@pytest.mark.parametrize(
    ("query", "code", "said"),
    [
        ({"symbol": ""}, "parameter_empty", "symbol: expected a value"),
        ({"symbol": ["A", "B"]}, "parameter_repeated", "symbol: expected once, found 2 times"),
        ({"shares__gte": "5"}, "parameter_not_comparable", "shares is an exact number"),
        ({"filled_shares": "5"}, "parameter_not_comparable", "filled_shares is an exact number"),
        ({"ordering": "shares"}, "parameter_invalid", "ordering: expected one of -order, order, was 'shares'"),
        ({"side": "buy"}, "parameters_invalid", "side: expected one of BUY, SELL, was 'buy'"),
        ({"placed_since": "2026-03-02"}, "parameters_invalid", "placed_since: expected a time with its zone"),
        ({"symbol": "A\0"}, "parameters_invalid", "symbol: "),
        ({"format": "csv", "cursor": "x"}, "parameter_invalid", "as CSV all rows come at once"),
    ],
)
def test_a_query_that_is_not_understood_is_refused(program, query, code, said):
    problem = refused(program, "orders/", 400, **query)

    assert problem["code"] == code
    assert said in problem["detail"]


def test_each_parameter_that_is_wrong_is_told_by_its_name(program):
    problem = refused(program, "orders/", 400, side="up", placed_since="x")

    assert [error["name"] for error in problem["errors"]] == ["side", "placed_since"]


# What is told.


@pytest.mark.parametrize("mode", Mode)
def test_trades_orders_and_positions_come_from_the_memory_that_is_read(program, mode):
    make.ledger_mode(mode=mode)
    make.onchain_trade(base_symbol="LEGACY")
    make.onchain_trade_view(base_symbol="EVENTS")
    make.order(symbol="LEGACY")
    make.order_view(symbol="EVENTS")
    make.position(symbol="LEGACY")
    make.position_view(symbol="EVENTS")

    seen = {name for path in ("trades/", "orders/", "positions/") for name in ids(program, path, "symbol")}

    assert seen == {"EVENTS" if mode is Mode.EVENTS else "LEGACY"}


@pytest.mark.parametrize("mode", [Mode.DUAL, Mode.EVENTS])
def test_a_trade_has_one_id_in_both_memories(program, mode):
    make.ledger_mode(mode=mode)
    trade = make.onchain_trade()
    make.onchain_trade_view(tx_hash=trade.tx_hash)
    order = make.order(id=7)
    make.link(trade=trade, execution=order)
    make.link_view(trade_id=str(trade.trade), execution_id=7)

    assert told(program, f"trades/{trade.trade}/")["trade"] == str(trade.trade)
    assert ids(program, "links/", "order", trade=str(trade.trade), order=7) == [7]
    assert ids(program, "links/", "order", trade=f"{trade.tx_hash}:99") == []


def test_numbers_are_told_to_the_last_digit(program):
    make.position(symbol="AAPL", net_position="123456789012345678.000000000000000001")

    assert told(program, "positions/AAPL/")["net_position"] == "123456789012345678.000000000000000001"


def test_times_are_told_in_utc_to_the_microsecond(program):
    make.notice(opened_at=NOON)

    assert told(program, "notices/")["results"][0]["opened_at"] == "2026-03-02T12:00:00.000000Z"


def test_a_trade_that_came_back_is_told_as_it_stands(program):
    gone = make.onchain_trade(reorged_at=NOON, price_usdc="1")
    make.onchain_trade(tx_hash=gone.tx_hash, price_usdc="2")

    assert told(program, f"trades/{gone.trade}/")["price_usdc"] == "2"
    assert ids(program, "trades/", "price_usdc", reorged="true") == ["1"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [3, 2, 1]),
        ({"ordering": "order"}, [1, 2, 3]),
        ({"symbol": "AAPL"}, [1]),
        ({"side": "BUY"}, [3]),
        ({"broker": "schwab"}, [2]),
        ({"placed_since": "2026-03-02T12:01:00Z"}, [3, 2]),
        ({"placed_until": "2026-03-02T13:01:00+01:00"}, [1]),
        ({"placed_until": "2026-03-03T11:01:00+23:00"}, [1]),
        ({"placed_since": "2026-03-02T12:01:00Z", "placed_until": "2026-03-02T12:02:00Z"}, [2]),
        ({"client_order_id": "none"}, []),
    ],
)
def test_how_orders_are_picked(program, query, found):
    facts = [{"symbol": "AAPL"}, {"symbol": "TSLA", "broker": "schwab"}, {"symbol": "MSFT", "side": "BUY"}]
    for number, fact in enumerate(facts, 1):
        make.order(
            id=number, placed_at=NOON + timedelta(minutes=number - 1), **{"side": "SELL", "broker": "alpaca"} | fact
        )

    assert ids(program, "orders/", "order", **query) == found


def test_the_strongest_decision_comes_first_where_it_is_asked_for(program):
    weak, strong = decided.decision(strength_order=1), decided.decision(strength_order=2)
    other = decided.decision(strength_order=2)

    assert ids(program, "decisions/", "id", ordering="-strength", limit=3) == [strong.id, other.id, weak.id]


def test_a_decision_is_told_with_what_led_to_it_and_why_it_failed(program):
    one_of_each()
    execution = told(program, "executions/")["results"][0]

    lineage = told(program, f"decisions/{execution['decision']}/lineage/")
    failure = told(program, f"decisions/{execution['decision']}/failure/")

    assert (len(lineage["records"]), len(lineage["runs"]), len(execution["fills"])) == (1, 1, 1)
    assert failure["kind"] == "insufficient_buying_power"


def test_what_was_sent_is_not_told_without_the_right_to_it(client):
    program = reader(client, "view_tradedecision")
    decision = decided.decision()

    assert told(program, f"decisions/{decision.id}/")["decision_rationale"] == {"signal_strength": "8.5"}
    assert "view_apipayload" in refused(program, f"decisions/{decision.id}/failure/", 403)["detail"]


def test_health_tells_of_stations_and_of_how_far_the_chain_was_read(program):
    make.heartbeat(station="hedger")
    make.checkpoint()
    log = make.queued_log()

    health = told(program, "health/")

    assert (health["stations"][0]["station"], health["stations"][0]["is_silent"]) == ("hedger", True)
    assert len(health["feeds"]) == 1
    assert health["oldest_queued_at"] == log.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_a_cell_that_a_spreadsheet_would_run_is_written_as_text(program):
    make.notice(text="=HYPERLINK(1)")

    assert "'=HYPERLINK(1)" in csv_lines(program, "notices/")[1]


def test_csv_by_accept_is_the_same(program):
    make.notice()

    answer = program.get("/api/v1/notices/", headers={"Accept": "text/csv"})

    assert b"".join(answer.streaming_content).decode().splitlines() == csv_lines(program, "notices/")
    assert program.head("/api/v1/notices/", {"format": "csv"}).content == b""


def test_csv_goes_through_more_rows_than_it_reads_at_once(program, monkeypatch):
    monkeypatch.setattr("eventstore.rest.paging.CHUNK", 2)
    for _ in range(5):
        make.notice()

    assert len(csv_lines(program, "notices/")) == 6


def test_an_answer_that_the_program_has_is_not_sent_again(program):
    make.order(id=7)
    first = program.get("/api/v1/orders/7/")

    again = program.get("/api/v1/orders/7/", headers={"If-None-Match": first["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert "private" in first["Cache-Control"]
    make.order(id=8)
    assert program.get("/api/v1/orders/8/", headers={"If-None-Match": first["ETag"]}).status_code == 200


@pytest.mark.parametrize("mode", [Mode.DUAL, Mode.EVENTS])
def test_a_page_is_read_through_an_index(mode):
    from eventstore.rest.paging import _after
    from trading.ledger.api.trades import TradesView

    make.ledger_mode(mode=mode)
    for order in TradesView.orders.values():
        key = "0x" if mode is Mode.EVENTS else 5
        plan = plan_of(_after(trades(), order, [NOON, key])[:100])
        assert "INDEX" in plan.upper(), plan
        assert "SEQ SCAN" not in plan.upper(), plan


def plan_of(rows):
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
    return rows.explain()


# The schema.


def test_the_schema_and_its_page_are_for_who_is_let_in(client, django_user_model):
    assert client.get("/api/v1/schema/").status_code == 401
    assert client.get("/api/v1/docs/").headers["Location"] == "/admin/login/?next=/api/v1/docs/"

    client.force_login(django_user_model.objects.create_user("anna"))

    page = client.get("/api/v1/docs/").content.decode()
    assert "/static/drf_spectacular_sidecar/swagger-ui-dist" in page
    assert "//cdn" not in page
    assert client.get("/api/v1/docs/", {"script": ""}).status_code == 200
    script = client.get("/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js")
    assert script.status_code == 200
    script.close()
