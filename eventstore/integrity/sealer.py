"""The sealer: from events that are settled to seals, and from seals to their files."""

from datetime import datetime
from pathlib import Path

from eventstore.integrity.exports import WHAT_TO_DO, SealExportDiffers, export, file_of
from eventstore.integrity.sealing import newest_seal, seal_next, seals

AT_ONCE = 100
"""How many files one turn writes."""


class Sealer:
    """Keeps the part of the log that is not sealed short, and the exports complete."""

    name = "sealer"

    def __init__(self, *, folder: Path | None = None) -> None:
        self._folder = folder
        self._exported: int | None = None

    def run_once(self, *, now: datetime) -> bool:
        """Seal what is due, and export what is not exported. Return whether there may be more at once.

        A crash between the two is mended by the next turn. Raises SealExportDiffers where a file tells of another
        seal than the database; sealing goes on all the same.
        """
        seal = seal_next(now=now)
        return self._export() or seal is not None

    def _export(self) -> bool:
        if self._folder is None:
            return False
        if self._exported is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._exported = _exported_before(self._folder)
        missing = seals(after=self._exported, limit=AT_ONCE)
        for seal in missing:
            export(self._folder, seal)
            self._exported = seal.number
        return len(missing) == AT_ONCE


def _exported_before(folder: Path) -> int:
    """Return the number of the seal from which on files are to be looked at. Raises SealExportDiffers.

    Earlier ones need no look, since seals are chained: where one is in both, so are all before it.
    """
    number = _newest_number()
    # Another process may have sealed and exported one more meanwhile.
    while (beyond := file_of(folder, number + 1)).exists():
        if _newest_number() == number:
            raise SealExportDiffers(f"the database has {number} seals, and {beyond} was exported: {WHAT_TO_DO}")
        number = _newest_number()
    while number and not file_of(folder, number).exists():
        number -= 1
    return max(number - 1, 0)


def _newest_number() -> int:
    newest = newest_seal()
    return newest.number if newest else 0
