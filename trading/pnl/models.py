"""Profit rows: each fill in the order in which it counts, with what it earned; and the fills that can't be counted."""

from datetime import datetime
from typing import NamedTuple

import msgspec
from django.db import models

from trading.fields import ExactDecimalField
from trading.ledger.moved import Venue
from trading.pnl.fifo import Fill, Inventory
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side


class Place(NamedTuple):
    """Where a fill stands among those of its symbol: by its time, on chain before at a broker, by block and log."""

    at: datetime
    rank: int
    major: int
    minor: int


class ProfitRow(models.Model):
    """A fill, and what it earned. The columns have the names of the older installation's reporter."""

    id = models.BigAutoField(primary_key=True)
    symbol = models.CharField(max_length=32)
    at = models.DateTimeField(db_column="timestamp", db_index=True, help_text="when the fill was made")
    trade_type = models.CharField(max_length=10, choices=[(v, v) for v in Venue])
    trade_id = models.CharField(max_length=90, help_text="a fill's `0x…:7`, or the number of an order")
    venue = models.CharField(max_length=20, help_text="raindex, or the broker")
    side = models.CharField(max_length=4, db_column="trade_direction", choices=[(s, s) for s in Side])
    shares = ExactDecimalField(db_column="quantity")
    usd = ExactDecimalField(db_column="amount_usd", help_text="what was paid or received")
    price_usd = ExactDecimalField(db_column="price_per_share", help_text="for readers; nothing computes from it")
    realised_usd = ExactDecimalField(
        null=True, db_column="realized_pnl", help_text="none where the fill closed nothing"
    )
    cumulative_usd = ExactDecimalField(db_column="cumulative_pnl", help_text="realised in the symbol so far")
    net_shares_after = ExactDecimalField(db_column="net_position_after")
    rank = models.SmallIntegerField(help_text="0 on chain, 1 at a broker")
    major = models.BigIntegerField(help_text="the block, or the number of the order")
    minor = models.BigIntegerField(help_text="the log's index in its block")
    lots = models.TextField(null=True, help_text="what is open after the fill, as JSON; not kept in every row")

    class Meta:
        db_table = "metrics_pnl"
        verbose_name = "profit of a fill"
        verbose_name_plural = "profit, fill by fill"
        indexes = [
            models.Index(fields=["symbol", "at", "rank", "major", "minor"], name="metrics_pnl_in_order"),
        ]
        constraints = [models.UniqueConstraint(fields=["trade_type", "trade_id"], name="metrics_pnl_once")]

    def __str__(self) -> str:
        return f"{self.side} {self.shares} {self.symbol} at {self.at}"

    @property
    def key(self) -> tuple[str, str]:
        return self.trade_type, self.trade_id

    @property
    def place(self) -> Place:
        return Place(self.at, self.rank, self.major, self.minor)

    def fill(self) -> Fill:
        return Fill(side=Side(self.side), shares=Shares(self.shares), usd=Usd(self.usd))

    def inventory(self) -> Inventory | None:
        """What was open after the fill, where the row keeps it."""
        return None if self.lots is None else msgspec.json.decode(self.lots, type=Inventory)


class ExcludedFill(models.Model):
    """A fill that no profit can be computed of. Its shares moved all the same, and nothing here knows at what price."""

    id = models.BigAutoField(primary_key=True)
    symbol = models.CharField(max_length=32, db_index=True)
    at = models.DateTimeField(help_text="when the fill was made")
    trade_type = models.CharField(max_length=10, choices=[(v, v) for v in Venue])
    trade_id = models.CharField(max_length=90)
    side = models.CharField(max_length=4, choices=[(s, s) for s in Side])
    shares = ExactDecimalField()
    reason = models.CharField(max_length=120)

    class Meta:
        db_table = "pnl_exclusions"
        verbose_name = "fill without profit"
        verbose_name_plural = "fills without profit"
        constraints = [models.UniqueConstraint(fields=["trade_type", "trade_id"], name="pnl_exclusions_once")]

    def __str__(self) -> str:
        return f"{self.side} {self.shares} {self.symbol}: {self.reason}"
