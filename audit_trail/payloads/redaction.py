"""Redaction: a call and its answer without the secrets in them, and otherwise byte for byte as they were.

A secret is what is known to be one, what stands under a name for secrets, and what looks like one. Whatever is found,
three stars stand in its place.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from audit_trail.payloads.known_secrets import KnownSecrets
from audit_trail.payloads.secret_names import header_is_secret
from audit_trail.payloads.secret_places import (
    HIDDEN,
    Place,
    decoded_base64,
    fields,
    is_json,
    loose_values,
    parameters,
    shapes,
)

Headers = Iterable[tuple[str, str]]
Finder = Callable[[bytes], Iterator[Place]]

_SCHEMES = ("bearer", "basic", "token", "digest")


class Redacted(NamedTuple):
    """What is left, and how many secrets were taken out: if none, it is byte for byte what it was."""

    data: bytes
    secrets: int


class Redaction:
    """Takes secrets out. Safe for use by many threads at once."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._known = KnownSecrets(texts)

    def learn(self, headers: Headers, url: str, body: bytes) -> None:
        """Note the secrets of a call as it goes out, so that they are found in an answer that repeats them."""
        meant = [place.meant for data in (url.encode(), body) for place in (*parameters(data), *fields(data))]
        self._known.learn(text for text in meant if text is not None)
        for name, value in headers:
            if header_is_secret(name):
                self._known.learn(_credentials(value))

    def headers(self, headers: Headers) -> list[tuple[str, str]]:
        return [
            (name, _without_value(value) if header_is_secret(name) else self.text(value)) for name, value in headers
        ]

    def text(self, text: str) -> str:
        """An address, an error or the value of a header, without its secrets."""
        return self._redacted(text.encode(errors="replace"), [shapes, parameters]).data.decode()

    def body(self, data: bytes) -> Redacted:
        if not data:
            return Redacted(data, 0)
        finders = [shapes, parameters, fields]
        if not is_json(data):
            finders.append(loose_values)
        return self._redacted(data, finders)

    def _redacted(self, data: bytes, finders: Iterable[Finder]) -> Redacted:
        data, total = _hide(data, (Place(*span) for span in self._known.spans(data)))
        for find in finders:
            data, count = _hide(data, find(data))
            total += count
        return Redacted(data, total)


def _hide(data: bytes, places: Iterable[Place]) -> Redacted:
    parts, at, count = [], 0, 0
    for place in sorted(places, key=lambda place: (place.start, place.end)):
        if place.end <= at or place.start == place.end or data[place.start : place.end] == HIDDEN:
            continue
        if place.start >= at:
            parts += [data[at : place.start], place.instead]
            count += 1
        at = place.end  # Of two that overlap, one mark stands for both.
    return Redacted(b"".join([*parts, data[at:]]), count) if count else Redacted(data, 0)


def _without_value(value: str) -> str:
    scheme, _, rest = value.partition(" ")
    hidden = HIDDEN.decode()
    return f"{scheme} {hidden}" if rest and scheme.lower() in _SCHEMES else hidden


def _credentials(value: str) -> Iterator[str]:
    """The secrets in the value of a header: of Basic, the name and the password as well."""
    scheme, _, rest = value.partition(" ")
    if not rest or scheme.lower() not in _SCHEMES:
        yield value
        return
    yield rest
    if scheme.lower() == "basic" and (pair := decoded_base64(rest.encode())):
        yield from pair.decode(errors="replace").partition(":")[::2]
