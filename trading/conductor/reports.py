"""Reports: what a broker says of an order becomes events of the order and of its position, as one group."""

from datetime import datetime

import structlog

from trading.brokers.orders import OrderReport, OrderRequest, OrderStatus, same_order
from trading.conductor.work import (
    TakenOnMeanwhile,
    expect_nobody_sends,
    forget_refusals,
    halt,
    is_sent_by,
    look_again_at,
    refuse,
    taken_on,
)
from trading.ledger.book import Ledger
from trading.ledger.step import Step
from trading.notices.models import close_notice, open_notice
from trading.offchain_order.aggregate import OffchainOrder, OrderState
from trading.offchain_order.commands import (
    Cancel,
    CompleteFill,
    ConfirmSubmission,
    MarkFailed,
    MarkUnknown,
    RecordLateFill,
    UpdatePartialFill,
)
from trading.offchain_order.events import FailureKind
from trading.position.aggregate import Position
from trading.position.commands import (
    ApplyLateFill,
    ApplyOffChainFill,
    CancelOffChainOrder,
    CompleteOffChainOrder,
    FailOffChainOrder,
)
from trading.values.arithmetic import plain, subtract
from trading.values.quantities import Shares

log = structlog.get_logger(__name__)


def request_of(order: OffchainOrder) -> OrderRequest:
    """The order as it is asked of the broker; the same on every try."""
    if order.client_order_id is None or order.placed_at is None:
        raise ValueError(f"order {order.order_id} has no client order id, so it can't be asked for")
    return OrderRequest(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        shares=order.requested_shares,
        created_at=order.placed_at,
    )


def record(ledger: Ledger, order: OffchainOrder, report: OrderReport, *, now: datetime, actor: str) -> OffchainOrder:
    """Book a broker's report, in one commit: its id, its fills, its end. Return the order as it stands then.

    What the report says is booked, never what was asked for: more filled than requested is a fill, with a notice.
    """
    with ledger.step(at=now, actor=actor) as step:
        step.load(symbols=[order.symbol], orders=[order.order_id])
        known = step.order(order.order_id)
        if known.state is OrderState.NOT_PLACED:
            raise LookupError(f"order {order.order_id} is not in the books")
        if (difference := _difference(order, known, report)) is not None:
            _stop(step, known, difference, now)
        elif _overtaken(order, known, report):
            log.info("Report overtaken by a newer one", order=known.order_id, symbol=known.symbol)
        elif known.has_ended and known.broker_order_id is None:
            _record_found(step, known, report, now)
        elif known.has_ended:
            _record_late(step, known, report, now)
        else:
            _record_open(step, known, report, now)
        stands = step.order(order.order_id)
        if stands.state is not OrderState.UNKNOWN:
            settled(stands, now=now)
        return stands


def record_rejection(
    ledger: Ledger, order: OffchainOrder, reason: str, *, now: datetime, sender: str | None = None
) -> bool:
    """Book that the broker refused the order: it never existed there. The symbol waits before the next one.

    `sender` is who sent it, where another process could send it once more under the same id: one that did so since may
    be there, so nothing is booked then. Return whether it is known by now what became of the order.
    """
    with ledger.step(at=now, actor="dispatcher") as step:
        step.load(symbols=[order.symbol], orders=[order.order_id])
        known = step.order(order.order_id)
        if known.has_ended or known.broker_order_id is not None:
            return True  # Another process heard of it first, and perhaps that the broker has it.
        if sender is not None and not is_sent_by(order.order_id, sender):
            log.warning("Rejection not booked", order=order.order_id, symbol=order.symbol, reason=reason)
            return False
        _fail(step, known, FailureKind.REJECTED, known.filled_shares, reason, now, now)
        return True


def record_never_there(ledger: Ledger, order: OffchainOrder, reason: str, *, now: datetime, actor: str) -> None:
    """Book that the broker, asked often enough, never had the order: the position is free for another one."""
    with ledger.step(at=now, actor=actor) as step:
        step.load(symbols=[order.symbol], orders=[order.order_id])
        known = step.order(order.order_id)
        if known.has_ended or known.broker_order_id != order.broker_order_id or known.filled_shares:
            return  # Another process has heard of it meanwhile.
        _fail(step, known, FailureKind.FAILED, known.filled_shares, reason, now, now)


