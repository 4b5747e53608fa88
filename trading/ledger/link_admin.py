"""Links in the admin, of both memories: which trades an order was placed for, and which cancel each other out."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet

from eventstore.cells import badge, lines, list_link, page_link, shown
from eventstore.finding import choices_filter
from eventstore.read_only import ReadOnlyAdmin
from eventstore.unreadable import forgiving
from trading.ledger.link_views import NettingLinkView, TradeLinkView
from trading.ledger.tables import NettingLink, OffchainTrade, OnchainTrade, TradeExecutionLink
from trading.values.arithmetic import subtract

MOST_LISTED = 100


class LinkAdmin(ReadOnlyAdmin):
    """Shares of a trade that an order covers."""

    list_display: Sequence[str] = (
        "id",
        "from_trade",
        "to_order",
        "contributed_shares",
        "released_shares",
        "held",
        "state",
        "created_at",
    )
    list_filter = (choices_filter("chain", {"on_chain": Q(reorged=False), "reorged": Q(reorged=True)}),)
    fields: Sequence[str] | None = list_display
    search_help_text = "An order's number, or a transaction or its beginning"

    trades = ""
    orders = ""

    @admin.display(description="trade")
    def from_trade(self, row: Any) -> str:
        return page_link(self.trades, row.trade_id)

    @admin.display(description="order")
    def to_order(self, row: Any) -> str:
        return page_link(self.orders, row.execution_id)

    @admin.display(description="shares still held")
    def held(self, row: Any) -> Any:
        return subtract(row.contributed_shares, row.released_shares)

    def state(self, row: Any) -> str:
        return badge("reorged", "danger") if row.reorged else badge("on chain", "success")


class NettingAdmin(LinkAdmin):
    """Shares of two opposite trades that cancel each other out."""

    list_display = ("id", "from_trade", "and_trade", "netted_shares", "at_order", "state", "created_at")
    fields = list_display

    @admin.display(description="opposite trade")
    def and_trade(self, row: Any) -> str:
        return page_link(self.trades, row.opposite_id)

    @admin.display(description="when this order was placed")
    def at_order(self, row: Any) -> str:
        return page_link(self.orders, row.execution_id)


@admin.register(TradeExecutionLink)
class TradeExecutionLinkAdmin(LinkAdmin):
    """A link in the legacy tables."""

    list_select_related = ("trade",)
    search_fields = ("execution_id", "^trade__tx_hash")
    trades, orders = "trading.onchaintrade", "trading.offchaintrade"

    @admin.display(description="trade")
    def from_trade(self, row: TradeExecutionLink) -> str:
        return page_link(self.trades, row.trade_id, _place(row.trade))


@admin.register(NettingLink)
class NettingLinkAdmin(NettingAdmin):
    """A netting link in the legacy tables."""

    list_select_related = ("trade", "opposite")
    search_fields = ("execution_id", "^trade__tx_hash", "^opposite__tx_hash")
    trades, orders = "trading.onchaintrade", "trading.offchaintrade"

    @admin.display(description="trade")
    def from_trade(self, row: NettingLink) -> str:
        return page_link(self.trades, row.trade_id, _place(row.trade))

    @admin.display(description="opposite trade")
    def and_trade(self, row: NettingLink) -> str:
        return page_link(self.trades, row.opposite_id, _place(row.opposite))


@admin.register(TradeLinkView)
class TradeLinkViewAdmin(LinkAdmin):
    """A link that the events add up to."""

    search_fields = ("execution_id", "^trade_id")
    trades, orders = "trading.onchaintradeview", "trading.offchainorderview"


@admin.register(NettingLinkView)
class NettingLinkViewAdmin(NettingAdmin):
    """A netting link that the events add up to."""

    search_fields = ("execution_id", "^trade_id", "^opposite_id")
    trades, orders = "trading.onchaintradeview", "trading.offchainorderview"


# The links of one row, on its page.


def orders_of(trade: OnchainTrade) -> str:
    """List the orders that a trade is covered by, with the shares of each."""
    return _listed(
        TradeExecutionLink.objects.filter(trade=trade),
        lambda link: page_link(
            "trading.offchaintrade", link.execution_id, f"{_kept(link)} by order {link.execution_id}"
        ),
        list_link("trading.tradeexecutionlink", "all links", trade_id__exact=trade.pk),
    )


def covered_trades(order: OffchainTrade) -> str:
    """List the trades that an order covers, with the shares of each."""
    return _listed(
        TradeExecutionLink.objects.filter(execution=order).select_related("trade"),
        lambda link: page_link("trading.onchaintrade", link.trade_id, f"{_kept(link)} of {_place(link.trade)}"),
        list_link("trading.tradeexecutionlink", "all links", execution_id__exact=order.pk),
    )


def trades_netted_with(trade: OnchainTrade) -> str:
    """List the opposite trades that cancel a trade out, with the shares of each."""

    def other(link: NettingLink) -> str:
        opposite = link.opposite if link.trade_id == trade.pk else link.trade
        return page_link("trading.onchaintrade", opposite.pk, f"{shown(link.netted_shares)} of {_place(opposite)}")

    links = NettingLink.objects.filter(Q(trade=trade) | Q(opposite=trade)).select_related("trade", "opposite")
    return _listed(links, other, list_link("trading.nettinglink", "all netting links", trade_id__exact=trade.pk))


def trades_netted_for(order: OffchainTrade) -> str:
    """List the trades that were netted when an order was placed."""
    return list_link("trading.nettinglink", "trades netted with it", execution_id__exact=order.pk)


def _listed(links: QuerySet[Any], cell: Any, all_of_them: str) -> str:
    rows = list(forgiving(links).order_by("pk")[: MOST_LISTED + 1])
    return lines([*(cell(link) for link in rows[:MOST_LISTED]), *([all_of_them] if rows else [])])


def _kept(link: TradeExecutionLink) -> str:
    shares = f"{shown(link.contributed_shares)} shares"
    released = f", {shown(link.released_shares)} released" if link.released_shares else ""
    return f"{shares}{released}{', reorged' if link.reorged else ''}"


def _place(trade: OnchainTrade) -> str:
    return f"{trade.tx_hash[:10]}…{trade.tx_hash[-4:]}:{trade.log_index}"
