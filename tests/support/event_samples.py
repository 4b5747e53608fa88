"""Samples of every event that is stored: what today's code writes of them lies as golden files in recordings/events.

A type has as many samples as it has shapes: with what may be missing, and without; each kind of what is of several.
"""

from datetime import UTC, datetime
from decimal import Decimal

from trading.broker_auth import events as auth
from trading.offchain_order import events as order
from trading.onchain_trade import events as trade
from trading.position import events as position
from trading.values.identifiers import TradeId
from trading.values.sides import Side
from trading.values.thresholds import threshold

AT = datetime(2025, 11, 3, 14, 30, 0, 250_000, tzinfo=UTC)
LATER = datetime(2025, 11, 3, 14, 30, 2, tzinfo=UTC)
TOKEN_ENDS = datetime(2025, 11, 3, 15, 0, 0, 250_000, tzinfo=UTC)
LOGIN_ENDS = datetime(2025, 11, 10, 14, 30, 0, 250_000, tzinfo=UTC)
TX = "0x" + "ab" * 32
BLOCK = "0x" + "cd" * 32
FEED = "0x" + "ef" * 32
# More digits than a binary float or a REAL keeps.
AMOUNT = Decimal("12.345678901234567890123456789")
PRICE = Decimal("187.25")
TRADE = TradeId(TX, 7)
ONE_SHARE, HUNDRED_DOLLARS = threshold("1 share"), threshold("$100")

_GAS = trade.Gas(gas_used=210_000, effective_gas_price=1_500_000_000)
_PYTH = trade.PythPrice(
    feed_id=FEED, price=Decimal("187.24815"), confidence=Decimal("0.09123"), exponent=-5, publish_time=AT
)
_FILL = {"symbol": "AAPL", "token_symbol": "tAAPL", "side": Side.BUY, "amount": AMOUNT, "block_timestamp": AT}

_LINKS = order.Links(
    links=(
        order.TradeLink(
            trade=TRADE,
            contributed_shares=Decimal("1.5"),
            released_shares=Decimal("0.5"),
            reorged=False,
            created_at=AT,
        ),
    ),
    nettings=(
        order.Netting(trade=TRADE, opposite=TradeId(TX, 8), netted_shares=Decimal("0.25"), reorged=True, created_at=AT),
    ),
    unallocated_shares=Decimal("0.75"),
    unallocated_cause="reorg",
)

