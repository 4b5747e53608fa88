"""Explaining commands: an answer about one trade, in a line and as JSON with every digit as it was."""

from abc import ABC, abstractmethod
from argparse import ArgumentParser
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from audit_trail.decisions.models import TradeDecision
from audit_trail.executions.explaining import DidNotFail, NoSuchTrade, decision_of, headline
from config.preflight import require_migrated


class ExplainingCommand(BaseCommand, ABC):
    """A subclass says what is told of a trade."""

    @abstractmethod
    def tell(self, decision: TradeDecision) -> dict[str, Any]: ...

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "trade", metavar="TRADE", help="the id of its decision or execution, our id of its order, or the broker's"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *args: Any, trade: str, json: bool, **options: Any) -> None:
        require_migrated()
        try:
            decision = decision_of(trade)
            told = msgspec.json.encode(self.tell(decision))
        except NoSuchTrade as error:
            raise CommandError(str(error), returncode=2) from error
        except DidNotFail as error:
            raise CommandError(str(error)) from error
        if not json:
            self.stdout.write(headline(decision))
        self.stdout.write(msgspec.json.format(told, indent=2).decode())
