"""The poller: asks the broker about submitted orders, and books what is new in its reports."""

from datetime import datetime, timedelta

import structlog

from trading.brokers.orders import OrderReport
from trading.brokers.outcomes import BrokerUnavailable, NoSuchOrder, UnusableReport
from trading.brokers.port import Broker
from trading.conductor.reports import record, record_unknown, settled
from trading.conductor.work import due, look_again_at, try_again
from trading.ledger.book import Ledger
from trading.notices.models import open_notice
from trading.offchain_order.aggregate import OffchainOrder, OrderState

log = structlog.get_logger(__name__)

STATES = (OrderState.SUBMITTED, OrderState.PARTIALLY_FILLED, OrderState.UNKNOWN)
LONGEST_WAIT = timedelta(minutes=1)
TRIES_BEFORE_A_NOTICE = 5
# So long after its end an order is still asked about, now and then: a fill may be reported late.
LATE_FOR = timedelta(minutes=30)
ASK_LATE_EVERY = timedelta(minutes=5)


class Poller:
    """Follows orders at the broker to their ends, and a little further."""

    name = "poller"

    def __init__(self, *, broker: Broker, ledger: Ledger, poll_every: timedelta) -> None:
        self._broker, self._ledger = broker, ledger
        self._poll_every = poll_every

    def run_once(self, *, now: datetime) -> bool:
        """Ask about every order that is due. Return whether there was any."""
        orders = [order for order in self._orders(now) if self._ours(order)]
        ready = due([order.order_id for order in orders], now=now)
        failure = None
        for order in orders:
            if order.order_id not in ready:
                continue
            try:
                self._poll(order, now)
            except Exception as error:  # each order by itself; the station fails after all had their turn
                log.exception("Order can't be polled", order=order.order_id, symbol=order.symbol)
                self._postpone(order, f"{type(error).__name__}: {error}", now)
                failure = error
        if failure is not None:
            raise failure
        return bool(ready)

    def _orders(self, now: datetime) -> list[OffchainOrder]:
        memory = self._ledger.memory()
        return memory.orders(STATES) + memory.recently_ended(since=now - LATE_FOR)

    def _ours(self, order: OffchainOrder) -> bool:
        return order.broker == self._broker.name and order.broker_order_id is not None

    def _poll(self, order: OffchainOrder, now: datetime) -> None:
        try:
            report = self._ask(order)
        except BrokerUnavailable as outage:
            self._postpone(order, f"{type(outage).__name__}: {outage}", now)
            return
        except (UnusableReport, NoSuchOrder) as unknown:
            # No word of the broker's that the order ended: it is unknown, and never failed by us.
            reason = f"{type(unknown).__name__}: {unknown}"
            if order.is_open:
                record_unknown(self._ledger, order, reason, now=now, actor=self.name)
            self._postpone(order, reason, now, tell=isinstance(unknown, UnusableReport))
            return
        stands = record(self._ledger, order, report, now=now, actor=self.name)
        if stands.state is OrderState.UNKNOWN:
            self._postpone(order, stands.reason or "unknown", now)
            return
        settled(order, now=now)
        look_again_at(order.order_id, at=now + (ASK_LATE_EVERY if stands.has_ended else self._poll_every))
        if stands.has_ended and not order.has_ended:
            log.info(
                "Order ended",
                order=order.order_id,
                symbol=order.symbol,
                state=stands.state,
                filled_shares=str(stands.filled_shares),
            )

    def _ask(self, order: OffchainOrder) -> OrderReport:
        if order.broker_order_id is None:
            raise NoSuchOrder(f"order {order.order_id} has no id of the broker's")
        try:
            return self._broker.report(order.broker_order_id)
        except NoSuchOrder:
            found = None if order.client_order_id is None else self._broker.find(order.client_order_id)
            if found is None:
                raise
            return found

    def _postpone(self, order: OffchainOrder, reason: str, now: datetime, *, tell: bool = False) -> None:
        tries = try_again(order.order_id, reason, now=now, longest=LONGEST_WAIT)
        log.warning("Order not polled", order=order.order_id, symbol=order.symbol, tries=tries, reason=reason)
        if (tell or tries == TRIES_BEFORE_A_NOTICE) and order.is_open:
            open_notice(
                "order_stuck",
                f"order {order.order_id}",
                f"the broker could not be asked about order {order.order_id} ({order.side} {order.symbol}) "
                f"{tries} times: {reason}. It is asked again; no second order of {order.symbol} is placed meanwhile",
                at=now,
            )
