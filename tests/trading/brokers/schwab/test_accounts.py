"""Accounts: the one that is set is traded in, or none."""

import re

import pytest
from werkzeug import Response

from tests.trading.brokers.schwab.schwab_json import ACCOUNT_NUMBERS, AT, HASH, NUMBER, ORDERS, REFUSAL, order, request
from trading.brokers.outcomes import BrokerUnavailable, NotAuthorised, OrderRejected
from trading.brokers.schwab.accounts import SchwabAccount
from trading.brokers.schwab.broker import SchwabBroker
from trading.brokers.schwab.session import SchwabSession

OTHERS = [{"accountNumber": "11112222", "hashValue": "AA"}, {"accountNumber": "33334444", "hashValue": "BB"}]


@pytest.fixture
def broker(http, tokens):
    return SchwabBroker(http=http, tokens=tokens, account_number=NUMBER, clock=lambda: AT)


def answer(httpserver, rows, **how):
    httpserver.expect_request(ACCOUNT_NUMBERS).respond_with_json(rows, **how)


def test_the_account_is_found_by_its_whole_number(broker, httpserver):
    # Others that end or begin alike are not it.
    answer(
        httpserver,
        [
            {"accountNumber": "9912345678", "hashValue": "CC"},
            {"accountNumber": NUMBER, "hashValue": HASH},
            {"accountNumber": "123456789", "hashValue": "DD"},
        ],
    )
    httpserver.expect_request(f"{ORDERS}/17").respond_with_json(order(17))

    assert broker.report("17").broker_order_id == "17"


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (OTHERS, "found 2: …222, …444"),
        ([], "found 0: none"),
        # One number with two hashes says nothing.
        ([{"accountNumber": NUMBER, "hashValue": "AA"}, {"accountNumber": NUMBER, "hashValue": "BB"}], "found 2"),
    ],
)
def test_another_account_is_never_traded_in(broker, httpserver, rows, found):
    answer(httpserver, rows)

    with pytest.raises(NotAuthorised, match=re.escape(found)) as raised:
        broker.submit(request())

    # Of an account's number, three digits are shown.
    assert "expected account …678 once" in str(raised.value)
    assert not re.search(r"[0-9]{4}", str(raised.value))
    assert [asked.path for asked, _ in httpserver.log] == [ACCOUNT_NUMBERS]


@pytest.mark.parametrize(
    "rows",
    [
        {"message": "no list"},
        ["12345678"],
        [{"accountNumber": 12345678, "hashValue": HASH}],
        [{"accountNumber": NUMBER}],
        [{"accountNumber": NUMBER, "hashValue": ""}],
        [{"accountNumber": NUMBER, "hashValue": "../../else"}],
    ],
)
def test_accounts_that_can_not_be_read_let_nothing_be_sent(broker, httpserver, rows):
    answer(httpserver, rows)

    with pytest.raises(BrokerUnavailable, match="expected"):
        broker.submit(request())
    assert len(httpserver.log) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, NotAuthorised), (403, NotAuthorised), (404, BrokerUnavailable), (500, BrokerUnavailable)],
)
def test_accounts_that_are_not_told_let_nothing_be_sent(broker, httpserver, status, error):
    answer(httpserver, REFUSAL, status=status)

    with pytest.raises(error):
        broker.submit(request())


def test_the_account_is_asked_for_once(broker, httpserver):
    answer(httpserver, [{"accountNumber": NUMBER, "hashValue": HASH}])
    httpserver.expect_request(f"{ORDERS}/17").respond_with_json(order(17))

    broker.report("17")
    broker.report("17")

    assert [asked.path for asked, _ in httpserver.log].count(ACCOUNT_NUMBERS) == 1


def test_the_account_is_asked_for_anew_after_a_refusal_that_its_hash_may_be_the_cause_of(broker, httpserver):
    hashes = ["0A1B", HASH]
    httpserver.expect_request(ACCOUNT_NUMBERS).respond_with_handler(
        lambda asked: Response(
            f'[{{"accountNumber": "{NUMBER}", "hashValue": "{hashes.pop(0)}"}}]', content_type="application/json"
        )
    )
    httpserver.expect_request("/trader/v1/accounts/0A1B/orders", method="POST").respond_with_json(REFUSAL, status=404)
    httpserver.expect_request(ORDERS, method="POST").respond_with_json(REFUSAL, status=400)

    with pytest.raises(OrderRejected):
        broker.submit(request())
    with pytest.raises(OrderRejected):
        broker.submit(request("ht-test-1-2"))

    assert hashes == []


def test_an_account_has_a_number(http, tokens):
    with pytest.raises(ValueError, match="expected the number of an account"):
        SchwabAccount(session=SchwabSession(http=http, tokens=tokens), number="")
