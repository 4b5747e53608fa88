"""Secret places: where in a text something stands that by its shape, or by the name before it, is a secret.

Nothing is parsed and written again, so what is no secret keeps every byte, and what is cut off in the middle, or is no
JSON at all, is searched like the rest.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote_plus

import msgspec

from audit_trail.payloads.secret_names import code_is_secret, field_is_secret, parameter_is_secret

HIDDEN = b"***"


class Place(NamedTuple):
    """Where a secret stands, what is written instead of it, and the secret itself as whoever sent it meant it."""

    start: int
    end: int
    instead: bytes = HIDDEN
    meant: str | None = None


# What is a secret by its shape, wherever it stands: group 1.
_SHAPES = [
    # JSON web tokens.
    re.compile(rb"(?<![A-Za-z0-9_-])(eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*)"),
    re.compile(rb"(?i)\bbearer\s+((?=[^\s\"']*[0-9])[A-Za-z0-9._~+/=@%-]{16,})"),
    # Schwab's codes and tokens begin so, and end with an @.
    re.compile(rb"\b([A-Z]0\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_.-]{6,}(?:@|%40)?)"),
    # Alpaca's key ids: of paper, live and broker accounts.
    re.compile(rb"\b([PAC]K[A-Z0-9]{18,24})\b"),
    re.compile(rb"\b(gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})\b"),
    re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----(.+?)(?:-----END|\Z)", re.DOTALL),
    # Before the host in an address.
    re.compile(rb":\\?/\\?/([^\s/?#@\"'<>\\]+)@"),
]
_BASIC = re.compile(rb"(?i)\bbasic\s+([A-Za-z0-9+/_-]{8,}={0,2})")

# A name, and what a value goes up to. Values are looked at only after a secret name: one may hold further parameters,
# as an address does that another one leads back to.
_PARAMETERS = [
    (
        re.compile(rb"(?:\A|[?&;#]|\\u0026)([^\s=&?;#\"'<>\\{}]{1,200})="),
        re.compile(rb"(?:[^\s&#\"'<>\\]|\\/)+"),
    ),
    # An address inside an address.
    (
        re.compile(rb"(?i)%(?:3f|26|23)([a-z0-9_.-]{1,200})%3d"),
        re.compile(rb"(?i)(?:(?!%26|%23)[^\s&#\"'<>\\])+"),
    ),
]

# A string goes up to its end, or to the end of the body where that was cut off within it; a colon makes it a name.
_STRING = re.compile(rb'"((?:[^"\\]++|\\.|\\\Z)*+)(?:"(\s*+:\s*+)?|\Z)', re.DOTALL)
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.|\\\Z)*+(?:"(\s*+:)?|\Z)|[{}\[\]]|[^\s"{}\[\],:]+', re.DOTALL)
_NO_SECRET = (b"null", b"true", b"false")
# JSON inside a string of JSON.
_ESCAPED_FIELD = re.compile(rb'(?<!\\)\\++"([^"\\]{1,200})\\++"\s*+:\s*+\\++"((?:[^"\\]++|\\++[^"\\])++)', re.DOTALL)

# A name and a value in what is no JSON: a page, a line of a log, half a body.
_LOOSE_NAME = re.compile(rb"(?<![\w.-])([\w.-]{1,200})[\"']?\s{0,3}[:=>]\s{0,3}")
_LOOSE_VALUE = re.compile(rb"\"([^\"\n]+)|'([^'\n]+)|([^\s\"'&,;<>{}\[\]()]+)")


def shapes(data: bytes) -> Iterator[Place]:
    """Tokens, keys and passwords that are known by how they look."""
    for shape in _SHAPES:
        for found in shape.finditer(data):
            yield Place(*found.span(1))
    for found in _BASIC.finditer(data):
        if b":" in (decoded_base64(found[1]) or b""):
            yield Place(*found.span(1))


def parameters(data: bytes) -> Iterator[Place]:
    """Parameters of queries and forms, wherever an address stands."""
    for names, values in _PARAMETERS:
        done = 0
        for name in names.finditer(data):
            if name.start() < done or not parameter_is_secret(unquote_plus(_text(name[1]))):
                continue
            if value := values.match(data, name.end()):
                done = value.end()
                yield Place(*value.span(), meant=unquote_plus(_text(value[0])))


def fields(data: bytes) -> Iterator[Place]:
    """Fields of JSON at any depth, in JSON within JSON too; where a secret one holds more than a value, all in it."""
    for found in _ESCAPED_FIELD.finditer(data):
        name = _text(found[1])
        if field_is_secret(name) or (name.lower() == "code" and code_is_secret(found[2])):
            yield Place(*found.span(2))
    done = 0
    for found in _STRING.finditer(data):
        if found[2] is None or found.start() < done:
            continue
        name = _unescaped(found[1])
        if field_is_secret(name):
            places, done = _values(data, found.end())
            yield from places
        elif name.lower() == "code" and data[found.end() : found.end() + 1] == b'"':
            yield from (place for place in _value(data, found.end()) if code_is_secret(data[place.start : place.end]))


def loose_values(data: bytes) -> Iterator[Place]:
    """Names with values after them, where nothing tells how the text is built."""
    done = 0
    for found in _LOOSE_NAME.finditer(data):
        name = _text(found[1])
        is_code = name.lower() == "code"
        if found.start() < done or not (is_code or field_is_secret(name)):
            continue
        if value := _LOOSE_VALUE.match(data, found.end()):
            group = value.lastindex or 0
            if not is_code or code_is_secret(value[group]):
                done = value.end()
                yield Place(*value.span(group))


def is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def decoded_base64(text: bytes) -> bytes | None:
    """What base64 of either alphabet says, its end filled up; None where it is none."""
    plain = text.translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        return base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except binascii.Error:
        return None


def _values(data: bytes, at: int) -> tuple[list[Place], int]:
    """The value that begins here, or every value inside it, and where it ends."""
    places: list[Place] = []
    depth = 0
    for token in _TOKEN.finditer(data, at):
        match data[token.start() : token.start() + 1]:
            case b"{" | b"[":
                depth += 1
            case b"}" | b"]":
                depth -= 1
            case _:
                if token[1] is None:
                    places += _value(data, token.start())
        if depth <= 0:
            return places, token.end()
    return places, len(data)


def _value(data: bytes, at: int) -> Iterator[Place]:
    if string := _STRING.match(data, at):
        yield Place(*string.span(1), meant=_unescaped(string[1]))
    elif (word := _TOKEN.match(data, at)) and word[0] not in _NO_SECRET:
        yield Place(*word.span(), instead=b'"%b"' % HIDDEN)


def _unescaped(text: bytes) -> str:
    if b"\\" not in text:
        return _text(text)
    try:
        return str(json.loads(b'"%b"' % text, strict=False))
    except ValueError:
        return _text(text)


def _text(data: bytes) -> str:
    return data.decode(errors="replace")
