"""Questions to the onchain trade view. Each answer is rows in a fixed order, read through an index; take as many of
them as are needed. Times and blocks are half-open, and a reorged fill is among the rows until it is filtered out.
"""

from datetime import datetime

from django.db.models import QuerySet

from trading.onchain_trade.view import OnChainTradeView
from trading.values.symbols import Symbol

Trades = QuerySet[OnChainTradeView]


def of_transaction(*, tx_hash: str) -> Trades:
    """The fills in a transaction, in the order of its logs."""
    return OnChainTradeView.objects.filter(tx_hash=tx_hash).order_by("log_index")


def of_symbol(*, symbol: Symbol, since: datetime | None = None, until: datetime | None = None) -> Trades:
    """The fills of a base symbol that were recorded in [since, until), newest first."""
    rows = OnChainTradeView.objects.filter(base_symbol=symbol)
    if since is not None:
        rows = rows.filter(recorded_at__gte=since)
    if until is not None:
        rows = rows.filter(recorded_at__lt=until)
    return rows.order_by("-recorded_at", "-id")


def in_blocks(*, first: int, end: int) -> Trades:
    """The fills in the blocks of [first, end), in the order of the chain."""
    rows = OnChainTradeView.objects.filter(block_number__gte=first, block_number__lt=end)
    return rows.order_by("block_number", "log_index", "id")


def recorded_between(*, since: datetime, until: datetime) -> Trades:
    """The fills that were recorded in [since, until), newest first."""
    rows = OnChainTradeView.objects.filter(recorded_at__gte=since, recorded_at__lt=until)
    return rows.order_by("-recorded_at", "-id")
