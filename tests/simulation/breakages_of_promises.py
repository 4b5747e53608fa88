"""Breakages of promises: what is to be told, taken up in time, or never to go back, taken out.

python -m tests.simulation.breakages_of_promises NAME --schedules 20 --broker alpaca [--first-seed N] [--tell]
"""

import sys
from collections.abc import Callable
from typing import Any
from unittest import mock

from tests.simulation.taken_out import run


def what_is_short_is_not_listed() -> None:
    """Whoever asks for all positions hears of those that are long: nobody hedges the others, and nobody tells."""
    from trading.ledger.legacy import LegacyMemory
    from trading.ledger.stream import StreamMemory

    for memory in (LegacyMemory, StreamMemory):
        _list_the_long_alone(memory)


def _list_the_long_alone(memory: Any) -> None:
    listed = memory.positions
    mock.patch.object(memory, "positions", lambda self: [each for each in listed(self) if each.net >= 0]).start()


def what_was_sent_is_the_pollers() -> None:
    """The dispatcher takes an order on once. One without an answer it leaves to the poller, who knows no id of it."""
    from trading.conductor.dispatcher import Dispatcher

    ours = Dispatcher._ours
    mock.patch.object(Dispatcher, "_ours", lambda self, order: ours(self, order) and order.sending_at is None).start()


def a_clerk_begins_at_the_end() -> None:
    """A clerk does what is asked from its first turn on: what was asked before it, it takes for another's."""
    from trading.conductor.verbs import clerk
    from trading.conductor.verbs.requests import waiting

    run_once = clerk.Clerk.run_once

    def beginning(self: Any, *, now: Any) -> bool:
        if not hasattr(self, "asked_before"):
            self.asked_before = {request.pk for request in waiting(now=now)}
        mine = [request for request in waiting(now=now) if request.pk not in self.asked_before]
        with mock.patch.object(clerk, "waiting", return_value=mine):
            return run_once(self, now=now)

    mock.patch.object(clerk.Clerk, "run_once", beginning).start()


def no_answer_is_a_no() -> None:
    """An order is taken for refused where no answer came, so that its shares are hedged anew beside it."""
    from trading.submission.submitter import InDoubt, Refused, Submitter

    submit = Submitter.submit

    def submitted(self: Any, request: Any, **how: Any) -> Any:
        outcome = submit(self, request, **how)
        return Refused(outcome.reason) if isinstance(outcome, InDoubt) else outcome

    mock.patch.object(Submitter, "submit", submitted).start()


def each_report_is_of_new_fills() -> None:
    """What a report says was filled is taken for what came since the one before it."""
    from trading.offchain_order.aggregate import OffchainOrder
    from trading.values.arithmetic import subtract

    filled = OffchainOrder._filled

    def since(self: Any, shares: Any, price: Any, state: Any) -> Any:
        return filled(self, subtract(shares, self.filled_shares), price, state)

    mock.patch.object(OffchainOrder, "_filled", since).start()


def what_fills_late_is_filled() -> None:
    """An order that was cancelled, or refused, and fills after that, is a filled one from then on."""
    import msgspec

    from trading.offchain_order.aggregate import OffchainOrder, OrderState
    from trading.offchain_order.events import LateFilled

    evolve = OffchainOrder.evolve

    def evolved(self: Any, event: Any) -> Any:
        stands = evolve(self, event)
        return msgspec.structs.replace(stands, state=OrderState.FILLED) if isinstance(event, LateFilled) else stands

    mock.patch.object(OffchainOrder, "evolve", evolved).start()


def notices_of_exposure_stay() -> None:
    """Exposure that was told of is hedged, and nobody closes the notice of it."""
    from trading.conductor import exposure_age

    mock.patch.object(exposure_age, "close_notice", return_value=None).start()


BREAKAGES: dict[str, Callable[[], None]] = {
    breakage.__name__: breakage
    for breakage in (
        what_is_short_is_not_listed,
        what_was_sent_is_the_pollers,
        a_clerk_begins_at_the_end,
        no_answer_is_a_no,
        each_report_is_of_new_fills,
        what_fills_late_is_filled,
        notices_of_exposure_stay,
    )
}


if __name__ == "__main__":
    sys.exit(run(BREAKAGES, "orders", sys.argv[1:]))
