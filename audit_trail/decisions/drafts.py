"""Drafts: decisions as a strategy makes them, before they are stored. They know no database and no clock."""

from datetime import datetime
from decimal import Decimal

import msgspec

from audit_trail.decisions.rationale import Rationale
from trading.brokers.market import Account
from trading.risk.scopes import HEDGE
from trading.values.arithmetic import canonical, plain
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol, symbol

LONGEST_NAME = 64
LONGEST_VERSION = 20
CENTS = 2


class NotADraft(ValueError):
    """What a strategy gave can't be traded on. Nothing was stored."""


class TradedAccount(msgspec.Struct, frozen=True):
    """The account that a decision is for. In another one it is never executed."""

    broker: str
    number: str
    paper: bool

    def __str__(self) -> str:
        return f"{self.mode} account ending in {self.number[-4:]} at {self.broker}"

    @property
    def mode(self) -> str:
        return "paper" if self.paper else "live"

    def differs_from(self, account: Account) -> str | None:
        """Tell how an account that a broker has us in is another one; None if it is this one."""
        if account.number != self.number:
            return f"expected the account ending in {self.number[-4:]}, was one ending in {account.number[-4:]}"
        if account.paper is not self.paper:
            found = {True: "a paper", False: "a live"}.get(account.paper, "an unknown")  # type: ignore[arg-type]
            return f"expected a {self.mode} account, was {found} one"
        return None


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy would trade and why: so many shares, or for so many dollars, or all that it holds.

    Raises NotADraft, and NotASymbol.
    """

    strategy: str
    strategy_version: str
    symbol: Symbol
    side: Side
    shares: Shares | None = None
    notional_usd: Usd | None = None
    closes_position: bool = False
    """Sell whatever the account holds of it then that is neither a hedge's nor put aside; the shares are told then."""

    may_short: bool = False
    """A sale may go beyond what is held. Without it, it is cut to that."""

    limit_price_usd: Usd | None = None
    """The worst price that is taken; None for a market order."""

    reference_price_usd: Usd | None = None
    """The price at which it was decided on; what a price collar is held against."""

    known_at: datetime
    """When we knew the newest of what it rests on: disclosed, and in our tables. Never when it happened."""

    records: tuple[int, ...] = ()
    """The records that its signals rest on, each in the version that was known; by their numbers."""

    score_records: tuple[int, ...] = ()
    """Those from which the scores of whom it follows were reckoned."""

    price_records: tuple[int, ...] = ()
    """Those that its prices rest on, as daily bars."""

    runs: tuple[int, ...] = ()
    """The ingestion runs that were looked through, whether or not something in them was followed."""

    rationale: Rationale

    def __post_init__(self) -> None:
        for what, text, longest in (
            ("name of a strategy", self.strategy, LONGEST_NAME),
            ("version of a strategy", self.strategy_version, LONGEST_VERSION),
        ):
            if not text.strip() or text != text.strip() or len(text) > longest:
                raise NotADraft(f"expected the {what}, of at most {longest} characters, was {text[:80]!r}")
        if self.strategy == HEDGE:
            raise NotADraft(f"expected the name of a strategy, was {HEDGE!r}, which is what hedges are called")
        if symbol(self.symbol) != self.symbol:
            raise NotADraft(f"expected the symbol {symbol(self.symbol)}, was {self.symbol!r}")
        self._check_amounts()
        if self.known_at.tzinfo is None:
            raise NotADraft(f"expected a time with a zone, was {self.known_at!r}")

    def _check_amounts(self) -> None:
        given = [self.shares is not None, self.notional_usd is not None, self.closes_position is True]
        if sum(given) != 1:
            raise NotADraft(
                f"expected either shares, or dollars, or that the position is closed, was {self.shares!r}, "
                f"{self.notional_usd!r} and {self.closes_position!r}"
            )
        for name, value in (
            ("shares", self.shares),
            ("USD", self.notional_usd),
            ("USD a share at worst", self.limit_price_usd),
            ("USD a share", self.reference_price_usd),
        ):
            if value is not None and (not isinstance(value, Decimal) or not value.is_finite() or value <= 0):
                raise NotADraft(f"expected more than 0 {name}, was {value!r}")
        if self.closes_position and self.side is not Side.SELL:
            raise NotADraft("expected a sale to close a position; what is owed is bought back as so many shares")
        dollars = self.notional_usd
        if dollars is not None and -int(canonical(dollars).as_tuple().exponent) > CENTS:
            raise NotADraft(f"expected dollars and whole cents, was {plain(dollars)}")
