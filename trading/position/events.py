"""Events of a position."""

from datetime import datetime
from decimal import Decimal

import msgspec

from eventstore.events import Event, event
from trading.values.identifiers import BrokerOrderId, ClientOrderId, OrderId, TradeId
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.thresholds import Threshold

NONE = Shares(Decimal(0))


class SharesTrigger(msgspec.Struct, frozen=True, kw_only=True, tag="SharesThreshold"):
    """The net position reached a number of shares."""

    net_position_shares: Shares
    threshold_shares: Shares


class DollarTrigger(msgspec.Struct, frozen=True, kw_only=True, tag="DollarThreshold"):
    """The net position, at the last price seen on chain, reached a number of dollars."""

    net_position_shares: Shares
    dollar_value: Usd
    price_usdc: Usd
    threshold_dollars: Usd


class ManualTrigger(msgspec.Struct, frozen=True, kw_only=True, tag="Manual"):
    """An operator asked for the order, whatever the threshold says."""

    net_position_shares: Shares
    """Signed, as it was before."""

    actor: str
    reason: str


class AdoptedTrigger(msgspec.Struct, frozen=True, kw_only=True, tag="Adopted"):
    """The order stood at the broker under an id of ours, and was not in our books."""

    net_position_shares: Shares
    client_order_id: ClientOrderId


Unprompted = ManualTrigger | AdoptedTrigger
"""Why an order is placed that no threshold asked for."""

TriggerReason = SharesTrigger | DollarTrigger | ManualTrigger | AdoptedTrigger


class PendingOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The order under way: what it asked for, and what of that was filled so far."""

    order_id: OrderId
    side: Side
    shares: Shares
    filled_shares: Shares = NONE


class LastPrice(msgspec.Struct, frozen=True, kw_only=True):
    """The price of the newest fill by chain order, which need not be the fill that arrived last."""

    price_usdc: Usd
    block_timestamp: datetime
    block_number: int
    log_index: int

    @property
    def chain_order(self) -> tuple[int, int]:
        return self.block_number, self.log_index


@event("PositionEvent::Initialized", schema=1)
class Initialized(Event, frozen=True, kw_only=True):
    """We began to follow a symbol, with a threshold."""

    threshold: Threshold


@event("PositionEvent::OnChainOrderFilled", schema=1)
class OnChainOrderFilled(Event, frozen=True, kw_only=True):
    """A fill on chain moved our exposure."""

    trade: TradeId
    side: Side
    amount: Shares
    price_usdc: Usd | None
    block_number: int
    block_timestamp: datetime


@event("PositionEvent::OnChainOrderReverted", schema=1)
class OnChainOrderReverted(Event, frozen=True, kw_only=True):
    """A fill on chain was taken back by a reorg, and our exposure with it."""

    trade: TradeId
    side: Side
    amount: Shares
    block_number: int | None


@event("PositionEvent::OffChainOrderPlaced", schema=1)
class OffChainOrderPlaced(Event, frozen=True, kw_only=True):
    """The exposure was worth a hedge: an order is under way."""

    order_id: OrderId
    shares: Shares
    side: Side
    broker: str
    trigger_reason: TriggerReason
    placed_at: datetime


@event("PositionEvent::OffChainOrderPartiallyFilled", schema=1)
class OffChainOrderPartiallyFilled(Event, frozen=True, kw_only=True):
    """The broker filled more of the order under way; `shares_filled` is all that it filled so far."""

    order_id: OrderId
    side: Side
    shares_filled: Shares
    average_price_usd: Usd | None
    broker_timestamp: datetime


@event("PositionEvent::OffChainOrderFilled", schema=1)
class OffChainOrderFilled(Event, frozen=True, kw_only=True):
    """The order under way is filled; `shares_filled` is all that it filled, over-fill included."""

    order_id: OrderId
    side: Side
    shares_filled: Shares
    broker_order_id: BrokerOrderId
    average_price_usd: Usd | None
    broker_timestamp: datetime


@event("PositionEvent::OffChainOrderFailed", schema=1)
class OffChainOrderFailed(Event, frozen=True, kw_only=True):
    """The order under way ended unfilled, or partly filled; what it filled counts, the rest is exposure again."""

    order_id: OrderId
    side: Side
    shares_filled: Shares
    error: str
    failed_at: datetime


@event("PositionEvent::OffChainOrderCancelled", schema=1)
class OffChainOrderCancelled(Event, frozen=True, kw_only=True):
    """The order under way was cancelled; what it filled counts, the rest is exposure again."""

    order_id: OrderId
    side: Side
    shares_filled: Shares
    reason: str
    cancelled_at: datetime


@event("PositionEvent::OffChainOrderLateFilled", schema=1)
class OffChainOrderLateFilled(Event, frozen=True, kw_only=True):
    """An order that had ended turned out to have filled more."""

    order_id: OrderId
    side: Side
    shares_added: Shares
    average_price_usd: Usd | None
    broker_timestamp: datetime


@event("PositionEvent::ThresholdUpdated", schema=1)
class ThresholdUpdated(Event, frozen=True, kw_only=True):
    """An operator changed how much exposure the symbol may gather."""

    old_threshold: Threshold
    new_threshold: Threshold
    reason: str


@event("PositionEvent::PositionSet", schema=1)
class PositionSet(Event, frozen=True, kw_only=True):
    """An operator asserted the net: fills of ours do not explain the difference."""

    previous_net: Shares
    target_net: Shares
    reason: str


@event("PositionEvent::Rebuilt", schema=1)
class Rebuilt(Event, frozen=True, kw_only=True):
    """The sums were worked out again from fills and orders, and were others."""

    accumulated_long: Shares
    accumulated_short: Shares
    onchain_bought: Shares
    onchain_sold: Shares
    broker_bought: Shares
    broker_sold: Shares
    pending: PendingOrder | None
    reason: str


@event("PositionEvent::Migrated", schema=1)
class Migrated(Event, frozen=True, kw_only=True):
    """A position of an older installation entered the log; its net counts fills of both venues."""

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


PositionEvent = (
    Initialized
    | OnChainOrderFilled
    | OnChainOrderReverted
    | OffChainOrderPlaced
    | OffChainOrderPartiallyFilled
    | OffChainOrderFilled
    | OffChainOrderFailed
    | OffChainOrderCancelled
    | OffChainOrderLateFilled
    | ThresholdUpdated
    | PositionSet
    | Rebuilt
    | Migrated
)
