"""Faults that a number draws: two runs are alike, and whoever asks before sending again comes to no harm."""

from decimal import Decimal

import httpx2
import pytest

from config.venues.alpaca import AlpacaVenue
from config.venues.exchange import Exchange
from config.venues.faults import FaultPlan
from config.venues.schwab import SchwabVenue
from tests.support.venues import NOON, alpaca_client, alpaca_order, orders_at, schwab_client, schwab_order, wait

SPAN = {"fromEnteredTime": "2026-03-02T16:00:00.000Z", "toEnteredTime": "2026-03-02T18:00:00.000Z"}
RATE = Decimal("0.3")


def tried(call, *arguments, **named):
    try:
        return call(*arguments, **named).status_code
    except httpx2.TransportError:
        return "cut"


def alpaca_run(seed):
    with (
        AlpacaVenue(Exchange(clock=NOON), faults=FaultPlan.random(seed, RATE)) as venue,
        alpaca_client(venue) as client,
    ):
        seen = []
        for number in range(25):
            seen.append(tried(client.post, "/v2/orders", json=alpaca_order(f"ht-{number}")))
            wait(venue, 1)
            seen.append(tried(client.get, "/v2/orders"))
            seen.append(tried(client.get, f"/v2/orders:by_client_order_id?client_order_id=ht-{number}"))
        return seen, venue.history()


def schwab_run(seed):
    exchange = Exchange(clock=NOON)
    with SchwabVenue(exchange, faults=FaultPlan.random(seed, RATE)) as venue, schwab_client(venue) as client:
        seen = []
        for number in range(25):
            seen.append(tried(client.post, orders_at(venue), json=schwab_order(number + 1)))
            wait(venue, 1)
            seen.append(tried(client.get, orders_at(venue), params=SPAN))
        return seen, venue.history()


@pytest.mark.parametrize("run", [alpaca_run, schwab_run])
def test_two_runs_of_one_seed_have_one_history_and_another_seed_another(run):
    first, second, other = run(7), run(7), run(8)

    assert first == second
    assert first != other
    assert {200, 503, "cut"} <= set(first[0])


def insisted(call, *arguments, **named):
    """Ask until something that can be read is answered."""
    for _ in range(100):
        try:
            answer = call(*arguments, **named)
        except httpx2.TransportError:
            continue
        if answer.status_code < 429 and "json" in answer.headers.get("Content-Type", "json"):
            return answer
    raise AssertionError("a hundred tries met nothing but faults")


@pytest.mark.parametrize("seed", range(5))
def test_who_asks_before_sending_again_has_each_order_once(seed):
    """C9, I4: at half of all calls something goes wrong."""
    plan = FaultPlan.random(seed, Decimal("0.5"))
    with AlpacaVenue(Exchange(clock=NOON), faults=plan) as venue, alpaca_client(venue) as client:
        names = [f"ht-{number}" for number in range(20)]
        for name in names:
            while insisted(client.get, f"/v2/orders:by_client_order_id?client_order_id={name}").status_code == 404:
                tried(client.post, "/v2/orders", json=alpaca_order(name, qty="1"))

        assert [order.ask.client_id for order in venue.exchange.orders] == names
        assert {request.fault for request in venue.asked("submit")} > {None}


def test_who_asks_the_list_before_sending_again_has_each_order_once_at_schwab():
    """C9: a list may lag behind, so that one look which finds nothing is not enough."""
    with SchwabVenue(Exchange(clock=NOON), faults=FaultPlan.random(3, Decimal("0.5"))) as venue:
        client, quantities = schwab_client(venue), list(range(1, 21))

        def listed(quantity):
            looks = [insisted(client.get, orders_at(venue), params=SPAN).json() for _ in range(3)]
            return any(order["quantity"] == quantity for look in looks for order in look)

        with client:
            for quantity in quantities:
                while not listed(quantity):
                    tried(client.post, orders_at(venue), json=schwab_order(quantity))

        assert [order.ask.shares for order in venue.exchange.orders] == quantities
