"""The demo's installation: a database, a secret and settings of its own, chosen before Django reads any."""

import os
import secrets
import tempfile
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote, urlsplit

from config import environment
from config.documented import documented_variables
from config.environment import BROKERS, LEDGERS, SettingError
from config.venues.arguments import fault_plan

FIRST_PORT = 8000


@dataclass(frozen=True)
class Installation:
    """Where the demo keeps its books."""

    database_url: str
    folder: Path | None
    """The folder that was made up for the database; None where the database was given."""

    @property
    def shown(self) -> str:
        """The database in words, without a password."""
        if self.folder is not None:
            return str(self.folder / FILE)
        url = urlsplit(self.database_url)
        return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}"


class DatabaseInUse(Exception):
    """The database has tables already. The demo wants an empty one, so that it never touches anybody's books."""


FILE = "demo.sqlite3"
_prepared: Installation | None = None


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--once",
        action="store_true",
        help="play a fixed day, check the books, and exit: 0 if everything is as it must be, else 1",
    )
    parser.add_argument(
        "--broker",
        choices=BROKERS,
        default="dry_run",
        help="dry_run (the default), or a venue on this machine that speaks as alpaca or schwab does",
    )
    parser.add_argument(
        "--faults",
        type=fault_plan,
        metavar="SEED:RATE",
        help="with alpaca or schwab: as in 7:0.1, a fault at a tenth of the calls to it",
    )
    parser.add_argument("--seed", type=int, default=1, help="another number is another day (default 1)")
    parser.add_argument("--ledger", choices=LEDGERS, default="dual", help="where state is kept (default dual)")
    parser.add_argument(
        "--database",
        metavar="URL",
        help="an empty database, as DATABASE_URL names one; by default an SQLite file in a folder of its own",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=FIRST_PORT,
        help=f"of the admin on localhost, or the next that is free (default {FIRST_PORT})",
    )
    parser.add_argument("--no-admin", action="store_true", help="serve no pages")


def prepare(arguments: Sequence[str]) -> None:
    """Put the demo's settings where the caller's are. Nothing that the caller has set is read. Raises SettingError."""
    parser = ArgumentParser(prog="manage.py demo", add_help=False)
    add_arguments(parser)
    asked, _ = parser.parse_known_args(arguments)
    if asked.faults is not None and asked.broker == "dry_run":
        parser.error("--faults needs --broker alpaca or --broker schwab")

    global _prepared  # one process is one demo
    _prepared = _given(asked.database) if asked.database else _made_up()
    for variable in documented_variables():
        os.environ.pop(variable.name, None)
    os.environ |= {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "DATABASE_URL": _prepared.database_url,
        "LOG_LEVEL": "WARNING",
        "LEDGER": asked.ledger,
        "BROKER": asked.broker,
        "DRY_RUN_FILL_SECONDS": str(fill_seconds(once=asked.once)),
        # A broker that takes an order and does not answer: it must be found again, and not be made twice.
        "DRY_RUN_BEHAVIOUR": "fill,GME=timeout_after_accept",
        # The chain of `--once` begins ten minutes in the past, so its fills look older than they are.
        **({"EXPOSURE_SECONDS": "3600", "BEFORE_CLOSE_SECONDS": "0"} if asked.once else {}),
        # Where a venue is, and with which keys it is traded at, comes when it is open (see account.py).
        "ORDER_POLLING_INTERVAL": "1",
        "ORDER_POLLING_MAX_JITTER": "0",
        "TOKEN_ENCRYPTION_KEYS": secrets.token_hex(32),
    }


def fill_seconds(*, once: bool) -> Decimal:
    """How long the broker takes to fill an order."""
    return Decimal("0.5") if once else Decimal(2)


def prepared() -> Installation | None:
    """What was prepared; None where Django was started another way, and has the caller's settings."""
    return _prepared


def migrate(installation: Installation) -> None:
    """Make the database's tables. Raises DatabaseInUse, and Django's errors where there is no such database."""
    from django.core.management import call_command
    from django.db import connection

    if installation.folder is not None:
        installation.folder.mkdir(mode=0o700)
    if connection.introspection.table_names():
        raise DatabaseInUse(f"{installation.shown} has tables already: expected an empty database")
    call_command("migrate", verbosity=0, interactive=False)


def _made_up() -> Installation:
    # Made when it is needed: `demo --help` leaves no folder behind.
    folder = Path(tempfile.gettempdir()).resolve() / f"hedgetrail-demo-{secrets.token_hex(4)}"
    return Installation(f"sqlite:///{quote(str(folder / FILE))}", folder)


def _given(url: str) -> Installation:
    try:
        environment.database(Path(), {"DATABASE_URL": url})
    except SettingError as error:
        raise SettingError(str(error).replace("DATABASE_URL", "--database")) from None
    return Installation(url, None)
