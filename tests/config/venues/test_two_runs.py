"""Two runs of one seed are alike: the same calls meet the same faults, and the same happens to the same orders."""

from decimal import Decimal

import httpx2
import pytest

from config.venues.accounts import Account
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
    exchange = Exchange(clock=NOON, accounts=[Account(number="10000001")])
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
