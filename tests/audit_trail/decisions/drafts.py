"""Drafts for tests: a strategy that saw a senator buy, and changes on demand."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from audit_trail.decisions.drafts import Draft, TradedAccount
from audit_trail.decisions.models import TradeDecision
from audit_trail.decisions.rationale import Rationale
from audit_trail.decisions.storing import store
from trading.values.sides import Side
from trading.values.symbols import Symbol

# A Monday at eleven in New York.
AT = datetime(2026, 3, 2, 16, tzinfo=UTC)
TODAY = date(2026, 3, 2)
ACCOUNT = TradedAccount("dry_run", "DRY-RUN", True)

WHY: dict[str, Any] = {
    "signal_strength": "8.5",
    "confidence_score": "0.85",
    "trigger_event": "congressional_buy",
    "source_data": {"politician_names": ["A. Senator"], "trade_dates": ["2026-02-20"], "consensus_detected": True},
    "market_context": {"current_price": "200", "volatility": None},
    "portfolio_context": {"existing_position": "0", "buying_power": "100000", "portfolio_value": "100000"},
}


def why(**changes: Any) -> Rationale:
    given = {
        "signal_strength": Decimal("8.5"),
        "confidence_score": Decimal("0.85"),
        **{name: value for name, value in WHY.items() if name not in ("signal_strength", "confidence_score")},
    }
    return Rationale(**{**given, **changes})


def draft(symbol: str = "AAPL", *, strength: str = "8.5", **changes: Any) -> Draft:
    given: dict[str, Any] = {
        "strategy": "congressional",
        "strategy_version": "1.0.0",
        "symbol": Symbol(symbol),
        "side": Side.BUY,
        "known_at": AT,
        "rationale": why(signal_strength=Decimal(strength)),
    }
    if not {"shares", "notional_usd", "closes_position"} & set(changes):
        given["shares"] = Decimal(4)
    return Draft(**{**given, **changes})


def stored(*drafts: Draft, account: TradedAccount = ACCOUNT, day: date = TODAY) -> list[TradeDecision]:
    return list(store(drafts, account=account, trading_day=day, decided_at=AT).decisions)


def decided(symbol: str = "AAPL", **changes: Any) -> TradeDecision:
    (decision,) = stored(draft(symbol, **changes))
    return decision
