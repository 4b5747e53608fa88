"""`manage.py reset_totp`: lets somebody whose phone is lost sign in by the password, and set up a new authenticator."""

from argparse import ArgumentParser
from typing import Any

import structlog
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from config.preflight import require_migrated
from config.reasons import required
from config.signing.devices import remove
from config.signing.sessions import end_sessions
from config.verbs import who

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = (
        "Take a user's authenticator and recovery codes away, and end their sessions. Make sure first that it is them "
        "who ask: from then on the password alone signs them in."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user")
        parser.add_argument("--reason", required=True, help="why; it is kept in the log")

    def handle(self, *args: Any, reason: str, **options: Any) -> None:
        why = required(reason)
        require_migrated()
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"expected the name of a user, was {options['user'][:150]!r}", returncode=2)
        with transaction.atomic():
            had = remove(user)
            ended = end_sessions(user, now=timezone.now())
        log.warning(
            "Second factor reset",
            user=user.get_username(),
            by=who(),
            reason=why,
            had_one=bool(had),
            sessions_ended=ended,
        )
        taken = "the authenticator is taken away" if had else "there was no authenticator"
        self.stdout.write(f"{user.get_username()}: {taken}, {ended} sessions are ended")
