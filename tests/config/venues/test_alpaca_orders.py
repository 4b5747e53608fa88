"""Alpaca's orders over HTTP: taking, finding, listing, cancelling and replacing them."""

from datetime import timedelta
from decimal import Decimal

import pytest

from config.venues.hours import Door
from config.venues.orders import Ask
from tests.support.venues import NOON, alpaca_order, wait
from trading.values.sides import Side


def submit(client, client_order_id="ht-1", **changes):
    return client.post("/v2/orders", json=alpaca_order(client_order_id, **changes))


def test_an_order_goes_from_pending_to_filled(alpaca, at_alpaca):
    told = [submit(at_alpaca).json()]
    told.append(at_alpaca.get(f"/v2/orders/{told[0]['id']}").json())
    for _ in range(2):
        wait(alpaca, 1)
        told.append(at_alpaca.get("/v2/orders:by_client_order_id", params={"client_order_id": "ht-1"}).json())

    assert [(one["status"], one["qty"], one["filled_qty"], one["filled_avg_price"]) for one in told] == [
        ("pending_new", "4", "0", None),
        ("new", "4", "0", None),
        ("partially_filled", "4", "2", "271.49"),
        ("filled", "4", "4", "271.49"),
    ]
    assert {one["id"] for one in told} == {told[0]["id"]}
    assert told[3]["filled_at"] == "2026-03-02T17:00:02.000000001Z"
    assert told[3]["submitted_at"] == told[0]["submitted_at"] == "2026-03-02T17:00:00.000000001Z"


def test_quantities_are_text_to_the_ninth_digit(alpaca, at_alpaca):
    alpaca.exchange.account().cash_usd = Decimal(10**12)

    told = submit(at_alpaca, qty="1234567.000000003").json()
    wait(alpaca, 2)

    assert told["qty"] == "1234567.000000003"
    assert at_alpaca.get(f"/v2/orders/{told['id']}").json()["filled_qty"] == "1234567.000000003"


def test_an_order_for_dollars_has_no_quantity(alpaca, at_alpaca):
    told = submit(at_alpaca, qty=None, notional="100.50").json()
    wait(alpaca, 2)
    done = at_alpaca.get(f"/v2/orders/{told['id']}").json()

    assert (told["qty"], told["notional"]) == (None, "100.5")
    assert (done["qty"], done["filled_qty"], done["status"]) == (None, "0.37017938", "filled")


def test_an_order_without_an_id_of_the_clients_gets_one(at_alpaca):
    first, second = submit(at_alpaca, None).json(), submit(at_alpaca, None).json()

    assert first["client_order_id"]
    assert first["client_order_id"] != second["client_order_id"]


def test_while_the_market_is_closed_an_order_is_accepted_and_waits(alpaca, at_alpaca):
    alpaca.exchange.set_door(Door.CLOSED)

    told = submit(at_alpaca).json()
    wait(alpaca, 3600)

    assert told["status"] == "accepted"
    assert at_alpaca.get(f"/v2/orders/{told['id']}").json()["status"] == "accepted"


REFUSED = [
    # What is sent, and the answer's status, code, and a part of its message.
    ({"qty": None}, 422, 40010001, "qty or notional is required"),
    ({"notional": "10"}, 422, 40010001, "only one of qty or notional"),
    ({"symbol": None}, 422, 40010001, "symbol is required"),
    ({"symbol": "NOPE"}, 422, 40010001, "not found"),
    ({"side": "hold"}, 422, 40010001, "invalid side: hold"),
    ({"type": "mood"}, 422, 40010001, "invalid type: mood"),
    ({"time_in_force": None}, 422, 40010001, "time_in_force is required"),
    ({"qty": "0"}, 422, 40010001, "qty must be > 0"),
    ({"qty": "many"}, 400, 40010000, "request body format is invalid"),
    ({"qty": "1.0000000001"}, 422, 42210000, "9 decimal places"),
    ({"qty": None, "notional": "10.001"}, 422, 42210000, "notional value must be limited to 2 decimal places"),
    ({"qty": None, "notional": "0.99"}, 403, 40310000, "minimal amount of order 1"),
    ({"qty": "0.5", "time_in_force": "gtc"}, 422, 42210000, "fractional orders must be DAY orders"),
    ({"qty": None, "notional": "10", "time_in_force": "gtc"}, 422, 42210000, "fractional orders must be DAY orders"),
    ({"qty": "0.5", "side": "sell"}, 422, 42210000, "fractional orders cannot be sold short"),
    ({"type": "limit"}, 422, 40010001, "limit orders require limit price"),
    ({"limit_price": "100"}, 422, 40010001, "market orders require no stop or limit price"),
    ({"type": "limit", "limit_price": "1.001"}, 422, 42210000, "sub-penny"),
    ({"type": "limit", "limit_price": "0.99991"}, 422, 42210000, "sub-penny"),
    ({"extended_hours": True}, 422, 42210000, "extended hours order must be DAY limit orders"),
    ({"client_order_id": "x" * 129}, 422, 40010001, "128 characters"),
    ({"order_class": "bracket"}, 422, 40010001, "simple orders only"),
]


