"""`manage.py compliance_bundle`: a period of the audit trail as one archive."""

import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from audit_trail.reports.bundle import Manifest, write_bundle
from audit_trail.reports.periods import NotAPeriod
from config.listing import list_rows
from config.preflight import require_migrated
from config.reporting import add_period, period_of, period_told


class Command(BaseCommand):
    help = (
        "Write what was decided, executed and hedged in a period to a ZIP file: with the records and runs it rests on, "
        "the calls with the hashes of what was said, the seals of the log, and a manifest with the SHA-256 of each "
        "file. The same rows make the same bytes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="as 2026-q1.zip; it must not be there yet")
        add_period(parser)
        parser.add_argument(
            "--payloads", action="store_true", help="with the bodies of calls, redacted as they are stored"
        )

    def handle(self, *args: Any, file: str, payloads: bool, **options: Any) -> None:
        require_migrated()
        try:
            period = period_of(options, now=timezone.now())
        except NotAPeriod as error:
            raise CommandError(str(error), returncode=2) from error
        path = Path(file)
        if path.exists():
            raise CommandError(f"{path} is there already, and was left as it is: name another file", returncode=2)
        try:
            # It gets its name when all of it is written.
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as unfinished:
                manifest = write_bundle(unfinished, period=period, with_payloads=payloads)
                unfinished.flush()
                path.hardlink_to(unfinished.name)
        except OSError as error:
            raise CommandError(f"{path} can't be written: {error.strerror}", returncode=2) from error
        path.chmod(0o644)
        self._tell(path, manifest)

    def _tell(self, path: Path, manifest: Manifest) -> None:
        list_rows(
            self.stdout,
            ("file", "rows", "sha256"),
            ([one.name, str(one.rows), one.sha256] for one in manifest.files),
        )
        told = f"{path}: {period_told(manifest.since, manifest.until)}"
        log = manifest.log
        if log.first_seal is None:
            told += "; no seal covers it"
        else:
            told += f"; seals {log.first_seal} to {log.last_seal}"
        self.stdout.write(told if log.whole else f"{told}; not all of it is sealed yet")
