"""Onchain trade view: one row a fill, with all that is known of it."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from django.db import models

from eventstore.rows import insert_rows, update_rows
from eventstore.store import Recorded
from trading.fields import ExactDecimalField
from trading.onchain_trade.aggregate import OnChainTrade
from trading.onchain_trade.events import (
    Filled,
    Gas,
    Migrated,
    OnChainTradeEvent,
    OpenSharesSet,
    PythPrice,
    Reorged,
)
from trading.values.arithmetic import ZERO
from trading.values.identifiers import TradeId
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol, TokenSymbol


class TradeColumns(models.Model):
    """The columns that hold an onchain trade's whole state, in whichever table."""

    tx_hash = models.CharField(max_length=66)
    log_index = models.BigIntegerField()
    amount = ExactDecimalField(help_text="shares")
    side = models.CharField(max_length=4, db_column="direction", choices=[(s, s) for s in Side])
    price_usdc = ExactDecimalField(null=True, help_text="USDC per share; none where the fill is unpriced")
    usdc_amount = ExactDecimalField(null=True)
    amount_raw = models.CharField(max_length=80, null=True)
    usdc_raw = models.CharField(max_length=80, null=True)
    block_number = models.BigIntegerField(null=True)
    block_hash = models.CharField(max_length=66, null=True)
    block_timestamp = models.DateTimeField(null=True)
    gas_used = models.BigIntegerField(null=True)
    effective_gas_price = models.BigIntegerField(null=True, help_text="wei")
    pyth_price = ExactDecimalField(null=True)
    pyth_confidence = ExactDecimalField(null=True)
    pyth_exponent = models.IntegerField(null=True)
    pyth_publish_time = models.DateTimeField(null=True)
    pyth_feed_id = models.CharField(max_length=66, null=True)
    migrated = models.BooleanField(default=False)
    reorged_at = models.DateTimeField(null=True)
    unlinked_shares = ExactDecimalField(help_text="shares that no order covers and no opposite fill nets")
    stream_version = models.BigIntegerField(default=0)

    class Meta:
        abstract = True

    @property
    def trade(self) -> TradeId:
        return TradeId(self.tx_hash, self.log_index)


