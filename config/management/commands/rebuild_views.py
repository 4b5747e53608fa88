"""`manage.py rebuild_views`: makes views again from the log, beside the live ones, and swaps them in."""

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.preflight import require_migrated
from config.progress import ProgressBar
from eventstore.projections import Views, registered_views
from eventstore.rebuilding import (
    Building,
    NoSuchViews,
    RebuiltElsewhere,
    StillInUse,
    rebuild,
    tables_of,
    views_named,
)
from eventstore.rebuilt import differences
from eventstore.shadows.naming import CannotShadow

WAIT_SECONDS = 0.25


class Command(BaseCommand):
    help = (
        "Make views again from the log, beside the live ones, and put them in their place, while everything goes on. "
        "Views that depend on each other are made together. A run that was stopped is gone on with by the next one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="a group of views, or a table; without it, all")
        parser.add_argument("--list", action="store_true", help="show the groups and their tables, and do nothing")
        parser.add_argument(
            "--check",
            action="store_true",
            help="hold what was made against the live rows and swap nothing. Exit code 1 if they differ",
        )

    def handle(self, *args: Any, names: list[str], check: bool, **options: Any) -> None:
        if options["list"]:
            for views in registered_views():
                self.stdout.write(f"{views.name}\t{', '.join(tables_of(views))}")
            return
        try:
            chosen = dict.fromkeys(map(views_named, names)) or registered_views()
        except NoSuchViews as error:
            raise CommandError(str(error), returncode=2) from error
        require_migrated()
        try:
            unlike = sum([self._check(views) if check else self._rebuild(views) for views in chosen])
        except (RebuiltElsewhere, StillInUse, CannotShadow) as error:
            raise CommandError(str(error)) from error
        if unlike:
            self.stderr.write(
                f"expected no difference, found {unlike}: the live views are not what the log says; nothing was "
                "changed. Look into it, then `manage.py rebuild_views`"
            )
            sys.exit(1)

    def _rebuild(self, views: Views) -> int:
        building = self._begin(views)
        with ProgressBar(views.name, self.stdout.write) as bar:
            rebuild(building, progress=bar.update, pause=lambda: time.sleep(WAIT_SECONDS))
        self.stdout.write(f"{views.name}: made again from {building.row.events_done} events, and swapped in")
        return 0

    def _check(self, views: Views) -> int:
        building = self._begin(views)
        with ProgressBar(views.name, self.stdout.write) as bar:
            building.build(bar.update)
        found = 0
        for each in differences(building):
            self.stdout.write("\t".join("none" if cell is None else cell for cell in each))
            found += 1
        building.discard()
        self.stdout.write(f"{views.name}: {found or 'no'} {'difference' if found < 2 else 'differences'}")
        return found

    def _begin(self, views: Views) -> Building:
        building = Building(views, now=timezone.now())
        if building.found:
            self.stdout.write(f"{views.name}: going on after number {building.row.checkpoint}")
        return building