@pytest.mark.parametrize(("changes", "status", "code", "message"), REFUSED, ids=[str(row[0]) for row in REFUSED])
def test_what_alpaca_refuses_is_refused_in_its_words_and_leaves_nothing(
    alpaca, at_alpaca, changes, status, code, message
):
    answer = submit(at_alpaca, **changes)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert message in answer.json()["message"]
    assert alpaca.exchange.orders == []


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "limit", "limit_price": "1.01"},
        {"type": "limit", "limit_price": "0.9999"},
        {"type": "limit", "limit_price": "1.01", "extended_hours": True},
        {"client_order_id": "x" * 128},
        {"qty": 4.0},
    ],
    ids=str,
)
def test_what_alpaca_takes_is_taken(at_alpaca, changes):
    assert submit(at_alpaca, **changes).status_code == 200


def test_a_body_that_is_no_order_is_malformed(at_alpaca):
    for body in (b"", b"not json", b"[]"):
        answer = at_alpaca.post("/v2/orders", content=body)
        assert (answer.status_code, answer.json()["code"]) == (400, 40010000)


def test_a_share_that_is_not_sold_in_fractions_is_sold_whole(alpaca, at_alpaca):
    alpaca.exchange.book.instruments["AAPL"].fractionable = False

    fraction = submit(at_alpaca, qty="0.5")

    assert (fraction.status_code, fraction.json()["message"]) == (422, 'asset "AAPL" is not fractionable')
    assert submit(at_alpaca).status_code == 200


def test_an_id_of_the_clients_is_unique_for_ever(alpaca, at_alpaca):
    """G3-30: a dead order's id can't be used again, so that a new attempt needs a new one."""
    first = submit(at_alpaca).json()
    at_alpaca.delete(f"/v2/orders/{first['id']}")

    again = submit(at_alpaca)

    assert (again.status_code, again.json()) == (
        422,
        {"code": 40010001, "message": "client_order_id must be unique"},
    )
    assert len(alpaca.exchange.orders) == 1


def test_without_the_means_an_order_is_refused_with_the_figures(alpaca, at_alpaca):
    alpaca.exchange.account().hold("TSLA", Decimal(5), Decimal(300))
    submit(at_alpaca, "ht-held", symbol="TSLA", side="sell", qty="3")

    cash = submit(at_alpaca, "ht-2", qty="1000")
    shares = submit(at_alpaca, "ht-3", symbol="TSLA", side="sell", qty="3")

    assert (cash.status_code, cash.json()) == (
        403,
        {
            "code": 40310000,
            "message": "insufficient buying power",
            "buying_power": "100000",
            "cost_basis": "271500",
        },
    )
    assert (shares.status_code, shares.json()) == (
        403,
        {
            "code": 40310000,
            "message": "insufficient qty available for order (requested: 3, available: 2)",
            "available": "2",
            "existing_qty": "5",
            "held_for_orders": "3",
            "symbol": "TSLA",
        },
    )


def test_an_order_against_an_open_one_is_refused(alpaca, at_alpaca):
    submit(at_alpaca)

    answer = submit(at_alpaca, "ht-2", side="sell")

    assert (answer.status_code, answer.json()["code"]) == (422, 42210000)
    assert "wash trade" in answer.json()["message"]


def test_an_order_that_is_not_there_is_not_found(at_alpaca):
    for path in (
        "/v2/orders/61e69015-8549-4bfd-b9c3-01e75843f47d",
        "/v2/orders:by_client_order_id?client_order_id=ht-9",
    ):
        answer = at_alpaca.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, 40410000)


def test_a_cancel_is_answered_with_nothing_and_a_second_one_is_refused(alpaca, at_alpaca):
    order = submit(at_alpaca, qty="5").json()
    wait(alpaca, 1)

    first, second = (at_alpaca.delete(f"/v2/orders/{order['id']}") for _ in range(2))
    told = at_alpaca.get(f"/v2/orders/{order['id']}").json()

    assert (first.status_code, first.content) == (204, b"")
    assert (second.status_code, second.json()["code"]) == (422, 42210000)
    assert (told["status"], told["filled_qty"], told["canceled_at"]) == (
        "canceled",
        "2",
        "2026-03-02T17:00:01.000000001Z",
    )