class OnChainTradeView(TradeColumns):
    """What the events of an onchain trade add up to."""

    id = models.CharField(max_length=90, primary_key=True)
    base_symbol = models.CharField(max_length=32, db_column="symbol")
    token_symbol = models.CharField(max_length=64)
    recorded_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "onchain_trade_view"
        verbose_name = "onchain trade (view)"
        verbose_name_plural = "onchain trades (view)"
        indexes = [
            models.Index(fields=["tx_hash"], name="onchain_trade_view_tx"),
            models.Index(fields=["block_number"], name="onchain_trade_view_block"),
            models.Index(fields=["side"], name="onchain_trade_view_side"),
            models.Index(fields=["base_symbol", "recorded_at"], name="onchain_trade_view_symbol"),
            models.Index(
                fields=["base_symbol"],
                name="onchain_trade_view_open",
                condition=~models.Q(unlinked_shares=ZERO),
            ),
            models.Index(
                fields=["base_symbol", "reorged_at"],
                name="onchain_trade_view_reorged",
                condition=models.Q(reorged_at__isnull=False),
            ),
            models.Index(
                fields=["block_number"],
                name="onchain_trade_view_plain",
                condition=models.Q(gas_used=None, reorged_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.token_symbol} {self.id}"


def columns(trade: OnChainTrade, *, version: int, at: datetime) -> dict[str, Any]:
    """Lay a trade's state out in columns; `at` is when it came to be so, which dates a reorg."""
    fill = trade.fill
    if fill is None:
        raise ValueError(f"trade {trade.trade} has no fill, so there is nothing to store")
    gas, pyth = trade.gas, trade.pyth
    return {
        "tx_hash": trade.trade.tx_hash,
        "log_index": trade.trade.log_index,
        "base_symbol": fill.symbol,
        "token_symbol": fill.token_symbol,
        "amount": fill.amount,
        "side": fill.side.value,
        "price_usdc": fill.price_usdc,
        "usdc_amount": fill.usdc,
        "amount_raw": fill.amount_raw,
        "usdc_raw": fill.usdc_raw,
        "block_number": fill.block_number,
        "block_hash": fill.block_hash,
        "block_timestamp": fill.block_timestamp,
        "gas_used": gas.gas_used if gas else None,
        "effective_gas_price": gas.effective_gas_price if gas else None,
        "pyth_price": pyth.price if pyth else None,
        "pyth_confidence": pyth.confidence if pyth else None,
        "pyth_exponent": pyth.exponent if pyth else None,
        "pyth_publish_time": pyth.publish_time if pyth else None,
        "pyth_feed_id": pyth.feed_id if pyth else None,
        "migrated": isinstance(fill, Migrated),
        "reorged_at": at if trade.reorged else None,
        "stream_version": version,
    }


def state_of(row: TradeColumns) -> OnChainTrade:
    """Read a trade's state back from its row."""
    return OnChainTrade(
        trade=row.trade,
        fill=_fill_of(row),
        gas=None if row.gas_used is None else Gas(gas_used=row.gas_used, effective_gas_price=row.effective_gas_price),
        pyth=_pyth_of(row),
        reorged=row.reorged_at is not None,
    )


def _fill_of(row: TradeColumns) -> Filled | Migrated:
    kind = Migrated if row.migrated else Filled
    facts: dict[str, Any] = {
        "symbol": Symbol(row.base_symbol),  # type: ignore[attr-defined]  # each table has it, under its own column
        "token_symbol": TokenSymbol(row.token_symbol),  # type: ignore[attr-defined]
        "side": Side(row.side),
        "amount": Shares(row.amount),
        "usdc": None if row.usdc_amount is None else Usd(row.usdc_amount),
        "price_usdc": None if row.price_usdc is None else Usd(row.price_usdc),
        "amount_raw": row.amount_raw,
        "usdc_raw": row.usdc_raw,
        "block_number": row.block_number,
        "block_hash": row.block_hash,
        "block_timestamp": row.block_timestamp,
    }
    return kind(**facts)


def _pyth_of(row: TradeColumns) -> PythPrice | None:
    if row.pyth_price is None or row.pyth_confidence is None:
        return None
    if row.pyth_exponent is None or row.pyth_publish_time is None:
        return None
    return PythPrice(
        feed_id=row.pyth_feed_id,
        price=row.pyth_price,
        confidence=row.pyth_confidence,
        exponent=row.pyth_exponent,
        publish_time=row.pyth_publish_time,
    )


FRESH = (Filled, Migrated)
"""The events that begin a row: a fill that comes back after a reorg begins another one."""


class OnChainTradeProjector:
    """Keeps the view: evolves the same aggregate, and seeing an event twice changes nothing."""

    name = "onchain_trade_view"
    aggregate_type = OnChainTrade.aggregate_type

    def __init__(self, model: type[OnChainTradeView] = OnChainTradeView) -> None:
        self._model = model

    def project(self, batch: Sequence[Recorded]) -> None:
        # A stream's first event has no row yet, and most streams have but one event.
        rows = {row.id: row for row in self._rows_of([e.aggregate_id for e in batch if e.version > 1])}
        states = {id: (state_of(row), row.stream_version) for id, row in rows.items()}
        news: dict[str, dict[str, Any]] = {}
        for recorded in batch:
            id = recorded.aggregate_id
            trade, version = states.get(id) or (OnChainTrade.initial(id), 0)
            if recorded.version <= version:
                continue  # Projected already.
            event = cast(OnChainTradeEvent, recorded.event)
            trade = trade.evolve(event)
            states[id] = trade, recorded.version
            written = news.get(id, {})
            before = written or (vars(rows[id]) if id in rows else {})
            at = dated(event, recorded.recorded_at)
            row = news[id] = columns(trade, version=recorded.version, at=at)
            row["id"] = id
            row["recorded_at"] = at if isinstance(event, FRESH) else before["recorded_at"]
            unlinked = unlinked_after(event, written.get("unlinked_shares"))
            if unlinked is not None:
                row["unlinked_shares"] = unlinked
        insert_rows(self._model, [row for id, row in news.items() if id not in rows])
        # An order that is placed meanwhile links shares of these fills: what no event here says is left as it is.
        changed = [row for id, row in news.items() if id in rows]
        update_rows(self._model, [row for row in changed if "unlinked_shares" in row], key="id")
        update_rows(self._model, [row for row in changed if "unlinked_shares" not in row], key="id")

    def _rows_of(self, ids: list[str]) -> list[OnChainTradeView]:
        return list(self._model._default_manager.filter(id__in=ids)) if ids else []


def unlinked_after(event: OnChainTradeEvent, before: Decimal | None) -> Decimal | None:
    """Tell how many shares are open for linking: all of a new fill, none of a reorged one, else as before."""
    match event:
        case Migrated(unlinked_shares=unlinked) | OpenSharesSet(unlinked_shares=unlinked) if unlinked is not None:
            return unlinked
        case Filled(amount=amount) | Migrated(amount=amount):
            return amount
        case Reorged():
            return ZERO
        case _:
            return before


def dated(event: OnChainTradeEvent, recorded_at: datetime) -> datetime:
    """Tell when what an event says came to be known: as it was recorded, or earlier, by an older installation."""
    match event:
        case Migrated(taken_in_at=known) | Reorged(reorged_at=known) if known is not None:
            return known
        case _:
            return recorded_at
