import copy
import io
import json
import pickle
import pprint
import traceback

import msgspec
import pytest

from trading.values.secret import Secret

TEXT = "I0.b2F1dGgyLmNkYy5zY2h3YWIuY29t@"


@pytest.mark.parametrize(
    "shown",
    [
        repr,
        str,
        format,
        ascii,
        pprint.pformat,
        "{}".format,
        "{0!r:>40}".format,
        lambda secret: f"{secret} {secret:>20}",
    ],
)
def test_a_secret_is_shown_by_no_way_of_printing_it(shown):
    text = shown(Secret(TEXT))

    assert TEXT not in text
    assert "Secret(***)" in text


def test_a_secret_inside_something_else_is_not_shown_either():
    class Grant(msgspec.Struct):
        access: Secret

    assert repr(Secret(TEXT)) == "Secret(***)"
    assert TEXT not in repr([{"a": Secret(TEXT)}, Grant(Secret(TEXT))])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_never_pickled(protocol):
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(Secret(TEXT), protocol)


def test_a_secret_is_never_written_as_json():
    with pytest.raises(TypeError):
        json.dumps(Secret(TEXT))
    with pytest.raises(TypeError):
        msgspec.json.encode(Secret(TEXT))
    with pytest.raises(TypeError):
        vars(Secret(TEXT))


def test_a_secret_in_the_locals_of_a_traceback_is_not_shown():
    def fails(token):
        token.reveal().missing()

    try:
        fails(Secret(TEXT))
    except AttributeError as error:
        shown = io.StringIO()
        traceback.TracebackException.from_exception(error, capture_locals=True).print(file=shown)

    assert "token = Secret(***)" in shown.getvalue()
    assert TEXT not in shown.getvalue()


def test_a_secret_of_a_wrong_type_is_refused_without_being_shown():
    try:
        Secret(TEXT.encode())
    except TypeError as error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
    made = told.stack[-1]

    assert str(told) == "expected a secret's text as str, was bytes"
    assert TEXT not in repr(made.locals)


def test_a_secret_tells_its_text_to_who_asks_for_it():
    assert Secret(TEXT).reveal() == TEXT


def test_secrets_are_equal_when_their_texts_are():
    assert Secret(TEXT) == Secret(TEXT)
    assert Secret(TEXT) != Secret(TEXT + " ")
    assert Secret(TEXT) != TEXT
    assert Secret("\udcff") == Secret("\udcff")
    assert len({Secret(TEXT), Secret(TEXT), Secret("another")}) == 2


def test_a_copied_secret_is_the_same_secret():
    secret = Secret(TEXT)

    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret]) == [secret]
