"""Cancelling: an operator, or the end of its day, takes a decision back that nobody has acted on.

The controls are locked before the decision, as where one is placed: with it ends what the risk gate has against it.
"""

from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from audit_trail.decisions.models import Status, TradeDecision
from trading.risk.controls import lock_controls
from trading.risk.records import end_denials_of
from trading.values.symbols import Symbol

OURSELVES = "hedgetrail"
"""Who cancels where no person does."""


class NoSuchDecision(LookupError):
    """There is no decision of this id."""


class NotPending(Exception):
    """Somebody has acted on the decision, or it has ended. Nothing was changed."""


def cancel_pending(decision_id: UUID, *, actor: str, reason: str, now: datetime) -> TradeDecision:
    """Cancel a decision before anything is sent. Raises NoSuchDecision, NotPending."""
    with transaction.atomic(durable=True):
        lock_controls()
        row: TradeDecision | None = TradeDecision.objects.select_for_update().filter(decision_id=decision_id).first()
        if row is None:
            raise NoSuchDecision(f"there is no decision {decision_id}")
        if row.status != Status.PENDING:
            raise NotPending(f"expected a pending decision, was {row.status}: {row}")
        _cancel(row, actor=actor, reason=reason, now=now)
    return row


def cancel_outdated(*, today: date, now: datetime) -> list[TradeDecision]:
    """Cancel what was not executed on its day: the signal was for then. What stood in its way is told with it.

    Of every account, as nothing was sent: one that is not traded in any more has nobody else who ends them.
    """
    with transaction.atomic(durable=True):
        lock_controls()
        outdated = TradeDecision.objects.filter(status=Status.PENDING, trading_day__lt=today)
        # Two that do this at once, for two brokers, take the rows in one order and don't wait for each other.
        rows = list(outdated.select_for_update().order_by("id"))
        for row in rows:
            blocked = "" if row.blocked_by is None else f". It was blocked by {row.blocked_by}: {row.blocked_reason}"
            _cancel(row, actor=OURSELVES, reason=f"its day, {row.trading_day}, is over{blocked}", now=now)
    return rows


def _cancel(row: TradeDecision, *, actor: str, reason: str, now: datetime) -> None:
    """With it ends what the risk gate has against it: nobody asks the gate for it again."""
    row.cancel(at=now, actor=actor, reason=reason)
    row.save()
    end_denials_of(Symbol(row.symbol), broker=row.broker, strategy=row.strategy_name, now=now)
