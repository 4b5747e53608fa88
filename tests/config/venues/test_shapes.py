"""Shapes: what the venues answer has every part that the vendors' samples have, of the same kind.

The samples (tests/recordings/api) are recorded answers, or fixtures of the vendor's own library, each with its source.
"""

import json
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from config.venues.alpaca import AlpacaVenue
from config.venues.exchange import Exchange
from tests.support.venues import NOON, alpaca_client, alpaca_order, client, orders_at, schwab_order, wait

SAMPLES = Path(__file__).resolve().parents[2] / "recordings" / "api"

# The library's fixtures have numbers here; the vendor's documents, and answers that were recorded, have text.
TEXT_IN_TRUTH = {"qty", "filled_qty", "filled_avg_price", "limit_price"}


@cache
def samples(vendor):
    return json.loads((SAMPLES / f"{vendor}.json").read_text())


def sampled(vendor, request_begins, source_ends=""):
    found = [
        sample["body"]
        for sample in samples(vendor)
        if sample["request"].startswith(request_begins)
        and sample["source"].endswith(source_ends)
        and sample["status"] < 300
    ]
    assert found, f"no sample of {request_begins} {source_ends}"
    return found


def kind(value):
    """Name a value's kind in JSON: a whole number and one with a point are of one kind."""
    kinds = {bool: "boolean", int: "number", float: "number", str: "text", list: "list", dict: "object"}
    return "nothing" if value is None else kinds[type(value)]


def missing(sample, answers, path=""):
    """Yield each part of a sample that no answer has in the same kind."""
    for name, value in sample.items():
        wanted = "text" if name in TEXT_IN_TRUTH and kind(value) == "number" else kind(value)
        held = [answer[name] for answer in answers if name in answer]
        if not held or wanted not in {kind(one) for one in held} | {"nothing"}:
            yield f"{path}{name}: expected {wanted}, was {[kind(one) for one in held] or 'absent'}"
        elif wanted == "object":
            yield from missing(value, held, f"{path}{name}.")
        elif wanted == "list" and value and isinstance(value[0], dict):
            yield from missing(value[0], [one for items in held for one in items], f"{path}{name}[].")


def test_what_is_missing_or_of_another_kind_is_found():
    sample = {"a": 1, "b": "x", "c": {"d": None, "e": [{"f": True}]}, "qty": 1}

    assert list(missing(sample, [{"a": "1", "c": {"d": "anything", "e": [{"f": 1}]}, "qty": "1"}])) == [
        "a: expected number, was ['text']",
        "b: expected text, was absent",
        "c.e[].f: expected boolean, was ['number']",
    ]
    assert list(missing(sample, [{"a": 2.5, "b": "", "c": {"d": None, "e": [{"f": False}]}, "qty": "1"}])) == []


@pytest.fixture
def alpaca_orders(alpaca, at_alpaca):
    """Orders in every state, so that whatever is only there in some is there in one of them."""
    at_alpaca.post("/v2/orders", json=alpaca_order("ht-filled", type="limit", limit_price="300"))
    wait(alpaca, 2)
    for name in ("ht-cancelled", "ht-replaced", "ht-rejected", "ht-expired", "ht-open"):
        at_alpaca.post("/v2/orders", json=alpaca_order(name))
    at_alpaca.delete(f"/v2/orders/{alpaca.name_of(alpaca.order_named('ht-cancelled'))}")
    at_alpaca.patch(
        f"/v2/orders/{alpaca.name_of(alpaca.order_named('ht-replaced'))}", json={"client_order_id": "ht-new"}
    )
    alpaca.exchange.reject(alpaca.order_named("ht-rejected"), "no")
    alpaca.exchange.expire(alpaca.order_named("ht-expired"))
    return at_alpaca.get("/v2/orders", params={"status": "all"}).json()


# Parts of orders of kinds that this venue does not take.
OTHER_KINDS = {"hwm"}


def test_alpacas_orders_have_every_part_of_the_samples(alpaca_orders):
    bodies = [
        *sampled("alpaca", "POST https://paper-api.alpaca.markets/v2/orders"),
        *sampled("alpaca", "GET https://paper-api.alpaca.markets/v2/orders/{order_id}"),
        *sampled("alpaca", "PATCH https://paper-api.alpaca.markets/v2/orders"),
        *(
            order
            for orders in sampled("alpaca", "GET https://paper-api.alpaca.markets/v2/orders", "test_get_orders")
            for order in orders
        ),
    ]

    for body in bodies:
        assert list(missing({k: v for k, v in body.items() if k not in OTHER_KINDS}, alpaca_orders)) == []


def test_alpacas_list_of_cancels_has_every_part_of_the_samples(at_alpaca):
    at_alpaca.post("/v2/orders", json=alpaca_order())

    answer = at_alpaca.delete("/v2/orders").json()

    for body in sampled("alpaca", "DELETE https://paper-api.alpaca.markets/v2/orders"):
        assert list(missing(body[0], answer)) == []


def test_alpacas_account_has_every_part_of_the_samples():
    with AlpacaVenue(Exchange(clock=NOON), pdt_fields=True) as venue, alpaca_client(venue) as there:
        answer = there.get("/v2/account").json()

    for body in sampled("alpaca", "GET https://paper-api.alpaca.markets/v2/account", "test_get_account"):
        assert list(missing(body, [answer])) == []


def test_alpacas_positions_have_every_part_of_the_samples(alpaca, at_alpaca):
    alpaca.exchange.account().hold("AAPL", Decimal(5), Decimal(100))

    answer = at_alpaca.get("/v2/positions").json()

    for body in sampled("alpaca", "GET https://paper-api.alpaca.markets/v2/positions"):
        assert list(missing(body[0], answer)) == []


def test_alpacas_clock_and_calendar_have_every_part_of_the_samples(at_alpaca):
    clock, calendar = at_alpaca.get("/v2/clock").json(), at_alpaca.get("/v2/calendar").json()

    for body in sampled("alpaca", "GET https://broker-api.sandbox.alpaca.markets/v1/clock"):
        assert list(missing(body, [clock])) == []
    for body in sampled("alpaca", "GET https://broker-api.sandbox.alpaca.markets/v1/calendar"):
        assert list(missing(body[0], calendar)) == []


def test_alpaca_says_no_to_strangers_as_was_recorded(alpaca):
    with client(alpaca) as stranger:
        answer = stranger.get("/v2/account")

    (body,) = [sample["body"] for sample in samples("alpaca") if sample["kind"] == "recorded"]
    assert (answer.status_code, answer.json()) == (401, body)


def test_schwabs_filled_order_has_every_part_of_the_recorded_one_in_its_place(schwab, at_schwab):
    """G3-25: order ids are numbers, fills lie in activities, times have no colon in their offset."""
    at_schwab.post(orders_at(schwab), json=schwab_order(1, symbol="GME"))
    wait(schwab, 2)
    id = schwab.name_of(schwab.exchange.orders[0])

    answer = at_schwab.get(f"{orders_at(schwab)}/{id}").json()

    (body,) = sampled("schwab", "GET /trader/v1/accounts/{hash}/orders/{orderId}")
    assert list(missing(body, [answer])) == []
    assert set(answer) == set(body)
    assert answer["enteredTime"][-5:] == body["enteredTime"][-5:] == "+0000"


def test_schwabs_tokens_have_every_part_of_the_sample(schwab):
    (body,) = sampled("schwab", "POST /v1/oauth/token")

    assert list(missing(body, [schwab.login()])) == []
