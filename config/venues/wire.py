"""What goes over the wire: a call as it came in, and the answer to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs

import msgspec

from config.venues.orders import Order

# Decimals are written as numbers, digit by digit; who wants them as text writes text.
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A call. Header names are in lower case; of a query's repeated names the values are joined by commas."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def form(self) -> dict[str, str]:
        """Read the body as a form, as OAuth sends it."""
        return {name: values[0] for name, values in parse_qs(self.body.decode(errors="replace")).items()}


@dataclass(kw_only=True)
class Answer:
    """An answer. Its body is JSON unless text is given; without both it is empty."""

    status: int = 200
    body: Any = None
    text: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    order: Order | None = None
    """Which order it is about, for the record."""

    def encoded(self) -> tuple[bytes, str | None]:
        """Return the bytes and what they are."""
        if self.text is not None:
            return self.text.encode(), "text/html; charset=UTF-8"
        if self.body is not None:
            return _encoder.encode(self.body), "application/json; charset=UTF-8"
        return b"", None


class Refusing(Exception):
    """A call is answered with a refusal; raised wherever in a venue it turns out to be needed."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status}: {answer.body}")
        self.answer = answer


class Cut(StrEnum):
    """How a connection ends early."""

    UNANSWERED = "unanswered"
    WITHIN = "within"
    """After half of the answer's body."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """An answer, and how it is brought."""

    answer: Answer
    cut: Cut | None = None
    wait_seconds: float = 0.0
