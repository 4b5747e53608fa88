"""Violations: what an invariant found, and what an invariant is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from trading.fields import NotKeptExactly
from trading.invariants.looking import Look


class Wrong(NamedTuple):
    """What is not as it must be: of what, what it should be and what it is, and where an operator looks."""

    subject: str
    expected: str
    found: str
    look_at: str


Check = Callable[[Look], Iterator[Wrong]]


@dataclass(frozen=True)
class Violation:
    """One place where an invariant does not hold."""

    invariant: str
    subject: str
    expected: str
    found: str
    look_at: str

    def __str__(self) -> str:
        return f"{self.invariant}, {self.subject}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True)
class Invariant:
    """Something that always holds, and the function that looks whether it does."""

    name: str
    rows: tuple[str, ...]
    """Which rows of the list of failures it stands for, as I3."""

    means: str
    check: Check

    def violations(self, look: Look) -> Iterator[Violation]:
        """Yield each place where it does not hold. What can't even be read is such a place."""
        try:
            for wrong in self.check(look):
                yield Violation(self.name, *wrong)
        except NotKeptExactly as error:
            yield Violation(
                self.name, "a row", "numbers that can be read", str(error), "the admin, which shows such a cell"
            )


def invariant(*rows: str) -> Callable[[Check], Invariant]:
    """Let a function be an invariant: under its own name, with the first line of its words as what it means."""

    def made(check: Check) -> Invariant:
        return Invariant(check.__name__, rows, (check.__doc__ or "").strip().partition("\n")[0], check)

    return made
