"""Breakages: one guarantee of the pipeline taken out, to see that the judge finds that it is gone.

python -m tests.simulation.breakages NAME --schedules 20 --broker alpaca [--first-seed N] [--tell]
"""

import sys
from collections.abc import Callable
from typing import Any
from unittest import mock

from tests.simulation.taken_out import run


def no_intent_is_committed() -> None:
    """An order is sent before it is committed that it is being sent."""
    from trading.conductor.dispatcher import Dispatcher

    mock.patch.object(Dispatcher, "_may_send", return_value=True).start()


def what_is_in_doubt_is_sent_again() -> None:
    """An order that the broker may have is sent anew instead of looked for."""
    from trading.submission.submitter import AtTheBroker, Submitter

    mock.patch.object(Submitter, "_look", lambda self, request, *_: AtTheBroker(self._broker.submit(request))).start()


def nothing_says_what_is_being_sent() -> None:
    """Of an order for a broker that knows no ids of ours no row says that it may be there, so it is sent again."""
    from trading.submission import submitter

    mock.patch.object(submitter, "begin", return_value=None).start()


def the_broker_is_asked_within_a_transaction() -> None:
    """Who asks about an order holds what it has read, and locked, until the answer comes."""
    from django.db import transaction

    from trading.conductor.poller import Poller

    ask = Poller._ask

    def within(self: Any, order: Any, listed: Any) -> Any:
        with transaction.atomic():
            return ask(self, order, listed)

    mock.patch.object(Poller, "_ask", within).start()


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


def late_fills_are_dropped() -> None:
    """What fills after an order ended is not booked."""
    from trading.conductor import reports

    mock.patch.object(reports, "_record_late", return_value=None).start()


def nobody_leaves_orders_to_others() -> None:
    """Two processes send one order at the same time."""
    from trading.conductor import dispatcher, reports

    mock.patch.object(dispatcher, "claim", return_value=True).start()
    mock.patch.object(dispatcher, "left_to_others", return_value=set()).start()
    # Who heard a no has not claimed it either.
    mock.patch.object(reports, "is_sent_by", return_value=True).start()


# What its rows alone tell.


def reorged_fills_stay_counted() -> None:
    """A fill that the chain no longer has is marked so, and its exposure stays."""
    from trading.conductor import reversal
    from trading.onchain_trade.aggregate import OnChainTrade
    from trading.onchain_trade.commands import Reorg

    def revert(step: Any, trade: Any) -> None:
        with step.group(correlation=reversal.correlation_of(trade.trade)):
            step.handle(OnChainTrade, trade.trade, Reorg(block_hash=trade.fill.block_hash or ""))

    mock.patch.object(reversal, "_revert", revert).start()


def reorged_logs_stay() -> None:
    """The logs of a block that is gone are not marked, so that they stand beside nothing."""
    from trading.conductor import reversal

    mock.patch.object(reversal, "_mark_logs", return_value=None).start()


def cancelled_orders_stay_under_way() -> None:
    """An order is cancelled, and its position is not told."""
    from trading.conductor import reports
    from trading.position.commands import CancelOffChainOrder

    def cancel(step: Any, order: Any, report: Any) -> None:
        handle = step.handle

        def of_orders(aggregate: Any, id: Any, command: Any) -> None:
            if not isinstance(command, CancelOffChainOrder):
                handle(aggregate, id, command)

        with mock.patch.object(step, "handle", of_orders):
            CANCEL(step, order, report)

    CANCEL = reports._cancel  # noqa: N806
    mock.patch.object(reports, "_cancel", cancel).start()


def silence_is_failure() -> None:
    """An order of which no answer came is taken for one that the broker never had."""
    from trading.conductor import dispatcher, reports

    mock.patch.object(dispatcher, "record_unknown", reports.record_never_there).start()


def views_are_not_kept() -> None:
    """The view of positions is not written when something happens."""
    from trading.position.view import PositionProjector

    mock.patch.object(PositionProjector, "project", return_value=None).start()


def logs_have_no_outcome() -> None:
    """A log is marked processed, and it is not said what became of it."""
    from trading.conductor import processor
    from trading.conductor.inbox import Outcome, settle

    def without(outcomes: dict[int, Any], *, now: Any) -> None:
        settle(dict.fromkeys(outcomes, (Outcome.QUEUED, None)), now=now)

    mock.patch.object(processor, "settle", without).start()


def checks_are_not_kept() -> None:
    """An order is let through, and what the gate saw is not written down."""
    from trading.conductor import placing

    mock.patch.object(placing, "keep_check", return_value=None).start()


def _never_denied(rule: str) -> None:
    from trading.risk import gate

    check = getattr(gate._Examination, rule)
    mock.patch.object(gate._Examination, rule, lambda self: check(self) and None).start()


def buying_power_is_no_limit() -> None:
    """An order is let through that costs more than there is."""
    _never_denied("_buying_power")


def a_closed_market_is_no_reason() -> None:
    """Orders are placed whether or not the market is open."""
    _never_denied("_session")


def a_symbol_is_forgotten() -> None:
    """The hedger never looks at one of the symbols."""
    from trading.conductor.hedger import Hedger

    wanting = Hedger.wanting
    mock.patch.object(Hedger, "wanting", lambda self: [p for p in wanting(self) if p.symbol != "AAPL"]).start()


def unknown_orders_are_left() -> None:
    """Nobody asks what became of an order whose outcome is not known."""
    from trading.conductor import dispatcher
    from trading.offchain_order.aggregate import OrderState

    mock.patch.object(dispatcher, "STATES", (OrderState.PLACED, OrderState.SENDING)).start()


def refusals_are_waited_out_for_ever() -> None:
    """What was refused, or could not be sent, waits for a hundred days."""
    from datetime import timedelta

    from trading.conductor import work

    mock.patch.object(work, "backoff", return_value=timedelta(days=100)).start()


BREAKAGES: dict[str, Callable[[], None]] = {
    breakage.__name__: breakage
    for breakage in (
        no_intent_is_committed,
        what_is_in_doubt_is_sent_again,
        nothing_says_what_is_being_sent,
        the_broker_is_asked_within_a_transaction,
        switches_are_not_read,
        late_fills_are_dropped,
        nobody_leaves_orders_to_others,
        reorged_fills_stay_counted,
        reorged_logs_stay,
        cancelled_orders_stay_under_way,
        silence_is_failure,
        views_are_not_kept,
        logs_have_no_outcome,
        checks_are_not_kept,
        buying_power_is_no_limit,
        a_closed_market_is_no_reason,
        a_symbol_is_forgotten,
        unknown_orders_are_left,
        refusals_are_waited_out_for_ever,
    )
}


if __name__ == "__main__":
    sys.exit(run(BREAKAGES, "orders", sys.argv[1:]))
