"""Exports: each seal as a small JSON file, to be kept where whoever can write to the database can't."""

from pathlib import Path

import msgspec

from eventstore.integrity.files import write_once
from eventstore.integrity.seals import Seal

PATTERN = "seal-*.json"


class SealExportDiffers(Exception):
    """The database and an exported file don't tell of the same seal, so one of them was changed, or lost seals."""


class ExportUnreadable(ValueError):
    """The file is no seal as it was exported."""


def file_of(folder: Path, number: int) -> Path:
    """Return where a seal is exported to."""
    return folder / f"seal-{number:08d}.json"


def export(folder: Path, seal: Seal) -> bool:
    """Write a seal's file unless it is there. Return whether it was written. Raises SealExportDiffers."""
    path = file_of(folder, seal.number)
    try:
        exported = read(path)
    except FileNotFoundError:
        return write_once(path, msgspec.json.encode(seal) + b"\n")
    except ExportUnreadable as error:
        raise SealExportDiffers(f"{_told(seal)}, and its export can't be read ({error}): {WHAT_TO_DO}") from error
    if exported != seal:
        raise SealExportDiffers(f"{_told(seal)}, and {path} has the hash {exported.hash}: {WHAT_TO_DO}")
    return False


def read(path: Path) -> Seal:
    """Read an exported seal. Raises FileNotFoundError and ExportUnreadable."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Seal)
    except msgspec.MsgspecError as error:
        raise ExportUnreadable(f"{path} is no exported seal: {error}") from error


def numbers_in(folder: Path) -> list[int]:
    """Return which seals were exported to a folder, in order."""
    found = (path.stem.removeprefix("seal-") for path in folder.glob(PATTERN))
    return sorted(int(digits) for digits in found if digits.isascii() and digits.isdigit())


WHAT_TO_DO = (
    "one of the two was changed, or the database lost seals, as after a restore. Nothing was overwritten; "
    "run verify_log --seals FOLDER, and export to a new folder once it is known why"
)


def _told(seal: Seal) -> str:
    return f"seal {seal.number} has the hash {seal.hash} in the database"
