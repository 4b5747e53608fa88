"""Behaviours: what the dry run does with an order, by symbol."""

from enum import StrEnum
from typing import Self

import msgspec

from trading.values.symbols import NotASymbol, Symbol, symbol


class NotABehaviour(ValueError):
    """The text names no behaviour of the dry run."""


class Behaviour(StrEnum):
    """What the dry run does with an order."""

    FILL = "fill"
    PARTIAL = "partial"
    """Fills half, then cancels the rest."""

    REJECT = "reject"
    """Refuses the order, and keeps none."""

    TIMEOUT_AFTER_ACCEPT = "timeout_after_accept"
    """Takes the order, and gives no answer when it is first submitted."""

    UNAVAILABLE = "unavailable"
    """Is not there when an order is first submitted; the second time it fills."""

    SLOW = "slow"
    """Fills after ten times as long."""


class Behaviours(msgspec.Struct, frozen=True, kw_only=True):
    """One behaviour for all symbols, and exceptions."""

    default: Behaviour = Behaviour.FILL
    exceptions: dict[Symbol, Behaviour] = {}

    def of(self, symbol: Symbol) -> Behaviour:
        return self.exceptions.get(symbol, self.default)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `fill,TSLA=reject,NVDA=partial`: only the first may go without a symbol. Raises NotABehaviour."""
        default, exceptions = Behaviour.FILL, dict[Symbol, Behaviour]()
        for place, part in enumerate(text.split(",")):
            name, equals, word = part.partition("=")
            if not equals and place == 0:
                default = _behaviour(part)
            elif not equals:
                raise NotABehaviour(
                    f"expected a symbol before each behaviour but the first, was {part.strip()!r} in {text!r}"
                )
            elif (parsed := _symbol(name)) in exceptions:
                raise NotABehaviour(f"expected each symbol once, was {parsed} twice in {text!r}")
            else:
                exceptions[parsed] = _behaviour(word)
        return cls(default=default, exceptions=exceptions)


def _behaviour(word: str) -> Behaviour:
    try:
        return Behaviour(word.strip())
    except ValueError as error:
        raise NotABehaviour(f"expected one of {', '.join(Behaviour)}, was {word.strip()!r}") from error


def _symbol(name: str) -> Symbol:
    try:
        return symbol(name)
    except NotASymbol as error:
        raise NotABehaviour(str(error)) from error
