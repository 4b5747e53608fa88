"""`manage.py archive_log`: copies sealed events to files, and takes them out of the table if told to."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from eventstore.integrity.archives import ArchiveUnreadable
from eventstore.integrity.archiving import NotAsSealed, NotRemovable, archive, removable, remove
from eventstore.integrity.files import FileDiffers


class Command(BaseCommand):
    help = (
        "Write the events of whole seals, up to a number, to compressed files, and read them back. With --remove they "
        "are taken out of the table too, but for the newest of each stream, and are read from ARCHIVE_FOLDER then."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--up-to", type=int, required=True, metavar="NUMBER", help="the last number, at most")
        parser.add_argument("--folder", type=Path, help="where to write (default: ARCHIVE_FOLDER)")
        parser.add_argument("--remove", action="store_true", help="take what is archived out of the table")
        parser.add_argument("--yes", action="store_true", help="with --remove: do it; without, only say how much")

    def handle(self, *args: Any, up_to: int, folder: Path | None, remove: bool, yes: bool, **options: Any) -> None:
        folder = folder or settings.ARCHIVE_FOLDER
        if folder is None:
            raise CommandError("name a folder by --folder, or set ARCHIVE_FOLDER", returncode=2)
        try:
            self._archive(up_to, folder)
            if remove:
                self._remove(up_to, yes=yes)
        except (ArchiveUnreadable, FileDiffers, NotAsSealed, NotRemovable) as error:
            raise CommandError(str(error)) from error

    def _archive(self, up_to: int, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        files = 0
        for made in archive(up_to=up_to, folder=folder, at=timezone.now()):
            self.stdout.write(
                f"{folder / made.file}: {made.events} events of seals {made.first_seal} to {made.last_seal}, "
                f"SHA-256 {made.sha256}"
            )
            files += 1
        self.stdout.write(f"{files} files were written and read back")

    def _remove(self, up_to: int, *, yes: bool) -> None:
        if not yes:
            raise CommandError(
                f"nothing was removed: {removable(up_to=up_to)} events would be taken out of the table and read from "
                "ARCHIVE_FOLDER from then on; make a copy of it, then add --yes",
                returncode=2,
            )
        total = 0
        for removed, count in remove(up_to=up_to, actor="archive_log", at=timezone.now()):
            self.stdout.write(f"{removed.file}: {count} events were taken out of the table")
            total += count
        self.stdout.write(f"{total} events were taken out of the table")
