"""Breakages of decisions: a guarantee of the audit trail, or of the pipeline that it tells of, taken out.

python -m tests.simulation.breakages_of_decisions NAME --schedules 20 --broker alpaca [--first-seed N]
"""

import sys
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest import mock
from uuid import UUID

from tests.simulation.taken_out import run

# Of sources and what is kept of them.


def bad_rows_are_thrown_away() -> None:
    """A row that can't be read is counted, and not kept."""
    from audit_trail.ingestion import storing

    mock.patch.object(storing, "_park", return_value=None).start()


def rows_are_counted_and_not_listed() -> None:
    """What a run found as it was before is counted, and not said which it is."""
    from audit_trail.ingestion import storing

    write = storing._write

    def without(run: Any, kind: Any, plan: Any) -> None:
        skipped, plan.skipped = plan.skipped, []
        write(run, kind, plan)
        plan.skipped = skipped

    mock.patch.object(storing, "_write", without).start()


def versions_begin_anew() -> None:
    """A later version of a record is said to be created, as if there had been none before."""
    from audit_trail.ingestion import storing
    from audit_trail.ingestion.models import Operation

    words = SimpleNamespace(CREATED=Operation.CREATED, UPDATED=Operation.CREATED, SKIPPED=Operation.SKIPPED)
    mock.patch.object(storing, "Operation", words).start()


def versions_do_not_meet() -> None:
    """A version ends a second before the one after it begins."""
    from audit_trail.ingestion import storing

    write = storing._write

    def apart(run: Any, kind: Any, plan: Any) -> None:
        at, plan.at = plan.at, plan.at - timedelta(seconds=1)
        write(run, kind, plan)
        plan.at = at

    mock.patch.object(storing, "_write", apart).start()


def the_dead_are_left() -> None:
    """A run whose process died is left as it is, and so is every run after it."""
    from audit_trail.ingestion import running

    mock.patch.object(running, "_is_dead", return_value=False).start()


def answers_are_not_kept() -> None:
    """What is sent is on record, and what was answered is not."""
    from audit_trail.payloads.recorder import PayloadRecorder

    mock.patch.object(PayloadRecorder, "received", return_value=None).start()


def calls_are_recorded_when_they_ended() -> None:
    """A call is put on record as of a second after it left."""
    from audit_trail.payloads.recorder import PayloadRecorder

    payload = PayloadRecorder._payload

    def later(self: Any, type: Any, source: Any, headers: Any, body: Any, at: Any) -> Any:  # noqa: A002
        return payload(self, type, source, headers, body, at + timedelta(seconds=1))

    mock.patch.object(PayloadRecorder, "_payload", later).start()


def bodies_are_tidied() -> None:
    """Of what was received the last sign is not kept."""
    from audit_trail.payloads import recorder

    kept = recorder._kept
    mock.patch.object(recorder, "_kept", lambda data, limit: kept(data[:-1], limit)).start()


# Of decisions.


def guards_let_everything_through() -> None:
    """A day is decided on whatever there is, of a run that failed too."""
    from audit_trail.decisions import storing
    from audit_trail.strategies import planning

    mock.patch.object(planning, "check_sources", return_value=()).start()
    mock.patch.object(storing, "check_lineage", return_value=None).start()


def a_day_tells_less_than_was_left_out() -> None:
    """Of what was left out on a day the last is not kept."""
    from audit_trail.days import keeping

    rows = keeping.DroppedCandidate.objects.bulk_create
    manager = keeping.DroppedCandidate.objects
    mock.patch.object(manager, "bulk_create", lambda made, **options: rows(list(made)[:-1], **options)).start()


def strengths_are_rounded() -> None:
    """A decision is stored with another strength than its rationale has."""
    from audit_trail.decisions import storing

    row = storing._row

    def rounded(*arguments: Any) -> Any:
        made = row(*arguments)
        made.signal_strength = made.signal_strength + 1
        return made

    mock.patch.object(storing, "_row", rounded).start()


def decided_afterwards() -> None:
    """A decision bears a time at which its order was long sent."""
    from audit_trail.decisions import storing

    row = storing._row

    def later(draft: Any, account: Any, trading_day: Any, decided_at: Any) -> Any:
        return row(draft, account, trading_day, decided_at + timedelta(hours=1))

    mock.patch.object(storing, "_row", later).start()


# Of their orders.


def the_weakest_goes_first() -> None:
    """Decisions are executed in the wrong order."""
    from audit_trail.executions import executor

    mock.patch.object(
        executor, "strongest_first", lambda wanted: sorted(wanted, key=lambda each: each.signal_strength)
    ).start()


def what_is_in_doubt_is_placed_anew() -> None:
    """An order of which no answer came is taken for one that was not sent, and the decision is executed again."""
    from audit_trail.executions import carrier
    from trading.brokers.outcomes import BrokerUnavailable

    submit = carrier.Submitter.submit

    def sure(self: Any, request: Any, **how: Any) -> Any:
        outcome = submit(self, request, **how)
        if isinstance(outcome, carrier.InDoubt):
            raise BrokerUnavailable(outcome.reason)
        return outcome

    mock.patch.object(carrier.Submitter, "submit", sure).start()


