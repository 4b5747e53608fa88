"""Absence: an order that a broker does not have, looked for until that is certain. One look proves nothing.

A list may lag behind an order that was just taken, so absence is proven by five looks over two minutes at least.
"""

from datetime import datetime, timedelta

from django.db import models

from trading.values.identifiers import ClientOrderId

LOOKS = 5
LONGEST_LAG = timedelta(seconds=120)
APART = timedelta(seconds=20)
"""Looks closer together than this are one look: they may have met the same lag."""


class Absence(models.Model):
    """How often, and since when, a broker was asked for an order and did not have it."""

    client_order_id = models.CharField(max_length=128, primary_key=True)
    looks = models.IntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        db_table = "absences"
        verbose_name = "absent order"

    def __str__(self) -> str:
        return f"{self.client_order_id}: {self.looks} looks since {self.first_at}"

    @property
    def is_proven(self) -> bool:
        return self.looks >= LOOKS and self.last_at - self.first_at >= LONGEST_LAG

    @property
    def told(self) -> str:
        return f"{self.looks} looks from {self.first_at.isoformat()} to {self.last_at.isoformat()}"


def note_absence(client_order_id: ClientOrderId, *, now: datetime) -> Absence:
    """Note that the broker was asked and did not have the order."""
    absence, is_first = Absence.objects.get_or_create(
        client_order_id=client_order_id, defaults={"first_at": now, "last_at": now}
    )
    if not is_first and now - absence.last_at >= APART:
        absence.looks, absence.last_at = absence.looks + 1, now
        absence.save(update_fields=["looks", "last_at"])
    return absence


def forget_absence(client_order_id: ClientOrderId) -> None:
    """The broker has the order, or it has ended: what was looked for in vain proves nothing any more."""
    Absence.objects.filter(client_order_id=client_order_id).delete()
