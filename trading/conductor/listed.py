"""What lists tell of orders: one or two calls instead of one for each of hundreds.

A broker takes so many calls a minute (Alpaca 200), and a day's end ends many orders at once. That an order is not
listed says nothing about it: such ones are asked about by their ids.
"""

from collections.abc import Callable
from datetime import datetime

import structlog

from trading.brokers.orders import CLOCK_SKEW, OrderReport, OrderStatus
from trading.brokers.outcomes import NotOffered, UnusableAnswer, UnusableReport
from trading.brokers.port import Broker
from trading.offchain_order.aggregate import OffchainOrder
from trading.submission.submitter import AHEAD
from trading.values.identifiers import BrokerOrderId

log = structlog.get_logger(__name__)

# A list costs one call, so it pays from the second order on; one of all orders of a day may have several pages.
OPEN_WORTH_A_LIST = 2
OTHERS_WORTH_A_LIST = 5
# An order that another one replaced is listed as cancelled, and goes on: cancelled ones are asked about by their ids.
LAST_WORDS = (OrderStatus.FILLED, OrderStatus.EXPIRED, OrderStatus.REJECTED)

Reports = dict[BrokerOrderId, OrderReport]


def reports_in_lists(broker: Broker, orders: list[OffchainOrder], *, now: datetime) -> Reports:
    """Return what lists tell of some of the orders. Raises BrokerUnavailable."""
    found: Reports = {}
    if sum(order.is_open for order in orders) >= OPEN_WORTH_A_LIST:
        found = _read(broker, broker.open_orders)
    others = [order for order in orders if order.broker_order_id not in found]
    if len(others) >= OTHERS_WORTH_A_LIST:
        since = min(order.submitted_at or order.placed_at or now for order in others) - CLOCK_SKEW
        ended = _read(broker, lambda: broker.orders(since=since, until=now + AHEAD))
        found |= {name: report for name, report in ended.items() if report.status in LAST_WORDS}
    return found


def _read(broker: Broker, ask: Callable[[], list[OrderReport]]) -> Reports:
    try:
        return {report.broker_order_id: report for report in ask()}
    except (UnusableReport, UnusableAnswer, NotOffered) as unusable:
        # One order of the account that can't be read, or is older than what is listed (60 days at Schwab), must not
        # hide the others, which are asked about one by one.
        log.warning("List of orders can't be used", broker=broker.name, error=str(unusable))
        return {}
