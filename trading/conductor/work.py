"""Work: when a station tries something again. Rows, so that a restart forgets nothing and two processes agree."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import models, transaction

from trading.conductor.processes import is_gone
from trading.notices.models import close_notice, is_open
from trading.submission.sendings import SENDING_TAKES
from trading.values.identifiers import OrderId, TradeId
from trading.values.symbols import Symbol

FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=15)
TRIES_BEFORE_A_NOTICE = 5
ALIKE_BEFORE_A_HALT = 5
_DIGITS = re.compile(r"\S*\d\S*")


class BeingSent(Exception):
    """A process is sending the order at this moment: what becomes of it is not known yet."""


class TakenOnMeanwhile(Exception):
    """Something became of the order after the broker was asked about it: the answer tells nothing any more."""


class StationHeartbeat(models.Model):
    """When a station of a process last had its turn, and when it last got on."""

    id = models.BigAutoField(primary_key=True)
    station = models.CharField(max_length=20)
    process = models.CharField(max_length=80)
    last_turn_at = models.DateTimeField()
    last_work_at = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0, help_text="in a row")
    last_error = models.TextField(null=True)

    class Meta:
        db_table = "station_heartbeats"
        verbose_name = "station"
        constraints = [models.UniqueConstraint(fields=["station", "process"], name="station_heartbeats_once")]

    def __str__(self) -> str:
        return f"{self.station} of {self.process}"


class SymbolWait(models.Model):
    """A symbol whose hedge was refused: it waits, and after five refusals alike it halts until it is resumed."""

    symbol = models.CharField(max_length=32, primary_key=True)
    reason = models.TextField()
    times = models.IntegerField(default=1)
    not_before = models.DateTimeField()
    halted_at = models.DateTimeField(null=True)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        db_table = "symbol_waits"
        verbose_name = "waiting symbol"

    def __str__(self) -> str:
        return f"{self.symbol}: {self.reason}"


class OrderWork(models.Model):
    """When an order is dispatched or polled again, how often that failed, and who is sending it."""

    order_id = models.BigIntegerField(primary_key=True)
    tries = models.IntegerField(default=0)
    not_before = models.DateTimeField()
    last_error = models.TextField(null=True)
    sender = models.CharField(max_length=80, null=True, help_text="the process that is sending it")
    sender_until = models.DateTimeField(null=True, help_text="so long it is left to that one, unless it is gone")
    taken_up_at = models.DateTimeField(null=True, help_text="when a process last took it up, to send it or look for it")

    class Meta:
        db_table = "order_work"
        verbose_name = "order work"
        verbose_name_plural = "order work"

    def __str__(self) -> str:
        return f"order {self.order_id} not before {self.not_before}"


class Enrichment(models.Model):
    """What was asked about a fill besides the log: its gas and its oracle price, or why there is none."""

    id = models.CharField(max_length=90, primary_key=True)
    tries = models.IntegerField(default=0)
    not_before = models.DateTimeField(null=True, help_text="empty when there is nothing more to ask")
    gas_note = models.TextField(null=True)
    pyth_note = models.TextField(null=True)

    class Meta:
        db_table = "enrichments"
        indexes = [models.Index(fields=["not_before"], name="enrichments_due")]

    def __str__(self) -> str:
        return self.id

    @property
    def trade(self) -> TradeId:
        return TradeId.parse(self.id)


def backoff(times: int, *, longest: timedelta = LONGEST_WAIT) -> timedelta:
    """One second, doubling."""
    doublings = min(max(times - 1, 0), 20)
    return min(FIRST_WAIT * (1 << doublings), longest)


def refuse(symbol: Symbol, reason: str, *, now: datetime) -> SymbolWait:
    """Let a symbol wait after a refusal; five alike halt it."""
    first = SymbolWait(symbol=symbol, reason=reason, times=0, not_before=now, first_at=now, last_at=now)
    SymbolWait.objects.bulk_create([first], ignore_conflicts=True)
    # Held, since another process may halt the symbol at this moment.
    wait = SymbolWait.objects.select_for_update().get(symbol=symbol)
    if not alike(wait.reason, reason):
        wait.times, wait.first_at = 0, now
    wait.times += 1
    wait.reason = reason
    wait.last_at, wait.not_before = now, now + backoff(wait.times)
    if wait.times >= ALIKE_BEFORE_A_HALT and wait.halted_at is None:
        wait.halted_at = now
    wait.save()
    return wait


def alike(first: str, second: str) -> bool:
    """Tell whether two refusals say the same, but for their numbers, times and ids: for the words with digits."""
    return _DIGITS.sub("#", first) == _DIGITS.sub("#", second)


def halt(symbol: Symbol, reason: str, *, now: datetime) -> None:
    """Stop hedging a symbol until an operator resumes it."""
    SymbolWait.objects.update_or_create(
        symbol=symbol,
        defaults={"reason": reason, "not_before": now, "halted_at": now, "last_at": now},
        create_defaults={
            "reason": reason,
            "not_before": now,
            "halted_at": now,
            "first_at": now,
            "last_at": now,
        },
    )


def resume(symbol: Symbol, *, now: datetime) -> bool:
    """Let a symbol be hedged again, and close what told of its halt. Return whether it was waiting or halted.

    In one commit, and with the halt's row held first, as who halts does: a halt that comes meanwhile keeps its notice.
    """
    with transaction.atomic():
        list(SymbolWait.objects.select_for_update().filter(symbol=symbol))
        deleted, _ = SymbolWait.objects.filter(symbol=symbol).delete()
        close_notice("symbol_halted", symbol, at=now)
    return deleted > 0


def may_be_hedged(symbol: Symbol, *, now: datetime) -> bool:
    """Tell whether a symbol is neither halted nor waiting. Ask while its position is held, as who halts it does."""
    return not SymbolWait.objects.filter(symbol=symbol).exclude(halted_at=None, not_before__lte=now).exists()


def ask_again(symbols: set[Symbol], *, now: datetime) -> None:
    """A fill on chain changes what there is to hedge, so what was refused may be asked again at once.

    How often it was refused is remembered: else a busy symbol would be refused for ever, and never halt.
    """
    SymbolWait.objects.filter(symbol__in=symbols, halted_at=None).update(not_before=now)


def forget_refusals(symbol: Symbol) -> None:
    """The broker filled, so whatever it refused before is over; a halt stays."""
    SymbolWait.objects.filter(symbol=symbol, halted_at=None).delete()


def waits() -> dict[str, SymbolWait]:
    return {wait.symbol: wait for wait in SymbolWait.objects.all()}


def try_again(order: OrderId, error: str, *, now: datetime, longest: timedelta, sender: str | None = None) -> int:
    """Note that an order could not be taken on, and when to try again. Return how often it failed.

    `sender` is who sends it no more. Where another process is sending it by now, it is left to that one.
    """
    OrderWork.objects.bulk_create([OrderWork(order_id=order, not_before=now)], ignore_conflicts=True)
    with transaction.atomic():
        row = OrderWork.objects.select_for_update().get(order_id=order)
        row.tries += 1
        row.last_error, row.not_before = error, now + backoff(row.tries, longest=longest)
        if row.sender == sender:
            row.sender = row.sender_until = None
        row.save()
    return row.tries


def is_to_be_told(order: OrderId, tries: int) -> bool:
    """Tell whether an operator is to hear that an order is not taken on, and has not: who should have told may be dead,
    or its database was away.
    """
    return tries >= TRIES_BEFORE_A_NOTICE and not is_open("order_stuck", f"order {order}")


def look_again_at(order: OrderId, *, at: datetime) -> None:
    """Note when an order is due next, after it was taken on well."""
    OrderWork.objects.update_or_create(order_id=order, defaults={"tries": 0, "not_before": at, "last_error": None})


def claim(order: OrderId, sender: str, *, now: datetime) -> bool:
    """Leave an order to one process, in the commit that says it is sent; False where another one is sending it.

    Else one could hear and book that it is refused while the other's is still on its way, and is taken.
    """
    claimed = {"sender": sender, "sender_until": now + SENDING_TAKES, "taken_up_at": now}
    OrderWork.objects.bulk_create([OrderWork(order_id=order, not_before=now, **claimed)], ignore_conflicts=True)
    row = OrderWork.objects.select_for_update().get(order_id=order)
    if row.sender != sender and _is_with_its_sender(row, now):
        return False
    if (row.sender, row.sender_until) != (sender, claimed["sender_until"]):
        OrderWork.objects.filter(order_id=order).update(**claimed)
    return True


def give_back(order: OrderId, sender: str) -> None:
    """Nothing was sent, and this one is not sending it."""
    OrderWork.objects.filter(order_id=order, sender=sender).update(sender=None, sender_until=None)


def is_sent_by(order: OrderId, sender: str) -> bool:
    """Tell whether nobody has taken an order on since this one did."""
    return OrderWork.objects.filter(order_id=order, sender=sender).exists()


def left_to_others(sender: str, *, now: datetime) -> set[OrderId]:
    """The orders that other processes are sending."""
    rows = OrderWork.objects.filter(sender_until__gt=now).exclude(sender=sender)
    return {OrderId(row.order_id) for row in rows if _is_with_its_sender(row, now)}


def expect_nobody_sends(order: OrderId, *, now: datetime) -> None:
    """Raises BeingSent. Whoever asks holds the order, as who begins to send it does."""
    row = OrderWork.objects.filter(order_id=order).first()
    if row is not None and _is_with_its_sender(row, now):
        raise BeingSent(
            f"order {order} is being sent by {row.sender}, which is over by {row.sender_until:%H:%M:%S} UTC"
        )


def taken_on(order: OrderId) -> tuple[object, ...] | None:
    """What differs as soon as anybody has taken an order on, whatever came of it; None where nobody ever has."""
    rows = OrderWork.objects.filter(order_id=order)
    return rows.values_list("tries", "not_before", "sender", "sender_until").first()


def was_taken_up_since(order: OrderId, at: datetime) -> bool:
    """Tell whether a process has taken an order up, to send it or to look for it, after a time."""
    return OrderWork.objects.filter(order_id=order, taken_up_at__gt=at).exists()


def _is_with_its_sender(row: OrderWork, now: datetime) -> bool:
    if row.sender is None or row.sender_until is None or row.sender_until <= now:
        return False
    return not is_gone(row.sender)


def forget_work(order: OrderId) -> None:
    """Nobody takes an order on again."""
    OrderWork.objects.filter(order_id=order).delete()


def overdue(*, but: Iterable[OrderId], now: datetime) -> list[OrderId]:
    """The orders of which a time was noted that has come, other than these."""
    rows = OrderWork.objects.filter(not_before__lte=now).exclude(order_id__in=list(but)).order_by("order_id")
    return [OrderId(order) for order in rows.values_list("order_id", flat=True)]


def due(orders: list[OrderId], *, now: datetime) -> set[OrderId]:
    """Those of the orders whose time has come."""
    later = OrderWork.objects.filter(order_id__in=orders, not_before__gt=now).values_list("order_id", flat=True)
    return set(orders) - {OrderId(order) for order in later}
