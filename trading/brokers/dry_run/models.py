"""Tables of the dry run: its orders, and the times it was not there."""

from django.db import models
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual

from trading.brokers.dry_run.behaviour import Behaviour
from trading.fields import ExactDecimalField, Magnitude
from trading.values.sides import Side


class DryRunOrder(models.Model):
    """An order at the dry run, as it was submitted. What became of it follows from the time: see broker.progress."""

    client_order_id = models.CharField(max_length=128, unique=True)
    symbol = models.CharField(max_length=32)
    side = models.CharField(max_length=4, choices=[(side.value, side.value) for side in Side])
    shares = ExactDecimalField()
    behaviour = models.CharField(max_length=32, choices=[(behaviour.value, behaviour.value) for behaviour in Behaviour])
    limit_price_usd = ExactDecimalField(null=True, blank=True)
    price_usd = ExactDecimalField(null=True, blank=True)
    fill_seconds = ExactDecimalField()
    submitted_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "dry_run_orders"
        verbose_name = "dry run order"
        constraints = [
            models.CheckConstraint(
                condition=GreaterThan(Magnitude(models.F("shares")), 0), name="dry_run_orders_shares_above_zero"
            ),
            # Holds for a price that is NULL too.
            models.CheckConstraint(
                condition=GreaterThan(Magnitude(models.F("price_usd")), 0), name="dry_run_orders_price_above_zero"
            ),
            models.CheckConstraint(
                condition=GreaterThan(Magnitude(models.F("limit_price_usd")), 0), name="dry_run_orders_limit_above_zero"
            ),
            models.CheckConstraint(
                condition=GreaterThanOrEqual(Magnitude(models.F("fill_seconds")), 0),
                name="dry_run_orders_fill_seconds_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(side__in=[side.value for side in Side]), name="dry_run_orders_side_known"
            ),
            models.CheckConstraint(
                condition=models.Q(behaviour__in=[behaviour.value for behaviour in Behaviour]),
                name="dry_run_orders_behaviour_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.broker_order_id}: {self.side} {self.symbol}"

    @property
    def broker_order_id(self) -> str:
        return f"DRY-{self.pk:06d}"


class DryRunOutage(models.Model):
    """An order that was submitted while the dry run was not there; submitted again, it is taken."""

    client_order_id = models.CharField(max_length=128, unique=True)
    submitted_at = models.DateTimeField()

    class Meta:
        db_table = "dry_run_outages"
        verbose_name = "dry run outage"

    def __str__(self) -> str:
        return self.client_order_id
