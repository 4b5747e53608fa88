"""The story of an order: what it hedges, each step and each call, and why it came to nothing, from real flows."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit_trail.payloads.recorder import PayloadRecorder
from audit_trail.payloads.redaction import Redaction
from config.venues.accounts import Account
from config.venues.alpaca import AlpacaVenue
from config.venues.exchange import Exchange
from config.venues.faults import refuse
from tests.audit_trail.executions.test_at_alpaca import VenueClock
from tests.config.desk.looking import content_links, entries, someone_who_may, words
from tests.support import factories as make
from tests.support.alpaca import SharedWire, make_alpaca
from tests.support.made_chain import block_hash, know_tokens, log_of, take
from tests.support.stations import MODES, Clock, Stations
from tests.support.venue import Venue
from tests.support.venues import NOON
from tests.trading.ledger.faults import Faults
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import OrderRejected, OutcomeUnknown
from trading.conductor.reversal import revert_blocks
from trading.conductor.verbs.requests import Verb, ask
from trading.ledger.backlog import BackloggedEvent
from trading.ledger.mode import Mode

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("django.utils.timezone.now", clock)
    return clock


@pytest.fixture
def venue(clock):
    return Venue(clock)


def with_a_fill(mode, clock, venue, shares="2.5"):
    know_tokens("tAAPL")
    stations = Stations(mode=mode, clock=clock, broker=venue)
    stations.fill(log_of(take("BUY", shares, "tAAPL", usdc=str(Decimal(shares) * 200)), block=100))
    return stations


@pytest.fixture(params=MODES)
def stations(request, clock, venue):
    return with_a_fill(request.param, clock, venue)


def order(client, number=1):
    answer = client.get(f"/orders/{number}/")
    assert answer.status_code == 200, words(answer)
    return answer


def test_each_step_is_told_from_the_beginning_with_how_long_it_took(boss, clock, venue):
    stations = with_a_fill(Mode.DUAL, clock, venue)
    stations.hedge()
    stations.forward(2)
    venue.tell(OrderStatus.PARTIALLY_FILLED, "1")
    stations.hedge()
    stations.forward(2)
    venue.tell(OrderStatus.FILLED, "2", price="201.5")
    stations.hedge()

    answer = order(boss)

    steps = ["risk check", "cause", "placed", "submission started", "submitted", "partially filled", "filled"]
    assert sorted(entries(answer)[:2]) == ["cause", "risk check"]
    assert entries(answer)[2:] == steps[2:]
    told = words(answer)
    assert "The net of 2.5 AAPL had reached the threshold of 1 share." in told
    assert "Order 1 was stored, and nothing sent yet: sell 2 shares of AAPL at dry_run, as ht-" in told
    assert "The broker had it, as V-1, for 2 shares." in told
    assert "1 share filled at $200 so far." in told
    assert "It was filled: 2 shares filled at $201.5." in told
    assert "2.00 s later partially filled" in told


def test_what_it_hedges_stands_there_in_every_ledger(boss, stations):
    stations.hedge()

    told = words(order(boss))

    assert "buy 2.5 2 0 there" in told
    assert "No fill on chain is linked to it." not in told


def test_the_steps_of_an_order_are_told_in_every_ledger(boss, stations, venue):
    stations.hedge()
    stations.forward(1)
    venue.tell(OrderStatus.CANCELLED, "1", reason="cancelled by the desk")
    stations.hedge()

    answer = order(boss)

    by_row = ["order placed", "submission started", "order submitted", "order cancelled"]
    by_events = ["cause", "placed", "submission started", "submitted", "cancelled"]
    kinds = [kind for kind in entries(answer) if kind != "risk check"]
    assert kinds == (by_row if stations.ledger.mode is Mode.LEGACY else by_events)
    assert "Order 1 ended as cancelled cancelled by the desk." in words(answer)
    assert "1 share at $200.00" in words(answer)


def test_every_link_of_a_story_leads_to_a_page_that_is_there(boss, stations, venue, clock):
    stations.hedge()
    make.notice(kind="overfill", subject="order 1", opened_at=clock())
    ask(Verb.RECHECK_ORDER, "1", actor="dora", reason="odd", now=clock())
    revert_blocks(stations.ledger, [block_hash(100)], now=clock())

    found = set(content_links(order(boss)))

    assert len(found) > 8
    for link in found:
        assert boss.get(link).status_code == 200, link


def test_why_an_order_failed_stands_at_the_top(boss, stations, venue):
    venue.fail("submit", OrderRejected("not enough buying power"))
    stations.hedge()

    told = words(order(boss))

    title = told.index("Order 1 ended as rejected")
    assert title < told.index("How it stands")
    assert told[title:].startswith("Order 1 ended as rejected not enough buying power.")
    assert "The broker never had it." in told


def test_an_order_of_unknown_outcome_says_what_may_be_asked_for(boss, stations, venue):
    venue.fail("submit", OutcomeUnknown("the connection was cut"))
    venue.fail("find", OutcomeUnknown("no answer"), times=3)
    stations.run(stations.hedger)
    stations.run(stations.dispatcher)

    answer = order(boss)

    told = words(answer)
    assert "It is not known what became of order 1" in told
    assert "Recheck asks now" in told
    offered = [link for link in content_links(answer) if "/ask/" in link]
    assert {link.split("/ask/")[1].partition("/")[0] for link in offered} == {
        *("recheck_order", "resume_order", "reconcile_order", "fail_order")
    }


def test_nothing_is_offered_to_who_may_not_ask(client, django_user_model, stations):
    stations.hedge()
    client.force_login(someone_who_may(django_user_model, "trading.view_offchaintrade"))

    answer = client.get("/orders/1/")

    assert answer.status_code == 200
    assert not [link for link in content_links(answer) if "/ask/" in link]
    # Without the log it is told by its row; calls, checks and links are not his.
    assert entries(answer) == ["order placed", "submission started", "order submitted"]
    assert "What it hedges" not in words(answer)


def test_who_may_not_see_orders_sees_no_story_of_one(client, django_user_model):
    make.order(id=7)
    client.force_login(someone_who_may(django_user_model, "trading.view_tradeaccumulator"))

    assert client.get("/orders/7/").status_code == 403
    client.logout()
    assert client.get("/orders/7/").headers["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("number", [4711, 10**30])
def test_of_an_order_that_is_not_there_a_sentence_is_said(boss, number):
    answer = boss.get(f"/orders/{number}/")

    assert answer.status_code == 404
    assert f"There is no order {number}." in words(answer)


def test_what_an_operator_said_and_asked_for_is_told(boss, clock, venue):
    stations = with_a_fill(Mode.DUAL, clock, venue)
    stations.hedge()
    ask(Verb.RECONCILE_ORDER, "1", actor="dora", reason="seen there", now=clock.forward(2), broker_order_id="V-1")
    ask(Verb.RECHECK_ORDER, "11", actor="dora", reason="of another order", now=clock())
    make.notice(kind="late_fill", subject="order 1", text="2 more are booked", opened_at=clock())

    told = words(order(boss))

    assert "dora asked to reconcile order (1, broker order id V-1), since “seen there”. It is waiting." in told
    assert "Operators were told (late fill): 2 more are booked. It is open." in told
    assert "of another order" not in told


def test_where_events_wait_on_the_backlog_the_row_tells(boss, clock, venue, monkeypatch):
    stations = with_a_fill(Mode.DUAL, clock, venue)
    stations.hedge()
    stations.forward(1)
    venue.tell(OrderStatus.FILLED, "2")
    Faults(monkeypatch).fail("before")
    stations.hedge()

    answer = order(boss)

    assert BackloggedEvent.objects.exists()
    assert entries(answer)[-1] == "order filled"
    assert "The log has 3 of its 4 events, the others wait on the backlog. It is told by its row." in words(answer)


def test_an_order_of_an_older_installation_is_told_by_what_was_kept(boss, clock):
    make.order(
        id=3,
        placed_at=None,
        submitted_at=None,
        ended_at=clock(),
        client_order_id=None,
        broker_order_id="9",
        order_id="9",
    )

    answer = order(boss, 3)

    assert entries(answer) == ["order filled"]
    assert "Placed – " in words(answer)


# At a broker, over HTTP.


@pytest.fixture
def at_alpaca(monkeypatch):
    """Stations whose broker is reached over HTTP, each call on record; the venue may refuse."""
    know_tokens("tAAPL")
    exchange = Exchange(clock=NOON, fill_seconds=0, accounts=[Account(cash_usd=Decimal(100_000))])
    wire = SharedWire()
    with AlpacaVenue(exchange) as venue:
        clock = VenueClock(exchange)
        monkeypatch.setattr("django.utils.timezone.now", clock)
        broker = make_alpaca(
            venue.url,
            PayloadRecorder(Redaction()),
            transport=wire,
            clock=clock,
            data_url=venue.url,
            key=venue.key,
            secret=venue.secret,
            account=exchange.account().number,
        )
        stations = Stations(clock=clock, broker=broker)
        stations.venue = venue
        stations.fill(log_of(take("SELL", "2", "tAAPL", usdc="540"), block=100))
        yield stations
        wire.end()


def test_request_and_response_stand_side_by_side_as_they_are_stored(boss, at_alpaca):
    at_alpaca.venue.faults.add(refuse(403, "submit"))
    at_alpaca.hedge()

    answer = order(boss)

    html = answer.content.decode()
    told = words(answer)
    assert told.index("Order 1 ended as rejected") < told.index("How it stands")
    assert "was answered with HTTP 403" in told[told.index("The last call that was refused") :][:400]
    assert html.count("<h4>Request</h4>") == html.count("<h4>Response</h4>") > 1
    sent = html.partition("submit: POST")[2]
    assert "&quot;symbol&quot;: &quot;AAPL&quot;" in sent
    assert "&quot;message&quot;: &quot;insufficient buying power" in sent
    assert at_alpaca.venue.secret not in html
    # The box leads to what was said.
    assert f'<article id="{_refused(html)}"' in html


def test_what_an_answer_brought_is_told_after_the_call(boss, at_alpaca):
    """A turn books everything under the moment at which it began, which is before its calls."""
    at_alpaca.hedge()

    told = entries(order(boss))

    last_call = len(told) - 1 - told[::-1].index("call")
    assert told.index("placed") < told.index("submission started") < told.index("call")
    assert last_call < told.index("submitted")


def _refused(html):
    """The anchor that the box at the top leads to."""
    return html.partition("The last call that was refused")[2].partition('href="#')[2].partition('"')[0]


def test_who_may_see_calls_and_not_what_was_said_sees_that_they_were_made(client, django_user_model, at_alpaca):
    at_alpaca.hedge()
    client.force_login(someone_who_may(django_user_model, "trading.view_offchaintrade", "audit_trail.view_apicalllog"))

    answer = client.get("/orders/1/")

    assert "call" in entries(answer)
    assert "<h4>Request</h4>" not in answer.content.decode()
    assert "What was said with the broker" not in words(answer)


def test_of_many_calls_the_first_and_the_last_are_shown(boss, clock):
    row = make.order(id=7, client_order_id="ht-test-7-1")
    for n in range(35):
        make.api_call(reference=row.client_order_id, purpose=f"call {n}", sent_at=clock() + timedelta(seconds=n))

    answer = order(boss, 7)

    assert entries(answer).count("call") == 20
    told = words(answer)
    assert "15 in between are left out." in told
    assert "call 9:" in told
    assert "call 10:" not in told
    assert "call 25:" in told


def test_a_call_under_the_brokers_id_is_the_orders_and_another_orders_is_not(boss, clock):
    row = make.order(id=7, client_order_id="ht-test-7-1", broker_order_id="1fac61b1", detailed_status="rejected")
    orders = "https://paper-api.example.com/v2/orders"
    make.api_call(reference="report", purpose="report", endpoint=f"{orders}/1fac61b1", sent_at=clock())
    make.api_call(reference=row.client_order_id, sent_at=clock())
    make.api_call(reference="report", purpose="report", method="GET", endpoint=f"{orders}/1fac61b1", sent_at=clock())
    make.api_call(reference="report", purpose="report", method="GET", endpoint=f"{orders}/2fac61b1", sent_at=clock())
    make.api_call(reference="cancel", purpose="cancel", method="DELETE", endpoint=f"{orders}/1fac61b1", sent_at=clock())

    answer = order(boss, 7)

    # What was asked before it was sent can't be about it.
    assert entries(answer).count("call") == 3
    told = words(answer)
    assert "report: GET https://paper-api.example.com/v2/orders/1fac61b1" in told
    assert "cancel: DELETE https://paper-api.example.com/v2/orders/1fac61b1" in told
    assert "2fac61b1" not in told
    assert "The broker took it, as 1fac61b1, and rejected it then." in told


def test_a_body_is_shown_with_every_digit_and_as_text(boss, clock):
    row = make.order(id=7, client_order_id="ht-test-7-1")
    body = json.dumps({"qty": "1.50", "note": "<script>alert(1)</script>"})
    make.api_call(reference=row.client_order_id, request_payload=make.api_payload(body=body))

    html = order(boss, 7).content.decode()

    assert "&quot;qty&quot;: &quot;1.50&quot;" in html
    assert "<script>alert" not in html


def filled_up(number, clock, count):
    row = make.order(id=number, client_order_id=f"ht-test-{number}-1")
    for n in range(count):
        fill = make.onchain_trade()
        make.link(execution=row, trade=fill)
        make.netting_link(execution=row, trade=fill)
        make.notice(kind=f"kind {n}", subject=f"order {number}", opened_at=clock())
        make.operator_request(subject=str(number), asked_at=clock())
        make.api_call(reference=row.client_order_id, sent_at=clock())
    make.risk_check(client_order_id=row.client_order_id, order_id=number)


def statements(client, address):
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(address)
    assert answer.status_code == 200
    return len(asked)


def test_it_asks_no_more_of_the_database_however_much_there_is_to_tell(boss, clock):
    make.ledger_mode(mode="dual")
    filled_up(5, clock, 3)
    filled_up(6, clock, 20)

    assert statements(boss, "/orders/5/") == statements(boss, "/orders/6/") <= 20
