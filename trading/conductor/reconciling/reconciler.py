"""The reconciler: holds the broker's word against our books. It changes no position; what differs is shown and told.

Orders at the broker that carry our mark and are not in our books, or not as open, are taken in, so that their fills are
counted. What is held there is compared, symbol by symbol, with what our books say was bought and sold there, and with
the baseline that an operator set for what was held before.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from trading.brokers.outcomes import BrokerUnavailable
from trading.brokers.port import Broker
from trading.conductor.reconciling.adoption import adopt, is_marked
from trading.conductor.reconciling.holding_checks import check_holdings
from trading.conductor.reports import record
from trading.ledger.book import Ledger
from trading.submission.pauses import is_paused, pause, pauses_for_all, resume_calls
from trading.values.symbols import Symbol

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=60)

Book = Callable[[], Mapping[Symbol, Decimal]]
"""What some book of ours says is held at the broker, by symbol; signed."""

Busy = Callable[[], Collection[Symbol]]
"""The symbols of which that book has an order open, so that what is held of them changes."""


class Reconciler:
    """Looks once at the start, and then every minute."""

    name = "reconciler"

    def __init__(
        self,
        *,
        broker: Broker,
        ledger: Ledger,
        other_books: Sequence[Book] = (),
        busy: Sequence[Busy] = (),
        every: timedelta = EVERY,
    ) -> None:
        self._broker, self._ledger = broker, ledger
        self._other_books, self._busy, self._every = other_books, busy, every
        self._next_at: datetime | None = None

    def run_once(self, *, now: datetime) -> bool:
        """Look, if it is time to. Return False: what it finds is not worked off by looking again."""
        if (self._next_at is not None and now < self._next_at) or is_paused(self._broker.name, now=now):
            return False
        self._next_at = now + self._every
        try:
            self._adopt_strays(now)
            holdings = self._broker.holdings()
        except BrokerUnavailable as outage:
            if pauses_for_all(outage):
                pause(self._broker.name, outage, now=now)
            log.warning("Broker can't be held against the books", broker=self._broker.name, error=str(outage))
            return False
        resume_calls(self._broker.name, now=now)
        busy = {symbol for each in self._busy for symbol in each()}
        check_holdings(self._broker.name, holdings, self._ledger.memory(), self._other_books, also_busy=busy, now=now)
        return False

    def _adopt_strays(self, now: datetime) -> None:
        if not self._broker.capabilities.client_order_id:
            return  # Its orders carry no mark: what we lost track of is found by the submitter, or by the holdings.
        memory = self._ledger.memory()
        for report in self._broker.open_orders():
            name = report.client_order_id
            if name is None or not is_marked(name):
                continue
            order = memory.order_named(name)
            if order is None:
                adopt(self._ledger, self._broker.name, report, now=now)
            elif order.has_ended and (order.broker_order_id is None or report.filled_shares > order.filled_shares):
                # It is open there, and has ended in our books: no station asks about it, or not for long.
                record(self._ledger, order, report, now=now, actor=self.name)
