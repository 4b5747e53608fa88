"""Faults: each as a client meets it, and what it leaves at the venue."""

import json
from decimal import Decimal

import httpx2
import pytest

from config.venues import faults
from config.venues.faults import FaultPlan, Kind, Where
from config.venues.venue import Broken
from tests.support.venues import alpaca_client, alpaca_order, client, orders_at, schwab_order

SPAN = {"fromEnteredTime": "2026-03-02T16:00:00.000Z", "toEnteredTime": "2026-03-02T18:00:00.000Z"}


def submit(there, client_order_id="ht-1", **changes):
    return there.post("/v2/orders", json=alpaca_order(client_order_id, **changes))


def taken(venue):
    return [order.ask.client_id for order in venue.exchange.orders]


# Refused before anything is taken.


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"message": "unauthorized."}),
        (
            403,
            {"code": 40310000, "message": "insufficient buying power", "buying_power": "0", "cost_basis": "1"},
        ),
        (422, {"code": 42210000, "message": "unprocessable"}),
        (429, {"code": 42910000, "message": "too many requests"}),
        (503, {"code": 50300000, "message": "internal server error occurred"}),
    ],
)
def test_a_refusal_takes_nothing_and_is_worded_as_alpaca_words_it(alpaca, at_alpaca, status, body):
    alpaca.faults.add(faults.refuse(status))

    answer = submit(at_alpaca)

    assert (answer.status_code, answer.json()) == (status, body)
    assert taken(alpaca) == []
    assert submit(at_alpaca).status_code == 200


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_a_refusal_takes_nothing_and_is_worded_as_schwab_words_it(schwab, at_schwab, status):
    schwab.faults.add(faults.refuse(status))

    answer = at_schwab.post(orders_at(schwab), json=schwab_order())

    assert answer.status_code == status
    assert "errors" in answer.json()
    assert schwab.exchange.orders == []


def test_a_refusal_may_be_in_words_of_the_tests(alpaca, at_alpaca):
    alpaca.faults.add(faults.refuse(422, message="only on Tuesdays"))

    assert submit(at_alpaca).json() == {"code": 42210000, "message": "only on Tuesdays"}


@pytest.mark.parametrize("retry_after", ["7", "Mon, 02 Mar 2026 17:00:07 GMT", None])
def test_who_is_refused_for_asking_too_often_is_told_when_to_come_back(alpaca, at_alpaca, retry_after):
    """G3-32."""
    alpaca.faults.add(faults.rate_limited(retry_after))

    answer = submit(at_alpaca)

    assert (answer.status_code, answer.headers.get("Retry-After")) == (429, retry_after)
    assert taken(alpaca) == []


def test_a_gateway_refuses_with_a_page(schwab):
    schwab.faults.add(faults.gateway_page(403, "token"))

    with client(schwab) as app:
        answer = app.post("/v1/oauth/token")

    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "text/html; charset=UTF-8")
    assert "Access Denied" in answer.text


def test_a_connection_that_is_cut_at_once_takes_nothing(alpaca, at_alpaca):
    alpaca.faults.add(faults.cut_before())

    with pytest.raises(httpx2.TransportError):
        submit(at_alpaca)

    assert taken(alpaca) == []


def test_where_nobody_listens_a_connection_is_refused_until_somebody_does(alpaca, at_alpaca):
    at_alpaca.get("/v2/clock")  # This connection is open, and would be used again.

    with alpaca.refusing_connections(), pytest.raises(httpx2.ConnectError):
        submit(at_alpaca)

    assert taken(alpaca) == []
    assert submit(at_alpaca).status_code == 200


# Taken, and not told so.


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_order_is_taken_and_the_server_says_that_it_failed(alpaca, at_alpaca, status):
    alpaca.faults.add(faults.fail_after(status))

    assert submit(at_alpaca).status_code == status
    assert taken(alpaca) == ["ht-1"]
    assert at_alpaca.get("/v2/orders:by_client_order_id?client_order_id=ht-1").json()["status"] == "new"


