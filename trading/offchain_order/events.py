"""Events of an offchain order."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from eventstore.events import Event, event
from trading.values.identifiers import BrokerOrderId, ClientOrderId, TradeId
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol


class FailureKind(StrEnum):
    """Why an order ended without being cancelled or filled."""

    REJECTED = "rejected"
    EXPIRED = "expired"
    FAILED = "failed"


class MigratedStatus(StrEnum):
    """The four words of the older installation, and those in which our own tables are more exact."""

    PENDING = "Pending"
    SUBMITTED = "Submitted"
    FILLED = "Filled"
    FAILED = "Failed"
    SENDING = "Sending"
    UNKNOWN = "Unknown"
    PARTIALLY_FILLED = "PartiallyFilled"
    CANCELLED = "Cancelled"
    REJECTED = "Rejected"
    EXPIRED = "Expired"


class TradeLink(msgspec.Struct, frozen=True, kw_only=True):
    """How many shares of a fill the order was placed for, and how many of these it gave back unfilled."""

    trade: TradeId
    contributed_shares: Shares
    released_shares: Shares
    reorged: bool
    created_at: datetime


class Netting(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of a buy and a sell on chain that cancelled each other out when the order was placed."""

    trade: TradeId
    opposite: TradeId
    netted_shares: Shares
    reorged: bool
    created_at: datetime


class Links(msgspec.Struct, frozen=True, kw_only=True):
    """What stands behind an order: fills, fills netted with fills, and what no fill covers, with its cause."""

    links: tuple[TradeLink, ...] = ()
    nettings: tuple[Netting, ...] = ()
    unallocated_shares: Shares = Shares(Decimal(0))
    unallocated_cause: str | None = None


@event("OffchainOrderEvent::Placed", schema=1)
class Placed(Event, frozen=True, kw_only=True):
    """Our intent is stored, under our own id, before anything is sent."""

    symbol: Symbol
    shares: Shares
    side: Side
    broker: str
    client_order_id: ClientOrderId
    attempt: int
    placed_at: datetime
    unallocated_cause: str | None = None
    """What moved the net besides fills and orders, where something did: why no fill may cover the order."""


@event("OffchainOrderEvent::SubmissionStarted", schema=1)
class SubmissionStarted(Event, frozen=True, kw_only=True):
    """We are about to send the order: from here on it may be at the broker."""

    sending_at: datetime


@event("OffchainOrderEvent::Submitted", schema=1)
class Submitted(Event, frozen=True, kw_only=True):
    """The broker has the order."""

    broker_order_id: BrokerOrderId
    accepted_shares: Shares
    submitted_at: datetime


@event("OffchainOrderEvent::OutcomeUnknown", schema=1)
class OutcomeUnknown(Event, frozen=True, kw_only=True):
    """Something was sent, or a word came that we don't know: the broker is asked before anything else."""

    reason: str


@event("OffchainOrderEvent::PartiallyFilled", schema=1)
class PartiallyFilled(Event, frozen=True, kw_only=True):
    """The broker filled a part; `shares_filled` is all that it filled so far."""

    shares_filled: Shares
    average_price_usd: Usd | None
    partially_filled_at: datetime


@event("OffchainOrderEvent::Filled", schema=1)
class Filled(Event, frozen=True, kw_only=True):
    """The broker filled the order; over-fill is counted too."""

    shares_filled: Shares
    average_price_usd: Usd | None
    filled_at: datetime


@event("OffchainOrderEvent::Cancelled", schema=1)
class Cancelled(Event, frozen=True, kw_only=True):
    """The order ended by being cancelled, with what it had filled."""

    shares_filled: Shares
    average_price_usd: Usd | None
    reason: str
    cancelled_at: datetime


@event("OffchainOrderEvent::Failed", schema=1)
class Failed(Event, frozen=True, kw_only=True):
    """The broker said no, or the order expired, with what it had filled."""

    kind: FailureKind
    shares_filled: Shares
    average_price_usd: Usd | None
    error: str
    failed_at: datetime


@event("OffchainOrderEvent::LateFilled", schema=1)
class LateFilled(Event, frozen=True, kw_only=True):
    """The ended order turned out to have filled more; `shares_filled` is all of it."""

    shares_filled: Shares
    average_price_usd: Usd | None
    late_filled_at: datetime


@event("OffchainOrderEvent::Relinked", schema=1)
class Relinked(Event, frozen=True, kw_only=True):
    """What stands behind the order was worked out again from fills and orders, and was something else."""

    standing: Links


@event("OffchainOrderEvent::Migrated", schema=1)
class Migrated(Event, frozen=True, kw_only=True):
    """An order of an older installation entered the log; what that one did not keep is not known."""

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
    """All of them for a filled order, and none for another, where nothing is said."""
    sending_at: datetime | None = None
    submitted_at: datetime | None = None
    standing: Links = Links()


OffchainOrderEvent = (
    Placed
    | SubmissionStarted
    | Submitted
    | OutcomeUnknown
    | PartiallyFilled
    | Filled
    | Cancelled
    | Failed
    | LateFilled
    | Relinked
    | Migrated
)
