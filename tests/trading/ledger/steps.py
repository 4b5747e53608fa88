"""Steps: what the stations commit, one call each, for tests that tell a short story."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256

from trading.ledger.book import Ledger
from trading.ledger.mode import Mode, next_order
from trading.offchain_order.aggregate import OffchainOrder
from trading.offchain_order.commands import (
    Cancel,
    CompleteFill,
    ConfirmSubmission,
    MarkFailed,
    Place,
    RecordLateFill,
    StartSubmission,
    UpdatePartialFill,
)
from trading.onchain_trade.aggregate import OnChainTrade
from trading.onchain_trade.commands import Enrich, Reorg, Witness
from trading.onchain_trade.events import Gas
from trading.position.aggregate import Position
from trading.position.commands import (
    AcknowledgeOnChainFill,
    ApplyLateFill,
    ApplyOffChainFill,
    CancelOffChainOrder,
    CompleteOffChainOrder,
    FailOffChainOrder,
    Initialize,
    PlaceOffChainOrder,
    RevertOnChainFill,
)
from trading.values.identifiers import TradeId
from trading.values.sides import Side
from trading.values.symbols import base_symbol
from trading.values.thresholds import threshold

AT = datetime(2025, 11, 3, 14, 30, tzinfo=UTC)


class Steps:
    """Commits to one ledger, a second apart."""

    def __init__(self, mode=Mode.DUAL, *, threshold_text="1 share", **options):
        self.ledger = Ledger(mode, threshold=threshold(threshold_text), **options)
        self.now = AT
        self.block = 100

    def step(self):
        self.now += timedelta(seconds=1)
        return self.ledger.step(at=self.now, actor="tests")

    # Chain

    def fill(self, side, amount, token="tAAPL", *, block=None, log_index=0, price="100", tx=None):
        """Witness a fill and count it, in one commit. Without a block it stands in the next one."""
        with self.step() as step:
            return self.fill_in(step, side, amount, token, block=block, log_index=log_index, price=price, tx=tx)

    def fill_in(self, step, side, amount, token="tAAPL", *, block=None, log_index=0, price="100", tx=None):
        if block is None:
            self.block += 1
            block = self.block
        symbol, amount = base_symbol(token), Decimal(amount)
        price = None if price is None else Decimal(price)
        trade = TradeId(tx or tx_hash(f"{block} {log_index} {token}"), log_index)
        with step.group(str(trade)):
            witness = Witness(
                symbol=symbol,
                token_symbol=token,
                side=Side(side),
                amount=amount,
                usdc=amount * (price or 0),
                price_usdc=price,
                amount_raw="1",
                usdc_raw="1",
                block_number=block,
                block_hash=block_hash(block),
                block_timestamp=AT + timedelta(seconds=2 * block),
            )
            step.handle(OnChainTrade, trade, witness)
            if step.position(symbol).threshold is None:
                step.handle(Position, symbol, Initialize(threshold=step.default_threshold))
            acknowledge = AcknowledgeOnChainFill(
                trade=trade,
                side=witness.side,
                amount=amount,
                price_usdc=price,
                block_number=block,
                block_timestamp=witness.block_timestamp,
            )
            step.handle(Position, symbol, acknowledge)
        return trade

    def reorg(self, trade):
        with self.step() as step, step.group(f"reorg {trade}"):
            fill = step.trade(trade).fill
            step.handle(OnChainTrade, trade, Reorg(block_hash=fill.block_hash))
            revert = RevertOnChainFill(trade=trade, side=fill.side, amount=fill.amount, block_number=fill.block_number)
            step.handle(Position, fill.symbol, revert)

    def enrich(self, trade, gas_used=21_000):
        with self.step() as step, step.group(f"enrich {trade}"):
            step.handle(OnChainTrade, trade, Enrich(gas=Gas(gas_used=gas_used)))

    # Hedges

    def hedge(self, symbol="AAPL", *, digits=None):
        """Place the hedge that is due, if one is; return its number."""
        with self.step() as step:
            return self.hedge_in(step, symbol, digits=digits)

    def hedge_in(self, step, symbol="AAPL", *, digits=None):
        due = step.position(symbol).hedge_due(fractional_digits=digits)
        if due is None:
            return None
        number, name = next_order()
        with step.group(f"order {number}"):
            place = PlaceOffChainOrder(
                order_id=number, shares=due.shares, side=due.side, broker="dry_run", placed_at=self.now
            )
            step.handle(Position, symbol, place)
            intent = Place(
                symbol=symbol,
                shares=due.shares,
                side=due.side,
                broker="dry_run",
                client_order_id=name,
                attempt=1,
                placed_at=self.now,
                unallocated_cause="set" if step.position(symbol).adjusted else None,
            )
            step.handle(OffchainOrder, number, intent)
        return number

    def submit(self, order):
        with self.step() as step, step.group(f"order {order}"):
            step.handle(OffchainOrder, order, StartSubmission(sending_at=self.now))
            accepted = step.order(order).requested_shares
            confirm = ConfirmSubmission(broker_order_id=f"B-{order}", accepted_shares=accepted, submitted_at=self.now)
            step.handle(OffchainOrder, order, confirm)

    def partly_fill(self, order, filled, price="100"):
        filled, price = Decimal(filled), _price(price)
        with self.step() as step, step.group(f"order {order}"):
            known = step.order(order)
            part = UpdatePartialFill(shares_filled=filled, average_price_usd=price, partially_filled_at=self.now)
            step.handle(OffchainOrder, order, part)
            apply = ApplyOffChainFill(
                order_id=order,
                side=known.side,
                shares_filled=filled,
                average_price_usd=price,
                broker_timestamp=self.now,
            )
            step.handle(Position, known.symbol, apply)

    def complete(self, order, filled=None, price="100"):
        with self.step() as step:
            self.complete_in(step, order, filled, price)

    def complete_in(self, step, order, filled=None, price="100"):
        price = _price(price)
        with step.group(f"order {order}"):
            known = step.order(order)
            filled = known.requested_shares if filled is None else Decimal(filled)
            fill = CompleteFill(shares_filled=filled, average_price_usd=price, filled_at=self.now)
            step.handle(OffchainOrder, order, fill)
            complete = CompleteOffChainOrder(
                order_id=order,
                side=known.side,
                shares_filled=filled,
                broker_order_id=known.broker_order_id,
                average_price_usd=price,
                broker_timestamp=self.now,
            )
            step.handle(Position, known.symbol, complete)

    def cancel(self, order, filled="0"):
        filled = Decimal(filled)
        with self.step() as step, step.group(f"order {order}"):
            cancel = Cancel(
                shares_filled=filled, average_price_usd=_price("100"), reason="by hand", cancelled_at=self.now
            )
            step.handle(OffchainOrder, order, cancel)
            end = CancelOffChainOrder(order_id=order, shares_filled=filled, reason="by hand", cancelled_at=self.now)
            step.handle(Position, step.order(order).symbol, end)

    def fail(self, order, filled="0"):
        filled = Decimal(filled)
        with self.step() as step, step.group(f"order {order}"):
            fail = MarkFailed(error="no", failed_at=self.now, shares_filled=filled)
            step.handle(OffchainOrder, order, fail)
            end = FailOffChainOrder(order_id=order, shares_filled=filled, error="no", failed_at=self.now)
            step.handle(Position, step.order(order).symbol, end)

    def fill_late(self, order, filled):
        filled = Decimal(filled)
        with self.step() as step, step.group(f"order {order}"):
            known = step.order(order)
            late = RecordLateFill(shares_filled=filled, average_price_usd=None, late_filled_at=self.now)
            step.handle(OffchainOrder, order, late)
            apply = ApplyLateFill(
                order_id=order,
                side=known.side,
                shares_added=filled - known.filled_shares,
                average_price_usd=None,
                broker_timestamp=self.now,
            )
            step.handle(Position, known.symbol, apply)

    def position(self, symbol="AAPL"):
        with self.step() as step:
            return step.position(symbol)


def tx_hash(text):
    return "0x" + sha256(str(text).encode()).hexdigest()


def block_hash(number):
    return tx_hash(f"block {number}")


def _price(text):
    return None if text is None else Decimal(text)
