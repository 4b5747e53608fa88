"""Legacy tables: the older installation's schema, widened so that a row holds an aggregate's whole state."""

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual

from trading.fields import ExactDecimalField, Magnitude
from trading.offchain_order.view import OrderColumns
from trading.onchain_trade.view import TradeColumns
from trading.position.view import PositionColumns
from trading.values.arithmetic import ZERO
from trading.values.sides import Side

models.CharField.register_lookup(Length)
models.TextField.register_lookup(Length)

LARGEST = 2**63 - 1
IN_PROGRESS = ("PENDING", "SUBMITTED")


def above_zero(column: str, name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=GreaterThan(Magnitude(F(column)), 0), name=name)


def not_below_zero(column: str, name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=GreaterThanOrEqual(Magnitude(F(column)), 0), name=name)


def buy_or_sell(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(side__in=[Side.BUY, Side.SELL]), name=name)


class OnchainTrade(TradeColumns):
    """A fill on chain; `symbol` is the token's, as the older schema has it."""

    id = models.BigAutoField(primary_key=True)
    token_symbol = models.CharField(max_length=64, db_column="symbol", db_index=True)
    base_symbol = models.CharField(max_length=32)
    created_at = models.DateTimeField(help_text="when we took it in")

    class Meta:
        db_table = "onchain_trades"
        verbose_name = "onchain trade"
        indexes = [
            models.Index(fields=["tx_hash"], name="onchain_trades_tx"),
            models.Index(fields=["block_number"], name="onchain_trades_block"),
            models.Index(fields=["created_at", "id"], name="onchain_trades_created"),
            models.Index(fields=["base_symbol", "created_at", "id"], name="onchain_trades_of_symbol"),
            models.Index(fields=["base_symbol"], name="onchain_trades_open", condition=~Q(unlinked_shares=ZERO)),
            # There are hardly any.
            models.Index(
                fields=["base_symbol", "reorged_at"],
                name="onchain_trades_reorged",
                condition=Q(reorged_at__isnull=False),
            ),
            models.Index(
                fields=["block_number"], name="onchain_trades_plain", condition=Q(gas_used=None, reorged_at=None)
            ),
        ]
        constraints = [
            # A transaction may come back in another block, even at the same log index.
            models.UniqueConstraint(
                fields=["tx_hash", "log_index"], condition=Q(reorged_at=None), name="onchain_trades_once"
            ),
            models.CheckConstraint(
                condition=Q(tx_hash__length=66, tx_hash__startswith="0x"), name="onchain_trades_tx_hash"
            ),
            models.CheckConstraint(condition=Q(log_index__gte=0), name="onchain_trades_log_index"),
            models.CheckConstraint(condition=~Q(token_symbol=""), name="onchain_trades_symbol"),
            above_zero("amount", "onchain_trades_amount"),
            models.CheckConstraint(
                condition=Q(price_usdc=None) | Q(GreaterThan(Magnitude(F("price_usdc")), 0)),
                name="onchain_trades_price",
            ),
            buy_or_sell("onchain_trades_direction"),
            models.CheckConstraint(
                condition=Q(gas_used=None) | Q(gas_used__gte=0, gas_used__lte=LARGEST), name="onchain_trades_gas"
            ),
            models.CheckConstraint(
                condition=Q(effective_gas_price=None) | Q(effective_gas_price__gte=0, effective_gas_price__lte=LARGEST),
                name="onchain_trades_gas_price",
            ),
            models.CheckConstraint(
                condition=Q(pyth_confidence=None) | Q(GreaterThanOrEqual(Magnitude(F("pyth_confidence")), 0)),
                name="onchain_trades_confidence",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.amount} {self.token_symbol}"


class OffchainTrade(OrderColumns):
    """An order at a broker (an execution, in the older words); its id is our order number."""

    id = models.BigIntegerField(primary_key=True)
    order_id = models.CharField(max_length=128, null=True, help_text="the broker's id, under its older name")
    status = models.CharField(max_length=10, default="PENDING", db_index=True)
    placed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True, db_column="executed_at")

    class Meta:
        db_table = "offchain_trades"
        verbose_name = "offchain order"
        indexes = [
            models.Index(fields=["symbol"], name="offchain_trades_symbol"),
            models.Index(fields=["broker"], name="offchain_trades_broker"),
            models.Index(fields=["detailed_status"], name="offchain_trades_state"),
            models.Index(fields=["ended_at"], name="offchain_trades_ended"),
            # For whoever reports on a period.
            models.Index(fields=["placed_at"], name="offchain_trades_placed"),
            models.Index(fields=["symbol", "placed_at"], name="offchain_trades_symbol_placed"),
            models.Index(fields=["broker_order_id"], name="offchain_trades_theirs"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["symbol"],
                condition=Q(status__in=IN_PROGRESS),
                name="idx_unique_in_progress_execution_per_symbol",
            ),
            models.CheckConstraint(condition=~Q(symbol=""), name="offchain_trades_symbol_named"),
            above_zero("shares", "offchain_trades_shares"),
            buy_or_sell("offchain_trades_direction"),
            models.CheckConstraint(
                condition=Q(broker__in=["schwab", "alpaca", "dry_run"]), name="offchain_trades_known_broker"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["PENDING", "SUBMITTED", "FILLED", "FAILED"]), name="offchain_trades_status"
            ),
            models.CheckConstraint(
                condition=Q(price_cents=None) | Q(price_cents__gte=0), name="offchain_trades_price_cents"
            ),
            models.CheckConstraint(
                condition=Q(broker_order_id=None) | ~Q(broker_order_id=""), name="offchain_trades_their_id"
            ),
            models.CheckConstraint(condition=Q(order_id=None) | ~Q(order_id=""), name="offchain_trades_order_id"),
            models.CheckConstraint(
                # A fill may come without a price: then both columns of it are empty, and no cents are made up.
                condition=Q(status="PENDING", ended_at=None)
                | (
                    Q(status="SUBMITTED", ended_at=None)
                    & (Q(order_id__isnull=False) | Q(broker_order_id__isnull=False))
                )
                | (
                    Q(status="FILLED", ended_at__isnull=False)
                    & (Q(order_id__isnull=False) | Q(broker_order_id__isnull=False))
                    & (Q(price_cents__isnull=False) | Q(average_price_usd=None))
                )
                | Q(status="FAILED", ended_at__isnull=False),
                name="offchain_trades_status_facts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.side} {self.shares} {self.symbol}"


class TradeAccumulator(PositionColumns):
    """The position of a base symbol."""

    pending_execution_id: Any = None  # The plain column of the view is a reference here.
    pending_execution = models.ForeignKey(
        OffchainTrade, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )

    class Meta:
        db_table = "trade_accumulators"
        verbose_name = "position"
        constraints = [
            models.UniqueConstraint(
                fields=["pending_execution"],
                condition=Q(pending_execution__isnull=False),
                name="trade_accumulators_one_pending",
            ),
            models.CheckConstraint(condition=~Q(symbol=""), name="trade_accumulators_symbol"),
            not_below_zero("accumulated_long", "trade_accumulators_long"),
            not_below_zero("accumulated_short", "trade_accumulators_short"),
        ]

    def __str__(self) -> str:
        return f"{self.symbol} {self.net_position}"


class TradeExecutionLink(models.Model):
    """How many shares of an onchain trade an order was placed for, and how many of these it gave back unfilled."""

    id = models.BigAutoField(primary_key=True)
    trade = models.ForeignKey(OnchainTrade, on_delete=models.CASCADE, related_name="links")
    execution = models.ForeignKey(OffchainTrade, on_delete=models.CASCADE, related_name="links")
    contributed_shares = ExactDecimalField()
    released_shares = ExactDecimalField(default=ZERO)
    reorged = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "trade_execution_links"
        verbose_name = "link"
        indexes = [models.Index(fields=["trade", "execution"], name="trade_execution_links_both")]
        constraints = [
            models.UniqueConstraint(fields=["trade", "execution"], name="trade_execution_links_once"),
            above_zero("contributed_shares", "trade_execution_links_shares"),
        ]

    def __str__(self) -> str:
        return f"{self.contributed_shares} of trade {self.trade_id} to order {self.execution_id}"


class NettingLink(models.Model):
    """Shares of a buy and a sell on chain that cancel each other out, so that no order need cover them."""

    id = models.BigAutoField(primary_key=True)
    trade = models.ForeignKey(OnchainTrade, on_delete=models.CASCADE, related_name="netted")
    opposite = models.ForeignKey(OnchainTrade, on_delete=models.CASCADE, related_name="netted_against")
    execution = models.ForeignKey(OffchainTrade, on_delete=models.CASCADE, related_name="nettings")
    netted_shares = ExactDecimalField()
    reorged = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "trade_netting_links"
        verbose_name = "netting link"
        constraints = [above_zero("netted_shares", "trade_netting_links_shares")]

    def __str__(self) -> str:
        return f"{self.netted_shares} of trades {self.trade_id} and {self.opposite_id}"


class SymbolLock(models.Model):
    """Stands while an order of the symbol is open: kept for readers of the older schema, never read by us."""

    symbol = models.CharField(max_length=32, primary_key=True)
    locked_at = models.DateTimeField()

    class Meta:
        db_table = "symbol_locks"
        verbose_name = "symbol lock"

    def __str__(self) -> str:
        return self.symbol
