"""Link views: the links from trades to orders that the events add up to."""

from django.db import models

from trading.fields import ExactDecimalField
from trading.values.arithmetic import ZERO


class TradeLinkView(models.Model):
    """How many shares of an onchain trade an order was placed for, and how many of these it gave back unfilled."""

    id = models.BigAutoField(primary_key=True)
    trade_id = models.CharField(max_length=90, db_index=True)
    execution_id = models.BigIntegerField(db_index=True)
    contributed_shares = ExactDecimalField()
    released_shares = ExactDecimalField(default=ZERO)
    reorged = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "trade_link_view"
        verbose_name = "link (view)"
        verbose_name_plural = "links (view)"

    def __str__(self) -> str:
        return f"{self.contributed_shares} of trade {self.trade_id} to order {self.execution_id}"


class NettingLinkView(models.Model):
    """Shares of a buy and a sell on chain that cancel each other out."""

    id = models.BigAutoField(primary_key=True)
    trade_id = models.CharField(max_length=90, db_index=True)
    opposite_id = models.CharField(max_length=90, db_index=True)
    execution_id = models.BigIntegerField(db_index=True)
    netted_shares = ExactDecimalField()
    reorged = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "netting_link_view"
        verbose_name = "netting link (view)"
        verbose_name_plural = "netting links (view)"

    def __str__(self) -> str:
        return f"{self.netted_shares} of trades {self.trade_id} and {self.opposite_id}"