def record_failed_by_hand(
    ledger: Ledger, order: OffchainOrder, reason: str, *, before: object, now: datetime, actor: str
) -> None:
    """Book an operator's word that the broker does not have the order, and never will.

    `order` and `before`, which is who had taken it on, are as they were when the broker was asked. Raises
    TakenOnMeanwhile where either is not so any more, and BeingSent while a process may be about to hand the order over:
    whoever looks at the broker can't see it yet.
    """
    with ledger.step(at=now, actor=actor) as step:
        step.load(symbols=[order.symbol], orders=[order.order_id])
        known = step.order(order.order_id)
        if not _is_as_asked_about(order, known):
            raise TakenOnMeanwhile(
                f"order {order.order_id} has changed since {order.broker} was asked about it, and is {known.state} now"
            )
        if known.broker_order_id is None:
            expect_nobody_sends(order.order_id, now=now)
        if taken_on(order.order_id) != before:
            raise TakenOnMeanwhile(f"order {order.order_id} was sent, or looked for, while the broker was asked")
        _fail(step, known, FailureKind.FAILED, known.filled_shares, f"failed by {actor}: {reason}", now, now)


def _is_as_asked_about(asked: OffchainOrder, known: OffchainOrder) -> bool:
    return (asked.state, asked.broker_order_id, asked.filled_shares) == (
        known.state,
        known.broker_order_id,
        known.filled_shares,
    )


def stop_for_the_operator(ledger: Ledger, order: OffchainOrder, reason: str, *, now: datetime, actor: str) -> None:
    """Nothing that we can ask tells what became of the order: it stays unknown, and its symbol halts."""
    with ledger.step(at=now, actor=actor) as step:
        step.load(symbols=[order.symbol], orders=[order.order_id])
        known = step.order(order.order_id)
        if not known.is_open or known.broker_order_id is not None:
            return
        with step.group(correlation=f"order:{order.order_id}"):
            step.handle(OffchainOrder, order.order_id, MarkUnknown(reason=reason))
        halt(order.symbol, f"order {order.order_id}: {reason}", now=now)
        open_notice(
            "symbol_halted",
            order.symbol,
            f"nobody but you can tell what became of order {order.order_id} ({order.side} {order.symbol}): {reason}. "
            f"Look at the orders at the broker; then `manage.py reconcile_order {order.order_id} --broker-order ID` if "
            f"one of them is it, or `manage.py fail_order {order.order_id}` if none is, and "
            f"`manage.py resume_symbol {order.symbol}`",
            at=now,
        )


def record_unknown(ledger: Ledger, order: OffchainOrder, reason: str, *, now: datetime, actor: str) -> None:
    """Book that we don't know what became of an order; it is asked for, and never failed by us."""
    with ledger.step(at=now, actor=actor) as step:
        step.load(symbols=[order.symbol], orders=[order.order_id])
        known = step.order(order.order_id)
        # Where another process has found it meanwhile, it is not unknown any more.
        if known.is_open and known.broker_order_id == order.broker_order_id:
            with step.group(correlation=f"order:{order.order_id}"):
                step.handle(OffchainOrder, order.order_id, MarkUnknown(reason=reason))
        elif order.is_open and known.has_ended and known.broker_order_id is None:
            _tell_of_one_that_left_late(known, reason, now)


def _tell_of_one_that_left_late(order: OffchainOrder, reason: str, now: datetime) -> None:
    """It was held to be never there while we were about to send it, and nobody can say whether it is there now."""
    halt(order.symbol, f"order {order.order_id} had ended as {order.state}, and may be at the broker", now=now)
    open_notice(
        "symbol_halted",
        order.symbol,
        f"order {order.order_id} ({order.side} {order.symbol}) had ended as {order.state} when it left for the broker, "
        f"which may have it: {reason}. Its shares may have been hedged by another order since. Look at the orders "
        f"there; then `manage.py recheck_order {order.order_id} --reason …`, or `manage.py reconcile_order "
        f"{order.order_id} --broker-order ID --reason …` where {order.broker} knows no ids of ours, which books what "
        f"it filled, and `manage.py resume_symbol {order.symbol} --reason …`",
        at=now,
    )


def _difference(asked: OffchainOrder, known: OffchainOrder, report: OrderReport) -> str | None:
    """Tell why a report can't be of our order: as it was when the broker was asked, and as it is known now."""
    if known.broker_order_id not in (None, report.broker_order_id):
        return f"expected the broker's order {known.broker_order_id}, was {report.broker_order_id}"
    if report.filled_shares < asked.filled_shares:
        return f"expected at least {plain(asked.filled_shares)} shares filled, was {plain(report.filled_shares)}"
    return None if known.client_order_id is None else same_order(request_of(known), report)


