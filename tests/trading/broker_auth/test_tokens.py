"""Tokens in their table: only as ciphertexts, bound to their rows, under keys that can be changed."""

from datetime import timedelta

import pytest

from tests.support.logins import KEY, LOGIN_AT, NEW_KEY, grant, store
from trading.broker_auth.keys import DoesNotOpen, UnknownKey, key_id
from trading.broker_auth.tokens import BrokerToken, TokenKind
from trading.conductor.logins.grants import tokens_of
from trading.values.secret import Secret

pytestmark = pytest.mark.django_db

TOKENS = tokens_of(grant(1), asked_at=LOGIN_AT, login_ends_at=LOGIN_AT + timedelta(days=7))
NEWER = tokens_of(grant(2), asked_at=LOGIN_AT + timedelta(minutes=25), login_ends_at=LOGIN_AT + timedelta(days=7))


def test_what_is_written_is_read_again_with_its_times():
    store().write("schwab", TOKENS)
    assert store().read("schwab") == TOKENS
    assert store().read("alpaca") is None


def test_newer_tokens_take_the_place_of_those_before():
    store().write("schwab", TOKENS)
    store().write("schwab", NEWER)
    assert store().read("schwab") == NEWER
    assert BrokerToken.objects.count() == 2


def test_a_row_holds_no_token_in_any_cell():
    store().write("schwab", TOKENS)
    cells = [str(cell) for row in BrokerToken.objects.values_list() for cell in row]
    assert [cell for cell in cells if "SECRET" in cell] == []
    assert [cell for cell in cells if b"SECRET".hex() in cell] == []


@pytest.mark.parametrize(
    "change",
    [
        {"expires_at": LOGIN_AT + timedelta(days=300)},
        {"fetched_at": LOGIN_AT + timedelta(microseconds=1)},
        {"encryption_version": 2},
    ],
)
def test_a_row_whose_times_were_changed_does_not_open(change):
    store().write("schwab", TOKENS)
    BrokerToken.objects.filter(kind="access").update(**change)

    with pytest.raises(DoesNotOpen, match="broker=schwab kind=access"):
        store().read("schwab")


def test_a_ciphertext_that_was_put_into_another_row_does_not_open():
    store().write("schwab", TOKENS)
    access = BrokerToken.objects.get(kind="access")
    facts = {name: getattr(access, name) for name in ("ciphertext", "key_id", "fetched_at", "expires_at")}
    BrokerToken.objects.filter(kind="refresh").update(**facts)

    with pytest.raises(DoesNotOpen, match="kind=refresh"):
        store().read("schwab")

    BrokerToken.objects.update(broker="alpaca")
    with pytest.raises(DoesNotOpen, match="broker=alpaca kind=access"):
        store().read("alpaca")


def test_rotating_stores_every_token_under_the_newest_key_and_what_they_say_stays():
    store(KEY).write("schwab", TOKENS)

    assert store(NEW_KEY, KEY).rotate() == (2, 2)

    assert store(NEW_KEY).read("schwab") == TOKENS
    assert set(BrokerToken.objects.values_list("key_id", flat=True)) == {key_id(Secret(NEW_KEY))}
    assert store(NEW_KEY, KEY).rotate() == (0, 2)


def test_rotating_refuses_where_a_key_is_missing_and_changes_nothing():
    store(KEY).write("schwab", TOKENS)
    store(NEW_KEY, KEY).write("other", NEWER)
    before = list(BrokerToken.objects.order_by("pk").values())

    with pytest.raises(UnknownKey) as refused:
        store(NEW_KEY).rotate()

    assert refused.value.key_id == key_id(Secret(KEY))
    assert list(BrokerToken.objects.order_by("pk").values()) == before


def test_a_token_is_of_a_kind_that_there_is():
    assert set(TokenKind) == {"access", "refresh"}
