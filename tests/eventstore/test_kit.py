"""The kit: it holds what should hold, and fails, readably, where it should."""

from decimal import Decimal

import pytest

from eventstore.codec import CannotEncode
from eventstore.testing import given
from tests.eventstore.samples import (
    AT,
    Account,
    Deposit,
    Deposited,
    NotOpen,
    Open,
    Opened,
    OverTheLimit,
    Withdraw,
    Withdrawn,
    coins,
)

OPENED = Opened(limit=coins(5), opened_at=AT)


def test_events_follow_from_a_command():
    (
        given(Account, "A", OPENED, Deposited(amount=coins("1.50")))
        .when(Withdraw(coins(3)))
        .then(Withdrawn(amount=coins(3)))
        .then_state(balance=Decimal("-1.5"), movements=2)
    )


def test_a_refusal_is_held_with_its_attributes():
    given(Account, "A").when(Deposit(coins(1))).then_refused(NotOpen)
    given(Account, "A", OPENED).when(Withdraw(coins(6))).then_refused(OverTheLimit, amount=6, balance=0)


def test_a_command_may_lead_to_nothing():
    given(Account, "A", OPENED).when(Open(coins(5))).then().then_state(limit=5)


def test_a_history_has_a_state():
    given(Account, "A", OPENED).then_state(id="A", limit=5, balance=0)


def test_other_events_fail_and_the_difference_is_one_line():
    with pytest.raises(AssertionError) as failure:
        given(Account, "A", OPENED).when(Withdraw(coins(3))).then(Withdrawn(amount=coins(4)))

    text = str(failure.value)
    assert "- " + "    amount=Decimal('4')," in text
    assert "+ " + "    amount=Decimal('3')," in text
    assert "      kind=<Kind.CASH: 'CASH'>," in text


@pytest.mark.parametrize(
    "expected", [(), (Withdrawn(amount=coins(3)), Deposited(amount=coins(1))), (Deposited(amount=coins(3)),)]
)
def test_more_fewer_and_other_events_fail(expected):
    with pytest.raises(AssertionError, match="does not lead to the expected events"):
        given(Account, "A", OPENED).when(Withdraw(coins(3))).then(*expected)


def test_an_unexpected_refusal_fails_with_its_cause():
    decided = given(Account, "A").when(Deposit(coins(1)))

    with pytest.raises(AssertionError, match=r"was refused: NotOpen\('A'\)") as failure:
        decided.then()
    assert isinstance(failure.value.__cause__, NotOpen)
    with pytest.raises(AssertionError, match="was refused"):
        decided.then_state(balance=0)


def test_an_unexpected_acceptance_fails_and_shows_what_happened():
    with pytest.raises(AssertionError, match=r"(?s)expected NotOpen, but .* was accepted:.*Deposited\("):
        given(Account, "A", OPENED).when(Deposit(coins(1))).then_refused(NotOpen)
    with pytest.raises(AssertionError, match="was accepted: nothing"):
        given(Account, "A", OPENED).when(Open(coins(5))).then_refused(NotOpen)


def test_another_refusal_fails():
    with pytest.raises(AssertionError, match="expected NotOpen, was OverTheLimit"):
        given(Account, "A", OPENED).when(Withdraw(coins(6))).then_refused(NotOpen)


@pytest.mark.parametrize("attributes", [{"amount": 7}, {"colour": None}])
def test_other_attributes_of_a_refusal_fail(attributes):
    with pytest.raises(AssertionError, match="the OverTheLimit is not as expected"):
        given(Account, "A", OPENED).when(Withdraw(coins(6))).then_refused(OverTheLimit, **attributes)


@pytest.mark.parametrize("attributes", [{"limit": 6}, {"colour": None}])
def test_another_state_fails(attributes):
    with pytest.raises(AssertionError, match="the state is not as expected"):
        given(Account, "A", OPENED).then_state(**attributes)


def test_events_that_could_not_be_stored_fail():
    with pytest.raises(CannotEncode, match="finite"):
        given(Account, "A", Deposited(amount=Decimal("NaN")))
    with pytest.raises(AssertionError, match="would not be read back as it is stored"):
        given(Account, "A", Opened(limit=coins(1), opened_at="2025-03-01T00:00:00Z"))