def _overtaken(asked: OffchainOrder, known: OffchainOrder, report: OrderReport) -> bool:
    """Tell whether another process, which asked later, has booked more than this report knows of.

    An order that ended without an id of the broker's was never there, as far as that one knew: that it is, is news.
    """
    ended_meanwhile = known.has_ended and not asked.has_ended and known.broker_order_id is not None
    return report.filled_shares < known.filled_shares or ended_meanwhile


def _stop(step: Step, order: OffchainOrder, difference: str, now: datetime) -> None:
    """Nothing of a report that can't be of this order is booked: the symbol halts."""
    halt(order.symbol, f"order {order.order_id}: {difference}", now=now)
    open_notice(
        "symbol_halted",
        order.symbol,
        f"the broker's report is not of our order {order.order_id}: {difference}. Nothing of it was booked. "
        f"Look at the order at the broker, then `manage.py resume_symbol {order.symbol} --reason …`",
        at=now,
    )
    if order.is_open:
        with step.group(correlation=f"order:{order.order_id}"):
            step.handle(OffchainOrder, order.order_id, MarkUnknown(reason=difference))


def _record_open(step: Step, order: OffchainOrder, report: OrderReport, now: datetime) -> None:
    if report.filled_shares > order.filled_shares:
        forget_refusals(order.symbol)
    with step.group(correlation=f"order:{order.order_id}"):
        if order.broker_order_id is None or order.state is OrderState.UNKNOWN:
            step.handle(OffchainOrder, order.order_id, _confirmation(order, report))
        match report.status:
            case OrderStatus.PARTIALLY_FILLED:
                _fill_partly(step, order, report)
            case OrderStatus.FILLED:
                _complete(step, order, report)
            case OrderStatus.CANCELLED:
                _cancel(step, order, report)
            case OrderStatus.ACCEPTED | OrderStatus.REJECTED | OrderStatus.EXPIRED:
                pass  # Nothing was filled, or the end is booked below.
    if report.status in _FAILURES:
        kind, reason = _FAILURES[report.status], report.reason or f"{report.status.lower()} by the broker"
        _fail(step, order, kind, report.filled_shares, reason, report.updated_at, now, report)
    elif report.status is OrderStatus.CANCELLED:
        _refused(order, report.reason or "cancelled by the broker", now)
    _tell_overfill(order, report, now)


_FAILURES = {OrderStatus.REJECTED: FailureKind.REJECTED, OrderStatus.EXPIRED: FailureKind.EXPIRED}


def _fill_partly(step: Step, order: OffchainOrder, report: OrderReport) -> None:
    step.handle(
        OffchainOrder,
        order.order_id,
        UpdatePartialFill(
            shares_filled=report.filled_shares,
            average_price_usd=report.average_price_usd,
            partially_filled_at=report.updated_at,
        ),
    )
    step.handle(
        Position,
        order.symbol,
        ApplyOffChainFill(
            order_id=order.order_id,
            side=order.side,
            shares_filled=report.filled_shares,
            average_price_usd=report.average_price_usd,
            broker_timestamp=report.updated_at,
        ),
    )


def _complete(step: Step, order: OffchainOrder, report: OrderReport) -> None:
    step.handle(
        OffchainOrder,
        order.order_id,
        CompleteFill(
            shares_filled=report.filled_shares,
            average_price_usd=report.average_price_usd,
            filled_at=report.updated_at,
        ),
    )
    step.handle(
        Position,
        order.symbol,
        CompleteOffChainOrder(
            order_id=order.order_id,
            side=order.side,
            shares_filled=report.filled_shares,
            broker_order_id=report.broker_order_id,
            average_price_usd=report.average_price_usd,
            broker_timestamp=report.updated_at,
        ),
    )


def _cancel(step: Step, order: OffchainOrder, report: OrderReport) -> None:
    reason = report.reason or "cancelled by the broker"
    step.handle(
        OffchainOrder,
        order.order_id,
        Cancel(
            shares_filled=report.filled_shares,
            average_price_usd=report.average_price_usd,
            reason=reason,
            cancelled_at=report.updated_at,
        ),
    )
    step.handle(
        Position,
        order.symbol,
        CancelOffChainOrder(
            order_id=order.order_id,
            shares_filled=report.filled_shares,
            reason=reason,
            cancelled_at=report.updated_at,
        ),
    )


