"""Commands to a position."""

from datetime import datetime

import msgspec

from trading.position.events import NONE, LastPrice, PendingOrder, Unprompted
from trading.values.identifiers import BrokerOrderId, OrderId, TradeId
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.thresholds import Threshold


class Initialize(msgspec.Struct, frozen=True, kw_only=True):
    """Begin to follow a symbol."""

    threshold: Threshold


class AcknowledgeOnChainFill(msgspec.Struct, frozen=True, kw_only=True):
    """Count a fill that was witnessed in the same commit."""

    trade: TradeId
    side: Side
    amount: Shares
    price_usdc: Usd | None
    block_number: int
    block_timestamp: datetime


class RevertOnChainFill(msgspec.Struct, frozen=True, kw_only=True):
    """Count a fill out again, because its block was reorged in the same commit."""

    trade: TradeId
    side: Side
    amount: Shares
    block_number: int | None


class PlaceOffChainOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Place the hedge that is due; or, with a reason of its own, an order that no threshold asks for."""

    order_id: OrderId
    shares: Shares
    side: Side
    broker: str
    placed_at: datetime
    unprompted: Unprompted | None = None
    may_raise: bool = False
    """An operator means the order to raise what is open; otherwise it may only lower it."""


class ApplyOffChainFill(msgspec.Struct, frozen=True, kw_only=True):
    """Count what the broker filled so far of the order under way; the order stays open."""

    order_id: OrderId
    side: Side
    shares_filled: Shares
    average_price_usd: Usd | None
    broker_timestamp: datetime


class CompleteOffChainOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Count the order under way as filled."""

    order_id: OrderId
    side: Side
    shares_filled: Shares
    broker_order_id: BrokerOrderId
    average_price_usd: Usd | None
    broker_timestamp: datetime


class FailOffChainOrder(msgspec.Struct, frozen=True, kw_only=True):
    """End the order under way as failed, rejected or expired, with what it filled."""

    order_id: OrderId
    shares_filled: Shares
    error: str
    failed_at: datetime


class CancelOffChainOrder(msgspec.Struct, frozen=True, kw_only=True):
    """End the order under way as cancelled, with what it filled."""

    order_id: OrderId
    shares_filled: Shares
    reason: str
    cancelled_at: datetime


class ApplyLateFill(msgspec.Struct, frozen=True, kw_only=True):
    """Count what an ended order turned out to have filled besides."""

    order_id: OrderId
    side: Side
    shares_added: Shares
    average_price_usd: Usd | None
    broker_timestamp: datetime


class UpdateThreshold(msgspec.Struct, frozen=True, kw_only=True):
    """Change the threshold of a symbol, for a reason."""

    threshold: Threshold
    reason: str


class SetPosition(msgspec.Struct, frozen=True, kw_only=True):
    """Assert the net, for a reason."""

    target_net: Shares
    reason: str


class Rebuild(msgspec.Struct, frozen=True, kw_only=True):
    """Take over what fills and orders add up to, for a reason."""

    onchain_bought: Shares
    onchain_sold: Shares
    broker_bought: Shares
    broker_sold: Shares
    pending: PendingOrder | None
    reason: str


class Migrate(msgspec.Struct, frozen=True, kw_only=True):
    """Bring in the position of an older installation."""

    net_position: Shares
    accumulated_long: Shares
    accumulated_short: Shares
    threshold: Threshold
    pending: PendingOrder | None = None
    last_price: LastPrice | None = None
    onchain_bought: Shares = NONE
    onchain_sold: Shares = NONE
    broker_bought: Shares = NONE
    broker_sold: Shares = NONE
    adjusted: Shares = NONE


PositionCommand = (
    Initialize
    | AcknowledgeOnChainFill
    | RevertOnChainFill
    | PlaceOffChainOrder
    | ApplyOffChainFill
    | CompleteOffChainOrder
    | FailOffChainOrder
    | CancelOffChainOrder
    | ApplyLateFill
    | UpdateThreshold
    | SetPosition
    | Rebuild
    | Migrate
)
