"""Holding checks: what the broker says we hold, beside what our books say, symbol by symbol, with the difference.

A difference moves no position and stops no order by itself. It is a notice once it was seen twice in a row with no
order of the symbol open: a fill that was not polled yet is no difference.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from django.db import models, transaction

from trading.brokers.market import Holdings
from trading.fields import ExactDecimalField
from trading.ledger.memory import Memory
from trading.notices.models import close_notice, open_notice
from trading.offchain_order.aggregate import OPEN
from trading.values.arithmetic import ZERO, add, plain, subtract
from trading.values.quantities import Shares
from trading.values.symbols import Symbol

NOTICE = "holding_difference"


class HoldingBaseline(models.Model):
    """What an account held of a symbol besides our orders, as an operator set it."""

    id = models.BigAutoField(primary_key=True)
    broker = models.CharField(max_length=20)
    symbol = models.CharField(max_length=32)
    shares = ExactDecimalField()
    actor = models.CharField(max_length=150)
    reason = models.TextField()
    set_at = models.DateTimeField()

    class Meta:
        db_table = "holding_baselines"
        verbose_name = "holding baseline"
        constraints = [models.UniqueConstraint(fields=["broker", "symbol"], name="holding_baselines_once")]

    def __str__(self) -> str:
        return f"{self.broker} {self.symbol}: {plain(self.shares)}"


class HoldingCheck(models.Model):
    """The last look at one symbol."""

    id = models.BigAutoField(primary_key=True)
    broker = models.CharField(max_length=20)
    symbol = models.CharField(max_length=32)
    held_shares = ExactDecimalField(help_text="what the broker says")
    booked_shares = ExactDecimalField(help_text="what our books say was bought there less what was sold")
    baseline_shares = ExactDecimalField(help_text="what an operator set besides")
    difference_shares = ExactDecimalField(help_text="held, less booked, less baseline")
    as_of = models.DateTimeField(help_text="when the broker was asked")
    differs_since = models.DateTimeField(null=True)

    class Meta:
        db_table = "holding_checks"
        verbose_name = "holding check"
        constraints = [models.UniqueConstraint(fields=["broker", "symbol"], name="holding_checks_once")]

    def __str__(self) -> str:
        return f"{self.broker} {self.symbol}: {plain(self.difference_shares)}"


def set_baseline(broker: str, symbol: Symbol, shares: Shares, *, actor: str, reason: str, now: datetime) -> None:
    """Store what the account holds of a symbol besides our orders."""
    HoldingBaseline.objects.update_or_create(
        broker=broker,
        symbol=symbol,
        defaults={"shares": shares, "actor": actor, "reason": reason, "set_at": now},
    )


def check_holdings(
    broker: str,
    holdings: Holdings,
    memory: Memory,
    other_books: Sequence[Callable[[], Mapping[Symbol, Decimal]]],
    *,
    also_busy: Collection[Symbol] = (),
    now: datetime,
) -> list[HoldingCheck]:
    """Compare, and store each symbol's row; open a notice for what differs twice in a row, close it where none does."""
    booked = _booked(memory, other_books)
    baselines = {Symbol(row.symbol): Decimal(row.shares) for row in HoldingBaseline.objects.filter(broker=broker)}
    held = {holding.symbol: Decimal(holding.net_shares) for holding in holdings.held}
    busy = {order.symbol for order in memory.orders(OPEN)} | set(also_busy)
    before = {row.symbol: row for row in HoldingCheck.objects.filter(broker=broker)}
    rows = []
    with transaction.atomic(durable=True):
        for symbol in sorted({*booked, *baselines, *held, *(Symbol(name) for name in before)} - busy):
            row = _compared(
                before.get(symbol) or HoldingCheck(broker=broker, symbol=symbol),
                held=held.get(symbol, ZERO),
                booked=booked.get(symbol, ZERO),
                baseline=baselines.get(symbol, ZERO),
                as_of=holdings.as_of,
            )
            row.save()
            _tell(row, now)
            rows.append(row)
    return rows


def _booked(memory: Memory, other_books: Sequence[Callable[[], Mapping[Symbol, Decimal]]]) -> dict[Symbol, Decimal]:
    booked = {
        position.symbol: subtract(position.broker_bought, position.broker_sold) for position in memory.positions()
    }
    for book in other_books:
        for symbol, shares in book().items():
            booked[symbol] = add(booked.get(symbol, ZERO), shares)
    return booked


def _compared(row: HoldingCheck, *, held: Decimal, booked: Decimal, baseline: Decimal, as_of: datetime) -> HoldingCheck:
    difference = subtract(subtract(held, booked), baseline)
    differed = row.pk is not None and row.differs_since is not None and row.difference_shares == difference
    row.held_shares, row.booked_shares, row.baseline_shares = held, booked, baseline
    row.difference_shares, row.as_of = difference, as_of
    if not difference:
        row.differs_since = None
    elif not differed:
        row.differs_since = as_of
    return row


def _tell(row: HoldingCheck, now: datetime) -> None:
    subject = f"{row.broker} {row.symbol}"
    if row.differs_since is None:
        close_notice(NOTICE, subject, at=now)
    elif row.differs_since < row.as_of:
        open_notice(
            NOTICE,
            subject,
            f"{row.broker} holds {plain(row.held_shares)} {row.symbol}, our books say {plain(row.booked_shares)} and "
            f"the baseline {plain(row.baseline_shares)}: a difference of {plain(row.difference_shares)} since "
            f"{row.differs_since.isoformat()}. Nothing was changed. Find its cause; then `manage.py set_baseline "
            f"{row.symbol} SHARES`, or `manage.py set_position {row.symbol} NET`",
            at=now,
        )
