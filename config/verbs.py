"""Verbs as commands: each stores an operator's request with its reason, does it at once, and says what came of it."""

import getpass
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.preflight import require_migrated
from config.reasons import required
from config.wiring import make_clerk
from trading.conductor.verbs.requests import RequestState, Verb, ask
from trading.ledger.mode import WrongMode
from trading.values.arithmetic import plain
from trading.values.identifiers import OrderId
from trading.values.quantities import NotANumber, shares
from trading.values.symbols import NotASymbol, Symbol, symbol


class VerbCommand(BaseCommand):
    """A command that does one verb. Ends with 1 where it was refused."""

    verb: Verb

    def add_reason(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", required=True, help="why; it is kept with the request")

    def do(self, subject: OrderId | Symbol, reason: str, **details: str) -> None:
        """Store the request and do it. Raises SettingError, CommandError."""
        why = required(reason)
        clerk = make_clerk()
        require_migrated()
        now = timezone.now()
        request = ask(self.verb, subject, actor=who(), reason=why, now=now, **details)
        try:
            done = clerk.do(request, now=now)
        except WrongMode as error:
            raise CommandError(str(error), returncode=2) from error
        if done.state != RequestState.DONE:
            raise CommandError(f"{self.verb} {subject} was refused: {done.outcome}")
        self.stdout.write(done.outcome or "done")


class OrderCommand(VerbCommand):
    """A verb for one order."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("order", type=int, help="our number of the order")
        self.add_reason(parser)

    def handle(self, *args: object, order: int, reason: str, **options: object) -> None:
        self.do(OrderId(order), reason)


class HandOrderCommand(VerbCommand):
    """An order by hand."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("symbol")
        parser.add_argument("shares", help="above zero: 3, or 1.5 where the broker takes fractions")
        parser.add_argument("--may-raise", action="store_true", help="the order may raise what is open, which it would")
        self.add_reason(parser)

    def handle(self, *args: object, reason: str, may_raise: bool, **options: object) -> None:
        try:
            named, count = symbol(str(options["symbol"])), shares(str(options["shares"]))
        except (NotASymbol, NotANumber) as error:
            raise CommandError(str(error), returncode=2) from error
        if count <= 0:
            raise CommandError(f"expected more than 0 shares, was {plain(count)}", returncode=2)
        self.do(named, reason, shares=plain(count), may_raise="yes" if may_raise else "no")


def who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A container often has no name for its user.
        return "operator"
