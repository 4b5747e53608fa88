"""Rationale: a strategy's words and numbers for a decision. It has one shape, and one that says nothing is refused."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from trading.values.arithmetic import ZERO, multiply, plain

MOST_CHARACTERS = 64 * 2**10

# By how much a strength is multiplied to be a whole number, by which a database can order.
_ORDERED_BY = Decimal(1_000_000)
STRONGEST = Decimal(1_000_000_000)


class NotARationale(ValueError):
    """What a strategy gave does not say why. Nothing was stored."""


class Rationale(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a strategy decided as it did, and what it saw then. Raises NotARationale."""

    signal_strength: Decimal
    """How strong the signal is, from zero up, on the strategy's own scale; the strongest is executed first."""

    confidence_score: Decimal
    """How sure the strategy is, from zero to one."""

    trigger_event: str
    """What set it off, as in "congressional_buy"."""

    source_data: Mapping[str, Any]
    """What it read from the records: names, dates, counts."""

    market_context: Mapping[str, Any]
    """Prices and volumes as it saw them."""

    portfolio_context: Mapping[str, Any]
    """What was held and what the account was worth."""

    def __post_init__(self) -> None:
        for name, value in (("signal strength", self.signal_strength), ("confidence", self.confidence_score)):
            if not isinstance(value, Decimal) or not value.is_finite():
                raise NotARationale(f"expected a {name} as an exact number, was {value!r}")
        if not ZERO <= self.signal_strength < STRONGEST:
            raise NotARationale(
                f"expected a signal strength from 0 to below {plain(STRONGEST)}, was {plain(self.signal_strength)}"
            )
        if not ZERO <= self.confidence_score <= 1:
            raise NotARationale(f"expected a confidence from 0 to 1, was {plain(self.confidence_score)}")
        if not self.trigger_event.strip():
            raise NotARationale("expected what set the decision off as its trigger event, was empty")
        for name in ("source_data", "market_context", "portfolio_context"):
            part = getattr(self, name)
            if not isinstance(part, Mapping) or not part:
                raise NotARationale(f"expected the {name.replace('_', ' ')} of the decision, was {part!r}")
            _refuse_inexact(part, name)

    @property
    def strength_order(self) -> int:
        """The strength as a whole number; whoever is stronger by a millionth has the greater one."""
        return int(multiply(self.signal_strength, _ORDERED_BY))

    def as_text(self, **further: Any) -> str:
        """Write it as JSON, each amount as text, with whatever belongs to it besides. Raises NotARationale."""
        try:
            text = msgspec.json.encode({**msgspec.to_builtins(self), **further}, order="sorted").decode()
        except (TypeError, ValueError) as error:
            raise NotARationale(f"expected what JSON can hold, was not: {error}") from error
        if len(text) > MOST_CHARACTERS:
            raise NotARationale(f"expected a rationale of at most {MOST_CHARACTERS} characters, was {len(text)}")
        return text


def rationale(given: Mapping[str, Any]) -> Rationale:
    """Read a rationale from its parts; numbers come as Decimal, int or text. Raises NotARationale."""
    _refuse_inexact(given, "rationale")
    try:
        return msgspec.convert(given, Rationale)
    except NotARationale:
        raise
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, NotARationale):
            raise error.__cause__ from None
        raise NotARationale(f"expected a rationale: {error}") from error


def _refuse_inexact(value: Any, path: str) -> None:
    """A float is no exact number; written as text it would look like one."""
    if isinstance(value, float):
        raise NotARationale(f"expected an exact number at {path}, was the float {value!r}")
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if not isinstance(name, str):
                raise NotARationale(f"expected a name in {path}, was {name!r}")
            _refuse_inexact(inner, f"{path}.{name}")
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            _refuse_inexact(inner, f"{path}[{place}]")
