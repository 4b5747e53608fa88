"""Ranges: the events that a seal covers, held against what the seal says of them."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from eventstore.databases import Row
from eventstore.integrity import merkle
from eventstore.integrity.findings import Finding, event
from eventstore.integrity.references import Report
from eventstore.integrity.seals import Seal, leaf, mark

UNREADABLE = b"\x00" * 32
"""Stands for the leaf of an event whose place can't even be written down; no event has it."""


class SealedRanges:
    """Takes the events of the log in the order of their numbers, and says where a seal knows them otherwise.

    It counts the seals that it has held, and the events before the first and after the last of them.
    """

    def __init__(self, seals: Iterable[Seal], *, report: Report) -> None:
        self._seals, self._report = iter(seals), report
        self._open = self._next()
        self.seals = self.unsealed = 0

    def take(self, rows: Sequence[Row]) -> None:
        """Take the next events; those that have the same number, all at once."""
        for number, alike in groupby(rows, key=lambda row: row.number):
            self.end(number - 1)
            if self._open is None or (self.seals == 0 and number <= self._open.seal.after_number):
                self.unsealed += sum(1 for _ in alike)
            elif number <= self._open.seal.after_number:
                expected = f"no event between seals {self._open.seal.number - 1} and {self._open.seal.number}"
                for row in alike:
                    self._report(event("inserted", row, expected, "one"))
            else:
                self._open.take(number, list(alike))

    def end(self, number: int) -> None:
        """Know that all events up to a number were taken."""
        while self._open is not None and self._open.seal.up_to_number <= number:
            self._open.end()
            self.seals += 1
            self._open = self._next()

    def skip(self, number: int) -> None:
        """Know that the events up to a number can't be had, which is said already."""
        while self._open is not None and self._open.seal.after_number < number:
            self._open = self._next()

    def _next(self) -> "_Range | None":
        seal = next(self._seals, None)
        return None if seal is None else _Range(seal, self._report)


class _Range:
    def __init__(self, seal: Seal, report: Report) -> None:
        self.seal, self._report = seal, report
        self._expected: Iterator[tuple[int, str]] = seal.marks_by_number()
        self._next = next(self._expected, None)
        self._leaves: list[bytes] = []
        self._named = False

    def take(self, number: int, rows: Sequence[Row]) -> None:
        self._pass_up_to(number - 1)
        leaves = {row: _leaf(row) for row in rows}
        self._leaves += leaves.values()
        if self._next is not None and self._next[0] == number:
            expected = self._next[1]
            self._next = next(self._expected, None)
            # Of several with this number, one may be the one that was sealed.
            sealed = next((row for row in rows if mark(leaves[row]) == expected), rows[0])
            if (found := mark(leaves[sealed])) != expected:
                self._say(event("changed", sealed, f"a leaf that begins with {expected}", found, seal=self.seal))
            rows = [row for row in rows if row is not sealed]
        for row in rows:
            self._say(event("inserted", row, "no event, by the seal", "one", seal=self.seal))

    def end(self) -> None:
        self._pass_up_to(self.seal.up_to_number)
        if not self._named and (root := merkle.root(self._leaves).hex()) != self.seal.root:
            # Whoever has the time can make another event with the same mark, but none with the same leaf.
            self._say(
                Finding(
                    kind="changed",
                    seal=self.seal.number,
                    expected=f"root {self.seal.root} over numbers {self.seal.after_number + 1} to "
                    f"{self.seal.up_to_number}",
                    found=f"root {root}, and the marks of all events fit",
                )
            )

    def _pass_up_to(self, number: int) -> None:
        while self._next is not None and self._next[0] <= number:
            missing, expected = self._next
            self._say(
                Finding(
                    kind="missing",
                    number=missing,
                    seal=self.seal.number,
                    expected=f"an event whose leaf begins with {expected}",
                    found="none",
                )
            )
            self._next = next(self._expected, None)

    def _say(self, finding: Finding) -> None:
        self._named = True
        self._report(finding)


def _leaf(row: Row) -> bytes:
    try:
        return leaf(row)
    except ValueError:
        return UNREADABLE
