"""The chain as the admin shows it: queued logs, fills, and rows that something broke."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from django.db import connection

from eventstore import read_only
from tests.support import factories as make
from tests.trading.admin.pages import list_of, page_of, rows_in, text_of

pytestmark = pytest.mark.django_db

TRADES = {"trading.onchaintrade": make.onchain_trade, "trading.onchaintradeview": make.onchain_trade_view}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"outcome": "queued"}, ["waiting"]),
        ({"outcome": "parked"}, ["parked"]),
        ({"outcome": "fill"}, ["fill"]),
        ({"outcome": "reorged"}, []),
        ({"processed": "waiting"}, ["waiting"]),
        ({"processed": "processed"}, ["parked", "fill"]),
        ({"q": "0xAAAA"}, ["fill"]),
        ({"q": "0xaaaa" + "0" * 60}, ["fill"]),
        ({"q": "0xbbbb"}, ["parked"]),
        ({"q": "0xf"}, []),
        ({"q": "0xa b"}, []),
        ({"q": "4711"}, ["parked"]),
    ],
)
def test_queued_logs_are_found(operator, query, found):
    rows = {
        "fill": make.queued_log(tx_hash="0xaaaa" + "0" * 60, processed=True, outcome="fill"),
        "parked": make.queued_log(tx_hash="0xbbbb" + "f" * 60, processed=True, outcome="parked", block_number=4711),
        "waiting": make.queued_log(tx_hash="0xcccc" + "0" * 60),
    }

    assert rows_in(operator.get(list_of("trading.queuedlog"), query)) == [rows[name] for name in found]


def test_a_queued_log_tells_its_event_its_outcome_and_why(operator):
    row = make.queued_log(processed=True, outcome="parked", reason="invalid pair", tries=3)

    for page in (list_of("trading.queuedlog"), page_of(row)):
        seen = text_of(operator.get(page))
        for said in ("TakeOrderV3", "parked", "invalid pair", "3", "2026-03-02 12:00:00 UTC"):
            assert said in seen


@pytest.mark.parametrize(
    "garbage", ["<script>alert(1)</script>", "{", "[]", '{"a":1,"b":2}', '{"' + "[" * 5000, "null", "\U0001f980"]
)
def test_a_queued_log_of_garbage_is_shown_as_text(operator, garbage):
    row = make.queued_log(event_data=garbage)
    sound = make.queued_log()

    listed, page = operator.get(list_of("trading.queuedlog")), operator.get(page_of(row))

    assert rows_in(listed) == [sound, row]
    assert "unreadable" in text_of(listed)
    assert page.status_code == 200
    assert "<script>alert" not in page.content.decode()


def test_the_garbage_itself_is_on_the_page(operator):
    row = make.queued_log(event_data="not <JSON> at all: 1E-7")

    assert "not &lt;JSON&gt; at all: 1E-7" in operator.get(page_of(row)).content.decode()


def test_json_keeps_its_digits(operator):
    row = make.queued_log(event_data='{"TakeOrderV3":{"amount":1.10,"wide":12345678901234567890123}}')

    page = text_of(operator.get(page_of(row)))

    assert "1.10" in page
    assert "12345678901234567890123" in page


def test_a_fill_that_came_back_in_another_block_leads_to_both_trades(operator):
    place = {"tx_hash": make.tx_hash(77), "log_index": 7}
    first = make.onchain_trade(**place, reorged_at=make.NOON)
    second = make.onchain_trade(**place)
    log = make.queued_log(**place, processed=True, outcome="fill")

    page = operator.get(page_of(log)).content.decode()

    assert page_of(first) in page
    assert page_of(second) in page


@pytest.mark.parametrize("model", TRADES)
def test_a_fill_without_a_price_is_unpriced(operator, model):
    row = TRADES[model](price_usdc=None, usdc_amount=None)

    assert "unpriced" in text_of(operator.get(page_of(row)))
    assert [*rows_in(operator.get(list_of(model), {"price": "unpriced"}))] == [row]
    assert rows_in(operator.get(list_of(model), {"price": "priced"})) == []


@pytest.mark.parametrize("model", TRADES)
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"side": "BUY"}, ["reorged", "open"]),
        ({"side": "SELL"}, ["old"]),
        ({"covered": "uncovered"}, ["open"]),
        ({"covered": "covered"}, ["reorged", "old"]),
        ({"chain": "reorged"}, ["reorged"]),
        ({"origin": "migrated"}, ["old"]),
        ({"q": "tsla"}, ["old"]),
        ({"q": "wtTSLA"}, ["old"]),
        ({"q": "0xdddd"}, ["open"]),
        ({"q": "8080"}, ["reorged"]),
    ],
)
def test_fills_are_found(operator, model, query, found):
    rows = {
        "old": TRADES[model](side="SELL", migrated=True, base_symbol="TSLA", token_symbol="wtTSLA"),
        "open": TRADES[model](tx_hash="0xdddd" + "0" * 60, unlinked_shares=Decimal("0.5")),
        "reorged": TRADES[model](reorged_at=make.NOON, block_number=8080),
    }

    listed = rows_in(operator.get(list_of(model), query))

    assert {row.pk for row in listed} == {rows[name].pk for name in found}


@pytest.mark.parametrize("model", TRADES)
def test_an_amount_is_shown_to_its_last_digit(operator, model):
    digits = "0.000000000000000000000000000000000000000000000000000000000000000000012345"
    row = TRADES[model](amount=Decimal(digits))

    assert f" {digits} " in text_of(operator.get(list_of(model)))
    assert f"BUY {digits} tAAPL in" in text_of(operator.get(page_of(row)))


@pytest.mark.parametrize("model", TRADES)
def test_an_amount_that_something_broke_shows_its_problem_and_hides_no_other(operator, model):
    sound, broken = TRADES[model](), TRADES[model]()
    breakage(broken, "amount")
    breakage(broken, "usdc_amount")

    listed, page = operator.get(list_of(model)), operator.get(page_of(broken))

    assert {row.pk for row in rows_in(listed)} == {sound.pk, broken.pk}
    for answer in (listed, page):
        assert answer.status_code == 200
        assert "unreadable" in text_of(answer)
    assert "1.5" in text_of(listed)


def test_a_link_to_a_broken_trade_is_shown(operator):
    link = make.link()
    breakage(link.trade, "usdc_amount")
    breakage(link, "released_shares")

    for url in (list_of("trading.tradeexecutionlink"), page_of(link), page_of(link.execution), page_of(link.trade)):
        answer = operator.get(url)
        assert answer.status_code == 200
        assert "unreadable" in text_of(answer)


@pytest.mark.parametrize("factory", [make.position, make.position_view])
def test_a_position_that_something_broke_is_shown(operator, factory):
    row = factory(threshold="a few", symbol="ODD")
    breakage(row, "onchain_bought")
    breakage(row, "last_price_usdc")

    for url in (list_of(row._meta.label_lower), page_of(row)):
        answer = operator.get(url)
        assert answer.status_code == 200
        assert "unreadable" in text_of(answer)
        assert "ODD" in text_of(answer)


@pytest.mark.parametrize("factory", [make.order, make.order_view])
def test_an_order_that_something_broke_is_shown(operator, factory):
    row = factory(detailed_status="dreaming", side="SELL")
    breakage(row, "filled_shares")

    for url in (list_of(row._meta.label_lower), page_of(row)):
        answer = operator.get(url)
        assert answer.status_code == 200
        assert "dreaming" in text_of(answer)
        assert "unreadable" in text_of(answer)


def test_a_backlogged_event_of_garbage_is_shown_as_text(operator):
    row = make.backlogged_event(data="<b>{", metadata="?")

    assert "&lt;b&gt;{" in operator.get(page_of(row)).content.decode()


def test_an_enrichment_of_no_trade_is_shown(operator):
    row = make.enrichment(id="nonsense")

    page = operator.get(page_of(row))

    assert page.status_code == 200
    assert "unreadable" in text_of(page)


def test_times_are_in_utc_to_the_microsecond(operator):
    tokyo = timezone(timedelta(hours=9))
    row = make.block(timestamp=datetime(2026, 3, 2, 9, 30, 1, 250, tzinfo=tokyo))

    assert "2026-03-02 00:30:01.000250 UTC" in text_of(operator.get(page_of(row)))


def test_a_long_table_is_counted_no_further_than_needed(operator, monkeypatch):
    monkeypatch.setattr(read_only, "MOST_COUNTED", 10)
    for _ in range(30):
        make.notice()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE notices")

    everything = operator.get(list_of("trading.notice"))
    filtered = operator.get(list_of("trading.notice"), {"state": "open"})

    # The database's own estimate; on SQLite the highest id, with the gaps of the rows that are gone.
    assert everything.context["cl"].result_count >= 30
    assert filtered.context["cl"].result_count == 11


def test_a_long_table_that_was_never_analysed_has_a_first_page(operator, monkeypatch):
    monkeypatch.setattr(read_only, "MOST_COUNTED", 2)
    for _ in range(5):
        make.token()

    assert operator.get(list_of("trading.token")).status_code == 200
    assert operator.get(list_of("trading.token"), {"p": "1"}).status_code == 200


def breakage(row, field):
    """Store what our fields refuse: text that only begins like a number, or on PostgreSQL the number that is none."""
    column = row._meta.get_field(field).column
    stored = "NaN" if connection.vendor == "postgresql" else "1 apple"
    update = f'UPDATE "{row._meta.db_table}" SET "{column}" = %s WHERE "{row._meta.pk.column}" = %s'  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(update, [stored, row.pk])
