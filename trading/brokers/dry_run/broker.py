"""The dry run broker: takes orders, and tells later what became of them.

It is a venue apart. Its commits are its own and each is durable, so that a call from inside a transaction of ours is an
error; and no thread works for it: how far an order has come follows from what was stored when it was submitted, and
from the time.
"""

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal, Inexact
from typing import assert_never

from django.db import IntegrityError, transaction

from trading.brokers.dry_run.behaviour import Behaviour, Behaviours
from trading.brokers.dry_run.models import DryRunOrder, DryRunOutage
from trading.brokers.orders import OrderReport, OrderRequest, OrderStatus, same_order
from trading.brokers.outcomes import BrokerUnavailable, NoSuchOrder, OrderRejected, OutcomeUnknown
from trading.brokers.port import Capabilities, Clock
from trading.values.arithmetic import EXACT, ZERO, canonical, plain
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol

LONGEST_SECONDS = Decimal(86400)

_BROKER_ORDER_ID = re.compile(r"DRY-([0-9]{6,18})")
_SLOWER = Decimal(10)
_HALF = Decimal("0.5")
# Cutting drops a digit, which the exact context traps.
_CUTTING = EXACT.copy()
_CUTTING.traps[Inexact] = False


class DryRunBroker:
    """A broker whose orders are rows of ours."""

    name = "dry_run"

    def __init__(
        self,
        *,
        clock: Clock,
        prices: Callable[[Symbol], Decimal | None],
        behaviours: Behaviours,
        fill_seconds: Decimal,
        latency_seconds: Decimal = ZERO,
        fractional_digits: int | None = 9,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take the last known price of a symbol from `prices`; where it is None, orders fill without a price."""
        for seconds in (fill_seconds, latency_seconds):
            if not ZERO <= seconds <= LONGEST_SECONDS:
                raise ValueError(f"expected 0 to {LONGEST_SECONDS} seconds, was {seconds}")
        self.capabilities = Capabilities(fractional_digits=fractional_digits, client_order_id=True)
        self._clock, self._prices, self._behaviours = clock, prices, behaviours
        self._fill_seconds, self._latency_seconds, self._sleep = fill_seconds, latency_seconds, sleep

    def submit(self, request: OrderRequest) -> OrderReport:
        self._travel()
        if (row := self._named(request.client_order_id)) is not None:
            return self._again(row, request)

        behaviour = self._behaviours.of(request.symbol)
        if behaviour is Behaviour.REJECT:
            raise OrderRejected(
                f"the dry run rejects every order in {request.symbol}, so also {request.client_order_id}"
            )
        self._refuse_a_finer_order(request)
        if behaviour is Behaviour.UNAVAILABLE and self._is_first(request):
            raise BrokerUnavailable(f"the dry run is not there for {request.client_order_id} the first time")

        try:
            row = self._store(request, behaviour)
        except IntegrityError:
            # Somebody submitted the same id meanwhile; or the row can't be, and then nobody did.
            if (row := self._named(request.client_order_id)) is None:
                raise
            return self._again(row, request)
        if behaviour is Behaviour.TIMEOUT_AFTER_ACCEPT:
            raise OutcomeUnknown(f"the dry run gave no answer about {request.client_order_id}")
        return progress(row, self._clock())

    def find(self, client_order_id: ClientOrderId) -> OrderReport | None:
        self._travel()
        row = self._named(client_order_id)
        return None if row is None else progress(row, self._clock())

    def report(self, broker_order_id: BrokerOrderId) -> OrderReport:
        self._travel()
        found = _BROKER_ORDER_ID.fullmatch(broker_order_id)
        with transaction.atomic(durable=True):
            row = DryRunOrder.objects.filter(pk=int(found[1])).first() if found else None
        if row is None or row.broker_order_id != broker_order_id:
            raise NoSuchOrder(f"the dry run has no order {broker_order_id!r}")
        return progress(row, self._clock())

    def open_orders(self) -> list[OrderReport]:
        self._travel()
        with transaction.atomic(durable=True):
            rows = list(DryRunOrder.objects.order_by("pk"))
        reports = [progress(row, self._clock()) for row in rows]
        return [report for report in reports if not report.status.is_end]

    def market_is_open(self, at: datetime) -> bool:
        return True

    def _travel(self) -> None:
        if self._latency_seconds:
            self._sleep(float(self._latency_seconds))

    def _named(self, client_order_id: ClientOrderId) -> DryRunOrder | None:
        # Reading in a transaction of its own too: no call to a broker belongs inside one of ours.
        with transaction.atomic(durable=True):
            return DryRunOrder.objects.filter(client_order_id=client_order_id).first()

    def _again(self, row: DryRunOrder, request: OrderRequest) -> OrderReport:
        report = progress(row, self._clock())
        if difference := same_order(request, report):
            raise OrderRejected(f"the dry run has another order {request.client_order_id}: {difference}")
        return report

    def _refuse_a_finer_order(self, request: OrderRequest) -> None:
        digits = self.capabilities.fractional_digits or 0
        if _decimals(request.shares) > digits:
            raise OrderRejected(
                f"the dry run takes shares with at most {digits} decimals, and {request.client_order_id} asks for "
                f"{plain(request.shares)}"
            )

    def _is_first(self, request: OrderRequest) -> bool:
        """Tell whether an order is submitted for the first time, and remember it: processes die, a row does not."""
        try:
            with transaction.atomic(durable=True):
                DryRunOutage.objects.create(client_order_id=request.client_order_id, submitted_at=self._clock())
        except IntegrityError:
            return False
        return True

    def _store(self, request: OrderRequest, behaviour: Behaviour) -> DryRunOrder:
        seconds = EXACT.multiply(self._fill_seconds, _SLOWER) if behaviour is Behaviour.SLOW else self._fill_seconds
        row = DryRunOrder(
            client_order_id=request.client_order_id,
            symbol=request.symbol,
            side=request.side,
            shares=request.shares,
            behaviour=behaviour,
            price_usd=self._prices(request.symbol),
            fill_seconds=seconds,
            submitted_at=self._clock(),
        )
        # The insert is the transaction's first statement, so that two processes wait for each other on SQLite too.
        with transaction.atomic(durable=True):
            row.save(force_insert=True)
        return row


def progress(row: DryRunOrder, now: datetime) -> OrderReport:
    """Tell how far an order has come: accepted, half filled after half its time, and then at its end."""
    takes = timedelta(microseconds=int(EXACT.multiply(row.fill_seconds, Decimal(1_000_000))))
    ends_at, halfway_at = row.submitted_at + takes, row.submitted_at + takes / 2
    half = _half(row.shares)

    status, filled, updated_at, reason = OrderStatus.ACCEPTED, ZERO, row.submitted_at, None
    if now >= ends_at:
        status, filled, updated_at, reason = *_end(row, half), ends_at, _reason(row)
    elif now >= halfway_at and half > 0:
        status, filled, updated_at = OrderStatus.PARTIALLY_FILLED, half, halfway_at

    return OrderReport(
        broker_order_id=BrokerOrderId(row.broker_order_id),
        client_order_id=ClientOrderId(row.client_order_id),
        symbol=Symbol(row.symbol),
        side=Side(row.side),
        requested_shares=Shares(row.shares),
        filled_shares=Shares(filled),
        average_price_usd=Usd(row.price_usd) if filled and row.price_usd is not None else None,
        status=status,
        reason=reason,
        submitted_at=row.submitted_at,
        updated_at=updated_at,
    )


def _end(row: DryRunOrder, half: Decimal) -> tuple[OrderStatus, Decimal]:
    match Behaviour(row.behaviour):
        case Behaviour.PARTIAL:
            return OrderStatus.CANCELLED, half
        case Behaviour.FILL | Behaviour.SLOW | Behaviour.UNAVAILABLE | Behaviour.TIMEOUT_AFTER_ACCEPT:
            return OrderStatus.FILLED, row.shares
        case Behaviour.REJECT:
            raise ValueError(f"{row.broker_order_id} is kept, though the dry run keeps no order that it rejects")
        case unknown:
            assert_never(unknown)


def _reason(row: DryRunOrder) -> str | None:
    return "the dry run fills half and cancels the rest" if row.behaviour == Behaviour.PARTIAL else None


def _half(shares: Decimal) -> Decimal:
    """Halve an order, no finer than it is itself: whole shares stay whole, and of one share nothing is half."""
    step = Decimal(1).scaleb(-_decimals(shares))
    return canonical(EXACT.multiply(shares, _HALF).quantize(step, rounding=ROUND_DOWN, context=_CUTTING))


def _decimals(shares: Decimal) -> int:
    return max(0, -int(canonical(shares).as_tuple().exponent))
