"""Commands to an offchain order."""

from datetime import datetime

import msgspec

from trading.offchain_order.events import FailureKind, Links, MigratedStatus
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Store the intent."""

    symbol: Symbol
    shares: Shares
    side: Side
    broker: str
    client_order_id: ClientOrderId
    attempt: int
    placed_at: datetime
    unallocated_cause: str | None = None


class StartSubmission(msgspec.Struct, frozen=True, kw_only=True):
    """Note that the order is about to be sent; committed before the call."""

    sending_at: datetime


class ConfirmSubmission(msgspec.Struct, frozen=True, kw_only=True):
    """Note the broker's id; the same id again changes nothing. An order that ended without one stays ended."""

    broker_order_id: BrokerOrderId
    accepted_shares: Shares
    submitted_at: datetime


class MarkUnknown(msgspec.Struct, frozen=True, kw_only=True):
    """Note that we don't know what became of the order."""

    reason: str


class UpdatePartialFill(msgspec.Struct, frozen=True, kw_only=True):
    """Note what the broker filled so far."""

    shares_filled: Shares
    average_price_usd: Usd | None
    partially_filled_at: datetime


class CompleteFill(msgspec.Struct, frozen=True, kw_only=True):
    """Note that the order is filled."""

    shares_filled: Shares
    average_price_usd: Usd | None
    filled_at: datetime


class Cancel(msgspec.Struct, frozen=True, kw_only=True):
    """Note that the broker cancelled the order, with what it had filled."""

    shares_filled: Shares
    average_price_usd: Usd | None
    reason: str
    cancelled_at: datetime


class MarkFailed(msgspec.Struct, frozen=True, kw_only=True):
    """Note that the order was rejected, expired or failed, by the broker's word."""

    error: str
    failed_at: datetime
    kind: FailureKind = FailureKind.FAILED
    shares_filled: Shares | None = None
    average_price_usd: Usd | None = None


class RecordLateFill(msgspec.Struct, frozen=True, kw_only=True):
    """Note that the ended order filled more than its end said."""

    shares_filled: Shares
    average_price_usd: Usd | None
    late_filled_at: datetime


class Relink(msgspec.Struct, frozen=True, kw_only=True):
    """Replace what stands behind the order by what was worked out again."""

    standing: Links


class Migrate(msgspec.Struct, frozen=True, kw_only=True):
    """Bring in an order from an older installation's table."""

    symbol: Symbol
    shares: Shares
    side: Side
    broker: str
    status: MigratedStatus
    placed_at: datetime | None
    broker_order_id: BrokerOrderId | None = None
    average_price_usd: Usd | None = None
    executed_at: datetime | None = None
    error: str | None = None
    client_order_id: ClientOrderId | None = None
    attempt: int = 1
    accepted_shares: Shares | None = None
    filled_shares: Shares | None = None
    sending_at: datetime | None = None
    submitted_at: datetime | None = None
    standing: Links = Links()


OffchainOrderCommand = (
    Place
    | StartSubmission
    | ConfirmSubmission
    | MarkUnknown
    | UpdatePartialFill
    | CompleteFill
    | Cancel
    | MarkFailed
    | RecordLateFill
    | Relink
    | Migrate
)
