"""Keys: what is sealed opens under its key and bound to what it was bound to, and shows itself nowhere else."""

import hashlib

import pytest
from Crypto.Cipher import AES
from hypothesis import given
from hypothesis import strategies as st

from tests.support.logins import KEY, NEW_KEY, OTHER_KEY, frames_of_ours
from trading.broker_auth.keys import DoesNotOpen, KeyRing, MalformedKeys, Sealed, UnknownKey, key_id
from trading.values.secret import Secret

TOKEN = Secret("I0.b2F1dGgyLmNkYy5zY2h3YWIuY29t@")


def ring(*keys):
    return KeyRing.parse(Secret(",".join(keys)))


@given(st.text(max_size=3000))
def test_what_is_sealed_opens_again(text):
    keys = ring(KEY)
    assert keys.open(keys.seal(Secret(text), bound_to="it"), bound_to="it") == Secret(text)


def test_a_ciphertext_is_the_standards_own_with_a_nonce_before_and_a_tag_after():
    sealed = ring(KEY).seal(TOKEN, bound_to="it")

    raw = bytes.fromhex(sealed.ciphertext)
    cipher = AES.new(bytes.fromhex(KEY), AES.MODE_GCM, nonce=raw[:12])
    cipher.update(f"it key={sealed.key_id}".encode())
    assert cipher.decrypt_and_verify(raw[12:-16], raw[-16:]).decode() == TOKEN.reveal()
    assert sealed.key_id == hashlib.sha256(bytes.fromhex(KEY)).hexdigest()[:8]


def test_no_two_ciphertexts_have_the_same_nonce():
    keys = ring(KEY)
    nonces = {keys.seal(TOKEN, bound_to="it").ciphertext[:24] for _ in range(200)}
    assert len(nonces) == 200


def test_it_is_sealed_under_the_newest_key_and_opens_under_each():
    older = ring(KEY).seal(TOKEN, bound_to="it")

    both = ring(NEW_KEY, KEY)

    assert both.open(older, bound_to="it") == TOKEN
    assert both.newest == both.seal(TOKEN, bound_to="it").key_id == key_id(Secret(NEW_KEY))


def test_a_key_that_is_not_there_is_named_by_its_id():
    sealed = ring(KEY).seal(TOKEN, bound_to="it")

    with pytest.raises(
        UnknownKey, match=f"found a ciphertext under key {sealed.key_id}: put that key behind"
    ) as raised:
        ring(NEW_KEY).open(sealed, bound_to="it")

    assert KEY not in frames_of_ours(raised.value)
    assert NEW_KEY not in frames_of_ours(raised.value)


def spoilt(sealed):
    raw = sealed.ciphertext
    flipped = f"{int(raw[40], 16) ^ 1:x}"
    yield "another bit", Sealed(raw[:40] + flipped + raw[41:], sealed.key_id), "it"
    yield "cut", Sealed(raw[:-2], sealed.key_id), "it"
    yield "cut to nothing", Sealed("", sealed.key_id), "it"
    yield "no hex", Sealed("z" * len(raw), sealed.key_id), "it"
    yield "bound to another", sealed, "that"


def test_what_was_changed_does_not_open_and_what_was_deciphered_is_shown_by_no_traceback():
    keys = ring(KEY)
    for what, sealed, bound_to in spoilt(keys.seal(TOKEN, bound_to="it")):
        with pytest.raises(DoesNotOpen) as raised:
            keys.open(sealed, bound_to=bound_to)
        shown = frames_of_ours(raised.value)
        assert TOKEN.reveal() not in shown, what
        assert KEY not in shown, what
        assert repr(bytes.fromhex(KEY)) not in shown, what


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{NEW_KEY},{KEY[:-1]}", "key 2 of 2: expected 64 hex digits, found 63 characters; `openssl rand -hex 32`"),
        (KEY + "00", "key 1 of 1: expected 64 hex digits, found 66 characters;"),
        (KEY[:-2] + "zz", "key 1 of 1: expected 64 hex digits, found 64 characters, 2 of them no hex digits;"),
        (f"{KEY},", "key 2 of 2: expected 64 hex digits, found nothing;"),
        ("", "key 1 of 1: expected 64 hex digits, found nothing;"),
        (f"{KEY};{NEW_KEY}", "key 1 of 1: expected 64 hex digits, found 129 characters, 1 of them no hex digits;"),
        (f"{KEY},{NEW_KEY},{KEY.upper()}", "key 3 of 3 is key 1 again: leave it out"),
        ("\u0661" * 64, "key 1 of 1: expected 64 hex digits, found 64 characters, 64 of them no hex digits;"),
    ],
)
def test_a_malformed_key_is_told_by_its_place_and_what_is_wrong_and_never_shown(text, told):
    with pytest.raises(MalformedKeys) as raised:
        KeyRing.parse(Secret(text))

    assert str(raised.value).startswith(told)
    shown = frames_of_ours(raised.value)
    assert [part for part in (KEY, NEW_KEY, KEY[:-2], KEY.upper()) if part in shown] == []


def test_spaces_around_keys_are_forgiven_and_capitals_are_the_same_digits():
    keys = KeyRing.parse(Secret(f" {OTHER_KEY} , {KEY}\n"))
    assert keys.ids == [key_id(Secret(OTHER_KEY.lower())), key_id(Secret(KEY))]


def test_a_ring_shows_the_ids_of_its_keys_and_no_more():
    assert repr(ring(KEY, NEW_KEY)) == f"KeyRing({key_id(Secret(KEY))}, {key_id(Secret(NEW_KEY))})"
