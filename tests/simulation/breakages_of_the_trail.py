"""Breakages of the trail: a guarantee taken out of which an invariant of the audit trail must tell, by its own name.

What the judge finds beside our rows is found before, in most of them: a story is played until the invariant has told.

python -m tests.simulation.breakages_of_the_trail NAME --schedules 20 --broker alpaca [--first-seed N]
"""

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest import mock

import msgspec

from tests.simulation.taken_out import run


def the_switch_of_everything_is_not_read() -> None:
    """The kill switch of everything holds nothing up; those of a broker, a symbol or a strategy do while it is off."""
    from trading.conductor import switched
    from trading.risk import checking
    from trading.risk.scopes import Scope

    read, standing = checking.controls_in_force, switched.standing_switch

    def others(now: Any) -> Any:
        controls = read(now)
        switches = tuple(each for each in controls.switches if each.scope is not Scope.GLOBAL)
        return msgspec.structs.replace(controls, switches=switches)

    def another(**reached: Any) -> Any:
        switch = standing(**reached)
        return None if switch is not None and switch.scope == Scope.GLOBAL else switch

    mock.patch.object(checking, "controls_in_force", others).start()
    mock.patch.object(switched, "standing_switch", another).start()


def orders_bear_the_time_of_the_next_look() -> None:
    """An order bears the time at which it is looked for, should its sender be gone, for that at which it was placed."""
    from audit_trail.executions.executor import Executor

    order = Executor._order

    def later(*arguments: Any) -> Any:
        made = order(*arguments)
        request = msgspec.structs.replace(made.request, created_at=made.not_before)
        return msgspec.structs.replace(made, request=request, not_before=made.request.created_at)

    mock.patch.object(Executor, "_order", later).start()


def what_can_not_be_read_is_a_refusal() -> None:
    """The broker takes an order and answers with what nobody can read, and the order is booked as refused."""
    from trading.brokers.alpaca import broker
    from trading.brokers.outcomes import OrderRejected, OutcomeUnknown, UnusableReport

    taken = broker._taken

    def no_doubt(request: Any, answer: Any) -> Any:
        try:
            return taken(request, answer)
        except (OutcomeUnknown, UnusableReport) as unread:
            raise OrderRejected(str(unread)) from unread

    mock.patch.object(broker, "_taken", no_doubt).start()


def what_is_as_before_was_updated() -> None:
    """A run says of each record that it found as it was that it brought it, and counts so."""
    from audit_trail.ingestion import storing
    from audit_trail.ingestion.models import Counts, Operation

    words = SimpleNamespace(CREATED=Operation.CREATED, UPDATED=Operation.UPDATED, SKIPPED=Operation.UPDATED)
    mock.patch.object(storing, "Operation", words).start()
    mock.patch.object(
        storing, "Counts", lambda created, updated, skipped, parked: Counts(created, updated + skipped, 0, parked)
    ).start()


def unknown_orders_are_left() -> None:
    """Nobody asks what became of an order whose outcome is not known."""
    from audit_trail.executions.audit_book import AuditBook
    from audit_trail.executions.orders import OrderState

    due = AuditBook.due
    mock.patch.object(
        AuditBook,
        "due",
        lambda self, broker, *, now: [
            each for each in due(self, broker, now=now) if each.state is not OrderState.UNKNOWN
        ],
    ).start()


def decisions_go_by_their_symbols() -> None:
    """Decisions are executed in the order of the alphabet."""
    from audit_trail.executions import executor

    mock.patch.object(
        executor, "strongest_first", lambda wanted: sorted(wanted, key=lambda each: str(each.symbol))
    ).start()


def each_report_is_held_anew() -> None:
    """What an order has filled in all is added to what is held whenever more of it is told."""
    from audit_trail.executions import audit_book

    book_fill = audit_book.book_fill
    mock.patch.object(
        audit_book, "book_fill", lambda order, added, *, now: book_fill(order, order.filled_shares, now=now)
    ).start()


BREAKAGES: dict[str, Callable[[], None]] = {
    breakage.__name__: breakage
    for breakage in (
        the_switch_of_everything_is_not_read,
        orders_bear_the_time_of_the_next_look,
        what_can_not_be_read_is_a_refusal,
        what_is_as_before_was_updated,
        unknown_orders_are_left,
        decisions_go_by_their_symbols,
        each_report_is_held_anew,
    )
}


if __name__ == "__main__":
    sys.exit(run(BREAKAGES, "decisions", sys.argv[1:]))
