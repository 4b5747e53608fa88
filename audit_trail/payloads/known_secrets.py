"""Known secrets: texts that must not be seen, found wherever they stand and however they are written.

They are those that the process was given, and those that went out in a place for secrets: an answer may repeat them
anywhere, in an error's words or on a page of HTML.
"""

import html
import json
import re
import threading
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote, quote_plus

SHORTEST = 8
"""What is shorter stands in ordinary words: to hide each of those would hide the answer."""

MOST_LEARNED = 32

_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")


class _Forms(NamedTuple):
    """How a text may be written: as such, and inside something that is base64."""

    plain: tuple[bytes, ...]
    encoded: tuple[bytes, ...]


class KnownSecrets:
    """The texts that are known. Safe for use by many threads at once."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._given = {text: _forms(text) for text in texts if len(text) >= SHORTEST}
        self._learned: dict[str, _Forms] = {}
        self._lock = threading.Lock()

    def learn(self, texts: Iterable[str]) -> None:
        """Take note of secrets as they go out; those that went out longest ago are forgotten."""
        for text in texts:
            if len(text) < SHORTEST or text in self._given:
                continue
            with self._lock:
                learned = {other: forms for other, forms in self._learned.items() if other != text}
                learned[text] = self._learned.get(text) or _forms(text)
                if len(learned) > MOST_LEARNED:
                    del learned[next(iter(learned))]
                self._learned = learned  # Another one: whoever searches by the old one goes on.

    def spans(self, data: bytes) -> list[tuple[int, int]]:
        """Where they stand, in order, none over another."""
        found = [span for forms in self._all() for span in _found(forms, data)]
        return list(_apart(sorted(found)))

    def _all(self) -> Iterator[_Forms]:
        yield from self._given.values()
        yield from self._learned.values()


def _found(forms: _Forms, data: bytes) -> Iterator[tuple[int, int]]:
    for form in forms.plain:
        for at in _places(form, data):
            yield at, at + len(form)
    for form in forms.encoded:
        end = 0
        for at in _places(form, data):
            if at >= end:
                start, end = _whole(data, at, at + len(form))
                yield start, end


def _places(form: bytes, data: bytes) -> Iterator[int]:
    at = data.find(form)
    while at >= 0:
        yield at
        at = data.find(form, at + len(form))


def _whole(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Widen a find to all of the base64 that it lies in: what is beside the secret may be the other half of it."""
    while start > 0 and data[start - 1] in _BASE64:
        start -= 1
    while end < len(data) and data[end] in _BASE64:
        end += 1
    while end < len(data) and data[end : end + 1] == b"=":
        end += 1
    return start, end


def _apart(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    start = end = -1
    for first, last in spans:
        if first > end:
            if end >= 0:
                yield start, end
            start, end = first, last
        else:
            end = max(end, last)
    if end >= 0:
        yield start, end


def _forms(text: str) -> _Forms:
    quoted = {quote(text, safe=""), quote(text), quote_plus(text)}
    in_json = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    written = {
        text,
        *quoted,
        *(re.sub("%[0-9A-F]{2}", lambda digits: digits[0].lower(), each) for each in quoted),
        *in_json,
        *(each.replace("/", "\\/") for each in in_json),
        *(json.dumps(each)[1:-1] for each in in_json),
        html.escape(text),
        html.escape(text, quote=False),
        text.encode().hex(),
    }
    encoded = {form for alphabet in (b"+/", b"-_") for form in _in_base64(text.encode(), alphabet)}
    encoded |= {form.replace("/", "\\/") for form in encoded} | {quote(form, safe="") for form in encoded}
    return _Forms(tuple({each.encode() for each in written}), tuple({each.encode() for each in encoded}))


def _in_base64(text: bytes, alphabet: bytes) -> Iterator[str]:
    """How the text looks inside base64, with none, one or two bytes before it in a group of three.

    The characters that it shares with what stands before or after it are left out.
    """
    for before in range(3):
        encoded = b64encode(bytes(before) + text, alphabet).decode()
        yield encoded[-(-before * 8 // 6) : (before + len(text)) * 8 // 6]
