"""References: the seals that the log is held against. An exported seal is believed before one of the database."""

from collections.abc import Callable, Iterator
from heapq import merge
from itertools import groupby, islice
from pathlib import Path

import msgspec

from eventstore.integrity.exports import ExportUnreadable, file_of, numbers_in, read
from eventstore.integrity.findings import Finding
from eventstore.integrity.sealing import seals
from eventstore.integrity.seals import MARK, Seal, hash_of
from eventstore.integrity.tables import StoredSeal

PAGE = 100
Report = Callable[[Finding], None]


class References:
    """The seals over a range of numbers, each held against its file, if there is one, and against the one before."""

    def __init__(self, folder: Path | None, *, after: int, up_to: int, report: Report) -> None:
        self._folder, self._after, self._up_to, self._report = folder, after, up_to, report
        self._previous: Seal | None = None
        self._another_chain = False
        self.not_exported = 0

    def __iter__(self) -> Iterator[Seal]:
        first = _first_seal(self._after)
        expected = first
        for number, where in groupby(sorted_numbers(first, self._folder), key=lambda found: found[0]):
            if number > expected:
                which = f"seal {expected}" if number == expected + 1 else f"seals {expected} to {number - 1}"
                self._say("missing", expected, f"{which}, for there are later ones", "none")
                self._previous = None
            expected = number + 1
            stored = next((seal for _, seal in where if seal is not None), None)
            seal = self._believed(number, stored)
            if seal is None:
                self._previous = None
                continue
            if seal.after_number >= self._up_to:
                return
            self._hold_against_previous(seal)
            if seal.up_to_number <= self._up_to:
                yield seal

    def _believed(self, number: int, stored: Seal | None) -> Seal | None:
        exported = self._exported(number)
        if stored is not None and (trouble := _unsound(stored)):
            self._say("changed", number, *trouble)
            return exported
        if self._folder is None or exported is None:
            self.not_exported += stored is not None
            return stored
        path = file_of(self._folder, number)
        if stored is None:
            self._say("missing", number, f"a seal with the hash {exported.hash}, as in {path}", "none")
        elif stored != exported and not (self._another_chain and _but_for_chain(stored) == _but_for_chain(exported)):
            # Every later seal has another hash then, for the chain's sake: that is no news.
            self._another_chain = True
            self._say("changed", number, f"hash {exported.hash}, as in {path}", f"hash {stored.hash}")
        return exported

    def _exported(self, number: int) -> Seal | None:
        if self._folder is None:
            return None
        path = file_of(self._folder, number)
        try:
            seal = read(path)
        except FileNotFoundError:
            return None
        except ExportUnreadable as error:
            self._say("changed", number, "an exported seal", str(error))
            return None
        if seal.number != number:
            self._say("changed", number, f"seal {number} in {path}", f"seal {seal.number}")
            return None
        if trouble := _unsound(seal):
            self._say("changed", number, f"{trouble[0]} in {path}", trouble[1])
            return None
        return seal

    def _hold_against_previous(self, seal: Seal) -> None:
        previous = self._previous
        self._previous = seal
        if previous is None and seal.number > 1:
            return  # It was not looked at, or was said to be missing.
        hash_before, number_before = (previous.hash, previous.up_to_number) if previous else ("", 0)
        if seal.previous != hash_before:
            self._say("changed", seal.number, f"the hash before to be {hash_before or 'empty'}", seal.previous)
        if seal.after_number != number_before:
            self._say("changed", seal.number, f"a range after number {number_before}", f"after {seal.after_number}")

    def _say(self, kind: str, number: int, expected: str, found: str) -> None:
        self._report(Finding(kind=kind, seal=number, expected=expected, found=found))


def sorted_numbers(first: int, folder: Path | None) -> Iterator[tuple[int, Seal | None]]:
    """Yield the number of each seal that is stored, with the seal, and of each that is exported, in their order."""
    exported = [] if folder is None else [number for number in numbers_in(folder) if number >= first]
    return merge(_stored(first), ((number, None) for number in exported), key=lambda found: found[0])


def newest_exported(folder: Path) -> Seal | None:
    """Return the newest seal of a folder that can be read."""
    for number in reversed(numbers_in(folder)):
        try:
            return read(file_of(folder, number))
        except ExportUnreadable:
            continue
    return None


def _stored(first: int) -> Iterator[tuple[int, Seal]]:
    after = first - 1
    while page := seals(after=after, limit=PAGE):
        yield from ((seal.number, seal) for seal in page)
        after = page[-1].number


def _first_seal(after: int) -> int:
    """The first seal over numbers above one; it begins the chain where they are the whole log."""
    if after == 0:
        return 1
    first = StoredSeal.objects.filter(after_number__gte=after).order_by("number").first()
    if first is not None:
        return first.number
    last = StoredSeal.objects.order_by("-number").first()
    return last.number + 1 if last else 1


def _unsound(seal: Seal) -> tuple[str, str] | None:
    """What is wrong with a seal by itself, as expected and found."""
    try:
        msgspec.convert(msgspec.structs.asdict(seal), Seal)
    except msgspec.ValidationError as error:
        return "values that a seal can have", str(error)
    if seal.hash != (fitting := hash_of(seal)):
        return f"hash {fitting}, by what it says", f"hash {seal.hash}"
    try:
        numbers = sum(1 for _ in islice(seal.marks_by_number(), seal.events + 1))
    except ValueError:
        numbers = -1
    if numbers != seal.events or len(seal.marks) != seal.events * MARK:
        return f"numbers and marks of {seal.events} events", "others"
    return None


def _but_for_chain(seal: Seal) -> Seal:
    return msgspec.structs.replace(seal, previous="", hash="")
