"""The demo's decisions: public records become decisions, and those orders, of which one is refused for want of cash.

Both outsides are of our own, on this machine: Quiver's API, and an account at Alpaca. They are opened for this alone;
hedges go where they were told to go.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from io import StringIO

from django.core.management import call_command
from django.utils import timezone

from audit_trail.decisions.models import Status, TradeDecision
from config.brokers import opened_broker
from config.demo.checked import Checked
from config.demo.decision_checks import Decided, check
from config.environment import broker_settings
from config.trading_day import parts, trade
from config.venue_environment import environment_of
from config.venues.accounts import Account
from config.venues.alpaca import AlpacaVenue
from config.venues.exchange import Exchange
from config.venues.faults import refuse
from config.venues.hours import Door, Hours
from config.venues.quiver import QuiverVenue
from config.wiring import make_ledger
from trading.conductor.reconciling.identity import confirm_account

CASH_USD = Decimal(400_000)
WAIT_SECONDS = 10
WHY = "the demo's own account"
SHOWN_LINES = 24
"""Of each answer; the admin has all of it."""

Say = Callable[[str], None]


def decide(say: Say) -> list[Checked]:
    """Play a day of decisions, tell of it, and check what came of it."""
    exchange = Exchange(fill_seconds=0, hours=Hours(door=Door.OPEN), accounts=[Account(cash_usd=CASH_USD)])
    with AlpacaVenue(exchange) as alpaca, QuiverVenue() as quiver, environment(alpaca, quiver):
        say(f"Decisions: records of {quiver.name} at {quiver.url}, orders at {alpaca.name} at {alpaca.url}")
        with opened_broker(broker_settings(), make_ledger()) as broker:
            confirm_account(broker.name, broker.account(), actor="demo", reason=WHY, now=timezone.now())
        told = _Told(say)
        misread(quiver, told)
        *deciding, selling, buying = parts(ingests=True, seconds=WAIT_SECONDS)
        trade(iter(deciding), told, told)
        strongest = TradeDecision.objects.order_by("-strength_order", "id").first()
        say("Meanwhile another program spends the account's cash, so Alpaca refuses the first order; then it is back.")
        alpaca.faults.add(refuse(403, "submit", message="insufficient buying power"))
        trade(iter((selling, buying)), told, told)
        tell_of(say)
        return check(Decided(refused=strongest, orders=exchange.orders, venue=alpaca))


def misread(quiver: QuiverVenue, told: StringIO) -> None:
    """Fetch insiders' trades while the source tells a row wrong, which is parked. The day's own run finds it mended."""
    sound = quiver.insiders[0]
    quiver.insiders[0] = {**sound, "Shares": "n/a"}
    told.write("Early in the morning the source tells a row wrong; later it is mended there.\n--- ingest insider\n")
    call_command("ingest", "insider", stdout=told, stderr=told)
    quiver.insiders[0] = sound


def tell_of(say: Say) -> None:
    """Answer the two questions, what data led to a trade and why one failed; and report on the day."""
    executed = TradeDecision.objects.filter(status=Status.EXECUTED).order_by("-strength_order", "id").first()
    failed = TradeDecision.objects.filter(status=Status.FAILED).order_by("id").first()
    asked: list[tuple[str, ...]] = [
        (command, str(decision.decision_id))
        for command, decision in (("trade_lineage", executed), ("trade_failure", failed))
        if decision is not None
    ]
    for command in (*asked, ("daily_summary",), ("failure_analysis",), ("strategy_performance",)):
        say(f"--- {' '.join(command)}")
        text = StringIO()
        call_command(*command, stdout=text)
        lines = text.getvalue().splitlines()
        for line in lines[:SHOWN_LINES]:
            say(line)
        if len(lines) > SHOWN_LINES:
            say(f"… and {len(lines) - SHOWN_LINES} lines more")


@contextmanager
def environment(*venues: AlpacaVenue | QuiverVenue) -> Iterator[None]:
    """Go to these venues, and afterwards to where it was gone before."""
    before = dict(os.environ)
    for venue in venues:
        os.environ.update(environment_of(venue))
    try:
        yield
    finally:
        _set(before)


def _set(environ: Mapping[str, str]) -> None:
    for name in set(os.environ) - set(environ):
        del os.environ[name]
    os.environ.update(environ)


class _Told(StringIO):
    """Says each line that a command writes."""

    def __init__(self, say: Say) -> None:
        super().__init__()
        self._say = say

    def write(self, text: str, /) -> int:
        for line in text.splitlines():
            if line.strip():
                self._say(line)
        return len(text)