def test_a_cancel_that_takes_its_time_is_pending(alpaca, at_alpaca):
    alpaca.exchange.cancel_seconds = Decimal(1)
    order = submit(at_alpaca).json()

    at_alpaca.delete(f"/v2/orders/{order['id']}")

    assert at_alpaca.get(f"/v2/orders/{order['id']}").json()["status"] == "pending_cancel"


def test_all_open_orders_are_cancelled_at_once(at_alpaca):
    ids = [submit(at_alpaca, f"ht-{number}").json()["id"] for number in range(3)]

    answer = at_alpaca.delete("/v2/orders")

    assert answer.status_code == 207
    assert [(one["id"], one["status"]) for one in answer.json()] == [(id, 200) for id in ids]
    assert at_alpaca.get("/v2/orders").json() == []


def test_a_replacement_is_a_new_order_for_the_rest(alpaca, at_alpaca):
    old = submit(at_alpaca, qty="5").json()
    wait(alpaca, 1)

    new = at_alpaca.patch(f"/v2/orders/{old['id']}", json={"client_order_id": "ht-2"}).json()
    replaced = at_alpaca.get(f"/v2/orders/{old['id']}").json()

    assert (new["replaces"], new["qty"], new["client_order_id"]) == (old["id"], "3", "ht-2")
    assert (replaced["status"], replaced["replaced_by"], replaced["filled_qty"]) == ("replaced", new["id"], "2")


# Lists.


def listed(client, **params):
    return [order["client_order_id"] for order in client.get("/v2/orders", params=params).json()]


def test_orders_are_listed_by_status_newest_first(alpaca, at_alpaca):
    for number in (1, 2, 3):
        submit(at_alpaca, f"ht-{number}", symbol="AAPL" if number < 3 else "TSLA")
        wait(alpaca, 1)

    assert listed(at_alpaca) == ["ht-3"]
    assert listed(at_alpaca, status="closed") == ["ht-2", "ht-1"]
    assert listed(at_alpaca, status="all", direction="asc") == ["ht-1", "ht-2", "ht-3"]
    assert listed(at_alpaca, status="all", symbols="TSLA,MSFT") == ["ht-3"]


def test_a_list_is_paged_by_time_whose_ends_do_not_count(alpaca, at_alpaca):
    orders = []
    for number in range(1, 6):
        orders.append(submit(at_alpaca, f"ht-{number}", qty="1").json())
        wait(alpaca, 1)

    pages, after = [], None
    while page := at_alpaca.get(
        "/v2/orders",
        params={"status": "all", "direction": "asc", "limit": 2, **({"after": after} if after else {})},
    ).json():
        pages.append([order["client_order_id"] for order in page])
        after = page[-1]["submitted_at"]

    assert pages == [["ht-1", "ht-2"], ["ht-3", "ht-4"], ["ht-5"]]
    assert listed(at_alpaca, status="all", until=orders[1]["submitted_at"]) == ["ht-1"]
    assert listed(at_alpaca, status="all", after=(NOON + timedelta(seconds=3.5)).isoformat()) == ["ht-5"]


def test_orders_of_one_microsecond_are_told_apart_by_the_digits_after_it(at_alpaca):
    times = [submit(at_alpaca, f"ht-{number}").json()["submitted_at"] for number in range(3)]

    assert len(set(times)) == 3
    assert listed(at_alpaca, after=times[1]) == ["ht-2"]


def test_fifty_are_listed_unless_more_are_asked_for_and_never_more_than_five_hundred(alpaca, at_alpaca):
    for number in range(60):
        submit(at_alpaca, f"ht-{number}", qty="1")

    assert len(listed(at_alpaca)) == 50
    assert len(listed(at_alpaca, limit=500)) == 60
    assert at_alpaca.get("/v2/orders", params={"limit": 501}).status_code == 422


@pytest.mark.parametrize("params", [{"status": "weird"}, {"after": "yesterday"}, {"limit": "0"}], ids=str)
def test_a_list_that_can_not_be_meant_is_refused(at_alpaca, params):
    answer = at_alpaca.get("/v2/orders", params=params)

    assert (answer.status_code, answer.json()["code"]) == (422, 40010001)


def test_an_order_that_a_test_placed_itself_is_told_as_any_other(alpaca, at_alpaca):
    alpaca.exchange.place(Ask(symbol="AAPL", side=Side.BUY, shares=Decimal(1), limit_price_usd=Decimal(200)))

    (told,) = at_alpaca.get("/v2/orders").json()

    assert (told["type"], told["time_in_force"], told["limit_price"], told["side"]) == ("limit", "day", "200", "buy")
    assert at_alpaca.get(f"/v2/orders/{told['id']}").json() == told
