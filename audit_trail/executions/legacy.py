"""The legacy order log: one row an order, as it was kept before there were decisions.

While USE_AUDIT_TRAIL is off it is all that is written. Once it is on, a row is written here beside each execution, in
the same commit, for whoever still reads this table.
"""

from django.db import models
from django.db.models import Q

from audit_trail.decisions.drafts import LONGEST_NAME
from audit_trail.decisions.models import TradeDecision
from audit_trail.executions.orders import OPEN, OrderState
from trading.fields import ExactDecimalField
from trading.values.sides import Side

# The broker's own words, as the table always had them; where it has none for it, ours.
WORDS = {
    OrderState.SENDING: "pending_new",
    OrderState.SUBMITTED: "accepted",
    OrderState.PARTIALLY_FILLED: "partially_filled",
    OrderState.UNKNOWN: "unknown",
    OrderState.FILLED: "filled",
    OrderState.CANCELLED: "canceled",
    OrderState.EXPIRED: "expired",
    OrderState.REJECTED: "rejected",
    OrderState.FAILED: "failed",
    OrderState.UNSENT: "unsent",
}
STATES = {word: state for state, word in WORDS.items()}
OPEN_WORDS = [WORDS[state] for state in OPEN]


class AlpacaOrder(models.Model):
    """An order of a strategy. The table bears Alpaca's name; which broker it is at stands in the row."""

    id = models.BigAutoField(primary_key=True)
    client_order_id = models.CharField(max_length=128, unique=True)
    alpaca_order_id = models.CharField(max_length=128, null=True, help_text="the broker's id of it")
    trade_decision = models.ForeignKey(
        TradeDecision, on_delete=models.PROTECT, null=True, related_name="+", help_text="empty: USE_AUDIT_TRAIL was off"
    )
    decision_id = models.UUIDField(help_text="of the decision, or of what would have been one")
    strategy_name = models.CharField(max_length=LONGEST_NAME)
    trading_day = models.DateField()
    broker = models.CharField(max_length=20)
    account_number = models.CharField(max_length=40)
    trading_mode = models.CharField(max_length=5)

    symbol = models.CharField(max_length=32)
    side = models.CharField(max_length=4, choices=[(s.value, s.value) for s in Side])
    qty = ExactDecimalField(null=True, help_text="empty where it is for dollars")
    notional = ExactDecimalField(null=True)
    reckoned_qty = ExactDecimalField(help_text="shares that were asked for, or that the dollars were reckoned to buy")
    limit_price = ExactDecimalField(null=True)
    order_type = models.CharField(max_length=6)
    time_in_force = models.CharField(max_length=3, default="day")

    status = models.CharField(max_length=20, choices=[(word, word) for word in STATES])
    filled_qty = ExactDecimalField(default=0)
    filled_avg_price = ExactDecimalField(null=True)
    placed_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)
    filled_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    reason = models.TextField(null=True)

    sender = models.CharField(max_length=80, null=True)
    not_before = models.DateTimeField(null=True)
    tries = models.IntegerField(default=0)

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "alpaca_orders"
        verbose_name = "legacy order"
        indexes = [
            models.Index(fields=["symbol", "placed_at"], name="alpaca_orders_symbol"),
            models.Index(fields=["status", "placed_at"], name="alpaca_orders_status"),
            models.Index(fields=["side", "placed_at"], name="alpaca_orders_side"),
            models.Index(fields=["strategy_name", "trading_day", "symbol"], name="alpaca_orders_strategy"),
            models.Index(fields=["alpaca_order_id"], name="alpaca_orders_broker_order"),
            models.Index(fields=["trading_mode", "placed_at"], name="alpaca_orders_mode"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=list(STATES)), name="alpaca_orders_status_known"),
            models.CheckConstraint(
                condition=Q(qty__isnull=False, notional=None) | Q(qty=None, notional__isnull=False),
                name="alpaca_orders_one_amount",
            ),
        ]

    def __str__(self) -> str:
        return self.client_order_id
