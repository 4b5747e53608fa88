"""Ends: what is filled only grows, an end is an end, and nothing is failed but by proof."""

from collections.abc import Iterable, Iterator
from typing import Any

from eventstore.codec import CannotDecode
from eventstore.store import ChainBroken, Recorded, streams
from trading.conductor.reconciling.holding_checks import HoldingCheck
from trading.conductor.verbs.requests import OperatorRequest, RequestState, Verb
from trading.invariants.looking import Look
from trading.invariants.violations import Wrong, invariant
from trading.ledger.mode import Mode
from trading.offchain_order.aggregate import ENDS, OffchainOrder, OrderState
from trading.offchain_order.events import LateFilled, Relinked, Submitted
from trading.submission.submitter import NEVER_HAD
from trading.values.arithmetic import plain

ENDED = frozenset(state.value for state in ENDS)
AFTER_AN_END = (LateFilled, Relinked, Submitted)
"""What may still become known of an order that has ended: none of it opens it again."""

BY_HAND = "failed by "


@invariant("I6")
def state_has_its_facts(look: Look) -> Iterator[Wrong]:
    """What an order's state says is borne out by its row: an end has its time, and what is filled is at the broker."""
    for order in look.each(look.orders().filter(client_order_id__isnull=False)):
        state, filled = order.detailed_status, order.filled_shares
        ended = state in ENDED
        if ended is not (order.ended_at is not None):
            yield _wrong(order, "a time of its end if it ended, and only then", f"{order.ended_at}, and it is {state}")
        if filled < 0:
            yield _wrong(order, "0 shares filled, or more", plain(filled))
        if filled and order.broker_order_id is None:
            yield _wrong(order, "the broker's id of an order that filled", f"none, and {plain(filled)} filled")
        if state in (OrderState.FILLED, OrderState.PARTIALLY_FILLED) and not filled:
            yield _wrong(order, "shares that were filled", f"none, and it is {state}")
        if state in (OrderState.SUBMITTED, OrderState.PARTIALLY_FILLED) and order.broker_order_id is None:
            yield _wrong(order, "the broker's id of an order that it has", f"none, and it is {state}")


@invariant("I6")
def fills_only_grow(look: Look) -> Iterator[Wrong]:
    """By its events no order ever had fewer shares filled than before, and none went on after its end."""
    if look.mode is Mode.LEGACY:
        return  # There are no events.
    for orders in look.pages(look.orders().only("pk")):
        ids = [str(order.pk) for order in orders]
        try:
            histories = streams(OffchainOrder.aggregate_type, ids)
        except (CannotDecode, LookupError, ChainBroken) as error:
            yield Wrong(f"orders {ids[0]} to {ids[-1]}", "events that can be read", str(error), "manage.py verify_log")
            continue
        for id in ids:
            yield from _of_history(id, histories[id])


def _of_history(id: str, history: Iterable[Recorded]) -> Iterator[Wrong]:
    where, order = f"manage.py show_stream OffchainOrder {id}", OffchainOrder.initial(id)
    for recorded in history:
        event: Any = recorded.event
        after = order.evolve(event)
        if after.filled_shares < order.filled_shares:
            expected = f"{plain(order.filled_shares)} shares filled or more at version {recorded.version}"
            yield Wrong(f"order {id}", expected, plain(after.filled_shares), where)
        if order.has_ended and not isinstance(event, AFTER_AN_END):
            expected = f"nothing after its end, at version {recorded.version}"
            yield Wrong(f"order {id}", expected, type(event).__name__, where)
        order = after


@invariant("I7")
def unknown_is_failed_by_proof_alone(look: Look) -> Iterator[Wrong]:
    """An order failed only because the broker, asked often enough, never had it, or because an operator said so."""
    failed = look.orders().filter(client_order_id__isnull=False, detailed_status=OrderState.FAILED)
    for orders in look.pages(failed):
        asked = set(
            OperatorRequest.objects.filter(
                verb=Verb.FAIL_ORDER,
                subject__in=[str(order.pk) for order in orders],
                state__in=[RequestState.DONE, RequestState.WORKING],
            ).values_list("subject", flat=True)
        )
        for order in orders:
            reason = order.reason or ""
            if reason.startswith(BY_HAND):
                if str(order.pk) not in asked:
                    yield _wrong(order, "the operator's request to fail it", f"none, and it {reason}")
            elif not reason.startswith(NEVER_HAD):
                expected = "that the broker never had it, or an operator's word, as its reason"
                yield _wrong(order, expected, reason or "none")


@invariant("I6")
def broker_holds_what_is_booked(look: Look) -> Iterator[Wrong]:
    """What the account holds of a symbol is what is booked and put aside, look after look."""
    for row in look.each(look.begun(HoldingCheck.objects.all(), "as_of")):
        if row.differs_since is not None and row.differs_since < row.as_of:
            yield Wrong(
                f"{row.symbol} at {row.broker}",
                f"{plain(row.booked_shares)} booked and {plain(row.baseline_shares)} put aside",
                f"{plain(row.held_shares)} held since {row.differs_since.isoformat()}",
                f"the broker's own list of orders in {row.symbol}; docs/operations.md, holding_difference",
            )


def _wrong(order: Any, expected: str, found: str) -> Wrong:
    return Wrong(f"order {order.pk}", expected, found, f"manage.py show_stream OffchainOrder {order.pk}")
