"""Limits: how targets are cut to what may be held, one by one and all together. What is left out says why."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from audit_trail.strategies.parameters import Limits
from audit_trail.strategies.records import BlockedSymbol
from audit_trail.strategies.signals import Dropped, Reason
from audit_trail.strategies.targets import Target
from trading.values.arithmetic import ZERO, cut, multiply, plain, quotient, subtract, total
from trading.values.symbols import Symbol

CENTS = 2
ONE = Decimal(1)


class Limited(msgspec.Struct, frozen=True, kw_only=True):
    """The targets that may be had, by symbol, and the others."""

    targets: tuple[Target, ...]
    dropped: tuple[Dropped, ...]


def limit(
    targets: Iterable[Target],
    *,
    equity_usd: Decimal,
    limits: Limits,
    blocked: Iterable[BlockedSymbol] = (),
    taken_usd: Decimal = ZERO,
) -> Limited:
    """Apply every limit. The order of the targets is nothing to it; no target grows and none changes its sign.

    `taken_usd` is what positions that stay as they are take of the room for all.
    """
    dropped: list[Dropped] = []
    kept = sorted(targets, key=lambda target: target.symbol)
    kept = _without_shorts(kept, limits, dropped)
    kept = _unblocked(kept, {one.symbol: one for one in blocked}, dropped)
    kept = [_capped(target, multiply(equity_usd, limits.max_position_pct)) for target in kept]
    kept = _worth_having(kept, limits, dropped)
    room = max(ZERO, subtract(multiply(equity_usd, subtract(ONE, limits.cash_buffer_pct)), taken_usd))
    kept = _fitted(kept, room, limits.min_position_value_usd, dropped)
    return Limited(targets=tuple(kept), dropped=tuple(dropped))


def _unblocked(targets: list[Target], blocked: dict[Symbol, BlockedSymbol], dropped: list[Dropped]) -> list[Target]:
    kept = []
    for target in targets:
        block = blocked.get(target.symbol)
        if block is None:
            kept.append(target)
            continue
        until = "further notice" if block.expires_at is None else block.expires_at.isoformat()
        dropped.append(_dropped(target, Reason.BLOCKED, f"blocked until {until}: {block.reason}"))
    return kept


def _without_shorts(targets: list[Target], limits: Limits, dropped: list[Dropped]) -> list[Target]:
    if limits.enable_shorts:
        return targets
    dropped += [
        _dropped(target, Reason.SHORTS_DISABLED, f"${plain(target.value_usd)} would be a short position")
        for target in targets
        if target.value_usd < ZERO
    ]
    return [target for target in targets if target.value_usd > ZERO]


def _capped(target: Target, most_usd: Decimal) -> Target:
    """Cut a target to the most that one may be worth, and to whole cents."""
    return _cut_to(target, most_usd, "max_position_pct")


def _worth_having(targets: list[Target], limits: Limits, dropped: list[Dropped]) -> list[Target]:
    least = limits.min_position_value_usd
    dropped += [
        _dropped(target, Reason.BELOW_MINIMUM, f"worth ${plain(target.value_usd)}, below ${plain(least)}")
        for target in targets
        if _too_small(target, least)
    ]
    return [target for target in targets if not _too_small(target, least)]


def _fitted(targets: list[Target], room_usd: Decimal, least_usd: Decimal, dropped: list[Dropped]) -> list[Target]:
    """Make all smaller by one factor until they fit; who would become too small for it gives way, the weakest first."""
    kept = targets
    while kept:
        gross = total([target.value_usd.copy_abs() for target in kept])
        fitted = [_cut_to(target, _share(target, room_usd, gross), "cash_buffer_pct") for target in kept]
        crushed = [target for target in fitted if _too_small(target, least_usd)]
        if not crushed:
            return fitted
        # Of equals the last by symbol.
        weakest = min(reversed(crushed), key=lambda target: (target.strength, target.value_usd.copy_abs()))
        text = f"${plain(room_usd)} for {len(kept)} positions leave it ${plain(weakest.value_usd)}"
        dropped.append(_dropped(weakest, Reason.NO_ROOM, text))
        kept = [target for target in kept if target.symbol != weakest.symbol]
    return []


def _share(target: Target, room_usd: Decimal, gross_usd: Decimal) -> Decimal:
    wanted = target.value_usd.copy_abs()
    return wanted if gross_usd <= room_usd else quotient(multiply(wanted, room_usd), gross_usd)


def _cut_to(target: Target, most_usd: Decimal, limit: str) -> Target:
    worth = target.value_usd.copy_abs()
    by = target.limited_by if worth <= most_usd else (*target.limited_by, limit)
    value = cut(min(worth, most_usd), digits=CENTS)
    signed = value if target.value_usd > ZERO else value.copy_negate()
    return msgspec.structs.replace(target, value_usd=signed, limited_by=by)


def _too_small(target: Target, least_usd: Decimal) -> bool:
    worth = target.value_usd.copy_abs()
    return worth == ZERO or worth < least_usd


def _dropped(target: Target, reason: Reason, text: str) -> Dropped:
    return Dropped(strategy=None, symbol=target.symbol, reason=reason, text=text, records=target.records)
