"""Rationale: why an order is meant, in the one shape that decisions keep. Amounts are text, exact as they were."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from audit_trail.strategies.rebalancing import Move, Step
from audit_trail.strategies.records import AccountState, RecordRef
from audit_trail.strategies.signals import STRONGEST, rounded_score, written
from audit_trail.strategies.targets import Origin
from trading.values.arithmetic import ZERO, canonical, cut, plain, quotient

SELL_OFF, ADJUSTMENT = "rebalance_sell_off", "rebalance_adjustment"
NOT_IN_TARGET = "position no longer in target"
MARK_DIGITS = 4


def rationale(move: Move, *, account: AccountState, asked: Mapping[str, str]) -> dict[str, Any]:
    """Say why. `asked` are the strategies that were asked, with their versions."""
    return {
        "signal_strength": plain(move.strength),
        "confidence_score": plain(quotient(move.strength, STRONGEST)),
        "trigger_event": trigger(move),
        "source_data": _source_data(move, asked),
        "market_context": _market_context(move),
        "portfolio_context": _portfolio_context(move, account),
    }


def trigger(move: Move) -> str:
    """What set the order off: signals where it makes a position larger, else the comparison with the targets."""
    if move.step is Step.CLOSE:
        return SELL_OFF
    return ADJUSTMENT if move.step is Step.REDUCE or move.target is None else move.target.triggers


def reference_price_usd(move: Move) -> Decimal | None:
    """The price that was decided on; without a target it is the broker's own of what is held."""
    if move.target is not None:
        return move.target.market.price_usd
    position = move.position
    if position is None or position.market_value_usd == ZERO:
        return None
    price = cut(quotient(position.market_value_usd, position.net_shares), digits=MARK_DIGITS)
    return price if price > ZERO else None


def _source_data(move: Move, asked: Mapping[str, str]) -> dict[str, Any]:
    records = () if move.target is None else move.target.records
    told: dict[str, Any] = {
        "records": [_ref(ref) for ref in records],
        "quiver_trade_ids": [ref.record_id for ref in records if ref.source.startswith("quiver_")],
        "asked_strategies": dict(sorted(asked.items())),
    }
    if move.target is None:
        return {**told, "reason": NOT_IN_TARGET, "strategies": []}
    netted = move.target.netted
    return {
        **told,
        **_joined([signal.facts for signal in netted.signals]),
        "net_score": plain(netted.score),
        "strategies": [
            _origin(origin, signal.facts) for origin, signal in zip(move.target.origins, netted.signals, strict=True)
        ],
    }


def _joined(facts: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Put together what an auditor looks for first: who traded and when, and whether several agreed."""
    joined: dict[str, Any] = {}
    for name in ("politician_names", "insider_names", "trade_dates"):
        found = {one for each in facts for one in each.get(name, ())}
        if found:
            joined[name] = sorted(found)
    joined["consensus_detected"] = any(each.get("consensus_detected") is True for each in facts)
    return joined


def _origin(origin: Origin, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": origin.strategy,
        "version": origin.version,
        "score": plain(origin.score),
        "weight": plain(origin.weight),
        "shares": _text(origin.shares),
        "value_usd": _text(origin.value_usd),
        "facts": written(facts),
    }


def _market_context(move: Move) -> dict[str, Any]:
    if move.target is None:
        return {"current_price": _text(reference_price_usd(move)), "volume_20d_avg": None, "volatility": None}
    view = move.target.market
    return {
        "current_price": plain(view.price_usd),
        "priced_on": view.priced_on.isoformat(),
        "volume_20d_avg": None if view.volume_20d_avg is None else plain(cut(view.volume_20d_avg, digits=0)),
        "volatility": plain(rounded_score(quotient(view.atr_usd, view.price_usd))),
        "atr": plain(cut(view.atr_usd, digits=6)),
        "atr_source": view.atr_source.value,
        "sessions": view.sessions,
        "implied_stop_loss": plain(cut(move.target.implied_stop_loss_usd, digits=6)),
    }


def _portfolio_context(move: Move, account: AccountState) -> dict[str, Any]:
    held = move.position
    return {
        "existing_position": "0" if held is None else plain(held.net_shares),
        "current_value": "0" if held is None else plain(held.market_value_usd),
        "target_value": "0" if move.target is None else plain(move.target.value_usd),
        "sized_value": "0" if move.target is None else plain(move.target.sized_usd),
        "limited_by": [] if move.target is None else list(move.target.limited_by),
        "buying_power": _text(account.buying_power_usd),
        "portfolio_value": _text(account.equity_usd),
        "account_as_of": account.known_at.isoformat(),
    }


def _ref(ref: RecordRef) -> dict[str, Any]:
    return {"source": ref.source, "record_id": ref.record_id, "version": ref.version, "run_id": ref.run_id}


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(canonical(value))
