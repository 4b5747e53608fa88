"""The control surface: what a person sees of a running venue and does to it, and the server that all calls come by."""

import json
import threading
from datetime import timedelta

import pytest

from config.venues.alpaca import AlpacaVenue
from config.venues.exchange import Exchange
from tests.support.venues import NOON, alpaca_client, alpaca_order, client, orders_at, schwab_order


@pytest.fixture
def person(alpaca):
    """Somebody without any key."""
    with client(alpaca) as someone:
        yield someone


@pytest.fixture
def order(at_alpaca):
    return at_alpaca.post("/v2/orders", json=alpaca_order("ht-1", qty="5")).json()


def does(person, what, **said):
    answer = person.post(f"/_venue/{what}", json=said)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_person_sees_everything(alpaca, person, order):
    does(person, "fault", kind="cut_after", call="submit")

    state = person.get("/_venue/state").json()

    assert (state["venue"], state["time"], state["market"]) == ("alpaca", NOON.isoformat(), "open")
    assert state["accounts"] == [
        {"number": "10000001", "cash_usd": "100000", "buying_power_usd": "98642.5", "holdings": {}}
    ]
    assert [(one["id"], one["client_id"], one["state"]) for one in state["orders"]] == [(order["id"], "ht-1", "open")]
    assert state["faults"] == [{"call": "submit", "fault": "cut_after"}]
    assert state["requests"] == 1


def test_a_person_sees_what_was_asked(alpaca, person, order):
    (request,) = person.get("/_venue/requests").json()

    assert (request["call"], request["status"], request["order"]) == ("submit", 200, 1)
    assert json.loads(request["body"])["client_order_id"] == "ht-1"
    assert alpaca.secret not in person.get("/_venue/requests").text


@pytest.mark.parametrize("name", ["number", "client_id", "id"])
def test_a_person_fills_an_order_whatever_they_call_it(person, order, name):
    named = {"number": "1", "client_id": "ht-1", "id": order["id"]}[name]

    some = does(person, "fill", order=named, shares="2", usd="100.005")
    rest = does(person, "fill", order=named, usd=90)

    assert (some["state"], some["filled_shares"], some["average_price_usd"]) == ("open", "2", "100.005")
    assert (rest["state"], rest["filled_shares"], rest["average_price_usd"]) == ("filled", "5", "94.002")


@pytest.mark.parametrize(
    ("what", "said", "state", "reason"),
    [
        ("cancel", {"reason": "halted"}, "cancelled", "halted"),
        ("reject", {"reason": "no"}, "rejected", "no"),
        ("expire", {}, "expired", None),
    ],
)
def test_a_person_ends_an_order(person, order, what, said, state, reason):
    told = does(person, what, order="ht-1", **said)

    assert (told["state"], told["reason"]) == (state, reason)
    assert person.post(f"/_venue/{what}", json={"order": "ht-1"}).status_code == 400


def test_a_person_moves_time_prices_cash_and_holdings(alpaca, person, order):
    does(person, "price", symbol="NEW", usd="1.2345")
    does(person, "cash", usd="7")
    does(person, "holding", symbol="NEW", shares="1.5")
    does(person, "clock", advance_seconds="1.5")
    does(person, "clock", at="2026-03-02T18:00:00+00:00")
    told = does(person, "clock", run=True)

    exchange = alpaca.exchange
    assert exchange.prices()["NEW"] == exchange.account().holdings["NEW"].average_price
    assert exchange.account().shares_of("NEW") == exchange.account().holdings["NEW"].shares
    assert exchange.orders[0].ended_at == NOON + timedelta(seconds=2)
    # Its source stands still, and it follows that again.
    assert told["time"].startswith("20")


def test_a_person_closes_the_market(alpaca, person):
    does(person, "market", door="closed")

    assert person.get("/_venue/state").json()["market"] == "closed"


