"""Files that are written once: whole or not at all, and never over other content."""

import os
import tempfile
from hashlib import sha256
from pathlib import Path


class FileDiffers(Exception):
    """A file of this name is there already, and says something else. Find out which of the two is right."""


def write_once(path: Path, content: bytes) -> bool:
    """Write a file unless it is there. Return whether it was written. Raises FileDiffers.

    It gets its name when all of it is on the disk, so a reader never finds half of one.
    """
    if _is_there(path, content):
        return False
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, 0o644)
            os.rename(file.name, path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    _sync_folder(path.parent)
    return True


def _is_there(path: Path, content: bytes) -> bool:
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        return False
    if found != content:
        raise FileDiffers(
            f"{path} is there already with other content: expected SHA-256 {sha256(content).hexdigest()}, "
            f"found {sha256(found).hexdigest()}; it was left as it is"
        )
    return True


def _sync_folder(folder: Path) -> None:
    """A name is on the disk when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
