"""Sendings: orders on their way to a broker that knows no ids of ours, each a row from before it is sent.

Such a broker can be asked afterwards only for orders that look alike, so no two alike are on their way at once: not
from two processes, and not for a hedge and a decision either.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import IntegrityError, models, transaction

from trading.brokers.orders import OrderRequest
from trading.fields import ExactDecimalField
from trading.values.arithmetic import plain
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.quantities import Shares

SENDING_TAKES = timedelta(minutes=10)
"""Longer than all calls that sending one order takes: five at most, of which each may take a minute and more. So long a
hedge is left to the process that sends it, unless that one is known to be gone.
"""


class AlreadyOnTheWay(Exception):
    """An order that looks like this one is being sent or looked for. Wait until that one is known."""


class KnownByNow(Exception):
    """Another process has sent this order meanwhile, and what became of it is booked. Nothing is left to do."""


class Sending(models.Model):
    """One order that is being sent. While `in_doubt_at` is set the broker may have it, and it is not sent again."""

    client_order_id = models.CharField(max_length=128, primary_key=True)
    broker = models.CharField(max_length=20)
    symbol = models.CharField(max_length=32)
    side = models.CharField(max_length=4)
    quantity = models.CharField(max_length=120, help_text="shares, or dollars with a $ before them")
    in_doubt_at = models.DateTimeField(
        null=True, help_text="when it was about to be sent; empty where nothing was sent"
    )
    held_before_shares = ExactDecimalField(
        null=True, help_text="what the account held of the symbol before it was sent"
    )

    named_id = models.CharField(
        max_length=128, null=True, help_text="the broker's id of it as its answer had it, not seen to be this order's"
    )
    # With a default of the database's: a process of the release before knows no such column.
    is_taken = models.BooleanField(
        default=False, db_default=False, help_text="the broker said that it took an order, this or another"
    )

    class Meta:
        db_table = "sendings"
        verbose_name = "order on its way"
        verbose_name_plural = "orders on their way"
        constraints = [
            models.UniqueConstraint(fields=["broker", "symbol", "side", "quantity"], name="sendings_one_of_a_kind")
        ]

    def __str__(self) -> str:
        return self.client_order_id


def sending_of(client_order_id: ClientOrderId) -> Sending | None:
    return Sending.objects.filter(client_order_id=client_order_id).first()


def begin(
    broker: str,
    request: OrderRequest,
    *,
    held_before: Shares,
    resolved: Callable[[ClientOrderId], bool],
    now: datetime,
) -> None:
    """Commit that an order is about to be sent. Raises AlreadyOnTheWay and KnownByNow, and then it must not be.

    `resolved` tells of an order whether it is known by now what became of it. Where that is so of another one alike,
    its row is only left over from a process that died, and gives way.
    """
    with transaction.atomic(durable=True):
        again = Sending.objects.filter(client_order_id=request.client_order_id, in_doubt_at=None).update(
            in_doubt_at=now, held_before_shares=held_before
        )
        if not again:
            _take_the_way(broker, request, held_before=held_before, resolved=resolved, now=now)
        # Only now that the way is ours: whoever sent it before has booked that before they left the way.
        if resolved(request.client_order_id):
            raise KnownByNow(f"it is known by now what became of order {request.client_order_id}; it is not sent again")


def _take_the_way(
    broker: str,
    request: OrderRequest,
    *,
    held_before: Shares,
    resolved: Callable[[ClientOrderId], bool],
    now: datetime,
) -> None:
    quantity = quantity_of(request)
    alike = Sending.objects.filter(broker=broker, symbol=request.symbol, side=request.side, quantity=quantity)
    other = alike.exclude(client_order_id=request.client_order_id).first()
    if other is not None and resolved(ClientOrderId(other.client_order_id)):
        other.delete()
    try:
        with transaction.atomic():
            Sending.objects.create(
                client_order_id=request.client_order_id,
                broker=broker,
                symbol=request.symbol,
                side=request.side,
                quantity=quantity,
                in_doubt_at=now,
                held_before_shares=held_before,
            )
    except IntegrityError as error:
        holder = alike.first()
        told = request.client_order_id if holder is None else holder.client_order_id
        raise AlreadyOnTheWay(
            f"order {told} to {request.side} {quantity} {request.symbol} is on its way to {broker}, which could "
            f"not tell it from {request.client_order_id}; that one waits"
        ) from error


def nothing_was_sent(client_order_id: ClientOrderId) -> None:
    """Commit that the broker did not get the order, so that it may be sent."""
    with transaction.atomic(durable=True):
        Sending.objects.filter(client_order_id=client_order_id).update(in_doubt_at=None)


def was_taken(client_order_id: ClientOrderId, named: BrokerOrderId | None) -> None:
    """Keep that the broker took an order, and the id that it named for it, whichever of its orders that is."""
    names = {} if named is None else {"named_id": named}
    Sending.objects.filter(client_order_id=client_order_id).update(is_taken=True, **names)


def settle(client_order_id: ClientOrderId) -> None:
    """Forget an order's way: what became of it is in the books."""
    Sending.objects.filter(client_order_id=client_order_id).delete()


def quantity_of(request: OrderRequest) -> str:
    if request.shares is not None:
        return plain(request.shares)
    if request.notional_usd is None:
        raise ValueError(f"order {request.client_order_id} is for neither shares nor dollars")
    return f"${plain(request.notional_usd)}"
