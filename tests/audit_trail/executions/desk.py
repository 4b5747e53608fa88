"""A desk: what executes decisions and follows their orders, beside the hedges' stations, at a venue in memory."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from audit_trail.decisions.models import TradeDecision
from audit_trail.executions.carrier import Carrier
from audit_trail.executions.executor import Executor, Turn
from audit_trail.executions.known import DecisionOrders
from audit_trail.executions.models import TradeExecution
from audit_trail.executions.poller import DecisionPoller
from audit_trail.executions.verbs import DecisionVerbs
from tests.support.facts import account
from tests.support.stations import Clock
from tests.support.venue import Venue
from trading.brokers.port import Broker
from trading.conductor.intents import hedge_intents
from trading.conductor.reconciling.identity import confirm_account
from trading.ledger.book import Ledger
from trading.ledger.mode import Mode
from trading.risk.checking import Gate
from trading.risk.situation import Terms
from trading.values.thresholds import threshold

POLL_EVERY = timedelta(seconds=1)


class Desk:
    """Decisions at one broker, with a clock of the test's own."""

    def __init__(
        self,
        *,
        broker: Broker | None = None,
        clock: Clock | None = None,
        ledger: Ledger | None = None,
        our_ids: bool = True,
        fractional_digits: int | None = 9,
        notional: bool = True,
        number: str = "VENUE-1",
    ) -> None:
        self.clock = clock or Clock()
        self.ledger = ledger or Ledger(Mode.DUAL, threshold=threshold("1 share"))
        self.venue: Any = broker
        if broker is None:
            self.venue = Venue(self.clock, fractional_digits=fractional_digits, our_ids=our_ids)
            self.venue.capabilities = msgspec.structs.replace(self.venue.capabilities, notional=notional)
        self.waited: list[Decimal] = []
        self.orders = DecisionOrders(self.venue.name)
        self.gate = Gate(
            broker=self.venue.name,
            terms=Terms(capabilities=self.venue.capabilities, paper=True),
            intents=[hedge_intents(self.ledger), self.orders.intents],
        )
        self.may_trade: Callable[[datetime], bool] = lambda now: True
        self.carrier = Carrier(
            broker=self.venue,
            ledger=self.ledger,
            clock=self.clock,
            poll_every=POLL_EVERY,
            may_trade=lambda now: self.may_trade(now),
        )
        self.executor = Executor(
            carrier=self.carrier,
            gate=self.gate,
            ledger=self.ledger,
            clock=self.clock,
            wait=self.wait,
        )
        self.poller = DecisionPoller(carrier=self.carrier)
        self.verbs = DecisionVerbs(carrier=self.carrier, clock=self.clock)
        confirm_account(
            self.venue.name, account(self.clock(), number=number), actor="tests", reason="a test", now=self.clock()
        )

    def wait(self, seconds: Decimal) -> None:
        self.waited.append(seconds)
        self.clock.forward(float(seconds))

    def execute(self, **which: Any) -> list[Turn]:
        return self.executor.execute(**which)

    def poll(self, seconds: float = 1) -> None:
        """Let time pass, and ask about what is due."""
        self.clock.forward(seconds)
        self.poller.run_once(now=self.clock())

    def forward(self, seconds: float) -> datetime:
        return self.clock.forward(seconds)


def state_of(decision: TradeDecision) -> str:
    return str(TradeDecision.objects.get(pk=decision.pk).status)


def fresh(decision: TradeDecision) -> TradeDecision:
    found: TradeDecision = TradeDecision.objects.get(pk=decision.pk)
    return found


def attempt_of(decision: TradeDecision) -> TradeExecution:
    found: TradeExecution = TradeExecution.objects.get(trade_decision=decision)
    return found
