"""What Alpaca's refusals mean, by their words: one code stands for many things."""

import json

import pytest

from tests.support.alpaca import AT
from trading.brokers.alpaca.refusals import refusal_of
from trading.brokers.http import Answer


def refusal(status, body):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return refusal_of(Answer(status=status, headers=(), body=raw, asked_at=AT, received_at=AT))


@pytest.mark.parametrize(
    ("message", "repeats"),
    [
        ("client_order_id must be unique", True),
        ("client order id must be unique", True),
        ("Client-Order-ID already exists", True),
        ("duplicate client_order_id", True),
        ("client_order_id must be no more than 128 characters", False),
        ("order id is missing", False),
    ],
)
def test_an_id_that_was_used_is_known_by_its_words(message, repeats):
    assert refusal(422, {"code": 40010001, "message": message}).repeats_an_id is repeats


@pytest.mark.parametrize(
    ("status", "body", "of_the_account"),
    [
        (403, {"message": "forbidden."}, True),
        (403, {"code": 40310000, "message": "request is not authorized"}, True),
        (403, {"code": 40310000, "message": "Account is restricted."}, True),
        (403, {"code": 40310000, "message": "the account has been closed"}, True),
        (403, {"code": 40310000, "message": "account is not allowed to trade"}, True),
        (403, {"code": 40310000, "message": "trading is suspended for this account"}, True),
        (403, {"code": 40310000, "message": "new orders are rejected by user request"}, True),
        # Of this kind of order, and not of all.
        (403, {"code": 40310000, "message": "account is not allowed to short"}, False),
        (403, {"code": 40310000, "message": "Account is restricted for option trading."}, False),
        (403, {"code": 40310000, "message": "account is not authorized to trade options"}, False),
        (403, {"code": 40310000, "message": "insufficient buying power"}, False),
        (403, {"code": 40310100, "message": "trade denied due to pattern day trading protection"}, False),
        # Figures beside the words are about an order.
        (403, {"code": 40310000, "message": "account is restricted", "symbol": "AAPL"}, False),
        # Of another status or code.
        (422, {"code": 40010001, "message": "account is restricted"}, False),
        (403, {"code": 40310099, "message": "account is restricted"}, False),
        (404, {"code": 40410000, "message": "forbidden"}, False),
    ],
)
def test_the_account_and_the_order_are_told_apart(status, body, of_the_account):
    assert refusal(status, body).is_of_the_account is of_the_account


@pytest.mark.parametrize(
    ("status", "body", "nothing"),
    [
        (404, {"code": 40410000, "message": "order not found"}, True),
        (404, {"code": 40410000, "message": "asset not found for ARAV"}, True),
        (404, {"code": 40410000, "message": "endpoint not found"}, False),
        (404, {"code": 40410000, "message": "Endpoint not found."}, False),
        (404, {"message": "Not Found"}, False),
        (422, {"code": 40410000, "message": "order not found"}, False),
    ],
)
def test_what_is_not_there_is_told_apart_from_a_path_that_is_not(status, body, nothing):
    assert refusal(status, body).finds_nothing is nothing


def test_a_refusal_is_told_with_its_code_and_its_figures():
    told = refusal(
        403,
        {
            "code": 40310000,
            "message": "insufficient qty available for order",
            "available": "0",
            "related_orders": ["a", "b"],
            "something_else": "1",
        },
    ).told()

    assert told == "insufficient qty available for order (403, code 40310000, available 0, related_orders a b)"


def test_a_long_refusal_is_cut():
    told = refusal(422, {"message": "x" * 5000, "symbol": "y" * 5000}).told()

    assert len(told) < 500


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b'"no"', b"{}", b'{"message": ""}', b'{"message": 5}'])
def test_what_is_not_in_alpacas_words_is_no_refusal_of_alpacas(body):
    assert refusal(403, body) is None


@pytest.mark.parametrize("code", ["40310000", True, None, 1.5])
def test_a_code_that_is_no_number_is_none(code):
    assert refusal(403, {"code": code, "message": "no"}).code is None
