"""Any sequence of steps of a decision and its attempts: as their tables say, one order at a time, an end is an end."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django_fsm import ConcurrentTransition, TransitionNotAllowed
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from audit_trail.decisions.failures import FailureKind
from audit_trail.decisions.models import TradeDecision
from audit_trail.executions.models import TradeExecution
from tests.audit_trail.decisions.drafts import AT, decided
from tests.support.machines import PATIENCE_SECONDS, Machine, play
from tests.support.stations import fresh_books

DECISION_STEPS: dict[str, Any] = {
    "submit": lambda row: row.submit(at=AT),
    "take_back": lambda row: row.take_back(),
    "lose": lambda row: row.lose(reason="no answer"),
    "find": lambda row: row.find(),
    "execute": lambda row: row.execute(at=AT),
    "execute_partly": lambda row: row.execute_partly(at=AT, reason="cancelled"),
    "fail": lambda row: row.fail(at=AT, kind=FailureKind.REJECTED, reason="no"),
    "cancel": lambda row: row.cancel(at=AT, actor="ada", reason="no"),
}
UNDER_WAY = {"submitted", "unknown"}
DECISION_TABLE = {
    "submit": ({"pending"}, "submitted"),
    "take_back": ({"submitted"}, "pending"),
    "lose": (UNDER_WAY, "unknown"),
    "find": (UNDER_WAY, "submitted"),
    "execute": (UNDER_WAY, "executed"),
    "execute_partly": (UNDER_WAY, "partially_executed"),
    "fail": ({"pending", *UNDER_WAY}, "failed"),
    "cancel": ({"pending", *UNDER_WAY}, "cancelled"),
}
OPEN = {"sending", "submitted", "partially_filled", "unknown"}
ATTEMPT_TABLE = {
    "accept": (OPEN, "submitted"),
    "fill_partly": (OPEN, "partially_filled"),
    "fill": (OPEN, "filled"),
    "cancel": (OPEN, "cancelled"),
    "expire": (OPEN, "expired"),
    "reject": (OPEN, "rejected"),
    "fail": ({"sending", "unknown"}, "failed"),
    "lose": (OPEN, "unknown"),
    "take_back": ({"sending"}, "unsent"),
}
WHICH = st.integers(0, 9)


@dataclass
class Attempt:
    key: int
    stands: str = "sending"
    at_broker: bool = False
    filled: Decimal = Decimal(0)


class DecisionMachine(Machine):
    """The model: two tables of which step leads where, and what was said of each attempt."""

    def __init__(self) -> None:
        super().__init__()
        self.books = fresh_books()
        self.books.__enter__()
        self.key = decided().pk
        self.stands = "pending"
        self.attempts: list[Attempt] = []

    @rule(step=st.sampled_from(sorted(DECISION_STEPS)))
    def decision(self, step: str) -> None:
        row = TradeDecision.objects.get(pk=self.key)
        sources, target = DECISION_TABLE[step]
        if self.stands not in sources:
            with pytest.raises(TransitionNotAllowed):
                DECISION_STEPS[step](row)
            return
        DECISION_STEPS[step](row)
        row.save()
        self.stands = target

    @rule(steps=st.tuples(*[st.sampled_from(sorted(DECISION_STEPS))] * 2))
    def two_move_the_decision_on_at_once(self, steps: tuple[str, str]) -> None:
        """Whoever read it before it was moved on finds out, unless it stands where it was read."""
        first, second = (TradeDecision.objects.get(pk=self.key) for _ in range(2))
        if any(self.stands not in DECISION_TABLE[step][0] for step in steps):
            return
        before = self.stands
        for row, step in zip((first, second), steps, strict=True):
            DECISION_STEPS[step](row)
        first.save()
        self.stands = DECISION_TABLE[steps[0]][1]
        if self.stands == before:
            second.save()
            self.stands = DECISION_TABLE[steps[1]][1]
        else:
            with pytest.raises(ConcurrentTransition), transaction.atomic():
                second.save()

    @precondition(lambda self: len(self.attempts) < 6)
    @rule()
    def attempt(self) -> None:
        number = len(self.attempts) + 1

        def place() -> TradeExecution:
            return TradeExecution.objects.create(
                trade_decision_id=self.key,
                attempt_number=number,
                client_order_id=f"{self.key}-{number}",
                requested_shares=Decimal(4),
                placed_at=AT,
            )

        if any(each.stands in OPEN for each in self.attempts):
            with pytest.raises(IntegrityError), transaction.atomic():
                place()
        else:
            self.attempts.append(Attempt(place().pk))

    @precondition(lambda self: self.attempts)
    @rule(which=WHICH, step=st.sampled_from(sorted(ATTEMPT_TABLE)), known=st.booleans(), shares=st.integers(0, 4))
    def report(self, which: int, step: str, known: bool, shares: int) -> None:
        """A step of an attempt, with what the broker said: its own id of it, and how much is filled."""
        attempt = self.attempts[-1 - which // 5 % len(self.attempts)]
        row = TradeExecution.objects.get(pk=attempt.key)
        sources, target = ATTEMPT_TABLE[step]
        if attempt.stands not in sources:
            with pytest.raises(TransitionNotAllowed):
                getattr(row, step)()
            return
        getattr(row, step)()
        is_at_broker, filled = attempt.at_broker or known, attempt.filled + shares
        row.broker_order_id = "B-1" if is_at_broker else None
        row.filled_shares = filled
        without_id = target in ("submitted", "partially_filled") and not is_at_broker
        without_shares = target in ("partially_filled", "filled") and not filled
        if without_id or without_shares:
            with pytest.raises(IntegrityError), transaction.atomic():
                row.save()
            return
        row.save()
        attempt.stands, attempt.at_broker, attempt.filled = target, is_at_broker, filled

    @invariant()
    def rows_stand_as_they_were_moved(self) -> None:
        decision = TradeDecision.objects.get(pk=self.key)
        assert (decision.status, decision.has_ended) == (self.stands, self.stands not in {"pending", *UNDER_WAY})
        rows = TradeExecution.objects.order_by("attempt_number")
        told = [(row.pk, row.status, row.broker_order_id is not None, row.filled_shares) for row in rows]
        assert told == [(each.key, each.stands, each.at_broker, each.filled) for each in self.attempts]
        assert sum(row.is_open for row in rows) <= 1

    def teardown(self) -> None:
        self.books.__exit__(None, None, None)


@pytest.mark.timeout(PATIENCE_SECONDS)
@pytest.mark.django_db
def test_a_decision_and_its_attempts_go_where_their_tables_say():
    play(DecisionMachine, stories=40, steps=30)
