"""Executions: each is one order at the broker, placed after its decision, strongest first, and filled as it says."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet

from audit_trail.executions.comparing import differences
from audit_trail.executions.legacy import AlpacaOrder
from audit_trail.executions.models import DecisionHolding, ExecutionFill, TradeExecution
from audit_trail.executions.orders import OPEN, OrderState
from trading.invariants.looking import Look
from trading.invariants.violations import Wrong, invariant
from trading.risk.records import Denial, RiskCheck
from trading.values.arithmetic import ZERO, add, plain
from trading.values.sides import Side

ENDED = frozenset(state.value for state in set(OrderState) - set(OPEN))


def executions(look: Look) -> "QuerySet[TradeExecution]":
    """The attempts that are looked at: those of old that are open, or ended lately, are."""
    rows: QuerySet[TradeExecution] = TradeExecution.objects.select_related("trade_decision")
    if look.since is None:
        return rows
    return rows.filter(Q(placed_at__gte=look.since) | Q(ended_at__gte=look.since) | Q(status__in=OPEN))


@invariant("I4", "I13")
def execution_is_one_order(look: Look) -> Iterator[Wrong]:
    """No two attempts, and no attempt and a hedge, are one order at the broker; each is named after its decision."""
    for page in look.pages(executions(look).exclude(status=OrderState.DENIED)):
        theirs = {row.broker_order_id for row in page if row.broker_order_id is not None}
        taken: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for other in TradeExecution.objects.filter(broker_order_id__in=theirs).select_related("trade_decision"):
            taken[other.trade_decision.broker, other.broker_order_id].append(f"execution {other.pk}")
        for hedge in look.all_orders().filter(broker_order_id__in=theirs):
            taken[hedge.broker, hedge.broker_order_id].append(f"hedge {hedge.pk}")
        for row in page:
            decision = row.trade_decision
            if len(found := taken[decision.broker, row.broker_order_id or ""]) > 1:
                yield _wrong(row, f"one order that is {decision.broker}'s {row.broker_order_id}", ", ".join(found))
            parts = (row.client_order_id or "").split("-")
            if parts[:1] != ["htd"] or parts[-2:] != [decision.decision_id.hex, str(row.attempt_number)]:
                expected = f"our id htd-MARK-{decision.decision_id.hex}-{row.attempt_number}"
                yield _wrong(row, expected, f"{row.client_order_id}")


@invariant("I6")
def execution_fills_add_up(look: Look) -> Iterator[Wrong]:
    """What an attempt says was filled is what its fills come to, one after the other, and an end has its time."""
    for page in look.pages(executions(look)):
        fills: defaultdict[int, list[Any]] = defaultdict(list)
        for fill in ExecutionFill.objects.filter(trade_execution__in=page).order_by("pk"):
            fills[fill.trade_execution_id].append(fill)
        for row in page:
            sum_so_far = ZERO
            for fill in fills[row.pk]:
                sum_so_far = add(sum_so_far, fill.shares)
                if fill.filled_shares != sum_so_far:
                    expected = f"{plain(sum_so_far)} filled in all, with fill {fill.pk}"
                    yield _wrong(row, expected, plain(fill.filled_shares))
            if row.filled_shares != sum_so_far:
                yield _wrong(row, f"{plain(sum_so_far)} filled, as its fills say", plain(row.filled_shares))
            if (row.status in ENDED) is not (row.ended_at is not None):
                yield _wrong(
                    row, "a time of its end if it ended, and only then", f"{row.ended_at}, and it is {row.status}"
                )


@invariant("I1")
def decisions_hold_what_was_filled(look: Look) -> Iterator[Wrong]:
    """What decisions hold of a symbol in an account is what their orders filled there; exactly."""
    yield from _held_nowhere(look)
    for row in look.each(look.begun(DecisionHolding.objects.all(), "changed_at")):
        bought = sold = ZERO
        for side, shares in _filled(look, row):
            if side == Side.BUY:
                bought = add(bought, shares)
            else:
                sold = add(sold, shares)
        if (row.bought_shares, row.sold_shares) != (bought, sold):
            yield Wrong(
                f"{row.symbol} in {row.broker} …{row.account_number[-4:]}",
                f"{plain(bought)} bought and {plain(sold)} sold, as fills say",
                f"{plain(row.bought_shares)} bought and {plain(row.sold_shares)} sold",
                f"manage.py symbol_report {row.symbol}",
            )


def _held_nowhere(look: Look) -> Iterator[Wrong]:
    """Fills of which no holding is kept at all."""
    held = set(DecisionHolding.objects.values_list("broker", "account_number", "symbol"))
    for row in look.each(executions(look)):
        decision = row.trade_decision
        if row.filled_shares and (decision.broker, decision.account_number, decision.symbol) not in held:
            expected = f"{decision.symbol} held in {decision.broker} …{decision.account_number[-4:]}"
            yield _wrong(row, expected, f"{plain(row.filled_shares)} filled, and no holding of it")


def _filled(look: Look, holding: DecisionHolding) -> Iterator[tuple[str, Decimal]]:
    of = {"broker": holding.broker, "account_number": holding.account_number, "symbol": holding.symbol}
    decided = TradeExecution.objects.filter(**{f"trade_decision__{name}": value for name, value in of.items()})
    for row in look.each(decided.select_related("trade_decision")):
        yield row.trade_decision.side, row.filled_shares
    # Of the time when USE_AUDIT_TRAIL was off.
    for order in look.each(AlpacaOrder.objects.filter(trade_decision=None, **of)):
        yield order.side, order.filled_qty


@invariant("I5")
def decided_before_it_was_executed(look: Look) -> Iterator[Wrong]:
    """No attempt was placed, or committed, before its decision was, nor on another day than it is for."""
    for row in look.each(executions(look)):
        decision = row.trade_decision
        if row.placed_at < decision.decided_at:
            expected = f"placed after {decision.decided_at.isoformat()}, when it was decided"
            yield _wrong(row, expected, row.placed_at.isoformat())
        if row.created_at < decision.created_at:
            expected = f"stored after its decision, at {decision.created_at.isoformat()}"
            yield _wrong(row, expected, row.created_at.isoformat())


@invariant("I11")
def execution_was_let_through(look: Look) -> Iterator[Wrong]:
    """Each attempt that was placed passed the risk gate, for no more shares than it may be for."""
    for page in look.pages(executions(look).exclude(status=OrderState.DENIED)):
        checks = RiskCheck.objects.in_bulk([row.client_order_id for row in page if row.client_order_id is not None])
        for row in page:
            decision, check = row.trade_decision, checks.get(row.client_order_id or "")
            if check is None:
                yield _wrong(row, "a record of what the risk gate saw", "none")
                continue
            passed = (check.broker, check.strategy, check.symbol, check.side)
            wanted = (decision.broker, decision.strategy_name, decision.symbol, decision.side)
            if passed != wanted:
                yield _wrong(row, f"placed as it was let through: {passed}", f"{wanted}")
            if row.requested_shares is not None and row.requested_shares > check.allowed_shares:
                yield _wrong(row, f"{plain(check.allowed_shares)} shares at most", plain(row.requested_shares))


@invariant("I13")
def strongest_is_executed_first(look: Look) -> Iterator[Wrong]:
    """Of what one process executed on one side, nothing weaker went before what was decided and stronger."""
    runs: dict[str, _Run] = {}
    for row in look.each(executions(look).filter(attempt_number=1).exclude(sender=None)):
        decision = row.trade_decision
        run = runs.setdefault(f"{row.sender} {decision.side} {decision.trading_day}", _Run(row))
        weaker = run.weakest
        strength = decision.signal_strength
        if strength > weaker.trade_decision.signal_strength and decision.decided_at <= run.began_at:
            if not _was_denied_before(row):
                expected = f"executed before {weaker}, which is weaker"
                yield _wrong(row, expected, f"after it, with a strength of {plain(strength)}")
        elif strength < weaker.trade_decision.signal_strength:
            run.weakest = row


class _Run:
    """What one process executed on one side of one day."""

    def __init__(self, first: TradeExecution) -> None:
        self.began_at = first.placed_at
        self.weakest = first


def _was_denied_before(row: TradeExecution) -> bool:
    """Tell whether it was passed by because something stood in its way then."""
    decision = row.trade_decision
    denials = Denial.objects.filter(broker=decision.broker, strategy=decision.strategy_name, symbol=decision.symbol)
    return denials.filter(first_at__lte=row.placed_at, last_at__gte=decision.decided_at).exists()


@invariant("I8")
def legacy_orders_agree(look: Look) -> Iterator[Wrong]:
    """Executions and the legacy order log say the same, order by order."""
    look.looked_at += executions(look).count()
    for line in differences(since=look.since):
        subject, _, told = line.partition(": ")
        yield Wrong(
            f"order {subject}", "the same in trade_executions and alpaca_orders", told, "manage.py compare_orders"
        )


def _wrong(row: TradeExecution, expected: str, found: str) -> Wrong:
    where = f"manage.py trade_failure {row.trade_decision.decision_id}"
    return Wrong(f"execution {row.client_order_id or row.pk}", expected, found, where)