def test_a_person_makes_things_go_wrong_and_right_again(alpaca, person, at_alpaca):
    does(person, "fault", kind="refuse", status=503, times=None)
    assert [at_alpaca.get("/v2/clock").status_code for _ in range(3)] == [503] * 3

    person.delete("/_venue/fault")

    assert at_alpaca.get("/v2/clock").status_code == 200


def test_a_fault_of_a_person_has_all_that_a_fault_has(schwab, at_schwab):
    with client(schwab) as person:
        does(person, "fault", kind="location", where="missing", call="submit")
        does(person, "fault", kind="hide", reads=1, hidden_from=["list", "report"], call="submit")

    first, second = (at_schwab.post(orders_at(schwab), json=schwab_order()) for _ in range(2))

    assert ("Location" in first.headers, "Location" in second.headers) == (False, True)
    assert schwab.exchange.orders[1].hidden == {"list": 1, "report": 1}


@pytest.mark.parametrize(
    ("what", "said", "status"),
    [
        ("fill", {"order": "ht-9"}, 404),
        ("fill", {}, 400),
        ("fill", {"order": "ht-1", "shares": "many"}, 400),
        ("fill", {"order": "ht-1", "shares": "-1"}, 400),
        ("price", {"symbol": "AAPL", "usd": "0"}, 400),
        ("holding", {"symbol": "NOPE", "shares": "1"}, 400),
        ("market", {"door": "ajar"}, 400),
        ("clock", {"at": "2026-03-02T18:00:00"}, 400),
        ("fault", {"kind": "mischief"}, 400),
        ("fault", {"kind": "slow", "speed": 1}, 400),
        ("fault", {"kind": "slow", "times": 0}, 400),
        ("cash", {"usd": "1", "currency": "EUR"}, 400),
        ("mood", {}, 404),
    ],
    ids=str,
)
def test_what_can_not_be_meant_is_said_so_and_does_nothing(alpaca, person, order, what, said, status):
    before = person.get("/_venue/state").json()

    answer = person.post(f"/_venue/{what}", json=said)

    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert person.get("/_venue/state").json() == before


def test_a_body_that_is_no_object_is_said_so(person):
    for body in (b"not json", b"[]"):
        assert person.post("/_venue/price", content=body).status_code == 400


# The server.


def test_one_connection_carries_many_calls(alpaca, at_alpaca):
    at_alpaca.get("/v2/clock")
    first = at_alpaca._transport._pool.connections[0]
    for _ in range(20):
        at_alpaca.post("/v2/orders", content=b"not json")
    at_alpaca.delete("/v2/orders/none")

    assert at_alpaca._transport._pool.connections == [first]


def test_many_at_once_are_all_answered_and_each_order_is_taken_once(alpaca):
    answers, start = [], threading.Barrier(8)

    def send(number):
        with alpaca_client(alpaca) as there:
            start.wait(timeout=30)
            for turn in range(5):
                body = alpaca_order(f"ht-{turn}", qty="1")
                answers.append(there.post("/v2/orders", json=body).status_code)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    # Each of five ids was sent eight times.
    assert sorted(answers) == [200] * 5 + [422] * 35
    assert len(alpaca.exchange.orders) == 5
    assert [request.number for request in alpaca.requests] == list(range(1, 41))


def test_a_request_too_large_is_not_read(at_alpaca):
    assert at_alpaca.post("/v2/orders", content=b" " * 1_000_001).status_code == 413


def test_a_port_that_is_taken_is_said_so(alpaca):
    port = int(alpaca.url.rpartition(":")[2])

    with pytest.raises(OSError, match="in use"):
        AlpacaVenue(Exchange(clock=NOON), port=port).open()


def test_a_venue_is_gone_after_it_was_closed_and_may_be_opened_again():
    venue = AlpacaVenue(Exchange(clock=NOON))
    venue.open()
    url = venue.url
    venue.close()
    venue.close()

    with venue:
        assert venue.url == url
