"""Drafting: the orders that a plan intends become drafts of decisions, each with the rows of ours that it rests on."""

from collections.abc import Sequence

from audit_trail.days.reading import STORED
from audit_trail.decisions.drafts import Draft
from audit_trail.decisions.rationale import rationale
from audit_trail.strategies.asking import Heard
from audit_trail.strategies.plans import IntendedOrder, Plan
from audit_trail.strategies.records import RecordRef
from audit_trail.strategies.strategy import Registry
from trading.values.quantities import Usd

PORTFOLIO = "portfolio"
"""What a decision is called that several strategies were asked about."""

PORTFOLIO_VERSION = "1.0.0"


def asked_name(heard: Sequence[Heard]) -> str:
    """Under which name it is decided when these were asked."""
    return heard[0].strategy if len(heard) == 1 else PORTFOLIO


def drafts_of(plan: Plan, *, registry: Registry) -> list[Draft]:
    """Draft a decision for each order, in the order in which they are meant."""
    name = asked_name(plan.heard)
    version = PORTFOLIO_VERSION if name == PORTFOLIO else registry.of(name).version
    return [_draft(order, name, version) for order in plan.orders]


def _draft(order: IntendedOrder, name: str, version: str) -> Draft:
    price = order.reference_price_usd
    return Draft(
        strategy=name,
        strategy_version=version,
        symbol=order.symbol,
        side=order.side,
        shares=order.shares,
        notional_usd=order.notional_usd,
        closes_position=order.closes_position,
        may_short=order.may_short,
        reference_price_usd=None if price is None else Usd(price),
        known_at=order.known_at,
        records=_rows(order.records),
        score_records=_rows(order.score_records),
        price_records=_rows(order.price_records),
        runs=order.runs,
        rationale=rationale(order.rationale),
    )


def _rows(refs: tuple[RecordRef, ...]) -> tuple[int, ...]:
    """Those that are rows of ours; a price that the broker was asked for is in the rationale, its call on record."""
    return tuple(ref.record_id for ref in refs if ref.source in STORED)
