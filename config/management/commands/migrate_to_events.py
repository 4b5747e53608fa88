"""`manage.py migrate_to_events`: brings legacy rows into the event store, once and verified."""

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.environment import SettingError, ledger_settings
from config.listing import list_rows
from config.preflight import require_migrated
from config.progress import ProgressBar
from config.schwab_environment import older_key, token_keys
from trading.conductor.heartbeat import at_work
from trading.cutover.findings import BadRow, Correction
from trading.cutover.foreign_books import keep_books
from trading.cutover.foreign_file import NotReadable, open_foreign
from trading.cutover.foreign_rows import BROKERS, read
from trading.cutover.importing import Import, NotImported, against_ours, write
from trading.cutover.login import FoundLogin, LoginMigration, foreign_login, own_login
from trading.cutover.migrating import (
    Brought,
    CannotBegin,
    Look,
    Migration,
    NotMigrated,
    check,
    migrate,
    migrations,
)
from trading.ledger.compare import Difference, compare
from trading.ledger.mode import Mode, mode_or_none
from trading.values.thresholds import threshold

MOST_LISTED = 100


class Command(BaseCommand):
    help = (
        "Bring the rows of the legacy tables that have no stream into the event store, as Migrated events, and verify "
        "every field of them. Each kind is one commit. Stop the conductor first."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count and check, and write nothing")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument(
            "--from",
            dest="path",
            metavar="PATH.sqlite3",
            help="read the database of an older installation into the legacy tables first; it is not written to",
        )
        parser.add_argument(
            "--broker",
            choices=BROKERS,
            help="with --from: whose the orders are that name none (schwab, if the table is)",
        )
        parser.add_argument(
            "--skip-bad", action="store_true", help="with --from: leave out the rows that can't be understood"
        )

    def handle(
        self,
        *args: Any,
        dry_run: bool,
        yes: bool,
        path: str | None,
        broker: str | None,
        skip_bad: bool,
        **options: Any,
    ) -> None:
        settings = ledger_settings()
        require_migrated()
        self._refuse_beside_a_conductor()
        new, login = None, own_login()
        if path is not None:
            new, foreign = self._read(path, broker, threshold(settings.threshold), skip_bad=skip_bad)
            login = foreign or login
        brings_login = None if login is None else self._login_migration(login)
        kinds = migrations(threshold(settings.threshold), login=brings_login)
        try:
            looks = {kind.name: kind.look() for kind in kinds}
            check(looks, imported={} if new is None else new.streams)
        except CannotBegin as error:
            raise CommandError(str(error)) from error
        if not self._tell_what_there_is(looks, new):
            self.stdout.write("nothing to migrate: every legacy row has its stream already")
            self._hold_all(legacy_projection=settings.legacy_projection)
            return
        if dry_run:
            if new is not None and new.is_news:
                self.stdout.write("would import what is new in the file, and write a Migrated event for each row of it")
            self._plan(kinds, looks)
            self.stdout.write("dry run: nothing was written")
            return
        if not yes:
            self._ask()
        self._bring(kinds, new)
        self._hold_all(legacy_projection=settings.legacy_projection)

    def _refuse_beside_a_conductor(self) -> None:
        now = timezone.now()
        if working := at_work(now=now):
            told = ", ".join(f"{process} {(now - at).seconds} seconds ago" for process, at in working.items())
            raise CommandError(f"a conductor is at work ({told}): stop it, and try again a minute after its last turn")

    # An older installation's file

    def _read(
        self, path: str, broker: str | None, threshold: Any, *, skip_bad: bool
    ) -> tuple[Import, FoundLogin | None]:
        try:
            with open_foreign(path) as file:
                books, login = keep_books(read(file, broker=broker), threshold), foreign_login(file)
        except NotReadable as error:
            raise CommandError(str(error), returncode=2) from error
        new = against_ours(books, at=timezone.now())
        self.stdout.write(
            f"read from {path}: {len(books.trades)} trades ({len(new.trades)} new), {len(books.orders)} orders "
            f"({len(new.orders)} new), {len(books.positions)} positions ({len(new.positions)} new), "
            f"{len(books.links)} links ({len(new.links)} new)"
        )
        if new.is_news:
            if list_rows(self.stdout, Correction._fields, books.corrections):
                self.stdout.write(f"{len(books.corrections)} cells mean something else here, as shown")
            for note in books.notes:
                self.stdout.write(f"note: {note}")
        if list_rows(self.stderr, BadRow._fields, books.bad) and not skip_bad:
            raise CommandError(
                f"{len(books.bad)} rows can't be understood, and nothing was done: mend them in a copy of the file, or "
                "leave them out with --skip-bad"
            )
        if list_rows(self.stderr, BadRow._fields, new.conflicts):
            raise CommandError(
                f"{len(new.conflicts)} rows contradict what is here, and nothing was done: a file is imported into an "
                "installation that has no trades and orders of its own in these symbols, under these numbers"
            )
        return new, login

    def _login_migration(self, found: FoundLogin) -> LoginMigration:
        """Ask for keys only where there is a login to bring in; without them somebody logs in, and all else goes on."""
        try:
            keys = token_keys()
        except SettingError as error:
            self.stderr.write(str(error))
            keys = None
        return LoginMigration(found, keys=keys, older_key=older_key())

    # Telling and asking

    def _tell_what_there_is(self, looks: Mapping[str, Look], new: Import | None) -> int:
        todo = 0
        for name, look in looks.items():
            imported = 0 if new is None else len(set(getattr(new, name, ())))
            todo += len(look.missing) + imported
            self.stdout.write(
                f"{name}: {look.streams + imported} rows, {look.migrated + look.others} of them in the log, "
                f"{len(look.missing) + imported} to migrate"
            )
            if look.note is not None:
                self.stdout.write(f"{name}: {look.note}")
        if LoginMigration.name not in looks:
            self.stdout.write(f"{LoginMigration.name}: an older installation has left none")
        return todo

    def _plan(self, kinds: list[Migration], looks: Mapping[str, Look]) -> None:
        troubles = 0
        for kind in kinds:
            look = looks[kind.name]
            with ProgressBar(kind.name, self.stderr.write) as bar:
                brought = kind.plan(look, at=timezone.now(), tell=bar.steps_of(len(look.missing)))
            for event, count in sorted(brought.events.items()):
                self.stdout.write(f"would write {count} {event}")
            troubles += self._list_trouble(brought)
        if troubles:
            raise CommandError(f"dry run: nothing was written; {troubles} things would stop the migration")

    def _ask(self) -> None:
        self.stdout.write(
            "Events are never taken back. Make a backup of the database first, if there is none of today."
        )
        try:
            answer = input("Migrate now? [y/N] ")
        except EOFError:
            answer = ""
        if answer.strip().lower() not in ("y", "yes"):
            raise CommandError("nothing was done: answer y, or add --yes")

    # Doing

    def _bring(self, kinds: list[Migration], new: Import | None) -> None:
        if new is not None:
            try:
                write(new, at=timezone.now())
            except NotImported as error:
                list_rows(self.stderr, Difference._fields, error.differences)
                raise CommandError(str(error)) from error
        for kind in kinds:
            with ProgressBar(kind.name, self.stderr.write) as bar:
                try:
                    brought = migrate(kind, at=timezone.now(), tell=bar.steps_of(len(kind.look().missing)))
                except NotMigrated as error:
                    self._list_trouble(error.brought)
                    raise CommandError(f"{error}. Kinds before it stay; mend the rows and run it again") from error
            written = ", ".join(f"{count} {event}" for event, count in sorted(brought.events.items())) or "nothing"
            self.stdout.write(f"{kind.name}: wrote {written}; every field is the same in row, view and stream")

    def _list_trouble(self, brought: Brought) -> int:
        list_rows(self.stderr, BadRow._fields, brought.bad[:MOST_LISTED])
        list_rows(self.stderr, Difference._fields, brought.differences[:MOST_LISTED])
        return len(brought.bad) + len(brought.differences)

    def _hold_all(self, *, legacy_projection: bool) -> None:
        """Hold all that is in either memory against each other, sums and links too."""
        mode = mode_or_none()
        as_dual = mode is not Mode.EVENTS
        found = compare(Mode.DUAL if as_dual else Mode.EVENTS, legacy_projection=legacy_projection)
        if count := list_rows(self.stderr, Difference._fields, found):
            raise CommandError(
                f"every row has its stream, and {count} cells differ between the memories: find out which one is wrong "
                "before you go on"
            )
        self.stdout.write("verified: the memories say the same")
        if mode in (None, Mode.LEGACY):
            self.stdout.write("next: `manage.py switch_ledger dual`, before a conductor starts again")
