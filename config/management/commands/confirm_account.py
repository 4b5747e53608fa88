"""`manage.py confirm_account`: an operator says that this is the account to trade in."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from config.brokers import opened_broker
from config.environment import broker_settings
from config.left_open import LeftOpen, left_open
from config.preflight import require_migrated
from config.reasons import required
from config.wiring import make_ledger
from trading.brokers.market import Account
from trading.brokers.outcomes import BrokerError
from trading.brokers.port import Broker
from trading.conductor.reconciling.identity import confirm_account
from trading.risk.controls import lock_controls


class Command(BaseCommand):
    help = (
        "Show the broker's account, and let this installation trade in it from now on, and in no other. Refused while "
        "orders are open in the account confirmed before."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", required=True, help="who decided it; it is kept with the row")
        parser.add_argument("--yes", action="store_true", help="do not ask for the account's number")
        parser.add_argument(
            "--leave-open",
            action="store_true",
            help="orders of decisions may stay open in the account confirmed before, where nobody asks about them",
        )

    def handle(self, *args: Any, reason: str, yes: bool, leave_open: bool, **options: Any) -> None:
        why = required(reason)
        settings, ledger = broker_settings(), make_ledger()
        with opened_broker(settings, ledger) as broker:
            require_migrated()
            name, account = broker.name, _account(broker)
        kind = "paper" if account.paper else "LIVE: orders trade real money"
        self.stdout.write(f"{name} account {account.number} ({kind})")
        if account.blocked is not None:
            self.stdout.write(f"the broker takes no orders for it: {account.blocked}")
        if not yes and self._typed() != account.number:
            raise CommandError("expected the account's number, was something else; nothing was changed")
        with transaction.atomic(durable=True):
            lock_controls()  # Nobody places an order between the look and the word.
            left = left_open(name, account, ledger)
            if left is not None:
                _refuse(left, leave_open)
            confirm_account(name, account, actor="operator", reason=why, now=timezone.now())
        self.stdout.write(f"this installation trades in {name} account {account.number} from now on")
        if left is not None and left.decisions:
            self.stdout.write(
                f"left open in the {left.former}, and asked about no more until that account is confirmed again: "
                f"{'; '.join(left.told_of_decisions())}"
            )

    def _typed(self) -> str:
        try:
            return input("Type the account's number to trade in it: ").strip()
        except EOFError:
            raise CommandError(
                "expected the account's number on standard input, found its end; nothing was changed. Where nobody can "
                "type it, --yes says that you have looked"
            ) from None


def _account(broker: Broker) -> Account:
    try:
        return broker.account()
    except BrokerError as error:
        raise CommandError(f"{broker.name} did not tell its account: {error}") from error


def _refuse(left: LeftOpen, leave_open: bool) -> None:
    """End the command where orders are open that another account would be asked about, or nobody would."""
    if left.hedges:
        # A hedge that is not found in the other account would be held for one that was never there, and sent again.
        raise CommandError(
            f"expected no hedge open in the {left.former}, found {'; '.join(left.told_of_hedges())}; they would be "
            "looked for in this one, with --leave-open too. Take that account's settings and let them end, or end them "
            "with `cancel_order` or `fail_order`; where that account is closed for good, `fail_order N --none-of-them` "
            "ends one by your word alone. Nothing was changed"
        )
    if left.decisions and not leave_open:
        raise CommandError(
            f"expected no order open in the {left.former}, found {'; '.join(left.told_of_decisions())}. Take that "
            "account's settings and let them end, `recheck_decisions` asks about them; or say --leave-open, and nobody "
            "asks about them until that account is confirmed again. Nothing was changed"
        )
