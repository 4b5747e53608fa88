"""Settling: after a story nothing goes wrong any more, and turns go on until there is nothing left to do.

What is left to an operator alone, an operator does then, by the verbs that there are, as the notices ask for it.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Min, QuerySet

from tests.simulation.schedules import STATIONS
from tests.simulation.story import Deed
from trading.conductor.inbox import unprocessed
from trading.conductor.poller import ASK_LATE_EVERY, LATE_FOR
from trading.conductor.reconciling.reconciler import EVERY
from trading.conductor.verbs.requests import Verb, ask
from trading.conductor.work import OrderWork, SymbolWait
from trading.ledger.backlog import BackloggedEvent
from trading.market_hours.calendar import is_open
from trading.offchain_order.aggregate import OPEN
from trading.risk.facts import BrokerFact
from trading.risk.records import Denial
from trading.submission.pauses import BrokerPause

if TYPE_CHECKING:
    from tests.simulation.play import Play

# They change nothing that another waits for.
_LOOKS = {"tokens", "reconciler", "exposure_watch"}
# Whose work it is that a station leaves when it has done something; its own again with it.
_WORK_FOR = {
    "processor": ("processor", "refresher", "hedger"),
    "refresher": ("refresher", "hedger"),
    "hedger": ("hedger", "dispatcher"),
    "dispatcher": ("dispatcher", "refresher", "hedger"),
    "poller": ("poller", "refresher", "hedger"),
    "tokens": ("tokens",),
    "reconciler": ("reconciler",),
    "clerk": STATIONS,
    "exposure_watch": ("exposure_watch",),
    "drainer": ("drainer",),
}

MOST_ROUNDS = 300
LONGEST_STEP = timedelta(minutes=16)
PATIENCE = timedelta(minutes=10)
"""What is in doubt is looked for so long after the last fault, and is an operator's then: five looks take six minutes
at most."""


class Settling:
    """Brings one play to its end."""

    def __init__(self, play: "Play") -> None:
        self._play = play
        self._all_is_there = False

    def until_quiet(self, *, all_is_there: bool = False) -> None:
        """Give turns, each at the time at which something is due, until nothing is.

        `all_is_there`: the account lacks nothing, so what the gate denies for want of something is due too.
        """
        began, self._all_is_there = self._play.clock(), all_is_there
        for _ in range(MOST_ROUNDS):
            self._round()
            if not (left := self._left(waited=self._play.clock() - began)):
                self._look_for_late_fills()
                if not (left := self._left(waited=self._play.clock() - began)):
                    return
            self._forward()
        took = f"not quiet after {MOST_ROUNDS} rounds, {self._play.clock() - began}"
        self._play.wrong(f"V1: {took}: {'; '.join(left)}")

    def operator_acts(self) -> bool:
        """Do what notices ask an operator for, who sees the venue as it is. Return whether there was anything."""
        orders = self._play.judge.with_operator()
        symbols = {str(order.symbol) for order in orders} | self._play.judge.stopped()
        if not symbols:
            return False
        self._play.outcome.counts["orders settled by the operator"] += len(orders)
        self._play.outcome.counts["symbols resumed by the operator"] += len(symbols)
        unknown = [theirs for theirs in self._play.judge.at_venue() if not self._play.judge.ours_of(theirs)]
        for order in orders:
            if order.has_ended:
                self._ask(Verb.RECHECK_ORDER, order.order_id)
                continue
            found = next((theirs for theirs in unknown if self._play.judge.may_be(order, theirs)), None)
            if found is not None:
                unknown.remove(found)
                self._ask(Verb.RECONCILE_ORDER, order.order_id, broker_order_id=max(found.ids))
            elif order.broker_order_id is None:
                self._ask(Verb.FAIL_ORDER, order.order_id, none_of_them="yes")
            else:
                self._ask(Verb.RECHECK_ORDER, order.order_id)
        for symbol in sorted(symbols):  # Else it would be another story with another hash seed.
            self._play.provide(symbol)
            self._ask(Verb.RESUME_SYMBOL, symbol)
        self._play.turn(0, "clerk")
        return True

    def _ask(self, verb: Verb, subject: object, **details: str) -> None:
        ask(verb, subject, actor="operator", reason="a notice asks for it", now=self._play.clock(), **details)  # type: ignore[arg-type]

    def _round(self) -> None:
        busy = set(STATIONS) - _LOOKS
        for _ in range(40):
            # Who found nothing has nothing to do until another has done something.
            worked = {station for station in STATIONS if station in busy and self._play.turn(0, station)}
            if not worked:
                return
            busy = {after for station in worked for after in _WORK_FOR[station]}
        self._play.wrong("a station finds something to do again and again at one moment")

    def _look_for_late_fills(self) -> None:
        """What is held is compared twice; and where something was filled late, ended orders are asked about on."""
        for _ in range(2):
            self._play.clock.forward(EVERY.total_seconds())
            self._play.turn(0, "reconciler")
            self._play.turn(0, "exposure_watch")
        if self._play.outcome.counts[f"the venue {Deed.LATE_FILL}"]:
            for _ in range(LATE_FOR // ASK_LATE_EVERY + 1):
                self._play.clock.forward(ASK_LATE_EVERY.total_seconds() + 1)
                self._play.turn(0, "reconciler")
                self._round()
                self._play.turn(0, "exposure_watch")

    def _left(self, *, waited: timedelta) -> list[str]:
        """What is not done yet, and is no operator's."""
        play = self._play
        waiting = {order.order_id for order in play.judge.with_operator()} if waited > PATIENCE else set()
        left = [
            f"order {order.order_id} is {order.state}"
            for order in play.ledger.memory().orders(OPEN)
            if order.order_id not in waiting
        ]
        if logs := unprocessed():
            left.append(f"{logs} logs are not processed")
        left += [f"{event} is on the backlog" for event in BackloggedEvent.objects.all()]
        left += [f"paused: {pause}" for pause in BrokerPause.objects.filter(not_before__gt=play.clock())]
        return left + [f"a hedge of {symbol} is due{_why_not(symbol)}" for symbol in self._due()]

    def _due(self) -> list[str]:
        """The symbols of which something is worth a hedge that nobody but us will place."""
        play = self._play
        stopped = play.judge.halted() if self._all_is_there else play.judge.stopped()
        return [
            position.symbol
            for position in play.ledger.memory().positions()
            if position.symbol not in stopped and play.is_due(position)
        ]

    def _forward(self) -> None:
        now, due = self._play.clock(), []
        open_orders = [order.order_id for order in self._play.ledger.memory().orders(OPEN)]
        waiting: list[QuerySet[Any]] = [
            OrderWork.objects.filter(order_id__in=open_orders),
            BrokerPause.objects.all(),
            BackloggedEvent.objects.all(),
        ]
        if self._due():
            # Else facts are asked for as long as a symbol wants what the account has not.
            waiting += [
                SymbolWait.objects.filter(halted_at=None),
                BrokerFact.objects.all(),
                Denial.objects.filter(ended_at=None),
            ]
        for rows in waiting:
            at = rows.filter(not_before__gt=now).aggregate(at=Min("not_before"))["at"]
            if at is not None:
                due.append(at)
        if self._play.story.by_calendar and not is_open(now):
            self._play.open_the_market()
            return
        step = min(min(due, default=now + timedelta(seconds=10)) - now, LONGEST_STEP)
        self._play.clock.forward(max(step.total_seconds(), 0.5))


def _why_not(symbol: str) -> str:
    """What keeps a hedge from being placed, as far as it is written down."""
    denials = [f"{denial.rule}: {denial.text}" for denial in Denial.objects.filter(symbol=symbol, ended_at=None)]
    waits = [f"{wait}" for wait in SymbolWait.objects.filter(symbol=symbol)]
    return f" ({'; '.join([*denials, *waits])})" if denials or waits else ""
