"""Commands to an onchain trade."""

from datetime import datetime

import msgspec

from trading.onchain_trade.events import Gas, PythPrice
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol, TokenSymbol


class Witness(msgspec.Struct, frozen=True, kw_only=True):
    """Take note of a fill that stands in the chain."""

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


class Enrich(msgspec.Struct, frozen=True, kw_only=True):
    """Add what became known since; refused only when it adds nothing."""

    gas: Gas | None = None
    pyth: PythPrice | None = None


class Reorg(msgspec.Struct, frozen=True, kw_only=True):
    """Take the fill back, because the chain no longer has its block."""

    block_hash: str
    reorged_at: datetime | None = None


class SetOpenShares(msgspec.Struct, frozen=True, kw_only=True):
    """Note how many shares no order covers and no opposite fill nets, counted again from all links."""

    unlinked_shares: Shares


class Migrate(msgspec.Struct, frozen=True, kw_only=True):
    """Bring in a fill from an older installation's table."""

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
    taken_in_at: datetime | None = None


OnChainTradeCommand = Witness | Enrich | Reorg | SetOpenShares | Migrate