def silence_is_no_order() -> None:
    """One look that finds nothing proves that the broker never had an order."""
    from trading.submission.absence import Absence

    mock.patch.object(Absence, "is_proven", True).start()


def unknown_words_end_the_day() -> None:
    """A word that nobody knows, of an order that is looked for, ends whatever looks."""
    from trading.submission.submitter import Submitter

    look: Any = lambda self, request, *, now: self._looked_for(request, now)  # noqa: E731
    mock.patch.object(Submitter, "look", look).start()


def filled_is_not_executed() -> None:
    """An order is filled, and its decision is not told."""
    from audit_trail.executions import audit_book
    from audit_trail.executions.orders import OrderState

    move_on = audit_book._move_on

    def left(row: Any, order: Any, now: Any) -> None:
        if order.state is not OrderState.FILLED:
            move_on(row, order, now)

    mock.patch.object(audit_book, "_move_on", left).start()


def orders_have_no_number_of_their_attempt() -> None:
    """An order is named after its decision alone."""
    from audit_trail.executions import executor

    named = executor.order_id
    mock.patch.object(
        executor,
        "order_id",
        lambda *, installation, decision, attempt: named(installation=installation, decision=decision, attempt=9),
    ).start()


def checks_are_not_kept() -> None:
    """An order is let through, and what the gate saw is not written down."""
    from audit_trail.executions import executor

    mock.patch.object(executor, "keep_check", return_value=None).start()


def switches_are_not_read() -> None:
    """Nobody looks whether a kill switch is on: neither who places nor who sends."""
    import msgspec

    from trading.conductor import switched
    from trading.risk import checking

    read = checking.controls_in_force
    mock.patch.object(
        checking, "controls_in_force", lambda now: msgspec.structs.replace(read(now), switches=())
    ).start()
    mock.patch.object(switched, "standing_switch", return_value=None).start()


def others_orders_are_cancelled() -> None:
    """What is cancelled is some other order of the account."""
    from trading.brokers.alpaca.broker import AlpacaBroker
    from trading.values.identifiers import BrokerOrderId

    cancel = AlpacaBroker.cancel

    def of_another(self: Any, order: Any) -> None:
        cancel(self, BrokerOrderId(str(UUID(int=UUID(order).int ^ 1))))

    mock.patch.object(AlpacaBroker, "cancel", of_another).start()


def who_cancels_sends() -> None:
    """An order that is to be cancelled, and was not sent yet, is sent first."""
    from audit_trail.executions import verbs
    from audit_trail.executions.carrier import Carrier

    follow_up = Carrier.follow_up
    mock.patch.object(Carrier, "follow_up", lambda self, book, order, **_: follow_up(self, book, order)).start()
    mock.patch.object(verbs, "is_gone", return_value=True).start()


def nobody_is_told_of_the_unknown() -> None:
    """An order whose outcome is not known is asked for, and no operator hears of it."""
    from audit_trail.executions import carrier

    mock.patch.object(carrier, "tell", return_value=None).start()


def late_fills_are_no_fills() -> None:
    """What was filled is booked, and not the fill by which it was."""
    from audit_trail.executions import audit_book

    mock.patch.object(audit_book.ExecutionFill.objects, "create", return_value=None).start()


def holdings_are_not_counted() -> None:
    """What decisions hold does not change when something is filled."""
    from audit_trail.executions import audit_book

    mock.patch.object(audit_book, "book_fill", return_value=None).start()


def the_legacy_log_stands_still() -> None:
    """What became of an order is not written into the legacy log beside it."""
    from audit_trail.executions import audit_book

    mock.patch.object(audit_book, "told_columns_of", return_value={}).start()


BREAKAGES: dict[str, Callable[[], None]] = {
    breakage.__name__: breakage
    for breakage in (
        bad_rows_are_thrown_away,
        rows_are_counted_and_not_listed,
        versions_begin_anew,
        versions_do_not_meet,
        the_dead_are_left,
        answers_are_not_kept,
        calls_are_recorded_when_they_ended,
        bodies_are_tidied,
        guards_let_everything_through,
        a_day_tells_less_than_was_left_out,
        strengths_are_rounded,
        decided_afterwards,
        the_weakest_goes_first,
        what_is_in_doubt_is_placed_anew,
        silence_is_no_order,
        unknown_words_end_the_day,
        filled_is_not_executed,
        orders_have_no_number_of_their_attempt,
        checks_are_not_kept,
        switches_are_not_read,
        others_orders_are_cancelled,
        who_cancels_sends,
        nobody_is_told_of_the_unknown,
        late_fills_are_no_fills,
        holdings_are_not_counted,
        the_legacy_log_stands_still,
    )
}


if __name__ == "__main__":
    sys.exit(run(BREAKAGES, "decisions", sys.argv[1:]))
