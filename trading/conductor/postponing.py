"""Postponing: an order that could not be taken on now is tried again later, and told of where that lasts."""

from datetime import datetime, timedelta

import structlog
from django.db import transaction

from trading.conductor.work import is_to_be_told, try_again
from trading.ledger.book import Ledger
from trading.notices.models import open_notice
from trading.offchain_order.aggregate import OffchainOrder

log = structlog.get_logger(__name__)

LONGEST_WAIT = timedelta(minutes=1)


def postpone(
    ledger: Ledger,
    order: OffchainOrder,
    reason: str,
    *,
    now: datetime,
    tell: bool = False,
    sender: str | None = None,
) -> None:
    """Try an open order again after a while, and let an operator know where that was in vain too often, or at once.

    `sender` names the process that was sending it, where it was, and is done with it.
    """
    tries = try_again(order.order_id, reason, now=now, longest=LONGEST_WAIT, sender=sender)
    what = "Order not dispatched yet" if order.broker_order_id is None else "Order not polled"
    log.warning(what, order=order.order_id, symbol=order.symbol, tries=tries, reason=reason)
    if not tell and not is_to_be_told(order.order_id, tries):
        return
    with transaction.atomic(durable=True):
        # A commit that failed may have taken effect, and another process may have been quicker: what closes the notice
        # when the matter is over would have been there before it, and nobody would close it.
        stands = ledger.memory().order(order.order_id, locked=True)
        if stands is None or not stands.is_open or stands.broker_order_id != order.broker_order_id:
            return
        open_notice("order_stuck", f"order {order.order_id}", _text(stands, tries, reason), at=now)


def _text(order: OffchainOrder, tries: int, reason: str) -> str:
    what = f"order {order.order_id} ({order.side} {order.symbol})"
    if order.broker_order_id is None:
        return (
            f"{what} could not be submitted {tries} times: {reason}. It is tried again under the same id; look whether "
            "the broker can be reached"
        )
    return (
        f"the broker could not be asked about {what} {tries} times: {reason}. It is asked again; no second order of "
        f"{order.symbol} is placed meanwhile"
    )
