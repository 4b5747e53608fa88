"""Verbs as commands: each stores an operator's request with its reason, does it at once, and says what came of it."""

import getpass
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import datetime

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.preflight import require_migrated
from config.wiring import make_clerk, make_ledger
from trading.conductor.verbs.asking import NotAskable, read
from trading.conductor.verbs.clerk import carry_out
from trading.conductor.verbs.requests import OperatorRequest, RequestState, Verb, ask
from trading.conductor.verbs.symbol_verbs import SymbolVerbs
from trading.ledger.mode import WrongMode


class VerbCommand(BaseCommand):
    """A command that does one verb. Ends with 1 where it was refused."""

    verb: Verb

    def add_reason(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", required=True, help="why; it is kept with the request")

    def do(self, subject: str, reason: str, **said: str) -> None:
        """Store the request and do it. Raises SettingError, CommandError."""
        try:
            asked = read(self.verb, subject, reason=reason, said=said)
        except NotAskable as error:
            raise CommandError(str(error), returncode=2) from error
        how = self.way()
        require_migrated()
        now = timezone.now()
        request = ask(asked.verb, asked.subject, actor=who(), reason=asked.reason, now=now, **asked.details)
        try:
            done = how(request, now)
        except WrongMode as error:
            raise CommandError(str(error), returncode=2) from error
        if done.state != RequestState.DONE:
            raise CommandError(f"{self.verb} {asked.subject} was refused: {done.outcome}")
        self.stdout.write(done.outcome or "done")

    def way(self) -> Callable[[OperatorRequest, datetime], OperatorRequest]:
        """Who does it, at which broker. Raises SettingError."""
        clerk = make_clerk()
        return lambda request, now: clerk.do(request, now=now)


class OrderCommand(VerbCommand):
    """A verb for one order."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("order", type=int, help="our number of the order")
        self.add_reason(parser)

    def handle(self, *args: object, order: int, reason: str, **options: object) -> None:
        self.do(str(order), reason)


class SymbolCommand(VerbCommand):
    """A verb for one symbol, for which no broker is needed."""

    def way(self) -> Callable[[OperatorRequest, datetime], OperatorRequest]:
        symbols = SymbolVerbs(ledger=make_ledger())
        return lambda request, now: carry_out(request, symbols.do, now=now)


class HandOrderCommand(VerbCommand):
    """An order by hand."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("symbol")
        parser.add_argument("shares", help="above zero: 3, or 1.5 where the broker takes fractions")
        parser.add_argument("--may-raise", action="store_true", help="the order may raise what is open, which it would")
        self.add_reason(parser)

    def handle(self, *args: object, reason: str, may_raise: bool, **options: object) -> None:
        self.do(str(options["symbol"]), reason, shares=str(options["shares"]), may_raise="yes" if may_raise else "no")


def who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A container often has no name for its user.
        return "operator"
