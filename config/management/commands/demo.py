"""`manage.py demo`: the whole path from a fill on chain to a hedge, with nothing set up."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from config.demo import installation
from config.demo.stopping import told_to_stop


class Command(BaseCommand):
    help = "Show hedges of fills, on a chain, a broker and a database of its own. It needs no setting and no network."
    requires_system_checks = ()  # The caller waits for the first hedge.

    def add_arguments(self, parser: ArgumentParser) -> None:
        installation.add_arguments(parser)

    def handle(self, *args: Any, once: bool, seed: int, port: int, no_admin: bool, **options: Any) -> None:
        prepared = installation.prepared()
        if prepared is None:
            raise CommandError("the demo chooses its database before Django starts: run it as `manage.py demo`")
        with told_to_stop() as stopping:
            from config.demo import run  # Brings the chain, which no other command should wait for.

            run.speak_any_encoding()
            console = run.console_of()
            run.warnings_to(console)
            run.say(console, f"Database: {prepared.shown}")
            try:
                installation.migrate(prepared)
            except (installation.DatabaseInUse, DatabaseError) as error:
                raise CommandError(f"--database: {str(error).strip()}", returncode=2) from error
            if once:
                code = run.once(prepared, console, seed=seed, stopping=stopping)
            else:
                code = run.live(prepared, console, seed=seed, port=None if no_admin else port, stopping=stopping)
        sys.exit(code)
