"""Events of an onchain trade."""

from datetime import datetime
from decimal import Decimal

import msgspec

from eventstore.events import Event, event
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol, TokenSymbol


class Gas(msgspec.Struct, frozen=True, kw_only=True):
    """What the transaction cost: gas units, and wei for each."""

    gas_used: int
    effective_gas_price: int | None = None


class PythPrice(msgspec.Struct, frozen=True, kw_only=True):
    """The oracle's price that the order saw in its own transaction, scaled by its exponent exactly."""

    feed_id: str | None = None
    price: Decimal
    confidence: Decimal
    exponent: int
    publish_time: datetime


@event("OnChainTradeEvent::Filled", schema=1)
class Filled(Event, frozen=True, kw_only=True):
    """One of our orders was filled on chain: shares against USDC, in a block."""

    symbol: Symbol
    token_symbol: TokenSymbol
    side: Side
    amount: Shares
    usdc: Usd
    price_usdc: Usd | None
    amount_raw: str
    usdc_raw: str
    block_number: int
    block_hash: str
    block_timestamp: datetime


@event("OnChainTradeEvent::Enriched", schema=1)
class Enriched(Event, frozen=True, kw_only=True):
    """The gas of a fill, its oracle price, or both became known."""

    gas: Gas | None = None
    pyth: PythPrice | None = None


@event("OnChainTradeEvent::Reorged", schema=1)
class Reorged(Event, frozen=True, kw_only=True):
    """The block of a fill is no longer part of the chain: the fill did not happen."""

    block_number: int | None
    block_hash: str
    reorged_at: datetime | None = None
    """When, where the log learned of it later than the legacy row."""


@event("OnChainTradeEvent::OpenSharesSet", schema=1)
class OpenSharesSet(Event, frozen=True, kw_only=True):
    """How many shares no order covers and no opposite fill nets was counted again, and was another number."""

    unlinked_shares: Shares


@event("OnChainTradeEvent::Migrated", schema=1)
class Migrated(Event, frozen=True, kw_only=True):
    """A fill of an older installation entered the log; what that one did not keep is not known."""

    symbol: Symbol
    token_symbol: TokenSymbol
    side: Side
    amount: Shares
    price_usdc: Usd | None
    block_timestamp: datetime | None
    usdc: Usd | None = None
    amount_raw: str | None = None
    usdc_raw: str | None = None
    block_number: int | None = None
    block_hash: str | None = None
    gas: Gas | None = None
    pyth: PythPrice | None = None
    unlinked_shares: Shares | None = None
    """What no order covered yet; all of it, where nothing is said."""
    taken_in_at: datetime | None = None


OnChainTradeEvent = Filled | Enriched | Reorged | OpenSharesSet | Migrated
