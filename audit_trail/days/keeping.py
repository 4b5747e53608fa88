"""Keeping: what a day was decided on and everything that it left out, in the commit that stores its decisions."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from audit_trail.days.models import DroppedCandidate, Outcome, PlannedDay, PlannedDecision
from audit_trail.days.reading import STORED
from audit_trail.decisions.drafts import TradedAccount
from audit_trail.decisions.storing import Stored
from audit_trail.strategies.parameters import Environment
from audit_trail.strategies.plans import Plan, Refused
from audit_trail.strategies.signals import Dropped
from trading.market_hours.calendar import NEW_YORK

ROWS_AT_ONCE = 1000


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Who was asked, and for which account."""

    name: str
    account: TradedAccount
    environment: Environment


def keep(planned: Plan | Refused, asked: Asked, stored: Stored | None = None) -> PlannedDay:
    """Keep a day as rows, with the decisions that were meant; inside the transaction that stores them."""
    decisions = () if stored is None else stored.decisions
    made = frozenset() if stored is None else stored.made
    dropped = list(_rows(planned.dropped))
    day = PlannedDay.objects.create(
        strategy_name=asked.name,
        versions=_json({one.strategy: one.version for one in planned.heard}),
        environment=asked.environment,
        broker=asked.account.broker,
        account_number=asked.account.number,
        trading_mode=asked.account.mode,
        trading_day=planned.as_of.astimezone(NEW_YORK).date(),
        as_of=planned.as_of,
        orders=len(decisions),
        dropped_count=len(dropped),
        **_outcome(planned),
    )
    PlannedDecision.objects.bulk_create(
        PlannedDecision(day=day, decision=row, new=row.decision_id in made) for row in decisions
    )
    for row in dropped:
        row.day = day
    DroppedCandidate.objects.bulk_create(dropped, batch_size=ROWS_AT_ONCE)
    return day


def _outcome(planned: Plan | Refused) -> dict[str, Any]:
    if isinstance(planned, Refused):
        return {"outcome": Outcome.REFUSED, "refusals": _json(planned.refusals), "findings": "[]"}
    return {
        "outcome": Outcome.DECIDED,
        "refusals": "[]",
        "stance": planned.stance,
        "summary": _json(planned.summary),
        "findings": _json(planned.findings),
    }


def _rows(dropped: Iterable[Dropped]) -> Iterator[DroppedCandidate]:
    """One row for what a strategy left out of a symbol in the same words."""
    alike: dict[tuple[str | None, str, str, str], list[Dropped]] = {}
    for one in dropped:
        alike.setdefault((one.strategy, one.symbol, one.reason.value, one.text), []).append(one)
    for (strategy, symbol, reason, text), group in alike.items():
        refs = sorted({ref for one in group for ref in one.records}, key=lambda ref: ref.place)
        yield DroppedCandidate(
            strategy_name=strategy,
            symbol=symbol,
            reason=reason,
            text=text,
            record_count=len(refs),
            records=_json([ref.record_id for ref in refs if ref.source in STORED]),
        )


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted").decode()
