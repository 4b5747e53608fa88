"""Decisions' wiring: what executes them and follows their orders, at the broker that the environment names."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from audit_trail.executions.carrier import Carrier
from audit_trail.executions.executor import Executor
from audit_trail.executions.poller import DecisionPoller
from audit_trail.executions.verbs import DecisionVerbs
from config.brokers import opened_broker
from config.environment import broker_settings
from config.timing_environment import polling
from config.wiring import DRY_RUN_POLL, make_gate, make_ledger
from trading.brokers.port import Broker
from trading.conductor.reconciling.identity import AccountCheck


@dataclass(frozen=True)
class WiredDecisions:
    """Everything between a decision and the broker."""

    broker: Broker
    executor: Executor
    poller: DecisionPoller
    verbs: DecisionVerbs


@contextmanager
def wired_decisions() -> Iterator[WiredDecisions]:
    """Put together what the environment asks for; the broker's connections go at the end. Raises SettingError."""
    settings, ledger = broker_settings(), make_ledger()
    simulated = settings.broker == "dry_run"
    with opened_broker(settings, ledger) as broker:
        carrier = Carrier(
            broker=broker,
            ledger=ledger,
            clock=timezone.now,
            poll_every=DRY_RUN_POLL if simulated else polling().every,
            may_trade=AccountCheck(broker, simulated=simulated),
        )
        yield WiredDecisions(
            broker=broker,
            executor=Executor(
                carrier=carrier,
                gate=make_gate(settings, broker, ledger),
                ledger=ledger,
                clock=timezone.now,
                wait=_wait,
            ),
            poller=DecisionPoller(carrier=carrier),
            verbs=DecisionVerbs(carrier=carrier, clock=timezone.now),
        )


def follow_once(wired: WiredDecisions, *, seconds: Decimal, every: timedelta = timedelta(seconds=1)) -> None:
    """Ask about the orders that are under way, until none is or the time is up."""
    until = timezone.now() + timedelta(microseconds=int(seconds * 1_000_000))
    while wired.poller.is_following() and timezone.now() < until:
        wired.poller.run_once(now=timezone.now())
        _wait(Decimal(every // timedelta(milliseconds=1)) / 1000)


def _wait(seconds: Decimal) -> None:
    time.sleep(float(seconds))
