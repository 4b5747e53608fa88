"""Asking: what an operator said is read by one set of rules, and asked for once however often it is sent."""

import pytest

from tests.support.commands import refused
from tests.support.stations import Clock
from trading.conductor.verbs.asking import DETAILS, NotAskable, read
from trading.conductor.verbs.clerk import carry_out
from trading.conductor.verbs.refusal import Refused
from trading.conductor.verbs.requests import AskedOtherwise, OperatorRequest, RequestState, Verb, ask
from trading.values.identifiers import OrderId
from trading.values.symbols import Symbol

AAPL = Symbol("AAPL")
KEY = "k" * 22


@pytest.mark.parametrize(
    ("verb", "subject", "said", "kept"),
    [
        (Verb.RECHECK_ORDER, " 07 ", {}, (OrderId(7), {})),
        (Verb.RESUME_SYMBOL, " aapl ", {}, (AAPL, {})),
        (Verb.BUY, "AAPL", {"shares": " 1.50 "}, (AAPL, {"shares": "1.5", "may_raise": "no"})),
        (Verb.SELL, "AAPL", {"shares": "1e1", "may_raise": "yes"}, (AAPL, {"shares": "10", "may_raise": "yes"})),
        (Verb.FAIL_ORDER, "7", {"none_of_them": ""}, (OrderId(7), {"none_of_them": "no"})),
        (Verb.RECONCILE_ORDER, "7", {"broker_order_id": " V-2 "}, (OrderId(7), {"broker_order_id": "V-2"})),
        (Verb.SET_POSITION, "AAPL", {"net": "-.5"}, (AAPL, {"net": "-0.5"})),
    ],
)
def test_what_can_be_asked_for(verb, subject, said, kept):
    asked = read(verb, subject, reason=" to see ", said=said)

    assert (asked.subject, asked.details) == kept
    assert (asked.verb, asked.reason) == (verb, "to see")


@pytest.mark.parametrize(
    ("verb", "subject", "said", "part", "expected"),
    [
        (Verb.CANCEL_ORDER, "0", {}, "subject", "expected our number of an order, was '0'"),
        (Verb.CANCEL_ORDER, "-1", {}, "subject", "expected our number of an order, was '-1'"),
        (Verb.CANCEL_ORDER, "9" * 19, {}, "subject", "expected our number of an order"),
        (Verb.CANCEL_ORDER, "٣", {}, "subject", "expected our number of an order"),
        (Verb.RESUME_SYMBOL, "A B", {}, "subject", "expected a stock symbol such as AAPL or BRK.B, was 'A B'"),
        (Verb.BUY, "AAPL", {}, "shares", "expected a number of shares, was ''"),
        (Verb.BUY, "AAPL", {"shares": "0"}, "shares", "expected more than 0 shares, was 0"),
        (Verb.BUY, "AAPL", {"shares": "-1.5"}, "shares", "expected more than 0 shares, was -1.5"),
        (Verb.BUY, "AAPL", {"shares": "1,5"}, "shares", "expected a number of shares, was '1,5'"),
        (Verb.BUY, "AAPL", {"shares": "1e100"}, "shares", "at most 100 digits"),
        (Verb.BUY, "AAPL", {"shares": "1", "may_raise": "1"}, "may_raise", "expected yes or no, was '1'"),
        (Verb.SET_POSITION, "AAPL", {"net": "NaN"}, "net", "expected a number of shares, was 'NaN'"),
        (Verb.RECONCILE_ORDER, "7", {"broker_order_id": " "}, "broker_order_id", "expected the broker's id"),
        (Verb.RECONCILE_ORDER, "7", {"broker_order_id": "a\0"}, "broker_order_id", "expected the broker's id"),
        (Verb.RECONCILE_ORDER, "7", {"broker_order_id": "V" * 129}, "broker_order_id", "expected the broker's id"),
    ],
)
def test_what_can_not_be_asked_for(verb, subject, said, part, expected):
    with pytest.raises(NotAskable) as error:
        read(verb, subject, reason="to see", said=said)

    assert list(error.value.problems) == [part]
    assert expected in error.value.problems[part]


@pytest.mark.parametrize(("reason", "expected"), [(" ", "was empty"), ("x" * 2001, "at most 2000"), ("\0", "at most")])
def test_every_verb_has_a_reason_that_can_be_kept(reason, expected):
    for verb in Verb:
        with pytest.raises(NotAskable) as error:
            read(verb, "7", reason=reason, said={})
        assert expected in error.value.problems["reason"]


def test_every_part_that_is_wrong_is_told_at_once():
    with pytest.raises(NotAskable, match="was 'A B'; expected a number of shares, was 'many'; expected a reason"):
        read(Verb.BUY, "A B", reason="", said={"shares": "many"})


def test_what_a_verb_is_not_told_is_an_error_of_the_program():
    assert set(DETAILS) < set(Verb)
    with pytest.raises(TypeError, match="was told net"):
        read(Verb.RECHECK_ORDER, "7", reason="to see", said={"net": "1"})


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("buy", "A B", "x", "--reason", " "), "was 'A B'; expected a number of shares, was 'x'; expected a reason"),
        (("reconcile_order", "7", "--broker-order", " ", "--reason", "x"), "expected the broker's id of the order"),
        (("resume_symbol", "A B", "--reason", "x"), "expected a stock symbol"),
        (("fail_order", "0", "--reason", "x"), "expected our number of an order"),
    ],
)
@pytest.mark.django_db
def test_a_command_is_held_to_the_same_rules(command, said):
    assert said in refused(*command)[1]
    assert not OperatorRequest.objects.exists()


# Kept once, and done once.


def asked(clock, **other):
    given = {"actor": "ada", "reason": "to see", "now": clock(), "form_key": KEY, "shares": "1"}
    return ask(Verb.BUY, AAPL, **given | other)


@pytest.mark.django_db
def test_a_page_that_is_sent_twice_asks_once():
    clock = Clock()
    first = asked(clock)
    clock.forward(1)

    assert asked(clock) == first
    assert OperatorRequest.objects.get().asked_at == first.asked_at


@pytest.mark.parametrize("other", [{"shares": "2"}, {"reason": "other"}, {"actor": "bob"}])
@pytest.mark.django_db
def test_a_page_that_asks_for_something_else_the_second_time_is_no_repetition(other):
    first = asked(Clock())

    with pytest.raises(AskedOtherwise) as error:
        asked(Clock(), **other)

    assert error.value.request == first
    assert OperatorRequest.objects.count() == 1


@pytest.mark.django_db
def test_a_page_may_ask_for_several_subjects_and_a_command_as_often_as_it_is_given():
    asked(Clock())
    ask(Verb.BUY, Symbol("TSLA"), actor="ada", reason="to see", now=Clock()(), form_key=KEY, shares="1")
    for _ in range(2):
        asked(Clock(), form_key=None)

    assert OperatorRequest.objects.count() == 4


@pytest.mark.django_db
def test_what_goes_wrong_is_raised_and_stands_in_the_request_too():
    def fails(request, now):
        raise KeyError("what nobody thought of")

    row = asked(Clock())
    with pytest.raises(KeyError):
        carry_out(row, fails, now=Clock()())

    row.refresh_from_db()
    assert row.state == RequestState.REFUSED
    assert "KeyError: 'what nobody thought of'. Look how it stands now" in row.outcome


@pytest.mark.django_db
def test_what_is_refused_is_no_error():
    def refuses(request, now):
        raise Refused("not so")

    assert carry_out(asked(Clock()), refuses, now=Clock()()).outcome == "not so"
