"""`manage.py run_strategy`: decide for today, or show what would be decided."""

from argparse import ArgumentParser
from datetime import date, datetime, time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from audit_trail.days.deciding import NotAlone, decide, keep_refusal, plan_day
from audit_trail.days.drafting import PORTFOLIO, asked_name
from audit_trail.decisions.drafts import NotADraft
from audit_trail.decisions.models import TradeDecision
from audit_trail.decisions.storing import NoAccount, traded_account
from audit_trail.strategies.parameters import BadParameters
from audit_trail.strategies.plans import Plan, Refused
from audit_trail.strategies.registry import REGISTRY
from config.arguments import day
from config.days import SCHEDULED_HOUR, wired_day
from config.preflight import require_migrated
from trading.brokers.outcomes import BrokerError
from trading.market_hours.calendar import NEW_YORK, session_of
from trading.values.arithmetic import plain

REFUSED = 4


class Command(BaseCommand):
    help = (
        "Decide for today by what is known, and store the decisions; `execute_decisions` carries them out. Exit code 4 "
        "where the guards let nothing be decided, each with its reason."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        names = [PORTFOLIO, *(strategy.name for strategy in REGISTRY)]
        parser.add_argument("name", choices=names, help="portfolio: all that are enabled, netted")
        parser.add_argument("--plan", action="store_true", help="only show it; nothing is stored")
        parser.add_argument(
            "--date",
            type=day,
            metavar="DAY",
            help="with --plan: what would have been decided on a past day, at ten in New York, by what was known then",
        )

    def handle(self, *args: Any, name: str, plan: bool, date: date | None, **options: Any) -> None:
        at = None if date is None else _moment(date, plan_only=plan)
        self._past = at is not None
        require_migrated()
        try:
            with wired_day() as wired:
                planned = plan_day(
                    wired.broker, name, parameters=wired.parameters, registry=REGISTRY, clock=timezone.now, at=at
                )
                self._tell(planned)
                if isinstance(planned, Refused):
                    if not plan:
                        keep_refusal(planned, name, broker=wired.broker, parameters=wired.parameters)
                    raise CommandError(
                        "nothing was decided, so nothing is bought and nothing is sold", returncode=REFUSED
                    )
                if plan:
                    return
                stored = decide(planned, broker=wired.broker, parameters=wired.parameters, registry=REGISTRY)
                account = traded_account(wired.broker.name)
        except (BadParameters, NoAccount, NotAlone, NotADraft, BrokerError) as error:
            raise CommandError(f"{error}. Nothing was stored") from error
        for row in stored.decisions:
            self.stdout.write(f"{row.decision_id} {row.side} {row.symbol}: {row.status}")
        of_today = TradeDecision.objects.filter(
            strategy_name=asked_name(planned.heard),
            trading_day=planned.as_of.astimezone(NEW_YORK).date(),
            broker=account.broker,
            account_number=account.number,
        )
        self.stdout.write(f"{of_today.count()} decisions of today, {stored.new} of them new")

    def _tell(self, planned: Plan | Refused) -> None:
        if isinstance(planned, Refused):
            for refusal in planned.refusals:
                self.stdout.write(f"{refusal.kind}: {refusal.text}")
            return
        for order in planned.orders:
            if order.closes_position:
                amount = "all that is held"
            elif order.shares is not None:
                amount = f"{plain(order.shares)} shares"
            else:
                amount = f"{plain(order.notional_usd)} USD" if order.notional_usd is not None else "nothing"
            self.stdout.write(
                f"{order.side} {order.symbol}: {amount}, strength {plain(order.strength)}, {order.trigger} "
                f"({', '.join(order.strategies)})"
            )
        for reason, count in planned.summary.dropped.items():
            self.stdout.write(f"left out, {reason}: {count}")
        for finding in planned.findings:
            self.stderr.write(finding)
        if self._past:
            self.stderr.write("sized for the account as it is now, since nobody kept what it was worth then")
        self.stdout.write(f"{len(planned.orders)} orders are meant as of {planned.as_of.isoformat()}")


def _moment(day: date, *, plan_only: bool) -> datetime:
    """The moment at which a past day would have been decided."""
    if not plan_only:
        raise CommandError(
            "expected --plan with --date: what is decided for a past day would never be executed", returncode=2
        )
    if session_of(day) is None:
        raise CommandError(f"expected a day with a session, was {day}", returncode=2)
    at = datetime.combine(day, time(SCHEDULED_HOUR), tzinfo=NEW_YORK)
    if at > timezone.now():
        raise CommandError(f"expected a moment that is past, was {at.isoformat()}", returncode=2)
    return at
