"""Wanted: what is to be traded, whether it was stored as a decision or comes straight from a strategy."""

from datetime import date
from decimal import Decimal
from uuid import UUID, uuid5

import msgspec

from audit_trail.decisions.drafts import Draft, TradedAccount
from audit_trail.decisions.models import TradeDecision
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol

# Names what has no decision, so that a strategy's wish of a day has one name however often it is said.
_NAMES = UUID("5f6f9d0c-6d2b-4c52-9f5d-0a3b7d1c2e4f")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy would trade, as the executor takes it on."""

    decision_id: UUID
    strategy: str
    account: TradedAccount
    trading_day: date
    symbol: Symbol
    side: Side
    shares: Shares | None
    notional_usd: Usd | None
    closes_position: bool
    may_short: bool
    limit_price_usd: Usd | None
    reference_price_usd: Usd | None
    signal_strength: Decimal

    def __str__(self) -> str:
        return f"{self.strategy} {self.side} {self.symbol} on {self.trading_day}"


def wanted_by(decision: TradeDecision) -> Wanted:
    return Wanted(
        decision_id=decision.decision_id,
        strategy=decision.strategy_name,
        account=decision.account,
        trading_day=decision.trading_day,
        symbol=Symbol(decision.symbol),
        side=Side(decision.side),
        shares=None if decision.shares is None else Shares(decision.shares),
        notional_usd=None if decision.notional_usd is None else Usd(decision.notional_usd),
        closes_position=decision.closes_position,
        may_short=decision.may_short,
        limit_price_usd=None if decision.limit_price_usd is None else Usd(decision.limit_price_usd),
        reference_price_usd=None if decision.reference_price_usd is None else Usd(decision.reference_price_usd),
        signal_strength=decision.signal_strength,
    )


def wanted_at_once(draft: Draft, *, account: TradedAccount, trading_day: date, installation: str) -> Wanted:
    """What a draft wants where no decision is stored (USE_AUDIT_TRAIL=off)."""
    parts = (installation, account.broker, account.number, draft.strategy, trading_day.isoformat(), draft.symbol)
    return Wanted(
        decision_id=uuid5(_NAMES, "/".join(parts)),
        strategy=draft.strategy,
        account=account,
        trading_day=trading_day,
        symbol=draft.symbol,
        side=draft.side,
        shares=draft.shares,
        notional_usd=draft.notional_usd,
        closes_position=draft.closes_position,
        may_short=draft.may_short,
        limit_price_usd=draft.limit_price_usd,
        reference_price_usd=draft.reference_price_usd,
        signal_strength=draft.rationale.signal_strength,
    )


def strongest_first(wanted: list[Wanted]) -> list[Wanted]:
    """Sort by the strength of the signal, to its last digit; of equals, the one that was there first."""
    return sorted(wanted, key=lambda each: -each.signal_strength)
