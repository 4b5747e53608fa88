"""`manage.py demo`: the whole path from a fill on chain to a hedge, with nothing set up."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from config.demo import installation
from config.stopping import told_to_stop
from config.venues.faults import FaultPlan


class Command(BaseCommand):
    help = "Show hedges of fills, on a chain, a broker and a database of its own. It needs no setting and no network."
    requires_system_checks = ()  # The caller waits for the first hedge.

    def add_arguments(self, parser: ArgumentParser) -> None:
        installation.add_arguments(parser)

    def handle(
        self,
        *args: Any,
        once: bool,
        broker: str,
        faults: FaultPlan | None,
        seed: int,
        port: int,
        no_admin: bool,
        **options: Any,
    ) -> None:
        prepared = installation.prepared()
        if prepared is None:
            raise CommandError("the demo chooses its database before Django starts: run it as `manage.py demo`")
        with told_to_stop() as stopping:
            # They bring the chain, which no other command should wait for.
            from config.demo import account, run

            run.speak_any_encoding()
            console = run.console_of()
            run.warnings_to(console)
            run.say(console, f"Database: {prepared.shown}")
            try:
                installation.migrate(prepared)
            except (installation.DatabaseInUse, DatabaseError) as error:
                raise CommandError(f"--database: {str(error).strip()}", returncode=2) from error
            with account.opened(broker, fill_seconds=installation.fill_seconds(once=once)) as venue:
                if venue is not None:
                    run.warnings_to(console)  # Which knows the venue's keys now.
                    run.say(console, f"Broker: {venue.name} at {venue.url}, its state at {venue.url}/_venue/state")
                if once:
                    code = run.once(prepared, console, seed=seed, stopping=stopping, venue=venue, faults=faults)
                else:
                    code = run.live(
                        prepared,
                        console,
                        seed=seed,
                        port=None if no_admin else port,
                        stopping=stopping,
                        venue=venue,
                        faults=faults,
                    )
        sys.exit(code)