@pytest.mark.parametrize("fault", [faults.cut_after(), faults.cut_within()], ids=str)
def test_an_order_is_taken_and_the_connection_is_cut(alpaca, at_alpaca, fault):
    alpaca.faults.add(fault)

    with pytest.raises(httpx2.TransportError):
        submit(at_alpaca)

    assert taken(alpaca) == ["ht-1"]


def test_an_order_is_taken_at_schwab_and_the_connection_is_cut(schwab, at_schwab):
    """C9: what is left is the list."""
    for fault in (faults.cut_after(), faults.cut_within()):
        schwab.faults.add(fault)
        with pytest.raises(httpx2.TransportError):
            at_schwab.post(orders_at(schwab), json=schwab_order())

    assert len(at_schwab.get(orders_at(schwab), params=SPAN).json()) == 2


def test_an_order_is_taken_and_the_answer_comes_too_late(alpaca):
    alpaca.faults.add(faults.slow(Decimal(30)))

    with alpaca_client(alpaca, timeout=0.1) as hasty:
        with pytest.raises(httpx2.ReadTimeout):
            submit(hasty)
        assert taken(alpaca) == ["ht-1"]
    # Closing the venue does not wait for the answer either; the test's own time limit would say so.


def test_a_slow_answer_comes_whole_to_who_waits(alpaca, at_alpaca):
    alpaca.faults.add(faults.slow(Decimal("0.05")))

    assert submit(at_alpaca).json()["client_order_id"] == "ht-1"
    assert [request.fault for request in alpaca.requests] == ["slow"]


def test_an_order_is_taken_and_the_answer_is_a_page(alpaca, at_alpaca):
    alpaca.faults.add(faults.html("submit"))

    answer = submit(at_alpaca)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=UTF-8")
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert taken(alpaca) == ["ht-1"]


# Told wrongly.


@pytest.mark.parametrize(
    ("where", "location"),
    [
        (Where.MISSING, None),
        (Where.UNPARSABLE, "https://api.schwabapi.com/trader/v1/accounts/orders"),
        (Where.OTHER_ORDER, "https://api.schwabapi.com/trader/v1/accounts/{mine}/orders/1004000000001"),
        (Where.OTHER_ACCOUNT, "https://api.schwabapi.com/trader/v1/accounts/{other}/orders/1004000000002"),
    ],
)
def test_an_order_is_taken_and_its_place_told_wrongly(schwab, at_schwab, where, location):
    """C9: a Location may name another order, or none."""
    at_schwab.post(orders_at(schwab), json=schwab_order(1))
    schwab.faults.add(faults.location(where))

    answer = at_schwab.post(orders_at(schwab), json=schwab_order(2))

    told = answer.headers.get("Location")
    if told is not None:
        other = told.split("/")[6]
        assert (other != schwab.account_hash()) == (where in (Where.OTHER_ACCOUNT, Where.UNPARSABLE))
        assert told == location.format(mine=schwab.account_hash(), other=other)
    assert (answer.status_code, told is None) == (201, where is Where.MISSING)
    assert len(schwab.exchange.orders) == 2


def test_a_status_may_be_a_word_that_nobody_knows(alpaca, at_alpaca, schwab, at_schwab):
    alpaca.faults.add(faults.status_word("moonlighting", "find"))
    schwab.faults.add(faults.status_word("MOONLIGHTING", "list"))
    submit(at_alpaca)
    at_schwab.post(orders_at(schwab), json=schwab_order())

    path = "/v2/orders:by_client_order_id?client_order_id=ht-1"
    told = [at_alpaca.get(path).json()["status"] for _ in range(2)]
    listed = [at_schwab.get(orders_at(schwab), params=SPAN).json()[0]["status"] for _ in range(2)]

    assert (told, listed) == (["moonlighting", "new"], ["MOONLIGHTING", "WORKING"])


