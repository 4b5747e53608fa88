"""Events and their upcasters: names in rows, old shapes brought up to date."""

import re
from decimal import Decimal

import msgspec
import pytest

from eventstore.codec import CannotDecode, decode
from eventstore.events import Event, NotAnEvent, RegisteredTwice, class_of, event, name_of, registered, schema_of
from eventstore.upcasting import MissingUpcaster, UpcasterTwice, upcaster
from tests.eventstore.samples import Deposited, coins


@event("UpcastSample::Moved", schema=3)
class Moved(Event):
    """Something moved. At first in whole coins, then under another name, and without a reason."""

    amount: Decimal
    reason: str


@upcaster("UpcastSample::Moved", from_schema=1)
def coins_are_called_amount(data):
    rest = {name: value for name, value in data.items() if name != "coins"}
    return {**rest, "amount": str(data["coins"])}


@upcaster("UpcastSample::Moved", from_schema=2)
def a_reason_is_given(data):
    return {**data, "reason": "not recorded"}


@event("UpcastSample::Forgotten", schema=3)
class Forgotten(Event):
    """Nobody wrote the step from schema 2."""


@upcaster("UpcastSample::Forgotten", from_schema=1)
def nothing_changes(data):
    return data


def test_an_event_has_a_stored_name_and_a_schema():
    assert name_of(Deposited(amount=coins(1))) == "AccountEvent::Deposited"
    assert schema_of(Moved(amount=Decimal(1), reason="")) == 3
    assert class_of("AccountEvent::Deposited") is Deposited
    assert registered()["UpcastSample::Moved"] is Moved


def test_a_name_is_given_once():
    with pytest.raises(RegisteredTwice, match=re.escape("'AccountEvent::Deposited' is the stored name of")):

        @event("AccountEvent::Deposited")
        class Other(Event):
            pass


def test_a_class_has_one_name():
    with pytest.raises(RegisteredTwice, match="Deposited is stored as 'AccountEvent::Deposited' already"):
        event("AccountEvent::Other")(Deposited)
    assert "AccountEvent::Other" not in registered()


def test_only_events_are_registered():
    with pytest.raises(NotAnEvent, match="derive it from"):

        @event("AccountEvent::Plain")
        class Plain(msgspec.Struct):
            pass


@pytest.mark.parametrize(("name", "schema"), [("", 1), ("AccountEvent::Zero", 0)])
def test_a_name_and_a_schema_are_needed(name, schema):
    class Other(Event):
        pass

    with pytest.raises(ValueError, match="expected a name"):
        event(name, schema=schema)(Other)


def test_an_event_without_a_name_says_so():
    class Nameless(Event):
        pass

    with pytest.raises(NotAnEvent, match="Nameless has no stored name"):
        name_of(Nameless())


@pytest.mark.parametrize(
    ("schema", "data", "reason"),
    [
        (1, '{"coins":12}', "not recorded"),
        (2, '{"amount":"12"}', "not recorded"),
        (3, '{"amount":"12","reason":"a gift"}', "a gift"),
    ],
)
def test_an_old_event_is_read_as_its_class_is_today(schema, data, reason):
    assert decode("UpcastSample::Moved", schema, data) == Moved(amount=Decimal(12), reason=reason)


def test_a_missing_step_is_named():
    with pytest.raises(MissingUpcaster, match=re.escape("write @upcaster('UpcastSample::Forgotten', from_schema=2)")):
        decode("UpcastSample::Forgotten", 1, "{}")


def test_a_step_that_does_not_lead_to_the_class_is_refused():
    with pytest.raises(CannotDecode, match="'UpcastSample::Moved' of schema 2"):
        decode("UpcastSample::Moved", 2, '{"amount":"12","colour":"red"}')


def test_one_step_leads_from_a_schema():
    with pytest.raises(UpcasterTwice, match="from schema 1 already"):
        upcaster("UpcastSample::Moved", from_schema=1)(nothing_changes)
