"""`manage.py confirm_account`: an operator says that this is the account to trade in."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.brokers import make_broker
from config.environment import broker_settings
from config.preflight import require_migrated
from config.reasons import required
from config.wiring import make_ledger
from trading.brokers.outcomes import BrokerError
from trading.conductor.reconciling.identity import confirm_account


class Command(BaseCommand):
    help = "Show the broker's account, and let this installation trade in it from now on, and in no other."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", required=True, help="who decided it; it is kept with the row")
        parser.add_argument("--yes", action="store_true", help="do not ask for the account's number")

    def handle(self, *args: Any, reason: str, yes: bool, **options: Any) -> None:
        why = required(reason)
        settings = broker_settings()
        broker = make_broker(settings, make_ledger())
        require_migrated()
        try:
            account = broker.account()
        except BrokerError as error:
            raise CommandError(f"{broker.name} did not tell its account: {error}") from error
        kind = "paper" if account.paper else "LIVE: orders trade real money"
        self.stdout.write(f"{broker.name} account {account.number} ({kind})")
        if account.blocked is not None:
            self.stdout.write(f"the broker takes no orders for it: {account.blocked}")
        if not yes and self._typed() != account.number:
            raise CommandError("expected the account's number, was something else; nothing was changed")
        confirm_account(broker.name, account, actor="operator", reason=why, now=timezone.now())
        self.stdout.write(f"this installation trades in {broker.name} account {account.number} from now on")

    def _typed(self) -> str:
        try:
            return input("Type the account's number to trade in it: ").strip()
        except EOFError:
            raise CommandError(
                "expected the account's number on standard input, found its end; nothing was changed. Where nobody can "
                "type it, --yes says that you have looked"
            ) from None
