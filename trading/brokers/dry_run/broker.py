"""The dry run broker: takes orders, and tells later what became of them.

It is a venue apart. Its commits are its own and each is durable, so that a call from inside a transaction of ours is an
error; and no thread works for it: how far an order has come follows from what was stored when it was submitted, and
from the time.
"""

import re
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from trading.brokers.dry_run.behaviour import Behaviour, Behaviours
from trading.brokers.dry_run.models import DryRunOrder, DryRunOutage
from trading.brokers.dry_run.progress import LONGEST_LIFE, decimals, progress
from trading.brokers.market import Account, Asset, Holding, Holdings, MarketClock, Quote, TradingSession
from trading.brokers.orders import OrderReport, OrderRequest, same_order
from trading.brokers.outcomes import (
    BrokerUnavailable,
    NoSuchOrder,
    NotCancellable,
    NotOffered,
    OrderRejected,
    OutcomeUnknown,
    UnusableAnswer,
    UnusableReport,
)
from trading.brokers.port import Capabilities, Clock
from trading.values.arithmetic import EXACT, ZERO, canonical, plain
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol

LONGEST_SECONDS = Decimal(86400)

_BROKER_ORDER_ID = re.compile(r"DRY-([0-9]{6,18})")
_SLOWER = Decimal(10)


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
        equity_usd: Usd | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take the last known price of a symbol from `prices`; where it is None, orders fill without a price.

        `equity_usd` is what the account says it is worth, whatever is traded; None: it does not say.
        """
        for seconds in (fill_seconds, latency_seconds):
            if not ZERO <= seconds <= LONGEST_SECONDS:
                raise ValueError(f"expected 0 to {LONGEST_SECONDS} seconds, was {seconds}")
        self.capabilities = Capabilities(
            fractional_digits=fractional_digits,
            client_order_id=True,
            shorting=True,
            fractional_shorting=bool(fractional_digits),
        )
        self._clock, self._prices, self._behaviours, self._equity_usd = clock, prices, behaviours, equity_usd
        self._fill_seconds, self._latency_seconds, self._sleep = fill_seconds, latency_seconds, sleep

    # Orders.

    def submit(self, request: OrderRequest) -> OrderReport:
        self._travel()
        if request.notional_usd is not None or request.extended_hours:
            raise NotOffered(
                f"the dry run takes orders for shares in its one session, and {request.client_order_id} asks for more"
            )
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
        with transaction.atomic(durable=True):
            row = _numbered(broker_order_id, DryRunOrder.objects.all())
        return progress(row, self._clock())

    def cancel(self, broker_order_id: BrokerOrderId) -> None:
        self._travel()
        with transaction.atomic(durable=True):
            row = _numbered(broker_order_id, DryRunOrder.objects.select_for_update())
            now = self._clock()
            if (status := progress(row, now).status).is_end:
                raise NotCancellable(f"order {broker_order_id} can't be cancelled any more: it is {status}")
            row.cancelled_at = now
            row.save(update_fields=["cancelled_at"])

    def open_orders(self) -> list[OrderReport]:
        now = self._clock()
        # What was submitted earlier has ended, however slow it was.
        reports = self._reports(submitted_at__gt=now - LONGEST_LIFE)
        return [report for report in reports if not report.status.is_end]

    def orders(self, *, since: datetime, until: datetime, symbol: Symbol | None = None) -> list[OrderReport]:
        listed = self._reports(submitted_at__gte=since, submitted_at__lte=until)
        return [report for report in listed if symbol in (None, report.symbol)]

    # The market and the account.

    def account(self) -> Account:
        self._travel()
        return Account(
            number="DRY-RUN",
            paper=True,
            blocked=None,
            cash_usd=None,
            buying_power_usd=None,
            equity_usd=self._equity_usd,
            shorting=True,
            as_of=self._clock(),
        )

    def holdings(self) -> Holdings:
        as_of = self._clock()
        net: dict[Symbol, Decimal] = {}
        for report in self._reports():
            signed = report.filled_shares if report.side is Side.BUY else EXACT.minus(report.filled_shares)
            net[report.symbol] = EXACT.add(net.get(report.symbol, ZERO), signed)
        held = tuple(
            Holding(symbol=symbol, net_shares=Shares(canonical(shares)))
            for symbol, shares in sorted(net.items())
            if shares
        )
        return Holdings(held=held, as_of=as_of)

    def quote(self, symbol: Symbol) -> Quote:
        self._travel()
        now, price = self._clock(), self._prices(symbol)
        if price is None:
            raise UnusableAnswer(
                f"the dry run knows no price of {symbol} before its first fill on chain, or its first daily bar"
            )
        return Quote(symbol=symbol, bid_usd=None, ask_usd=None, last_usd=Usd(price), quoted_at=now, as_of=now)

    def asset(self, symbol: Symbol) -> Asset:
        self._travel()
        return Asset(
            symbol=symbol,
            tradable=True,
            fractionable=bool(self.capabilities.fractional_digits),
            shortable=True,
            as_of=self._clock(),
        )

    def clock(self) -> MarketClock:
        self._travel()
        now = self._clock()
        return MarketClock(is_open=True, broker_time=now, next_open_at=None, next_close_at=None, as_of=now)

    def sessions(self, *, first: date, last: date) -> list[TradingSession]:
        """Every day from midnight to midnight, in UTC: this market never closes."""
        self._travel()
        days = [first + timedelta(days=count) for count in range((last - first).days + 1)]
        midnights = [datetime.combine(day, time_of_day.min, tzinfo=UTC) for day in days]
        return [
            TradingSession(day=day, opens_at=midnight, closes_at=midnight + timedelta(days=1))
            for day, midnight in zip(days, midnights, strict=True)
        ]

    def _reports(self, **which: datetime) -> list[OrderReport]:
        self._travel()
        with transaction.atomic(durable=True):
            rows = list(DryRunOrder.objects.filter(**which).order_by("pk"))
        now = self._clock()
        return [progress(row, now) for row in rows]

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
            raise UnusableReport(f"the dry run has another order {request.client_order_id}: {difference}")
        return report

    def _refuse_a_finer_order(self, request: OrderRequest) -> None:
        digits, shares = self.capabilities.fractional_digits or 0, _shares(request)
        if decimals(shares) > digits:
            raise OrderRejected(
                f"the dry run takes shares with at most {digits} decimals, and {request.client_order_id} asks for "
                f"{plain(shares)}"
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
            shares=_shares(request),
            limit_price_usd=request.limit_price_usd,
            behaviour=behaviour,
            price_usd=self._prices(request.symbol),
            fill_seconds=seconds,
            submitted_at=self._clock(),
        )
        # The insert is the transaction's first statement, so that two processes wait for each other on SQLite too.
        with transaction.atomic(durable=True):
            row.save(force_insert=True)
        return row


def _numbered(broker_order_id: BrokerOrderId, rows: QuerySet[DryRunOrder]) -> DryRunOrder:
    found = _BROKER_ORDER_ID.fullmatch(broker_order_id)
    row = rows.filter(pk=int(found[1])).first() if found else None
    if row is None or row.broker_order_id != broker_order_id:
        raise NoSuchOrder(f"the dry run has no order {broker_order_id!r}")
    return row


def _shares(request: OrderRequest) -> Shares:
    if request.shares is None:
        raise NotOffered("the dry run takes orders for shares")
    return request.shares
