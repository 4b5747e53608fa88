"""Schwab's orders over HTTP: one header tells that an order was taken, and nothing of the client's is known of it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from config.venues.hours import Door
from config.venues.orders import Ask
from tests.support.venues import NOON, orders_at, schwab_order, wait
from trading.values.sides import Side

SPAN = {"fromEnteredTime": "2026-03-02T16:00:00.000Z", "toEnteredTime": "2026-03-02T18:00:00.000Z"}


@pytest.fixture
def orders(schwab):
    return orders_at(schwab)


@pytest.fixture
def submit(at_schwab, orders):
    def submit(*order, **changes):
        return at_schwab.post(orders, json=schwab_order(*order, **changes))

    return submit


def id_in(answer):
    return answer.headers["Location"].rpartition("/")[2]


def test_an_order_is_answered_with_an_empty_body_and_its_place(schwab, submit):
    answer = submit()

    place = f"https://api.schwabapi.com/trader/v1/accounts/{schwab.account_hash()}/orders/1004000000001"
    assert (answer.status_code, answer.content, answer.headers["Location"]) == (201, b"", place)
    assert answer.headers["Schwab-Client-CorrelId"]


def test_an_order_goes_from_working_to_filled(schwab, at_schwab, orders, submit):
    id = id_in(submit(5))
    told = [at_schwab.get(f"{orders}/{id}").json()]
    for _ in range(2):
        wait(schwab, 1)
        told.append(at_schwab.get(f"{orders}/{id}").json())

    assert [(one["status"], one["filledQuantity"], one["remainingQuantity"]) for one in told] == [
        ("WORKING", 0, 5),
        ("WORKING", 2, 3),
        ("FILLED", 5, 0),
    ]
    assert "orderActivityCollection" not in told[0]
    assert "closeTime" not in told[1]
    assert told[2]["closeTime"] == "2026-03-02T17:00:02+0000"
    assert [activity["quantity"] for activity in told[2]["orderActivityCollection"]] == [2, 3]
    assert told[2]["orderId"] == int(id)


def test_numbers_have_a_point_and_prices_all_their_digits(schwab, at_schwab, orders, submit):
    schwab.exchange.set_price("AAPL", Decimal("22.7299"))
    id = id_in(submit())
    wait(schwab, 2)

    content = at_schwab.get(f"{orders}/{id}").content

    assert b'"quantity":4.0,' in content
    assert b'"price":22.7299,' in content


def test_one_execution_may_have_several_legs(schwab, at_schwab, orders, submit):
    id = id_in(submit(3))
    schwab.exchange.fill(
        schwab.order_named(id), legs=[(Decimal(2), Decimal("410.25")), (Decimal(1), Decimal("410.31"))]
    )

    (activity,) = at_schwab.get(f"{orders}/{id}").json()["orderActivityCollection"]

    assert [(leg["quantity"], leg["price"]) for leg in activity["executionLegs"]] == [(2, 410.25), (1, 410.31)]


@pytest.mark.parametrize(
    "order",
    [
        schwab_order(0.5),
        schwab_order(0),
        schwab_order(-1),
        schwab_order("many"),
        schwab_order(symbol="NOPE"),
        schwab_order(instruction="HOLD"),
        schwab_order(orderType="MOOD"),
        schwab_order(session=None),
        schwab_order(duration="FOR_EVER"),
        schwab_order(orderStrategyType="OCO"),
        schwab_order(orderLegCollection=[]),
        schwab_order(orderLegCollection=[{"instruction": "BUY", "quantity": 1}]),
        schwab_order(price="100"),
        schwab_order(session="AM"),
        schwab_order(orderType="LIMIT"),
        schwab_order(orderType="LIMIT", price="100.001"),
        ["no order"],
    ],
    ids=str,
)
def test_what_can_not_be_an_order_is_refused_and_leaves_nothing(schwab, at_schwab, orders, order):
    answer = at_schwab.post(orders, json=order)

    assert answer.status_code == 400
    assert set(answer.json()) == {"message", "errors"}
    assert "Location" not in answer.headers
    assert schwab.exchange.orders == []


def test_a_limit_is_told_as_a_number(at_schwab, orders, submit):
    id = id_in(submit(orderType="LIMIT", price="100.25", session="SEAMLESS", duration="GOOD_TILL_CANCEL"))

    told = at_schwab.get(f"{orders}/{id}").json()

    assert (told["orderType"], told["price"], told["session"], told["duration"]) == (
        "LIMIT",
        100.25,
        "SEAMLESS",
        "GOOD_TILL_CANCEL",
    )


@pytest.mark.parametrize(
    "order",
    [
        (4, "SELL"),
        (4, "BUY_TO_COVER"),
        (4, "SELL_SHORT", "GME"),
        (4, "SELL", "TSLA"),
        (1_000_000, "BUY"),
    ],
    ids=str,
)
def test_what_the_account_does_not_allow_is_taken_and_then_rejected(schwab, at_schwab, orders, submit, order):
    schwab.exchange.account().hold("TSLA", Decimal(3), Decimal(300))
    schwab.exchange.account().hold("GME", Decimal(3), Decimal(20))

    answer = submit(*order)
    told = at_schwab.get(f"{orders}/{id_in(answer)}").json()

    assert (answer.status_code, told["status"], told["filledQuantity"]) == (201, "REJECTED", 0)
    assert told["statusDescription"]


@pytest.mark.parametrize(
    ("order", "effect"), [((3, "SELL", "TSLA"), "CLOSING"), ((4, "SELL_SHORT"), "OPENING")], ids=str
)
def test_what_the_account_allows_works(schwab, at_schwab, orders, submit, order, effect):
    schwab.exchange.account().hold("TSLA", Decimal(3), Decimal(300))

    told = at_schwab.get(f"{orders}/{id_in(submit(*order))}").json()

    assert (told["status"], told["orderLegCollection"][0]["positionEffect"]) == ("WORKING", effect)


def test_the_same_order_twice_is_two_orders(schwab, submit):
    """C9: nothing in an order tells Schwab that it has it already."""
    first, second = submit(), submit()

    assert id_in(first) != id_in(second)
    assert len(schwab.exchange.orders) == 2


def test_while_the_market_is_closed_an_order_waits(schwab, at_schwab, orders, submit):
    schwab.exchange.set_door(Door.CLOSED)
    id = id_in(submit())
    wait(schwab, 1000)

    assert at_schwab.get(f"{orders}/{id}").json()["status"] == "PENDING_ACTIVATION"


def test_a_cancel_keeps_what_was_filled_and_a_second_one_is_refused(schwab, at_schwab, orders, submit):
    id = id_in(submit(5))
    wait(schwab, 1)

    first, second = (at_schwab.delete(f"{orders}/{id}") for _ in range(2))
    told = at_schwab.get(f"{orders}/{id}").json()

    assert (first.status_code, first.content, second.status_code) == (200, b"", 400)
    assert (told["status"], told["filledQuantity"], told["cancelable"]) == ("CANCELED", 2, False)


def test_a_replacement_has_another_id_and_the_old_order_tells_it(at_schwab, orders, submit):
    old = id_in(submit())

    answer = at_schwab.put(f"{orders}/{old}", json=schwab_order(orderType="LIMIT", price="200"))
    told = at_schwab.get(f"{orders}/{old}").json()

    assert answer.status_code == 201
    assert told["status"] == "REPLACED"
    assert told["replacingOrderCollection"] == [{"orderId": int(id_in(answer))}]


@pytest.mark.parametrize("id", ["1004000000099", "1"])
def test_an_order_that_is_not_there_is_not_found(at_schwab, orders, id):
    for method in ("GET", "DELETE"):
        assert at_schwab.request(method, f"{orders}/{id}").status_code == 404


def test_another_accounts_address_leads_nowhere(at_schwab, submit):
    submit()

    for path in ("/trader/v1/accounts/0A1B/orders", "/trader/v1/accounts/0A1B"):
        assert at_schwab.get(path, params=SPAN).status_code == 404


# Lists.


def test_orders_of_a_span_are_listed_newest_first(schwab, at_schwab, orders, submit):
    ids = []
    for quantity in (1, 2, 3):
        ids.append(id_in(submit(quantity)))
        wait(schwab, 60)

    def listed(**params):
        return [str(order["orderId"]) for order in at_schwab.get(orders, params=SPAN | params).json()]

    assert listed() == ids[::-1]
    assert listed(maxResults=2) == [ids[2], ids[1]]
    assert listed(fromEnteredTime="2026-03-02T17:01:00.000Z", toEnteredTime="2026-03-02T17:01:00.000Z") == [ids[1]]
    assert listed(status="WORKING") == []
    assert listed(status="FILLED") == ids[::-1]
    assert [str(order["orderId"]) for order in at_schwab.get("/trader/v1/orders", params=SPAN).json()] == ids[::-1]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"fromEnteredTime": SPAN["fromEnteredTime"]},
        SPAN | {"fromEnteredTime": "2026-03-02"},
        SPAN | {"fromEnteredTime": (NOON - timedelta(days=61)).strftime("%Y-%m-%dT%H:%M:%S.000Z")},
        SPAN | {"toEnteredTime": "2026-03-01T00:00:00.000Z"},
        SPAN | {"maxResults": "none"},
    ],
    ids=str,
)
def test_a_list_without_a_span_of_the_last_sixty_days_is_refused(at_schwab, orders, params):
    assert at_schwab.get(orders, params=params).status_code == 400


def test_a_span_may_begin_sixty_days_ago(at_schwab, orders):
    since = (NOON - timedelta(days=60, hours=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    assert at_schwab.get(orders, params=SPAN | {"fromEnteredTime": since}).json() == []


def test_who_leaves_no_room_around_a_moment_misses_its_order(schwab, at_schwab, orders, submit):
    """C9: an order entered at 17:00:00.800 is told as of 17:00:00, and is in no span that begins or ends in between."""
    wait(schwab, Decimal("0.8"))
    submit()

    def listed(since, until):
        span = {"fromEnteredTime": f"2026-03-02T{since}Z", "toEnteredTime": f"2026-03-02T{until}Z"}
        return len(at_schwab.get(orders, params=span).json())

    assert listed("17:00:00.000", "17:00:00.800") == 1
    assert listed("17:00:00.500", "17:00:01.000") == 0
    assert listed("17:00:00.000", "17:00:00.700") == 0


def test_an_order_that_a_test_placed_itself_is_told_as_any_other(schwab, at_schwab, orders):
    """C9: an order of somebody else's is in the list as ours are."""
    schwab.exchange.place(Ask(symbol="AAPL", side=Side.BUY, shares=Decimal(1)))

    (told,) = at_schwab.get(orders, params=SPAN).json()

    assert (told["orderType"], told["orderLegCollection"][0]["instruction"]) == ("MARKET", "BUY")
