"""Signals: what a strategy says about a symbol and what it rests on; and what was left out, with the reason."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Self

import msgspec

from audit_trail.strategies.records import Record, RecordRef
from trading.values.arithmetic import DIGITS, canonical, multiply, plain
from trading.values.symbols import Symbol

ONE = Decimal(1)
STRONGEST = Decimal(10)
_MILLIONTH = Decimal("0.000001")
_ROUNDING = Context(prec=DIGITS, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation])


class NotASignal(ValueError):
    """What a strategy gave can't be traded on. Mend the strategy; nothing was decided."""


class Reason(StrEnum):
    """Why something came to no order."""

    # Of records.
    NOT_KNOWN_YET = "not_known_yet"
    SUPERSEDED = "superseded"
    NOT_USED = "not_used"
    NOT_A_PURCHASE = "not_a_purchase"
    NOT_A_SYMBOL = "not_a_symbol"
    NOT_COMMON_STOCK = "not_common_stock"
    OUTSIDE_THE_WINDOW = "outside_the_window"
    NO_SCORE = "no_score"
    LOW_QUALITY = "low_quality"
    NO_VALUE = "no_value"
    TOO_SMALL = "too_small"
    NOT_AN_EXECUTIVE = "not_an_executive"
    STRATEGY_RULE = "strategy_rule"
    """By a rule that only this strategy has; its text says which."""

    # Of signals.
    TOO_MANY = "too_many"
    NO_WEIGHT = "no_weight"
    CANCELLED_OUT = "cancelled_out"
    BLOCKED = "blocked"
    SHORTS_DISABLED = "shorts_disabled"
    NO_PRICE = "no_price"
    BELOW_ONE_SHARE = "below_one_share"

    # Of targets.
    BELOW_MINIMUM = "below_minimum"
    NO_ROOM = "no_room"

    # Of orders.
    TOO_SMALL_A_CHANGE = "too_small_a_change"
    KEPT_AS_IT_IS = "kept_as_it_is"
    CLOSED_FIRST = "closed_first"


class Dropped(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was looked at and came to nothing. Whoever asks why we did not buy finds it here."""

    strategy: str | None
    """Which strategy left it out; None where it was left out of all of them, or of the portfolio."""

    symbol: str
    """As the source writes it, where it is no symbol."""

    reason: Reason
    text: str
    records: tuple[RecordRef, ...] = ()


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy says about one symbol. Raises NotASignal."""

    strategy: str
    symbol: Symbol
    score: Decimal
    """From -1, sell short with all conviction, to +1, buy likewise."""

    trigger: str
    """What set it off, as `congressional_buy`."""

    records: tuple[RecordRef, ...]
    known_at: datetime
    """When we had the newest of the records."""

    facts: Mapping[str, Any]
    """What the strategy read from them: names, dates, counts. Text, whole numbers, exact numbers, and lists of them."""

    def __post_init__(self) -> None:
        if not isinstance(self.score, Decimal) or not self.score.is_finite() or not -ONE <= self.score <= ONE:
            raise NotASignal(f"{self.strategy}, {self.symbol}: expected a score from -1 to 1, was {self.score!r}")
        if not self.records:
            raise NotASignal(f"{self.strategy}, {self.symbol}: expected the records that the signal rests on, was none")
        try:
            written(self.facts)
        except TypeError as error:
            raise NotASignal(f"{self.strategy}, {self.symbol}: {error}") from error

    @classmethod
    def resting_on(
        cls,
        records: Iterable[Record],
        *,
        strategy: str,
        symbol: Symbol,
        score: Decimal,
        trigger: str,
        facts: Mapping[str, Any],
    ) -> Self:
        """Make a signal of the records it rests on; what we knew of them, and when, is taken from them."""
        listed = sorted(records, key=lambda record: record.ref.place)
        if not listed:
            raise NotASignal(f"{strategy}, {symbol}: expected the records that the signal rests on, was none")
        return cls(
            strategy=strategy,
            symbol=symbol,
            score=score,
            trigger=trigger,
            records=tuple(record.ref for record in listed),
            known_at=max(record.known_at for record in listed),
            facts=facts,
        )

    @property
    def strength(self) -> Decimal:
        return strength(self.score)


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """All that a strategy says: about which symbols, and what it left out."""

    signals: tuple[Signal, ...]
    dropped: tuple[Dropped, ...] = ()


def written(value: Any) -> Any:
    """Write facts for JSON, exact numbers as text. Raises TypeError for what JSON has no exact form of, as a float."""
    match value:
        case Decimal() if value.is_finite():
            return plain(value)
        case None | bool() | int() | str():
            return value
        case Mapping():
            return {str(name): written(inner) for name, inner in value.items()}
        case list() | tuple():
            return [written(inner) for inner in value]
        case _:
            raise TypeError(f"expected facts as text, whole or exact numbers, and lists of them, was {value!r}")


def strength(score: Decimal) -> Decimal:
    """How strong a score is, from 0 to 10, whichever way it points."""
    return canonical(multiply(score.copy_abs(), STRONGEST))


def rounded_score(value: Decimal) -> Decimal:
    """Keep a score to a millionth, which is as fine as decisions are ordered by."""
    return canonical(value.quantize(_MILLIONTH, context=_ROUNDING))
