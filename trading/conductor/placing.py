"""Placing: an order that the gate let through becomes our intent, in the commit of whoever placed it."""

from datetime import datetime

from msgspec import UNSET, UnsetType

from trading.ledger.mode import next_order
from trading.ledger.step import Step
from trading.offchain_order.aggregate import OffchainOrder
from trading.offchain_order.commands import Place
from trading.position.aggregate import Position
from trading.position.commands import PlaceOffChainOrder
from trading.position.events import Unprompted
from trading.risk.gate import Allowed
from trading.risk.records import keep_check
from trading.risk.situation import Request
from trading.values.identifiers import OrderId


def place(
    step: Step,
    request: Request,
    verdict: Allowed,
    *,
    cause: str | None,
    now: datetime,
    unprompted: Unprompted | None = None,
    may_raise: bool = False,
    reason: str | UnsetType = UNSET,
) -> OrderId:
    """Store the intent and what the gate saw. `cause` tells why no fill may cover the order, where that is known.

    Raises the refusals of the position, as where another order is under way.
    """
    order, client_order_id = next_order()
    with step.group(correlation=f"order:{order}", reason=reason):
        step.handle(
            Position,
            request.symbol,
            PlaceOffChainOrder(
                order_id=order,
                shares=verdict.shares,
                side=request.side,
                broker=request.broker,
                placed_at=now,
                unprompted=unprompted,
                may_raise=may_raise,
            ),
        )
        step.handle(
            OffchainOrder,
            order,
            Place(
                symbol=request.symbol,
                shares=verdict.shares,
                side=request.side,
                broker=request.broker,
                client_order_id=client_order_id,
                attempt=1,
                placed_at=now,
                unallocated_cause=cause,
            ),
        )
    keep_check(request, verdict, client_order_id=client_order_id, order_id=order, now=now)
    return order
