"""`manage.py kill_switch`: stops all placing of orders at once, or that of one broker, symbol or strategy."""

from argparse import ArgumentParser
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.preflight import require_migrated
from config.reasons import required
from trading.risk.controls import KillSwitch, throw
from trading.risk.records import never_met
from trading.risk.scopes import BROKERS, NotASubject, Scope
from trading.values.symbols import NotASymbol

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Turn a kill switch on or off: while it is on, no order that it reaches is placed, in any process."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("state", choices=["on", "off"])
        reach = parser.add_mutually_exclusive_group()
        reach.add_argument("--broker", help=f"only orders at one broker: {', '.join(BROKERS)}")
        reach.add_argument("--symbol", help="only orders in one symbol")
        reach.add_argument("--strategy", help="only orders of one strategy; hedges are those of `hedge`")
        parser.add_argument("--reason", required=True, help="why; it is kept with the change")

    def handle(self, *args: Any, state: str, reason: str, **options: Any) -> None:
        why = required(reason)
        scope, subject = _reach(options)
        require_migrated()
        try:
            switch = throw(scope, subject, on=state == "on", reason=why, actor="operator", at=timezone.now())
        except (NotASubject, NotASymbol) as error:
            raise CommandError(str(error), returncode=2) from error
        log.warning("Kill switch thrown", switch=switch.named(), on=switch.is_on, reason=why)
        self.stdout.write(f"the kill switch ({switch.named()}) is {state}")
        if switch.is_on and (told := never_met(scope, switch.subject)) is not None:
            self.stdout.write(told)
        still = KillSwitch.objects.filter(is_on=True).exclude(pk=switch.pk).order_by("id")
        if named := ", ".join(other.named() for other in still):
            self.stdout.write(f"on as well: {named}")


def _reach(options: dict[str, Any]) -> tuple[Scope, str]:
    for scope in (Scope.BROKER, Scope.SYMBOL, Scope.STRATEGY):
        if options[scope] is not None:
            return scope, options[scope]
    return Scope.GLOBAL, ""
