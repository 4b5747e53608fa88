"""The poller: asks the broker about submitted orders, and books what is new in its reports.

One sweep for all of them, and no chain of calls for each: lists tell of most in a few calls, and only those that they
do not name are asked about one by one.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from trading.brokers.orders import OrderReport
from trading.brokers.outcomes import BrokerUnavailable, NoSuchOrder, UnusableReport
from trading.brokers.port import Broker
from trading.conductor.about import about_order
from trading.conductor.listed import Reports, reports_in_lists
from trading.conductor.postponing import postpone
from trading.conductor.reports import record, record_unknown
from trading.conductor.work import due, forget_work, is_to_be_told, look_again_at, overdue, try_again
from trading.ledger.book import Ledger
from trading.notices.models import open_notice
from trading.offchain_order.aggregate import OPEN, OffchainOrder, OrderState
from trading.submission.pauses import is_paused, pause, pauses_for_all, resume_calls

log = structlog.get_logger(__name__)

STATES = (OrderState.SUBMITTED, OrderState.PARTIALLY_FILLED, OrderState.UNKNOWN)
# So long after its end an order is still asked about, now and then, and once more after that: a fill may be reported
# late, also while we were down.
LATE_FOR = timedelta(minutes=30)
ASK_LATE_EVERY = timedelta(minutes=5)
MOST_LATE_TRIES = timedelta(days=1) // ASK_LATE_EVERY
"""So often at most a last look that nobody could read is tried again, for about a day."""
# A market order fills within seconds; so long it is asked about often, and whenever something has just been filled.
YOUNG_FOR = timedelta(seconds=15)
YOUNG_EVERY = timedelta(seconds=1)


class Poller:
    """Follows orders at the broker to their ends, and a little further."""

    name = "poller"

    def __init__(
        self,
        *,
        broker: Broker,
        ledger: Ledger,
        poll_every: timedelta,
        jitter: timedelta = timedelta(0),
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Ask about an order every `poll_every`, and up to `jitter` later, so that many do not ask at one time."""
        self._broker, self._ledger = broker, ledger
        self.poll_every, self.jitter, self._chance = poll_every, jitter, chance

    def run_once(self, *, now: datetime) -> bool:
        """Ask about every order that is due. Return whether there was any."""
        orders = self._orders(now)
        ready = due([order.order_id for order in orders], now=now)
        if not ready or is_paused(self._broker.name, now=now):
            return False
        orders = [order for order in orders if order.order_id in ready]
        failure: Exception | None = None
        try:
            listed = reports_in_lists(self._broker, orders, now=now)
        except BrokerUnavailable as outage:
            self._unavailable(orders, outage, now)
            return True
        for place, order in enumerate(orders):
            try:
                with about_order(order):
                    self._poll(order, listed, now)
            except BrokerUnavailable as outage:
                if pauses_for_all(outage):
                    self._unavailable(orders[place:], outage, now)
                    break
                postpone(self._ledger, order, f"{type(outage).__name__}: {outage}", now=now)
            except Exception as error:  # each order by itself; the station fails after all had their turn
                with about_order(order):
                    log.exception("Order can't be polled", order=order.order_id, symbol=order.symbol)
                postpone(self._ledger, order, f"{type(error).__name__}: {error}", now=now)
                failure = error
            else:
                resume_calls(self._broker.name, now=now)
        if failure is not None:
            raise failure
        return True

    def _orders(self, now: datetime) -> list[OffchainOrder]:
        memory = self._ledger.memory()
        known = memory.orders(OPEN) + memory.recently_ended(since=now - LATE_FOR)
        asked = [order for order in known if self._ours(order) and (order.has_ended or order.state in STATES)]
        for number in overdue(but=[order.order_id for order in known], now=now):
            order = memory.order(number)
            if order is None or not order.has_ended:
                continue  # It was placed a moment ago, or is another broker's.
            if self._ours(order):
                asked.append(order)  # Its last look is due, or was missed.
            elif order.broker == self._broker.name:
                forget_work(number)
        return asked

    def _ours(self, order: OffchainOrder) -> bool:
        return order.broker == self._broker.name and order.broker_order_id is not None

    def _poll(self, order: OffchainOrder, listed: Reports, now: datetime) -> None:
        try:
            report = self._ask(order, listed)
        except (UnusableReport, NoSuchOrder) as unknown:
            # No word of the broker's that the order ended: it is unknown, and never failed by us. That a broker does
            # not know an order any more that it once took is for an operator to look at.
            self._unknown(order, unknown, now, tell=isinstance(unknown, UnusableReport))
            return
        stands = record(self._ledger, order, report, now=now, actor=self.name)
        if stands.state is OrderState.UNKNOWN:
            postpone(self._ledger, order, stands.reason or "unknown", now=now)
            return
        # One that we held to have ended, and that is open there after all, may still fill.
        if _ended_long_ago(stands, now) and report.status.is_end:
            forget_work(order.order_id)
        else:
            look_again_at(order.order_id, at=now + self._pause_after(order, stands, now))
        if stands.has_ended and not order.has_ended:
            log.info(
                "Order ended",
                order=order.order_id,
                symbol=order.symbol,
                state=stands.state,
                filled_shares=str(stands.filled_shares),
            )

    def _ask(self, order: OffchainOrder, listed: Reports) -> OrderReport:
        if order.broker_order_id is None:
            raise NoSuchOrder(f"order {order.order_id} has no id of the broker's")
        if (report := listed.get(order.broker_order_id)) is not None:
            return report
        try:
            return self._broker.report(order.broker_order_id)
        except NoSuchOrder:
            if order.client_order_id is None or not self._broker.capabilities.client_order_id:
                raise
            if (found := self._broker.find(order.client_order_id)) is None:
                raise
            return found

    def _unknown(self, order: OffchainOrder, error: Exception, now: datetime, *, tell: bool = False) -> None:
        reason = f"{type(error).__name__}: {error}"
        if _ended_long_ago(order, now):
            self._last_look_told_nothing(order, reason, now, may_be_read_later=isinstance(error, UnusableReport))
            return
        if order.is_open:
            record_unknown(self._ledger, order, reason, now=now, actor=self.name)
        postpone(self._ledger, order, reason, now=now, tell=tell)

    def _last_look_told_nothing(
        self, order: OffchainOrder, reason: str, now: datetime, *, may_be_read_later: bool
    ) -> None:
        """A last look is one that was answered: it is tried again for a day, unless the broker has let the order go."""
        log.warning("Last look at an order told nothing", order=order.order_id, reason=reason)
        tries = try_again(order.order_id, reason, now=now, longest=ASK_LATE_EVERY) if may_be_read_later else 0
        gives_up = not may_be_read_later or tries >= MOST_LATE_TRIES
        if gives_up:
            forget_work(order.order_id)
        # That it is given up is another thing than was told before.
        if is_to_be_told(order.order_id, tries) or (gives_up and may_be_read_later):
            goes_on = "It is not asked for again" if gives_up else "It is asked for again, for a day"
            open_notice(
                "order_stuck",
                f"order {order.order_id}",
                f"order {order.order_id} ({order.side} {order.symbol}) has ended as {order.state}, and whether "
                f"anything was filled after that is not known after {tries} tries: {reason}. {goes_on}. Look at it at "
                f"the broker; `manage.py recheck_order {order.order_id} --reason …` asks at once",
                at=now,
            )

    def _pause_after(self, order: OffchainOrder, stands: OffchainOrder, now: datetime) -> timedelta:
        """How long until the next look: less while an order is young or filling, much more after its end."""
        if stands.has_ended:
            return ASK_LATE_EVERY
        young = stands.submitted_at is not None and now - stands.submitted_at < YOUNG_FOR
        if young or stands.filled_shares > order.filled_shares:
            return min(YOUNG_EVERY, self.poll_every)
        return self.poll_every + self.jitter * self._chance()

    def _unavailable(self, orders: list[OffchainOrder], outage: BrokerUnavailable, now: datetime) -> None:
        if pauses_for_all(outage):
            until = pause(self._broker.name, outage, now=now)
            log.warning("Broker takes no calls for now", broker=self._broker.name, until=until.isoformat())
            return
        for order in orders:
            postpone(self._ledger, order, f"{type(outage).__name__}: {outage}", now=now)


def _ended_long_ago(order: OffchainOrder, now: datetime) -> bool:
    """Tell whether no fill of it is expected any more: whoever looks now looks for the last time."""
    return order.ended_at is not None and now >= order.ended_at + LATE_FOR