SAMPLES = [
    auth.TokensStored(login_at=AT, fetched_at=AT, expires_at=TOKEN_ENDS, refresh_expires_at=LOGIN_ENDS),
    auth.AccessTokenRefreshed(refreshed_at=LATER, expires_at=TOKEN_ENDS),
    auth.AuthenticationLost(lost_at=LATER, reason="the broker refused the refresh token (400)"),
    trade.OpenSharesSet(unlinked_shares=Decimal("0.25")),
    order.Relinked(standing=_LINKS),
    order.Relinked(standing=order.Links()),
    position.PositionSet(previous_net=Decimal("1.5"), target_net=Decimal(-3), reason="sold by hand"),
    *(
        position.Rebuilt(
            accumulated_long=Decimal("10.25"),
            accumulated_short=Decimal("12.75"),
            onchain_bought=Decimal("20.25"),
            onchain_sold=Decimal("22.75"),
            broker_bought=Decimal(12),
            broker_sold=Decimal(12),
            pending=pending,
            reason="links of an older version",
        )
        for pending in (
            None,
            position.PendingOrder(order_id=17, side=Side.BUY, shares=Decimal(2), filled_shares=Decimal("0.5")),
        )
    ),
    trade.Filled(
        **_FILL,
        usdc=Decimal("2311.728"),
        price_usdc=PRICE,
        amount_raw="12345678901234567890",
        usdc_raw="2311728000",
        block_number=31_000_123,
        block_hash=BLOCK,
    ),
    trade.Filled(
        **_FILL | {"side": Side.SELL},
        usdc=Decimal(0),
        price_usdc=None,
        amount_raw="12345678901234567890",
        usdc_raw="0",
        block_number=31_000_123,
        block_hash=BLOCK,
    ),
    trade.Enriched(gas=_GAS, pyth=_PYTH),
    trade.Enriched(gas=trade.Gas(gas_used=21_000)),
    trade.Enriched(pyth=trade.PythPrice(price=PRICE, confidence=Decimal(0), exponent=-8, publish_time=AT)),
    trade.Reorged(block_number=31_000_123, block_hash=BLOCK),
    trade.Reorged(block_number=None, block_hash=BLOCK),
    trade.Migrated(
        **_FILL,
        price_usdc=PRICE,
        usdc=Decimal("2311.728"),
        amount_raw="12345678901234567890",
        usdc_raw="2311728000",
        block_number=31_000_123,
        block_hash=BLOCK,
        gas=_GAS,
        pyth=_PYTH,
    ),
    trade.Migrated(**_FILL, price_usdc=None),
    order.Placed(
        symbol="AAPL",
        shares=Decimal(12),
        side=Side.SELL,
        broker="dry_run",
        client_order_id="ht-k3v9x2ab-17-1",
        attempt=1,
        placed_at=AT,
    ),
    order.SubmissionStarted(sending_at=AT),
    order.Submitted(broker_order_id="B-17", accepted_shares=Decimal(12), submitted_at=AT),
    order.OutcomeUnknown(reason="no answer within 10 s"),
    order.PartiallyFilled(shares_filled=Decimal("4.5"), average_price_usd=PRICE, partially_filled_at=AT),
    order.PartiallyFilled(shares_filled=Decimal("4.5"), average_price_usd=None, partially_filled_at=AT),
    order.Filled(shares_filled=Decimal(12), average_price_usd=PRICE, filled_at=AT),
    order.Filled(shares_filled=Decimal(13), average_price_usd=None, filled_at=AT),
    order.Cancelled(shares_filled=Decimal("4.5"), average_price_usd=PRICE, reason="by hand", cancelled_at=AT),
    order.Cancelled(shares_filled=Decimal(0), average_price_usd=None, reason="by hand", cancelled_at=AT),
    *(
        order.Failed(
            kind=kind, shares_filled=Decimal(0), average_price_usd=None, error="insufficient buying power", failed_at=AT
        )
        for kind in order.FailureKind
    ),
    order.LateFilled(shares_filled=Decimal(12), average_price_usd=PRICE, late_filled_at=LATER),
    order.LateFilled(shares_filled=Decimal(12), average_price_usd=None, late_filled_at=LATER),
    order.Migrated(
        symbol="AAPL",
        shares=Decimal(12),
        side=Side.SELL,
        broker="schwab",
        status=order.MigratedStatus.FILLED,
        placed_at=AT,
        broker_order_id="1004055538123",
        average_price_usd=PRICE,
        executed_at=LATER,
        error=None,
    ),
    *(
        order.Migrated(
            symbol="AAPL", shares=Decimal(12), side=Side.BUY, broker="alpaca", status=status, placed_at=AT, error="no"
        )
        for status in order.MigratedStatus
    ),
    position.Initialized(threshold=ONE_SHARE),
    position.Initialized(threshold=HUNDRED_DOLLARS),
    position.OnChainOrderFilled(
        trade=TRADE, side=Side.BUY, amount=AMOUNT, price_usdc=PRICE, block_number=31_000_123, block_timestamp=AT
    ),
    position.OnChainOrderFilled(
        trade=TRADE, side=Side.SELL, amount=AMOUNT, price_usdc=None, block_number=31_000_123, block_timestamp=AT
    ),
    position.OnChainOrderReverted(trade=TRADE, side=Side.BUY, amount=AMOUNT, block_number=31_000_123),
    position.OnChainOrderReverted(trade=TRADE, side=Side.BUY, amount=AMOUNT, block_number=None),
    position.OffChainOrderPlaced(
        order_id=17,
        shares=Decimal(12),
        side=Side.SELL,
        broker="dry_run",
        trigger_reason=position.SharesTrigger(net_position_shares=AMOUNT, threshold_shares=Decimal(1)),
        placed_at=AT,
    ),
    position.OffChainOrderPlaced(
        order_id=17,
        shares=Decimal(12),
        side=Side.SELL,
        broker="dry_run",
        trigger_reason=position.DollarTrigger(
            net_position_shares=AMOUNT,
            dollar_value=Decimal("2311.728374256172839"),
            price_usdc=PRICE,
            threshold_dollars=Decimal(100),
        ),
        placed_at=AT,
    ),
    position.OffChainOrderPlaced(
        order_id=18,
        shares=Decimal(3),
        side=Side.BUY,
        broker="alpaca",
        trigger_reason=position.ManualTrigger(
            net_position_shares=Decimal("-0.5"), actor="ada", reason="the stock splits tomorrow"
        ),
        placed_at=AT,
    ),
    position.OffChainOrderPlaced(
        order_id=19,
        shares=Decimal(3),
        side=Side.BUY,
        broker="alpaca",
        trigger_reason=position.AdoptedTrigger(net_position_shares=Decimal(0), client_order_id="ht-k3v9x2bc-19-1"),
        placed_at=AT,
    ),
    position.OffChainOrderPartiallyFilled(
        order_id=17, side=Side.SELL, shares_filled=Decimal("4.5"), average_price_usd=PRICE, broker_timestamp=AT
    ),
    position.OffChainOrderPartiallyFilled(
        order_id=17, side=Side.SELL, shares_filled=Decimal("4.5"), average_price_usd=None, broker_timestamp=AT
    ),
    position.OffChainOrderFilled(
        order_id=17,
        side=Side.SELL,
        shares_filled=Decimal(12),
        broker_order_id="B-17",
        average_price_usd=PRICE,
        broker_timestamp=AT,
    ),
    position.OffChainOrderFilled(
        order_id=17,
        side=Side.SELL,
        shares_filled=Decimal(12),
        broker_order_id="B-17",
        average_price_usd=None,
        broker_timestamp=AT,
    ),
    position.OffChainOrderFailed(
        order_id=17, side=Side.SELL, shares_filled=Decimal("4.5"), error="insufficient buying power", failed_at=AT
    ),
    position.OffChainOrderCancelled(
        order_id=17, side=Side.SELL, shares_filled=Decimal("4.5"), reason="by hand", cancelled_at=AT
    ),
    position.OffChainOrderLateFilled(
        order_id=17, side=Side.SELL, shares_added=Decimal("7.5"), average_price_usd=PRICE, broker_timestamp=LATER
    ),
    position.OffChainOrderLateFilled(
        order_id=17, side=Side.SELL, shares_added=Decimal("7.5"), average_price_usd=None, broker_timestamp=LATER
    ),
    position.ThresholdUpdated(old_threshold=ONE_SHARE, new_threshold=HUNDRED_DOLLARS, reason="too many small orders"),
    position.Migrated(
        net_position=Decimal("-2.5"),
        accumulated_long=Decimal("10.25"),
        accumulated_short=Decimal("12.75"),
        threshold=ONE_SHARE,
        pending=position.PendingOrder(order_id=17, side=Side.BUY, shares=Decimal(2), filled_shares=Decimal("0.5")),
        last_price=position.LastPrice(price_usdc=PRICE, block_timestamp=AT, block_number=31_000_123, log_index=7),
    ),
    position.Migrated(
        net_position=Decimal(0),
        accumulated_long=Decimal(0),
        accumulated_short=Decimal(0),
        threshold=HUNDRED_DOLLARS,
    ),
]
