"""A day of the demo: the market's steps, played while a conductor works on what they leave on chain."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.utils import timezone

from config.alert_environment import ALERT_URLS
from config.demo import operator
from config.demo.account import move_in
from config.demo.chain import EmbeddedChain
from config.demo.market import Market
from config.demo.scenarios import endless, scenario
from config.demo.show import Screen
from config.demo.steps import Outcome, Reorg, Step
from config.demo.webhook import Webhook
from config.venues.faults import FaultPlan
from config.venues.venue import Venue
from config.wiring import Wired, wire
from trading.conductor.conductor import Conductor
from trading.conductor.inbox import QueuedLog
from trading.conductor.outstanding import outstanding
from trading.offchain_order.aggregate import ENDS
from trading.values.identifiers import OrderId

BLOCK_SECONDS = 2
LOOK_SECONDS = 0.1
PAUSE_SECONDS = 0.05
LIVE_PAUSE_SECONDS = 0.6
STEPS_BETWEEN_CHORES = 100
LONGEST_WAIT_SECONDS = 30
LONGEST_END_SECONDS = 60
# That a broker without our ids never had an order is certain after two minutes at the earliest.
LONGEST_WITH_FAULTS_SECONDS = 400


class Stopped(Exception):
    """The day ended before its time: the user wants it so, or the conductor can't go on."""


class NotDone(Exception):
    """The books did not come to where they must within the time."""


@dataclass
class Day:
    """The world of one day, with a conductor at work."""

    chain: EmbeddedChain
    market: Market
    wired: Wired
    conductor: Conductor
    webhook: Webhook
    seed: int
    stopping: threading.Event
    has_faults: bool = False

    def once(self, screen: Screen) -> None:
        """Play the fixed day, and wait until all of it is in the books. Raises Stopped, NotDone."""
        self._begin(screen)
        for step in scenario(self.seed):
            self._play(step, screen)
            self._look(screen, PAUSE_SECONDS)
        self._end(screen)

    def on_and_on(self, screen: Screen) -> None:
        """Play the fixed day, and then one without an end. Raises Stopped, NotDone."""
        self.chain.keep_mining(BLOCK_SECONDS)
        self._begin(screen)
        for step in scenario(self.seed):
            self._play(step, screen)
            self._look(screen, self._until_next())
        self._end(screen)
        for number, step in enumerate(endless(self.seed + 1), start=1):
            self._play(step, screen)
            self._look(screen, self._until_next())
            if number % STEPS_BETWEEN_CHORES == 0:
                operator.do_chores()

    def _until_next(self) -> float:
        """How long a live market rests: blocks are a second apart at least, and none is of the future."""
        return max(LIVE_PAUSE_SECONDS, self.chain.head.timestamp - timezone.now().timestamp())

    def rest(self) -> None:
        """Let the conductor finish its turns, so that nothing moves while the books are looked at."""
        self.conductor.stop()

    def _play(self, step: Step, screen: Screen) -> None:
        if not isinstance(step, Reorg):
            screen.happened(step, self.market.play(step))
            return
        # What is about to be gone is in the books first, and hedged: else there is nothing to take back.
        self._until(self._left, screen, self._patience(LONGEST_WAIT_SECONDS))
        with self.chain.lock:  # No block of the idle chain comes between looking and replacing.
            made = self.market.play(step)
        screen.happened(step, made)
        self._until(self._reorg_unseen, screen, LONGEST_WAIT_SECONDS)

    # What the operator does.

    def _begin(self, screen: Screen) -> None:
        """Open the day, forbid two hedges, see them denied, and allow them again."""
        screen.acted(operator.open_the_day())
        screen.acted(operator.forbid())
        for step in operator.tempting():
            self._play(step, screen)
        operator.do_chores()
        self._until(operator.not_denied_yet, screen, self._patience(LONGEST_WAIT_SECONDS))
        screen.acted(operator.allow())
        self._until(operator.still_denied, screen, self._patience(LONGEST_WAIT_SECONDS))

    def _end(self, screen: Screen) -> None:
        """Wait until all is in the books, ask about an order, and tell what is to be told."""
        self._until(self._left, screen, self._patience(LONGEST_END_SECONDS))
        screen.acted(operator.ask_about(self._ended()))
        self._until(operator.unanswered, screen, self._patience(LONGEST_WAIT_SECONDS))
        operator.do_chores()

    def _ended(self) -> list[OrderId]:
        return [order.order_id for order in self.wired.ledger.memory().orders(ENDS)]

    # What is left, in words; empty where nothing is.

    def _reorg_unseen(self) -> list[str]:
        vanished = {one.tx_hash for one in self.market.expected() if one.outcome is Outcome.VANISHED}
        seen = QueuedLog.objects.filter(tx_hash__in=vanished).exclude(reorged_at=None).values_list("tx_hash", flat=True)
        return [f"transaction {tx_hash} is not marked as reorged" for tx_hash in vanished - set(seen)]

    def _left(self) -> list[str]:
        found = outstanding(
            ledger=self.wired.ledger,
            hedger=self.wired.hedger,
            enricher=self.wired.enricher,
            orderbook=self.market.orderbook,
            head=self.chain.head.number,
            now=timezone.now(),
        )
        # What is stuck will not move: waiting is over, and the checks tell of it.
        return found.left

    # Waiting, with an eye on the books.

    def _patience(self, seconds: float) -> float:
        return LONGEST_WITH_FAULTS_SECONDS if self.has_faults else seconds

    def _until(self, left: Callable[[], list[str]], screen: Screen, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while waits_for := left():
            if time.monotonic() > deadline:
                raise NotDone(f"after {seconds:g} seconds: {'; '.join(waits_for)}")
            self._look(screen, LOOK_SECONDS)

    def _look(self, screen: Screen, seconds: float) -> None:
        until = time.monotonic() + seconds
        while True:
            if self.conductor.fatal is not None:
                raise Stopped(str(self.conductor.fatal))
            if self.stopping.is_set():
                raise Stopped
            screen.update()
            left = until - time.monotonic()
            if left <= 0:
                return
            self.stopping.wait(min(left, LOOK_SECONDS))


@contextmanager
def begun(
    *, seed: int, stopping: threading.Event, venue: Venue | None = None, faults: FaultPlan | None = None
) -> Iterator[Day]:
    """Make a chain and a market, and let a conductor work on it, wired as `conduct` wires it, from the environment.

    Hedges go to the venue where there is one, else to the dry run.
    """
    with EmbeddedChain() as chain, Webhook() as webhook:
        market = Market(chain, seed)
        os.environ.update(market.environment())
        os.environ[ALERT_URLS.name] = webhook.address
        wired = wire()
        move_in(venue, wired, faults)
        conductor = wired.conductor()
        conductor.start()
        try:
            yield Day(chain, market, wired, conductor, webhook, seed, stopping, has_faults=faults is not None)
        finally:
            conductor.stop()
            wired.watcher.stop()
            wired.node.close()
