"""Strategy: a named rule that says something about symbols, with its parameters and the records it chooses among."""

import re
from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from audit_trail.strategies.known import Known
from audit_trail.strategies.records import Record
from audit_trail.strategies.signals import Opinion

LONGEST_NAME = 64
_NAME = re.compile(r"[a-z][a-z0-9_]*")

# What decisions of others than strategies are called.
_TAKEN = frozenset({"hedge", "portfolio"})


class NotAStrategy(ValueError):
    """The entry can't be a strategy. Mend it where it is made; nothing was decided."""


class NoSuchStrategy(LookupError):
    """No strategy has the name."""


class StrategyParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a strategy is set by. Each field stands in the file, for nothing has a default; what can't be is refused."""


class Rule(Protocol):
    """A strategy's rule: from what is known and its parameters, to its opinion. It asks nobody and changes nothing."""

    def __call__(self, known: Known, parameters: Any, /) -> Opinion: ...


class Strategy(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the registry. Raises NotAStrategy."""

    name: str
    version: str
    """Raise it with every change of what the rule says; it stands in each decision."""

    parameters: type[StrategyParameters]
    sources: tuple[str, ...]
    """Whose latest runs must be complete and fresh, as `quiver_congress`."""

    candidates: tuple[type[Record], ...]
    """The kinds of records it chooses among. Each that it is given ends up in a signal, or among what was dropped."""

    rule: Rule

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or len(self.name) > LONGEST_NAME or self.name in _TAKEN:
            raise NotAStrategy(
                f"expected a strategy's name of at most {LONGEST_NAME} small letters, digits and _, and none of "
                f"{', '.join(sorted(_TAKEN))}; was {self.name!r}"
            )
        if not self.version or not self.sources or not self.candidates:
            raise NotAStrategy(
                f"{self.name}: expected a version, the sources it needs and the kinds of records it chooses among"
            )
        defaults = [field.name for field in msgspec.structs.fields(self.parameters) if not field.required]
        if defaults:
            raise NotAStrategy(f"{self.name}: expected parameters without defaults, found one of {', '.join(defaults)}")


class Registry:
    """The strategies there are, by name. Raises NotAStrategy where two have the same."""

    def __init__(self, *strategies: Strategy) -> None:
        self._by_name = {strategy.name: strategy for strategy in sorted(strategies, key=lambda one: one.name)}
        if len(self._by_name) != len(strategies):
            names = [strategy.name for strategy in strategies]
            twice = sorted({name for name in names if names.count(name) > 1})
            raise NotAStrategy(f"expected each strategy's name once, found {', '.join(twice)} again")

    def __iter__(self) -> Iterator[Strategy]:
        return iter(self._by_name.values())

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def of(self, name: str) -> Strategy:
        """Raises NoSuchStrategy."""
        if name not in self._by_name:
            raise NoSuchStrategy(f"expected one of {', '.join(self._by_name)}, was {name!r}")
        return self._by_name[name]