def test_a_fill_may_be_told_twice(alpaca, at_alpaca, schwab, at_schwab):
    submit(at_alpaca)
    at_schwab.post(orders_at(schwab), json=schwab_order())
    for venue in (alpaca, schwab):
        venue.exchange.fill(venue.exchange.orders[0], 1)
    alpaca.faults.add(faults.fill_twice("activities"))
    schwab.faults.add(faults.fill_twice("list"))

    rows = at_alpaca.get("/v2/account/activities/FILL").json()
    (order,) = at_schwab.get(orders_at(schwab), params=SPAN).json()

    assert [row["id"] for row in rows] == [rows[0]["id"]] * 2
    assert [one["activityId"] for one in order["orderActivityCollection"]] == [102102000001] * 2
    assert order["filledQuantity"] == 1


def test_a_list_may_lag_behind(schwab, at_schwab):
    """G5-56, C9: absence needs more than one look."""
    schwab.faults.add(faults.hide(2))
    at_schwab.post(orders_at(schwab), json=schwab_order())

    seen = [len(at_schwab.get(orders_at(schwab), params=SPAN).json()) for _ in range(3)]

    assert seen == [0, 0, 1]


def test_an_order_may_not_be_found_for_a_while(alpaca, at_alpaca):
    alpaca.faults.add(faults.hide(1, ("find", "report")))
    id = submit(at_alpaca).json()["id"]

    found = [at_alpaca.get("/v2/orders:by_client_order_id?client_order_id=ht-1").status_code for _ in range(2)]
    reported = [at_alpaca.get(f"/v2/orders/{id}").status_code for _ in range(2)]

    assert (found, reported) == ([404, 200], [404, 200])


# The plan.


def test_what_was_queued_comes_first_for_its_kind_of_call_and_as_often_as_was_said():
    plan = FaultPlan()
    plan.add(faults.refuse(503, "list"), times=2)
    plan.add(faults.cut_before())

    met = [plan.next(call) for call in ("list", "submit", "list", "list")]

    assert [None if fault is None else fault.kind for fault in met] == [
        Kind.REFUSE,
        Kind.CUT_BEFORE,
        Kind.REFUSE,
        None,
    ]


def test_a_fault_may_last_until_it_is_cleared():
    plan = FaultPlan()
    plan.add(faults.refuse(503), times=None)
    assert all(plan.next("list") for _ in range(50))

    plan.clear()

    assert plan.next("list") is None


def drawn(plan, calls):
    return [str(plan.next(call)) for call in calls]


def test_a_number_draws_the_same_faults_for_the_same_calls():
    calls = ["submit", "list", "report", "cancel", "token"] * 40

    first, second, other = (drawn(FaultPlan.random(seed, Decimal("0.3")), calls) for seed in (7, 7, 8))

    assert first == second != other
    assert 30 < sum(fault != "None" for fault in first) < 90


def test_what_a_kind_of_call_meets_does_not_depend_on_the_others():
    alone = drawn(FaultPlan.random(7, Decimal("0.3")), ["submit"] * 20)
    plan = FaultPlan.random(7, Decimal("0.3"))

    among_others = [[str(plan.next("list")), str(plan.next("submit"))][1] for _ in range(20)]

    assert among_others == alone


def test_at_no_rate_nothing_is_drawn_and_at_full_rate_always():
    assert set(drawn(FaultPlan.random(7, Decimal(0)), ["submit"] * 50)) == {"None"}
    assert "None" not in drawn(FaultPlan.random(7, Decimal(1)), ["submit"] * 50)


def test_what_is_drawn_is_mended_by_asking_again():
    usual = {fault.kind for faults_of in faults.USUAL.values() for fault in faults_of}
    refusals = {fault.status for some in faults.USUAL.values() for fault in some if fault.kind is Kind.REFUSE}

    assert usual.isdisjoint({Kind.SLOW, Kind.STATUS_WORD, Kind.FILL_TWICE})
    assert refusals == {429, 503}


# A venue that fails.


def test_a_venue_that_fails_itself_says_so_when_it_is_closed(alpaca, at_alpaca, monkeypatch):
    monkeypatch.setattr(alpaca.exchange, "place", lambda ask: 1 / 0)

    assert submit(at_alpaca).status_code == 500
    with pytest.raises(Broken, match="ZeroDivisionError"):
        alpaca.close()
    alpaca._broken.clear()  # So that the fixture's own closing has nothing to say.
