"""`manage.py execute_decisions`: carries today's pending decisions out, one after the other, strongest first."""

import sys
from argparse import ArgumentParser
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from audit_trail.decisions.models import Status, TradeDecision
from audit_trail.decisions.pending import pending_elsewhere
from audit_trail.decisions.storing import NoAccount, traded_account
from audit_trail.executions.executor import Busy, Turn
from audit_trail.executions.own_account import NotTheAccount
from config.decision_environment import uses_audit_trail
from config.decisions import WiredDecisions, follow_once, wired_decisions
from config.listing import list_rows
from config.preflight import require_migrated
from trading.ledger.mode import WrongMode
from trading.values.quantities import NotANumber, usd
from trading.values.sides import Side

BAD = ("failed", "rejected", "blocked", "unsent", "error")


class Command(BaseCommand):
    help = (
        "Carry out the decisions of today that nobody has acted on, strongest first, one attempt each. "
        "Exit code 1 where one failed, is blocked, or is for another account, 3 where another process is at it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--strategy", help="only this strategy's")
        parser.add_argument(
            "--side", choices=[side.lower() for side in Side], help="only these, as sales before purchases"
        )
        parser.add_argument(
            "--follow", metavar="SECONDS", default="0", help="ask about the orders for so long, until all have ended"
        )

    def handle(self, *args: Any, strategy: str | None, side: str | None, follow: str, **options: Any) -> None:
        if not uses_audit_trail():
            raise CommandError(
                "USE_AUDIT_TRAIL is off: there are no decisions to execute, strategies' orders are placed directly",
                returncode=2,
            )
        seconds = _seconds(follow)
        with wired_decisions() as wired:
            require_migrated()
            turns = self._executed(wired, strategy, None if side is None else Side(side.upper()))
            if seconds:
                follow_once(wired, seconds=seconds)
            elsewhere = pending_elsewhere(traded_account(wired.broker.name), now=timezone.now())
        self._tell(turns)
        for told in elsewhere:
            self.stderr.write(told)
        if elsewhere or any(turn.state in BAD for turn in turns):
            sys.exit(1)

    def _executed(self, wired: WiredDecisions, strategy: str | None, side: Side | None) -> list[Turn]:
        try:
            return wired.executor.execute(strategy=strategy, side=side)
        except Busy as busy:
            raise CommandError(str(busy), returncode=3) from busy
        except (NotTheAccount, NoAccount, WrongMode) as refusal:
            raise CommandError(f"{refusal}; nothing was executed", returncode=2) from refusal

    def _tell(self, turns: list[Turn]) -> None:
        ids = [turn.wanted.decision_id for turn in turns]
        stands = dict(TradeDecision.objects.filter(decision_id__in=ids).values_list("decision_id", "status"))
        rows = [
            (
                str(turn.wanted.decision_id),
                turn.wanted.strategy,
                turn.wanted.side,
                turn.wanted.symbol,
                stands[turn.wanted.decision_id],
                # How it went at first says nothing of one that was carried out after all.
                None if stands[turn.wanted.decision_id] == Status.EXECUTED else turn.reason,
            )
            for turn in turns
        ]
        if not list_rows(self.stdout, ("decision", "strategy", "side", "symbol", "status", "reason"), rows):
            self.stdout.write("no decision of today is pending at this account")


def _seconds(text: str) -> Decimal:
    try:
        seconds = usd(text)
    except NotANumber as error:
        raise CommandError(f"expected seconds, was {text!r}", returncode=2) from error
    if not 0 <= seconds <= 3600:
        raise CommandError(f"expected 0 to 3600 seconds, was {text!r}", returncode=2)
    return seconds