def _fail(
    step: Step,
    order: OffchainOrder,
    kind: FailureKind,
    filled: Shares,
    reason: str,
    failed_at: datetime,
    now: datetime,
    report: OrderReport | None = None,
) -> None:
    with step.group(correlation=f"order:{order.order_id}"):
        step.handle(
            OffchainOrder,
            order.order_id,
            MarkFailed(
                kind=kind,
                error=reason,
                shares_filled=filled,
                average_price_usd=None if report is None else report.average_price_usd,
                failed_at=failed_at,
            ),
        )
        step.handle(
            Position,
            order.symbol,
            FailOffChainOrder(order_id=order.order_id, shares_filled=filled, error=reason, failed_at=failed_at),
        )
    settled(order, now=now)
    _refused(order, reason, now)


def _refused(order: OffchainOrder, reason: str, now: datetime) -> None:
    """After a refusal the symbol waits, longer each time; five alike halt it."""
    log.warning("Order ended unfilled", order=order.order_id, symbol=order.symbol, reason=reason)
    wait = refuse(order.symbol, reason, now=now)
    if wait.halted_at == now:
        open_notice(
            "symbol_halted",
            order.symbol,
            f"{wait.times} orders in a row ended with: {reason}. Nothing more is placed until you mend the cause "
            f"and `manage.py resume_symbol {order.symbol} --reason …`",
            at=now,
        )


def _record_found(step: Step, order: OffchainOrder, report: OrderReport, now: datetime) -> None:
    """The broker has an order that we hold to be refused, or never there: from now on it is asked for its fills."""
    with step.group(correlation=f"order:{order.order_id}"):
        step.handle(OffchainOrder, order.order_id, _confirmation(order, report))
    _record_late(step, order, report, now)
    if report.status.is_end:
        return  # Nothing more comes of it, and what it filled is booked.
    look_again_at(order.order_id, at=now)
    halt(order.symbol, f"order {order.order_id} had ended as {order.state}, and is open at the broker", now=now)
    open_notice(
        "symbol_halted",
        order.symbol,
        f"order {order.order_id} ({order.side} {order.symbol}) had ended as {order.state}, and is open at the broker "
        f"as {report.broker_order_id}. It may still fill, and its shares may have been hedged by another order since. "
        f"Cancel it there; then `manage.py recheck_order {order.order_id} --reason …`, which books what it filled, and "
        f"`manage.py resume_symbol {order.symbol} --reason …`",
        at=now,
    )


def _confirmation(order: OffchainOrder, report: OrderReport) -> ConfirmSubmission:
    return ConfirmSubmission(
        broker_order_id=report.broker_order_id,
        accepted_shares=report.requested_shares or order.requested_shares,
        submitted_at=report.submitted_at,
    )


def _record_late(step: Step, order: OffchainOrder, report: OrderReport, now: datetime) -> None:
    added = subtract(report.filled_shares, order.filled_shares)
    with step.group(correlation=f"order:{order.order_id}"):
        step.handle(
            OffchainOrder,
            order.order_id,
            RecordLateFill(
                shares_filled=report.filled_shares,
                average_price_usd=report.average_price_usd,
                late_filled_at=report.updated_at,
            ),
        )
        if not added:
            return  # At most the price became known, which moves no exposure.
        step.handle(
            Position,
            order.symbol,
            ApplyLateFill(
                order_id=order.order_id,
                side=order.side,
                shares_added=Shares(added),
                average_price_usd=report.average_price_usd,
                broker_timestamp=report.updated_at,
            ),
        )
    open_notice(
        "late_fill",
        f"order {order.order_id}",
        f"order {order.order_id} had ended as {order.state} with {plain(order.filled_shares)} shares of {order.symbol} "
        f"filled; the broker now says {plain(report.filled_shares)}. The {plain(added)} more are booked",
        at=now,
    )


def _tell_overfill(order: OffchainOrder, report: OrderReport, now: datetime) -> None:
    if report.filled_shares > order.requested_shares:
        open_notice(
            "overfill",
            f"order {order.order_id}",
            f"the broker filled {plain(report.filled_shares)} shares of {order.symbol}, "
            f"{plain(order.requested_shares)} were asked for. All are booked",
            at=now,
        )


def settled(order: OffchainOrder, *, now: datetime) -> None:
    """Close what was open about an order that the broker can be asked about again, or that has ended.

    In the commit that books so: a process that dies after it leaves no notice that nobody would close.
    """
    close_notice("order_stuck", f"order {order.order_id}", at=now)
