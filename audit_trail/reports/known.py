"""What was known: of one symbol at one moment, each thing as it was then, and nothing that came later."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from django.db.models import Q, QuerySet

from audit_trail.decisions.models import Status, TradeDecision
from audit_trail.executions.models import ExecutionFill, TradeExecution
from audit_trail.ingestion.records import SourceRecord
from audit_trail.reports.hedges import orders_table
from audit_trail.reports.moves import bars_known, closed_at
from audit_trail.reports.symbol import MOST, IngestedRecord, ingested_records, with_columns
from eventstore.history import CannotReplay, NoSuchState, state_at
from trading.brokers.market import Quote
from trading.fields import exact_sum
from trading.position.aggregate import Position
from trading.risk.facts import BrokerFact, FactKind
from trading.risk.records import RiskCheck
from trading.values.arithmetic import ZERO, canonical, subtract
from trading.values.sides import Side
from trading.values.symbols import Symbol

_INSTANT = timedelta(microseconds=1)


class KnownRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record in the version that was known then."""

    told: IngestedRecord
    row: str
    """As it was received."""


class KnownPrice(msgspec.Struct, frozen=True, kw_only=True):
    """A price that was known then, and who told it."""

    at: datetime
    source: str
    price_usd: Decimal


class DecisionThen(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that was stored by then, as it stood."""

    decided_at: datetime
    decision: UUID
    strategy: str
    side: str
    shares: Decimal | None
    notional_usd: Decimal | None
    signal_strength: Decimal
    trigger: str
    status_then: str
    """By the times that the row keeps: submitted also where nobody knew what had become of its order."""

    rationale: str


class ExecutionThen(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that was begun by then, with what was booked of it."""

    placed_at: datetime
    decision: UUID
    our_order: str | None
    requested_shares: Decimal | None
    filled_shares_then: Decimal
    average_price_usd_then: Decimal | None


class OrderThen(msgspec.Struct, frozen=True, kw_only=True):
    """A hedge order that was placed by then."""

    placed_at: datetime
    order: int
    our_order: str | None
    broker: str
    side: str
    requested_shares: Decimal
    status_then: str
    """`open` where it had not ended: what was filled by then is in the position's pending order."""

    filled_shares_then: Decimal | None
    ended_at: datetime | None


class PositionThen(msgspec.Struct, frozen=True, kw_only=True):
    """The hedge position after the last event that was recorded by then."""

    version: int
    recorded_at: datetime
    state: dict[str, Any]


class KnownThen(msgspec.Struct, frozen=True, kw_only=True):
    """What was known, decided, held and hedged of a symbol at a moment, that moment included."""

    tables: ClassVar[tuple[str, ...]] = ("records", "decisions", "executions", "hedge_orders", "prices")

    symbol: str
    at: datetime
    records: tuple[KnownRecord, ...]
    prices: tuple[KnownPrice, ...]
    """The newest of each source, the newest first. Prices that were asked for and not kept are in the calls alone."""

    decisions: tuple[DecisionThen, ...]
    executions: tuple[ExecutionThen, ...]
    held_by_decisions_shares: Decimal
    """Bought less sold by fills of executions that were booked by then, over all accounts."""

    position: PositionThen | None
    position_unknown: str | None
    """Why no position is told."""

    hedge_orders: tuple[OrderThen, ...]
    cut: tuple[str, ...]
    """The lists of which only the newest rows are told."""


def what_was_known(*, symbol: Symbol, at: datetime, limit: int = MOST) -> KnownThen:
    """Tell what was known of a symbol at a moment, at most `limit` rows of each list."""
    before = at + _INSTANT
    decided = list(
        TradeDecision.objects.filter(symbol=symbol, decided_at__lt=before, created_at__lt=before).order_by(
            "-decided_at", "-pk"
        )[: limit + 1]
    )
    attempts = _attempts(decided[:limit], before)
    filled = {
        attempt.trade_decision_id
        for attempt, told in attempts
        if told.filled_shares_then == attempt.filled_shares != ZERO
    }
    position, unknown = _position(symbol, at)
    found: dict[str, Sequence[Any]] = {
        "records": _records(symbol, at, limit + 1),
        "decisions": [_decision(row, at, filled) for row in decided],
        "executions": [execution for _, execution in attempts],
        "hedge_orders": _orders(symbol, before, limit + 1),
    }
    return KnownThen(
        symbol=symbol,
        at=at,
        prices=tuple(_prices(symbol, before, position, decided[:1])),
        held_by_decisions_shares=_held(symbol, before),
        position=position,
        position_unknown=unknown,
        cut=tuple(name for name, rows in found.items() if len(rows) > limit),
        **{name: tuple(rows[:limit]) for name, rows in found.items()},
    )


def _records(symbol: Symbol, at: datetime, limit: int) -> list[KnownRecord]:
    rows = list(
        with_columns(SourceRecord.objects.known(at=at).filter(symbol=symbol)).order_by("-known_at", "-pk")[:limit]
    )
    return [KnownRecord(told=told, row=row.row) for told, row in zip(ingested_records(rows), rows, strict=True)]


def _attempts(decided: Sequence[TradeDecision], before: datetime) -> list[tuple[TradeExecution, ExecutionThen]]:
    ids = {row.pk: row.decision_id for row in decided}
    rows = list(
        TradeExecution.objects.filter(trade_decision__in=list(ids), placed_at__lt=before).order_by("-placed_at", "-pk")
    )
    booked = ExecutionFill.objects.filter(trade_execution__in=[row.pk for row in rows], booked_at__lt=before)
    # Fills are cumulative, so of each attempt the last one that was booked tells of all.
    newest = {fill.trade_execution_id: fill for fill in booked.order_by("pk")}
    found = []
    for row in rows:
        fill = newest.get(row.pk)
        told = ExecutionThen(
            placed_at=row.placed_at,
            decision=ids[row.trade_decision_id],
            our_order=row.client_order_id,
            requested_shares=row.requested_shares,
            filled_shares_then=ZERO if fill is None else fill.filled_shares,
            average_price_usd_then=None if fill is None else fill.average_price_usd,
        )
        found.append((row, told))
    return found


def _decision(row: TradeDecision, at: datetime, filled: Collection[int]) -> DecisionThen:
    return DecisionThen(
        decided_at=row.decided_at,
        decision=row.decision_id,
        strategy=row.strategy_name,
        side=row.side,
        shares=row.shares,
        notional_usd=row.notional_usd,
        signal_strength=row.signal_strength,
        trigger=row.trigger_event,
        status_then=_status(row, at, filled=row.pk in filled),
        rationale=row.decision_rationale,
    )


def _status(row: TradeDecision, at: datetime, *, filled: bool) -> str:
    # The broker's clock says when an order was filled, and ours when we came to know of it.
    if row.executed_at is not None and row.executed_at <= at and filled:
        return str(row.status)
    for when, status in ((row.failed_at, Status.FAILED), (row.cancelled_at, Status.CANCELLED)):
        if when is not None and when <= at:
            return status.value
    if row.submitted_at is not None and row.submitted_at <= at:
        return Status.SUBMITTED.value
    return Status.PENDING.value


def _held(symbol: Symbol, before: datetime) -> Decimal:
    fills: QuerySet[ExecutionFill] = ExecutionFill.objects.filter(
        trade_execution__trade_decision__symbol=symbol, booked_at__lt=before
    )
    bought, sold = (exact_sum(fills.filter(trade_execution__trade_decision__side=side), "shares") for side in Side)
    return canonical(subtract(bought, sold))


def _position(symbol: Symbol, at: datetime) -> tuple[PositionThen | None, str | None]:
    try:
        found = state_at(Position.aggregate_type, symbol, at=at)
    except (NoSuchState, CannotReplay) as error:
        return None, str(error)
    return PositionThen(version=found.version, recorded_at=found.recorded_at, state=found.state), None


def _orders(symbol: Symbol, before: datetime, limit: int) -> list[OrderThen]:
    rows = orders_table().objects.filter(symbol=symbol, placed_at__lt=before).order_by("-placed_at", "-pk")
    found = []
    for row in rows[:limit]:
        ended = row.ended_at is not None and row.ended_at < before
        found.append(
            OrderThen(
                placed_at=row.placed_at,
                order=row.pk,
                our_order=row.client_order_id,
                broker=row.broker,
                side=row.side,
                requested_shares=row.shares,
                status_then=row.detailed_status if ended else "open",
                filled_shares_then=row.filled_shares if ended else None,
                ended_at=row.ended_at if ended else None,
            )
        )
    return found


def _prices(
    symbol: Symbol, before: datetime, position: PositionThen | None, newest: Sequence[TradeDecision]
) -> list[KnownPrice]:
    found = [*_checked(symbol, before), *_quoted(symbol, before), *_on_chain(position), *_closed(symbol, before)]
    found += [
        KnownPrice(at=row.decided_at, source="reference of a decision", price_usd=row.reference_price_usd)
        for row in newest
        if row.reference_price_usd is not None
    ]
    return sorted(found, key=lambda price: price.at, reverse=True)


def _checked(symbol: Symbol, before: datetime) -> Iterator[KnownPrice]:
    check = RiskCheck.objects.filter(symbol=symbol, checked_at__lt=before).order_by("-checked_at").first()
    if check is not None:
        yield KnownPrice(at=check.checked_at, source="risk check of an order", price_usd=check.price_usd)


def _quoted(symbol: Symbol, before: datetime) -> Iterator[KnownPrice]:
    """The broker's quote, if what it said last is from before: an earlier one is not kept."""
    for fact in BrokerFact.objects.filter(
        Q(kind=FactKind.QUOTE.value, subject=symbol, as_of__lt=before) & Q(body__isnull=False)
    ):
        answer = fact.readable()
        if isinstance(answer, Quote) and answer.last_usd is not None:
            yield KnownPrice(at=answer.as_of, source=f"quote of {fact.broker}", price_usd=answer.last_usd)


def _on_chain(position: PositionThen | None) -> Iterator[KnownPrice]:
    last = None if position is None else position.state.get("last_price")
    if last:
        yield KnownPrice(
            at=datetime.fromisoformat(last["block_timestamp"]),
            source="fill on chain",
            price_usd=Decimal(last["price_usdc"]),
        )


def _closed(symbol: Symbol, before: datetime) -> Iterator[KnownPrice]:
    bar = bars_known(before).filter(symbol=symbol).order_by("-day").first()
    if bar is not None:
        yield KnownPrice(at=closed_at(bar.day), source="close of a daily bar", price_usd=bar.close_usd)
