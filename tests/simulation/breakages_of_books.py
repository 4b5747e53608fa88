"""Breakages of books: a guarantee taken out, which an invariant of the product's own finds to be gone, by our rows.

python -m tests.simulation.breakages_of_books NAME --schedules 20 --broker alpaca [--first-seed N] [--tell]
"""

import sys
from collections.abc import Callable
from typing import Any
from unittest import mock

from tests.simulation.taken_out import run

# Fills on chain, and what stands behind an order.


def the_position_alone_is_told_of_a_reorg() -> None:
    """The exposure of a fill that the chain no longer has is taken back, and its trade stands."""
    from trading.conductor import reversal
    from trading.position.aggregate import Position
    from trading.position.commands import RevertOnChainFill

    def revert(step: Any, trade: Any) -> None:
        fill = trade.fill
        taken_back = RevertOnChainFill(
            trade=trade.trade, side=fill.side, amount=fill.amount, block_number=fill.block_number
        )
        with step.group(correlation=reversal.correlation_of(trade.trade)):
            step.handle(Position, fill.symbol, taken_back)

    mock.patch.object(reversal, "_revert", revert).start()


def what_did_not_fill_is_not_given_back() -> None:
    """Fills stay linked to an order that ended, for all shares that it was placed for."""
    from trading.ledger.links import LinkBook

    mock.patch.object(LinkBook, "_release", return_value=None).start()


# Orders.


def switches_stop_who_sends_alone() -> None:
    """The gate does not look at kill switches, since nothing is sent while one is on."""
    from trading.risk import gate

    mock.patch.object(gate._Examination, "_kill_switch", return_value=None).start()


def orders_that_are_known_are_taken_again() -> None:
    """An order that is looked for is taken to be one at the broker that another order of ours is already."""
    from trading.conductor import dispatcher
    from trading.conductor.verbs import order_verbs

    for each in (dispatcher, order_verbs):
        mock.patch.object(each, "linked", return_value=lambda ids: set()).start()


def orders_are_sent_as_of_when_the_turn_began() -> None:
    """Nobody asks whether an order was placed, by another process, after the turn began in which it is sent."""
    from trading.conductor.dispatcher import Dispatcher

    dispatch, run_once = Dispatcher._dispatch, Dispatcher.run_once
    began: dict[Any, Any] = {}

    def running(self: Any, *, now: Any) -> bool:
        began[self] = now
        return run_once(self, now=now)

    mock.patch.object(Dispatcher, "run_once", running).start()
    mock.patch.object(Dispatcher, "_dispatch", lambda self, order, _: dispatch(self, order, began[self])).start()


def what_filled_has_no_time_of_its_end() -> None:
    """An order that filled has ended, and when it did is forgotten.

    Only a ledger of events alone keeps that: the older tables have a constraint that refuses such a row.
    """
    import msgspec

    from trading.offchain_order.aggregate import OffchainOrder
    from trading.offchain_order.events import Filled

    evolve = OffchainOrder.evolve

    def without(self: Any, event: Any) -> Any:
        after = evolve(self, event)
        return msgspec.structs.replace(after, ended_at=None) if isinstance(event, Filled) else after

    mock.patch.object(OffchainOrder, "evolve", without).start()


def what_expired_filled_nothing() -> None:
    """An order that expired, or was refused after all, is taken to have filled nothing."""
    import msgspec

    from trading.offchain_order.aggregate import NONE, OffchainOrder

    failed = OffchainOrder._failed
    mock.patch.object(
        OffchainOrder, "_failed", lambda *told: msgspec.structs.replace(failed(*told), shares_filled=NONE)
    ).start()


def nothing_is_put_aside() -> None:
    """What an operator said that the account held besides is not counted."""
    from trading.conductor.reconciling import holding_checks
    from trading.values.arithmetic import ZERO

    compared = holding_checks._compared
    mock.patch.object(
        holding_checks, "_compared", lambda row, **facts: compared(row, **{**facts, "baseline": ZERO})
    ).start()


# The log.


def events_stand_alone() -> None:
    """The hash of an event is of itself, and not of the one before it in its stream."""
    from eventstore import on_sqlite
    from eventstore.hashing import hash_of

    mock.patch.object(on_sqlite, "hash_of", lambda _, *event: hash_of("", *event)).start()


BREAKAGES: dict[str, Callable[[], None]] = {
    breakage.__name__: breakage
    for breakage in (
        the_position_alone_is_told_of_a_reorg,
        what_did_not_fill_is_not_given_back,
        switches_stop_who_sends_alone,
        orders_that_are_known_are_taken_again,
        orders_are_sent_as_of_when_the_turn_began,
        what_filled_has_no_time_of_its_end,
        what_expired_filled_nothing,
        nothing_is_put_aside,
        events_stand_alone,
    )
}


if __name__ == "__main__":
    sys.exit(run(BREAKAGES, "orders", sys.argv[1:]))
