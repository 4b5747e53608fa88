"""Checkpoints: how far the chain was read, by whom, and the blocks that it was read from."""

from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models import F, Q

from trading.conductor.processes import is_gone


class LostLease(Exception):
    """Another process reads the chain now. Nothing of this turn was stored; it reads the same range."""


class ChainCheckpoint(models.Model):
    """How far one order book's logs were read: every log below `next_block` is in the inbox."""

    orderbook = models.CharField(max_length=42, primary_key=True)
    chain_id = models.BigIntegerField()
    next_block = models.BigIntegerField()
    reread_from = models.BigIntegerField(null=True, help_text="after a reorg: read again from here to next_block")
    range_size = models.IntegerField(help_text="how many blocks the node was last willing to answer for")
    lease_holder = models.CharField(max_length=80, null=True)
    lease_until = models.DateTimeField(null=True)
    fencing_token = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "chain_checkpoints"
        verbose_name = "chain checkpoint"
        constraints = [
            models.CheckConstraint(
                condition=Q(reread_from=None) | Q(reread_from__lte=F("next_block")), name="chain_checkpoints_reread"
            )
        ]

    def __str__(self) -> str:
        return f"{self.orderbook} up to block {self.next_block - 1}"


class ChainBlock(models.Model):
    """A block with logs of ours, or the last of a range that was read: looked at again until it is final."""

    id = models.BigAutoField(primary_key=True)
    number = models.BigIntegerField()
    hash = models.CharField(max_length=66, unique=True)
    timestamp = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "chain_blocks"
        verbose_name = "chain block"
        indexes = [models.Index(fields=["number"], name="chain_blocks_number")]

    def __str__(self) -> str:
        return f"{self.number} {self.hash}"


def take_lease(
    orderbook: str, *, holder: str, now: datetime, lasts: timedelta, chain_id: int, first_block: int, range_size: int
) -> ChainCheckpoint | None:
    """Become, or stay, the one process that reads the chain; None while another one is.

    A take-over raises the fencing token, so that whatever the former holder still writes is refused. Whoever holds it
    renews it when a third of it has passed: it is looked at many times a second, and that writes nothing.
    """
    found, _ = ChainCheckpoint.objects.get_or_create(
        orderbook=orderbook,
        defaults={"chain_id": chain_id, "next_block": first_block, "range_size": range_size, "updated_at": now},
    )
    mine = ChainCheckpoint.objects.filter(orderbook=orderbook)
    if found.lease_holder == holder and found.lease_until is not None and found.lease_until - now > lasts * 2 / 3:
        return found
    until = now + lasts
    if not mine.filter(lease_holder=holder).update(lease_until=until):
        free = Q(lease_holder=None) | Q(lease_until=None) | Q(lease_until__lte=now)
        if found.lease_holder is not None and is_gone(found.lease_holder):
            free |= Q(lease_holder=found.lease_holder)
        taken = mine.filter(free).update(lease_holder=holder, lease_until=until, fencing_token=F("fencing_token") + 1)
        if not taken:
            return None
    return mine.get()


def release_lease(orderbook: str, *, holder: str) -> None:
    """Let another process read the chain at once, on a shutdown in order."""
    ChainCheckpoint.objects.filter(orderbook=orderbook, lease_holder=holder).update(lease_holder=None, lease_until=None)


def move(checkpoint: ChainCheckpoint, *, now: datetime, **fields: object) -> None:
    """Change the checkpoint inside the commit that it belongs to. Raises LostLease when it is no longer ours.

    It never goes back: a reorg sets `reread_from` and leaves `next_block` where it is.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("the checkpoint moves in the commit of what was read")
    target = fields.get("next_block", checkpoint.next_block)
    moved = ChainCheckpoint.objects.filter(
        pk=checkpoint.pk, fencing_token=checkpoint.fencing_token, next_block__lte=target
    ).update(updated_at=now, **fields)
    if moved != 1:
        raise LostLease(f"the lease on {checkpoint.orderbook} went to another process")
    for name, value in fields.items():
        setattr(checkpoint, name, value)
