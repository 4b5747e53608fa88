"""A small disk: a file system of its own in memory, to be filled up and emptied again. Only root may mount one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MEGABYTES = 160
PIECE = 1 << 20


class NoSmallDisk(Exception):
    """No file system can be mounted here."""


class SmallDisk:
    """A folder with so much space and no more."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, *, leave: int = 0) -> None:
        """Leave no more than so many bytes for anybody who writes."""
        # To the end, and then back: how much there is changes meanwhile, since others write too.
        with self._ballast.open("wb", buffering=0) as ballast:
            with suppress(OSError):
                while ballast.write(bytes(PIECE)) == PIECE:
                    pass
            ballast.truncate(max(0, ballast.tell() - leave))

    def empty(self) -> None:
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Mount one on an empty folder; it is gone at the end, with all that is on it. Raises NoSmallDisk."""
    options = f"size={MEGABYTES}m,mode=755"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise NoSmallDisk(done.stderr.strip())
    try:
        yield SmallDisk(folder)
    finally:
        # Lazily: what still has a file of it open is dying.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
