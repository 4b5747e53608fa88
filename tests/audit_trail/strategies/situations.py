"""Records and situations for tests of strategies: made up, complete, and changed by what a test names."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import msgspec

from audit_trail.strategies import congressional, insider
from audit_trail.strategies.guards import ExpectedAccount
from audit_trail.strategies.known import Known
from audit_trail.strategies.parameters import (
    Environment,
    Limits,
    Merging,
    OnEmpty,
    Parameters,
    Safety,
    Sizing,
    StrategySettings,
)
from audit_trail.strategies.plans import Situation
from audit_trail.strategies.records import (
    AccountState,
    CongressTrade,
    DailyBar,
    InsiderTrade,
    PoliticianScore,
    Position,
    Record,
    RecordRef,
    RunState,
    SourceRun,
)
from audit_trail.strategies.signals import Signal
from audit_trail.strategies.strategy import StrategyParameters
from trading.values.symbols import Symbol

# A Friday, half an hour after the opening in New York.
NOW = datetime(2026, 1, 16, 15, 0, tzinfo=UTC)
TODAY = date(2026, 1, 16)
YESTERDAY = NOW - timedelta(days=1)

CONGRESS_RUN, INSIDER_RUN, BARS_RUN = 71, 72, 73

_numbers = count(1)


def d(text: str | int) -> Decimal:
    return Decimal(text)


def ref(source: str, run_id: int | None = None, **given: Any) -> RecordRef:
    return RecordRef(**{"source": source, "record_id": next(_numbers), "run_id": run_id, **given})


def congress_trade(ticker: str = "AAPL", politician: str = "P000197", **given: Any) -> CongressTrade:
    values: dict[str, Any] = {
        "ref": ref("quiver_congress", CONGRESS_RUN),
        "known_at": YESTERDAY,
        "disclosed_at": YESTERDAY - timedelta(hours=3),
        "ticker": ticker,
        "asset_type": "CS",
        "politician_name": f"Member {politician}",
        "bioguide_id": politician,
        "transaction_type": "Purchase",
        "transaction_date": TODAY - timedelta(days=20),
        "least_usd": d(1001),
    }
    return CongressTrade(**{**values, **given})


def score(politician: str = "P000197", value: str | int = 6, **given: Any) -> PoliticianScore:
    values: dict[str, Any] = {
        "ref": ref("politician_scores"),
        "known_at": YESTERDAY,
        "politician": politician,
        "score": d(value),
        "purchases": 12,
    }
    return PoliticianScore(**{**values, **given})


def insider_trade(
    ticker: str = "AAPL", name: str = "Jane Doe", *, usd: str | int = 50_000, **given: Any
) -> InsiderTrade:
    values: dict[str, Any] = {
        "ref": ref("quiver_insiders", INSIDER_RUN),
        "known_at": YESTERDAY,
        "disclosed_at": YESTERDAY - timedelta(hours=3),
        "ticker": ticker,
        "insider_name": name,
        "officer_title": "Chief Executive Officer",
        "is_director": True,
        "is_officer": True,
        "is_ten_percent_owner": False,
        "transaction_code": "P",
        "acquired_or_disposed": "A",
        "transaction_date": TODAY - timedelta(days=5),
        "shares": d(usd) / 10,
        "price_usd": d(10),
    }
    return InsiderTrade(**{**values, **given})


def bar(symbol: str, day: date, close: str | int, *, half_range: str | int = 0, **given: Any) -> DailyBar:
    price, half = d(close), d(half_range)
    values: dict[str, Any] = {
        "ref": ref("alpaca_bars", BARS_RUN),
        "known_at": datetime.combine(day, time(22), tzinfo=UTC),
        "symbol": Symbol(symbol),
        "day": day,
        "open_usd": price,
        "high_usd": price + half,
        "low_usd": price - half,
        "close_usd": price,
        "volume": 1000,
    }
    return DailyBar(**{**values, **given})


def bars(symbol: str, close: str | int, *, atr: str | int = "2.5", sessions: int = 15) -> list[DailyBar]:
    """So many sessions up to yesterday that end where they began, each as far apart as the true range is to be."""
    days = [day for back in range(1, 60) if (day := TODAY - timedelta(days=back)).weekday() < 5][:sessions]
    return [bar(symbol, day, close, half_range=d(atr) / 2) for day in days]


def position(symbol: str, value: str | int, *, shares: str | int = 10, **given: Any) -> Position:
    values: dict[str, Any] = {
        "ref": ref("broker_holdings"),
        "known_at": NOW - timedelta(minutes=1),
        "symbol": Symbol(symbol),
        "net_shares": d(shares),
        "market_value_usd": d(value),
    }
    return Position(**{**values, **given})


def account(equity: str | int | None = 100_000, **given: Any) -> AccountState:
    values: dict[str, Any] = {
        "ref": ref("broker_account"),
        "known_at": NOW - timedelta(minutes=1),
        "broker": "alpaca",
        "number": "PA12345678",
        "paper": True,
        "equity_usd": None if equity is None else d(equity),
        "cash_usd": d(50_000),
        "buying_power_usd": d(50_000),
    }
    return AccountState(**{**values, **given})


def run(source: str, run_id: int, **given: Any) -> SourceRun:
    values: dict[str, Any] = {
        "source": source,
        "run_id": run_id,
        "state": RunState.COMPLETED,
        "started_at": NOW - timedelta(hours=2, minutes=5),
        "ended_at": NOW - timedelta(hours=2),
        "records_fetched": 40,
    }
    return SourceRun(**{**values, **given})


RUNS = (run("quiver_congress", CONGRESS_RUN), run("quiver_insiders", INSIDER_RUN))


def situation(records: Iterable[Record] = (), **given: Any) -> Situation:
    values: dict[str, Any] = {
        "as_of": NOW,
        "records": tuple(records),
        "runs": RUNS,
        "account": account(),
        "expected_account": ExpectedAccount(broker="alpaca", number="PA12345678", paper=True),
        "positions": (),
    }
    return Situation(**{**values, **given})


def known(*records: Record, as_of: datetime = NOW) -> Known:
    return Known(records, as_of=as_of)


def congressional_parameters(**given: Any) -> congressional.Parameters:
    values: dict[str, Any] = {
        "lookback_days": 45,
        "min_quality_score": d(4),
        "max_score_age_days": 8,
        "consensus": True,
        "asset_types": ("CS", "ST"),
    }
    return congressional.Parameters(**{**values, **given})


def insider_parameters(**given: Any) -> insider.Parameters:
    values: dict[str, Any] = {
        "lookback_days": 30,
        "min_transaction_value_usd": d(10_000),
        "executive_only": True,
        "max_symbols": 20,
    }
    return insider.Parameters(**{**values, **given})


def limits(**given: Any) -> Limits:
    values: dict[str, Any] = {
        "max_position_pct": d("0.15"),
        "cash_buffer_pct": d("0.05"),
        "min_position_value_usd": d(500),
        "enable_shorts": False,
    }
    return Limits(**{**values, **given})


def sizing(**given: Any) -> Sizing:
    values: dict[str, Any] = {
        "target_risk_pct": d("0.001"),
        "fallback_atr_pct": d("0.03"),
        "bars_days": 40,
        "max_price_age_days": 5,
    }
    return Sizing(**{**values, **given})


def safety(**given: Any) -> Safety:
    values: dict[str, Any] = {
        "max_data_age_hours": 24,
        "max_account_age_minutes": 15,
        "on_empty_target": OnEmpty.LIQUIDATE,
        "mostly_dropped_pct": d("0.5"),
    }
    return Safety(**{**values, **given})


def setting(weight: str, params: StrategyParameters) -> StrategySettings:
    return StrategySettings(enabled=d(weight) > 0, weight=d(weight), params=params)


def parameters(*, congress: str = "0.5", insiders: str = "0.5", **given: Any) -> Parameters:
    values: dict[str, Any] = {
        "environment": Environment.PAPER,
        "merge_strategy": Merging.NET,
        "limits": limits(),
        "sizing": sizing(),
        "safety": safety(),
        "strategies": {
            "congressional": setting(congress, congressional_parameters()),
            "insider": setting(insiders, insider_parameters()),
        },
    }
    return Parameters(**{**values, **given})


def signal(strategy: str, value: str | int | Decimal, symbol: str = "AAPL", **given: Any) -> Signal:
    values: dict[str, Any] = {
        "strategy": strategy,
        "symbol": Symbol(symbol),
        "score": Decimal(value),
        "trigger": f"{strategy}_buy",
        "records": (RecordRef("quiver_congress", 1, CONGRESS_RUN),),
        "known_at": YESTERDAY,
        "facts": {},
    }
    return Signal(**{**values, **given})


def changed(struct: Any, **given: Any) -> Any:
    return msgspec.structs.replace(struct, **given)
