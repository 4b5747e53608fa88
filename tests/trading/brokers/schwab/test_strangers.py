"""Strangers: orders that we could not have sent, and orders that are asked for by a number."""

import pytest

from tests.trading.brokers.schwab.schwab_json import ORDERS, REFUSAL, exact, leg, order
from trading.brokers.outcomes import BrokerUnavailable, NoSuchOrder, NotAuthorised, UnusableReport
from trading.brokers.schwab.reports import report_of, stranger


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"orderStrategyType": "OCO", "orderLegCollection": None}, "its strategy is OCO"),
        ({"orderStrategyType": "TRIGGER"}, "its strategy is TRIGGER"),
        ({"orderLegCollection": [leg(), leg()]}, "it has 2 legs"),
        ({"orderLegCollection": [leg(orderLegType="OPTION")]}, "it is for OPTION"),
        ({"orderLegCollection": [leg(instrument={"assetType": "MUTUAL_FUND"})]}, "it is for MUTUAL_FUND"),
        ({"orderLegCollection": [leg(instruction="SELL_SHORT")]}, "its instruction is SELL_SHORT"),
        ({"orderLegCollection": [leg(instruction="BUY_TO_COVER")]}, "its instruction is BUY_TO_COVER"),
        ({"orderLegCollection": [leg(quantityType="DOLLARS")]}, "it is for dollars"),
        ({"orderType": "STOP"}, "its type is STOP"),
        ({"orderType": "TRAILING_STOP_LIMIT"}, "its type is TRAILING_STOP_LIMIT"),
    ],
)
def test_an_order_that_we_could_not_have_sent_is_told_apart(changes, why):
    assert stranger(order(**changes)) == why
    with pytest.raises(UnusableReport, match=f"as we send them, but {why}"):
        report_of(exact(order(**changes)))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"orderStrategyType": None},
        {"orderStrategyType": "NOVELTY"},
        {"orderType": "UNKNOWN"},
        {"orderLegCollection": None},
        {"orderLegCollection": ["leg"]},
        {"orderLegCollection": [leg(instrument={"assetType": "NOVELTY"})]},
        {"orderLegCollection": [leg(instruction="HOLD")]},
    ],
)
def test_an_order_that_may_be_ours_is_never_put_aside(changes):
    assert stranger(order(**changes)) is None


# Asked for by its number.


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, NoSuchOrder),
        (400, BrokerUnavailable),
        (403, NotAuthorised),
        (429, BrokerUnavailable),
        (500, BrokerUnavailable),
    ],
)
def test_an_order_that_is_not_told_is_not_failed(broker, httpserver, status, error):
    httpserver.expect_request(f"{ORDERS}/17").respond_with_json(REFUSAL, status=status)

    with pytest.raises(error, match="order 17"):
        broker.report("17")


def test_a_page_in_place_of_an_order_is_no_report(broker, httpserver):
    httpserver.expect_request(f"{ORDERS}/17").respond_with_data("<html>We'll be back</html>")

    with pytest.raises(BrokerUnavailable, match="expected JSON"):
        broker.report("17")


@pytest.mark.parametrize("number", ["DRY-000017", "../../accounts", "", "17 ", "1" * 20])
def test_what_is_no_number_of_schwabs_is_not_asked_for(broker, httpserver, number):
    for question in (broker.report, broker.cancel):
        with pytest.raises(NoSuchOrder):
            question(number)
    assert httpserver.log == []


def test_another_order_in_the_answer_is_not_taken_for_it(broker, httpserver):
    httpserver.expect_request(f"{ORDERS}/17").respond_with_json(order(18))

    with pytest.raises(UnusableReport, match="order 17: Schwab answered with order 18"):
        broker.report("17")
