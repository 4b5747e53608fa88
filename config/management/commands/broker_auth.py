"""`manage.py broker_auth`: an operator logs in at a broker, which is due every seven days."""

import secrets
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config import brokers
from config.preflight import require_migrated
from config.schwab_environment import schwab_settings
from config.wiring import make_ledger
from trading.broker_auth.outbox import has_notes
from trading.broker_auth.view import SCHWAB
from trading.brokers.outcomes import BrokerUnavailable, LoginNeeded, OutcomeUnknown
from trading.ledger.mode import WrongMode, check_mode
from trading.values.secret import Secret

FROM_STDIN = "-"
NOT_LOGGED_IN, TRY_AGAIN = 1, 3


class Command(BaseCommand):
    help = (
        "Log in at a broker: open the address that is printed, log in there, and paste the address at which the "
        "browser ends; the page there need not load. It is good for half a minute. Exit code 0: logged in; 1: not, "
        "begin again; 2: a setting is missing; 3: the broker can't be reached, try again later."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("broker", choices=[SCHWAB])
        parser.add_argument(
            "--redirect-url",
            choices=[FROM_STDIN],
            help="- reads the pasted address from standard input; it is no argument, since others see those",
        )

    def handle(self, *args: Any, redirect_url: str | None, **options: Any) -> None:
        # All that could be in the way comes before the code, which is used up by the first try.
        ledger = make_ledger()
        oauth = brokers.make_oauth(schwab_settings())
        keeper = brokers.make_token_keeper(ledger, oauth=oauth)
        require_migrated()
        try:
            check_mode(ledger.mode)
        except WrongMode as error:
            raise CommandError(str(error), returncode=2) from error

        state = secrets.token_urlsafe(16)
        self.stdout.write(f"Open this address and log in:\n\n{oauth.authorize_url(state)}\n")
        pasted = self._read_pasted() if redirect_url == FROM_STDIN else self._ask()
        try:
            code = oauth.code_of(pasted.reveal(), state)
        except ValueError as error:
            raise CommandError(f"not logged in: {error}", returncode=NOT_LOGGED_IN) from None
        at = timezone.now()
        try:
            grant = oauth.exchange(code)
        except LoginNeeded as error:
            told = _without(code, error)
            raise CommandError(
                f"not logged in: {told}. A code is good for half a minute, and once: begin again",
                returncode=NOT_LOGGED_IN,
            ) from None
        except (BrokerUnavailable, OutcomeUnknown) as error:
            told = _without(code, error)
            raise CommandError(f"not logged in: {told}. Begin again later", returncode=TRY_AGAIN) from None
        ends_at = keeper.log_in(grant, at=at)
        self.stdout.write(
            f"logged in at {SCHWAB}; the next login is due before {ends_at:%Y-%m-%d %H:%M} UTC, and there will be "
            "notices from the fifth day on"
        )
        if has_notes(SCHWAB):
            self.stderr.write(
                "the tokens are stored; that there was a login is no event yet, and will be one by itself"
            )

    def _ask(self) -> Secret:
        try:
            return Secret(input("Paste the address at which the browser ended: ").strip())
        except EOFError:
            raise CommandError("not logged in: expected an address, was nothing", returncode=NOT_LOGGED_IN) from None

    def _read_pasted(self) -> Secret:
        self.stdout.flush()
        return Secret(sys.stdin.readline().strip())


def _without(code: Secret, error: Exception) -> str:
    """What a broker says, should it repeat the code in it."""
    return str(error).replace(code.reveal(), "***")
