"""Adoption: an order that stands at the broker under an id of ours, and that our books do not know, is taken in.

It can be so after a restore from a backup. Its fills move our exposure whether we know of it or not, so it becomes the
position's order under way; and an operator is told in every case.
"""

import re
from datetime import datetime

import structlog

from trading.brokers.orders import OrderReport
from trading.conductor.reports import record
from trading.ledger.book import Ledger
from trading.ledger.mode import THE_ROW, Installation, number_is_taken
from trading.notices.models import open_notice
from trading.offchain_order.aggregate import OffchainOrder, OrderState
from trading.offchain_order.commands import Place, StartSubmission
from trading.position.aggregate import Position
from trading.position.commands import Initialize, PlaceOffChainOrder
from trading.position.events import AdoptedTrigger
from trading.values.identifiers import ClientOrderId, OrderId

log = structlog.get_logger(__name__)

NOTICE = "stray_at_broker"


def is_marked(client_order_id: ClientOrderId) -> bool:
    """Tell whether an id is one that this installation gives to hedges."""
    return _parts(client_order_id) is not None


def adopt(ledger: Ledger, broker: str, report: OrderReport, *, now: datetime) -> bool:
    """Take an order in, with what it has filled so far. Return whether that could be done; the operator is told."""
    name = report.client_order_id
    parts = None if name is None else _parts(name)
    if name is None or parts is None:
        raise ValueError(f"order {report.broker_order_id} carries no mark of ours")
    number, attempt = parts
    told = f"{report.side} {report.symbol}, {report.status}, {broker}'s id {report.broker_order_id}"
    obstacle = _take_in(ledger, broker, report, name, number, attempt, told, now)
    if obstacle is not None:
        open_notice(
            NOTICE,
            name,
            f"an order of ours stands at {broker} and is not in our books ({told}). It could not be taken in: "
            f"{obstacle}. Cancel it there, or set the position by hand when it has ended",
            at=now,
        )
        return False
    log.warning("Order adopted", order=number, symbol=report.symbol, client_order_id=name)
    order = ledger.memory().order_named(name)
    if order is not None:
        record(ledger, order, report, now=now, actor="reconciler")
    return True


def _take_in(
    ledger: Ledger,
    broker: str,
    report: OrderReport,
    name: ClientOrderId,
    number: OrderId,
    attempt: int,
    told: str,
    now: datetime,
) -> str | None:
    """Commit that the order is under way, with the notice of it. Return what is in the way of that, if anything is."""
    if report.requested_shares is None:
        return "it is for dollars, and hedges are for shares"
    with ledger.step(at=now, actor="reconciler") as step:
        step.load(symbols=[report.symbol], orders=[number])
        known, position = step.order(number), step.position(report.symbol)
        if known.state is not OrderState.NOT_PLACED:
            return f"order {number} is in our books as {known.client_order_id}"
        if position.pending is not None:
            return f"order {position.pending.order_id} of {report.symbol} is under way"
        with step.group(correlation=f"order:{number}", reason="adopted from the broker"):
            if position.threshold is None:
                step.handle(Position, report.symbol, Initialize(threshold=step.default_threshold))
            step.handle(
                Position,
                report.symbol,
                PlaceOffChainOrder(
                    order_id=number,
                    shares=report.requested_shares,
                    side=report.side,
                    broker=broker,
                    placed_at=report.submitted_at,
                    unprompted=AdoptedTrigger(net_position_shares=position.net, client_order_id=name),
                ),
            )
            step.handle(
                OffchainOrder,
                number,
                Place(
                    symbol=report.symbol,
                    shares=report.requested_shares,
                    side=report.side,
                    broker=broker,
                    client_order_id=name,
                    attempt=attempt,
                    placed_at=report.submitted_at,
                    unallocated_cause="adopted",
                ),
            )
            step.handle(OffchainOrder, number, StartSubmission(sending_at=report.submitted_at))
        number_is_taken(number)
        # In the same commit: once it is in our books, nobody would find it missing again.
        open_notice(
            NOTICE,
            name,
            f"an order of ours stood at {broker} and was not in our books ({told}). It was taken in as order {number}: "
            "look how it came to be missing",
            at=now,
        )
    return None


def _parts(client_order_id: ClientOrderId) -> tuple[OrderId, int] | None:
    """The number and the attempt in an id of this installation's."""
    mark = Installation.objects.get(id=THE_ROW).mark
    found = re.fullmatch(rf"ht-{re.escape(mark)}-([1-9][0-9]{{0,17}})-([1-9][0-9]{{0,3}})", client_order_id)
    return None if found is None else (OrderId(int(found[1])), int(found[2]))
