"""`manage.py run`: all of a small installation on one machine, by one command."""

import socket
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from config import environment
from config.preflight import require_migrated
from config.running.supervisor import NotInOrder, Part, PartFailed, supervise
from config.stopping import told_to_stop
from config.web_environment import THIS_MACHINE
from trading.ledger.mode import Mode, WrongMode, check_mode

KILLED, NOT_AS_SET, KEEPS_DYING = 1, 2, 3
BACKLOG = 512


class Command(BaseCommand):
    help = "Serve the pages, conduct, and run the schedules, each in a process of its own, until told to stop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default this machine alone)")
        parser.add_argument("--port", type=int, default=8000, help="the port to listen on (default 8000)")
        for part, what in (("web", "pages"), ("conduct", "conductor"), ("schedules", "schedules")):
            parser.add_argument(f"--no-{part}", action="store_true", help=f"without the {what}")

    def handle(
        self, *args: Any, host: str, port: int, no_web: bool, no_conduct: bool, no_schedules: bool, **options: Any
    ) -> None:
        if no_web and no_conduct and no_schedules:
            raise CommandError("nothing is left to run", returncode=NOT_AS_SET)
        if not (no_web and no_schedules):
            environment.secret_key()
        require_migrated()
        if not no_conduct:
            _require_what_conduct_needs()
        parts = []
        if not no_web:
            parts.append(self._web(host, port))
        if not no_conduct:
            parts.append(Part("conduct", (sys.executable, "manage.py", "conduct", "--plain"), end_seconds=70))
        if not no_schedules:
            parts.append(Part("schedules", (sys.executable, "manage.py", "qcluster"), end_seconds=120))
        connections.close_all()  # It only looks after the others from here on.
        try:
            with told_to_stop() as stopping:
                supervise(parts, folder=settings.BASE_DIR, stopping=stopping)
        except PartFailed as error:
            raise CommandError(str(error), returncode=KEEPS_DYING) from error
        except NotInOrder as error:
            raise CommandError(str(error), returncode=KILLED) from error

    def _web(self, host: str, port: int) -> Part:
        """Listen, say where, and return the part that serves whoever asks there."""
        listener = listening(host, port)
        shown = f"[{host}]" if ":" in host else host
        self.stdout.write(f"Pages: http://{shown}:{listener.getsockname()[1]}/")
        self.stdout.flush()
        if shown not in THIS_MACHINE and THIS_MACHINE.issuperset(settings.ALLOWED_HOSTS):
            self.stderr.write(
                "ALLOWED_HOSTS names this machine alone, so nobody else gets an answer: set it to the name under which "
                "the pages are asked for"
            )
        command = ("-m", "gunicorn", "-c", "python:config.running.web_server", "-b", f"fd://{listener.fileno()}")
        return Part("web", (sys.executable, *command, "config.wsgi"), end_seconds=40, listener=listener)


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens there. Raises CommandError where the address or port can't be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        raise CommandError(
            f"{host} port {port} can't be listened on ({error}): choose another with --port or --host, or leave the "
            "pages out with --no-web",
            returncode=NOT_AS_SET,
        ) from error


def _require_what_conduct_needs() -> None:
    """Stop where the conductor would at once: it would only be started again."""
    try:
        environment.hedge_settings()
        environment.broker_settings()
        check_mode(Mode(environment.ledger_settings().mode))
    except environment.SettingError as error:
        raise CommandError(f"{error}; or leave the conductor out with --no-conduct", returncode=NOT_AS_SET) from error
    except WrongMode as error:
        raise CommandError(str(error), returncode=NOT_AS_SET) from error
