"""Onchain trades in the admin: each fill with its price, its block, and where else it is told of."""

from typing import Any

from django.contrib import admin
from django.db.models import Q

from eventstore.cells import badge, lines, list_link, shown, timeline_link
from eventstore.finding import choices_filter
from eventstore.read_only import ReadOnlyAdmin
from trading.onchain_trade.aggregate import OnChainTrade
from trading.onchain_trade.view import OnChainTradeView, TradeColumns
from trading.values.arithmetic import ZERO
from trading.values.sides import Side

UNPRICED = "unpriced"


def side_badge(side: Any) -> str:
    return badge(shown(side), {Side.BUY: "info", Side.SELL: "warning"}.get(side, "danger"))


def price_or_unpriced(price: Any) -> str:
    return badge(UNPRICED, "warning") if price is None else shown(price)


class TradeAdmin(ReadOnlyAdmin):
    """A fill, in whichever memory."""

    list_display = (
        "fill",
        "block_timestamp",
        "side",
        "shares",
        "token_symbol",
        "base_symbol",
        "price",
        "uncovered",
        "block_number",
        "state",
    )
    list_filter = (
        choices_filter("side", {side.value: Q(side=side) for side in Side}),
        choices_filter("price", {"priced": Q(price_usdc__isnull=False), UNPRICED: Q(price_usdc=None)}),
        choices_filter("covered", {"covered": Q(unlinked_shares=ZERO), "uncovered": ~Q(unlinked_shares=ZERO)}),
        choices_filter("chain", {"on_chain": Q(reorged_at=None), "reorged": Q(reorged_at__isnull=False)}),
        choices_filter("origin", {"witnessed": Q(migrated=False), "migrated": Q(migrated=True)}),
    )
    search_fields = ("^tx_hash", "base_symbol", "token_symbol", "block_number")
    search_help_text = "A transaction or its beginning, a symbol, or a block number"
    fieldsets = (
        (None, {"fields": ("fill", "side", "shares", "position", "token_symbol", "price", "usdc_amount", "state")}),
        (
            "Chain",
            {
                "fields": (
                    "tx_hash",
                    "log_index",
                    "block",
                    "block_hash",
                    "block_timestamp",
                    "amount_raw",
                    "usdc_raw",
                    "reorged_at",
                )
            },
        ),
        (
            "Gas and oracle",
            {
                "fields": (
                    "gas_used",
                    "effective_gas_price",
                    "pyth_price",
                    "pyth_confidence",
                    "pyth_exponent",
                    "pyth_publish_time",
                    "pyth_feed_id",
                    "enrichment",
                )
            },
        ),
        ("Cover", {"fields": ("uncovered", "covering")}),
        ("Trail", {"fields": ("trail", "migrated", "stream_version")}),
    )

    # The table of the same memory.
    positions = "trading.positionview"

    def headline(self, row: Any) -> str:
        return f"{row.side} {shown(row.amount)} {row.token_symbol} in {row.tx_hash}:{row.log_index}"

    def fill(self, row: TradeColumns) -> str:
        return f"{row.tx_hash[:10]}…{row.tx_hash[-4:]}:{row.log_index}"

    def side(self, row: TradeColumns) -> str:
        return side_badge(row.side)

    def shares(self, row: TradeColumns) -> Any:
        return row.amount

    @admin.display(description="USDC per share")
    def price(self, row: TradeColumns) -> str:
        return price_or_unpriced(row.price_usdc)

    @admin.display(description="uncovered shares")
    def uncovered(self, row: TradeColumns) -> Any:
        return row.unlinked_shares

    def state(self, row: TradeColumns) -> str:
        if row.reorged_at is not None:
            return badge("reorged", "danger")
        return badge("migrated", "info") if row.migrated else badge("on chain", "success")

    def block(self, row: TradeColumns) -> str:
        return list_link("trading.chainblock", shown(row.block_number), number__exact=row.block_number or 0)

    def position(self, row: Any) -> str:
        return list_link(self.positions, row.base_symbol, symbol__exact=row.base_symbol)

    def enrichment(self, row: TradeColumns) -> str:
        return list_link("trading.enrichment", "what was asked about it", id__exact=str(row.trade))

    def covering(self, row: Any) -> str:
        raise NotImplementedError

    def trail(self, row: TradeColumns) -> str:
        return lines(self.trails(row))

    def trails(self, row: TradeColumns) -> list[str]:
        place = {"tx_hash__exact": row.tx_hash, "log_index__exact": row.log_index}
        return [
            list_link(
                "eventstore.storedevent",
                "events",
                aggregate_type=OnChainTrade.aggregate_type,
                aggregate_id__exact=str(row.trade),
            ),
            timeline_link(OnChainTrade.aggregate_type, row.trade),
            list_link("trading.queuedlog", "queued log", **place),
        ]


@admin.register(OnChainTradeView)
class OnChainTradeViewAdmin(TradeAdmin):
    """What the events of a fill add up to."""

    def covering(self, row: OnChainTradeView) -> str:
        return lines(
            [
                list_link("trading.tradelinkview", "orders that cover it", trade_id__exact=row.id),
                list_link("trading.nettinglinkview", "fills that it is netted with", trade_id__exact=row.id),
                list_link("trading.nettinglinkview", "fills that are netted with it", opposite_id__exact=row.id),
            ]
        )

    def trails(self, row: TradeColumns) -> list[str]:
        legacy = {"tx_hash__exact": row.tx_hash, "log_index__exact": row.log_index}
        return [*super().trails(row), list_link("trading.onchaintrade", "legacy row", **legacy)]
