"""`manage.py api_token`: makes, lists and revokes the tokens by which programs are let in to the API."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.api import scopes
from config.listing import list_rows
from config.preflight import require_migrated
from eventstore.access.tokens import EVERYTHING, ApiToken, NotAToken, make_token, revoke_token

log = structlog.get_logger(__name__)

USUAL_DAYS, MOST_DAYS = 90, 366
HEADER = ("key", "name", "user", "scopes", "state", "expires", "last used")


class Command(BaseCommand):
    help = (
        "Make a token for the API, which is printed this once and kept nowhere; list those that were made; or revoke "
        "one. A token reaches its scopes, of what its user may see."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="create|list|revoke")
        create = verbs.add_parser("create", help="make a token and print it")
        create.add_argument("name", help="what it is for")
        create.add_argument("--user", required=True, help="for whom it asks")
        create.add_argument(
            "--scope",
            action="append",
            required=True,
            dest="scopes",
            help=f"as orders:read, once for each; {EVERYTHING} reads all that the user may see",
        )
        create.add_argument("--days", type=int, default=USUAL_DAYS, help=f"until it expires; {USUAL_DAYS} by default")
        verbs.add_parser("list", help="the tokens that were made, newest first")
        revoke = verbs.add_parser("revoke", help="let a token open nothing from now on")
        revoke.add_argument("key", help="the token's middle part, as `list` shows it")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        require_migrated()
        try:
            match verb:
                case "create":
                    self._create(options)
                case "revoke":
                    row = revoke_token(options["key"], at=timezone.now())
                    log.warning("API token revoked", key=row.key, name=row.name)
                    self.stdout.write(f"revoked {row}")
                case _:
                    self._list()
        except NotAToken as error:
            raise CommandError(str(error), returncode=2) from error

    def _create(self, options: dict[str, Any]) -> None:
        known = scopes()
        if unknown := sorted(set(options["scopes"]) - set(known)):
            raise NotAToken(f"scope: expected one of {', '.join(known)}; was {', '.join(unknown)[:200]}")
        if not 1 <= options["days"] <= MOST_DAYS:
            raise NotAToken(f"days: expected from 1 to {MOST_DAYS}, was {options['days']}")
        now = timezone.now()
        made = make_token(
            name=options["name"],
            user=options["user"],
            scopes=options["scopes"],
            expires_at=now + timedelta(days=options["days"]),
            at=now,
        )
        log.warning("API token made", key=made.row.key, name=made.row.name, user=options["user"])
        # The text alone on its line of stdout, so that it can be piped to where secrets are kept.
        self.stderr.write(f"{made.row} expires on {made.row.expires_at:%Y-%m-%d}. It is shown this once:")
        self.stdout.write(made.text)

    def _list(self) -> None:
        now = timezone.now()
        rows = ApiToken.objects.select_related("user").order_by("-id")
        cells = (
            (
                row.key,
                row.name,
                row.user.get_username(),
                row.scopes,
                row.state(now),
                f"{row.expires_at:%Y-%m-%d}",
                None if row.last_used_at is None else f"{row.last_used_at:%Y-%m-%d %H:%M}",
            )
            for row in rows
        )
        if not list_rows(self.stdout, HEADER, cells):
            self.stdout.write("no tokens")
