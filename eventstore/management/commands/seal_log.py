"""`manage.py seal_log`: seals what is settled now, and exports what is not exported."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from eventstore.integrity.exports import SealExportDiffers, export
from eventstore.integrity.files import FileDiffers
from eventstore.integrity.sealing import newest_seal, seal_next, seals
from eventstore.integrity.seals import NumberTwice

PAGE = 100


class Command(BaseCommand):
    help = (
        "Seal every event that is settled, without waiting until it is due, and write each seal that has no file yet "
        "to SEAL_FOLDER. Exit code 1 where a file tells of another seal."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        sealed = 0
        try:
            while seal_next(now=timezone.now(), regardless=True):
                sealed += 1
            exported = self._export()
        except (NumberTwice, SealExportDiffers, FileDiffers) as error:
            raise CommandError(str(error)) from error
        newest = newest_seal()
        told = f"the newest is seal {newest.number}, up to event {newest.up_to_number}" if newest else "there is none"
        self.stdout.write(f"{sealed} seals were made, {exported} exported; {told}")

    def _export(self) -> int:
        if settings.SEAL_FOLDER is None:
            self.stderr.write("SEAL_FOLDER is not set: seals that stay in the database prove nothing against its owner")
            return 0
        settings.SEAL_FOLDER.mkdir(parents=True, exist_ok=True)
        after = written = 0
        while page := seals(after=after, limit=PAGE):
            written += sum(export(settings.SEAL_FOLDER, seal) for seal in page)
            after = page[-1].number
        return written
