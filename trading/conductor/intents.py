"""Intents of hedges: the orders that the books hold open, or saw end a moment ago, as the risk gate counts them."""

from collections.abc import Iterable
from datetime import datetime

from trading.ledger.book import Ledger
from trading.offchain_order.aggregate import OPEN, OffchainOrder
from trading.risk.checking import Intents
from trading.risk.intents import Intent


def hedge_intents(ledger: Ledger) -> Intents:
    """List the hedges that are open, or ended since a time."""

    def listed(since: datetime) -> Iterable[Intent]:
        memory = ledger.memory()
        return [intent_of(order) for order in memory.orders(OPEN) + memory.recently_ended(since=since)]

    return listed


def intent_of(order: OffchainOrder) -> Intent:
    return Intent(
        client_order_id=order.client_order_id,
        broker=order.broker,
        symbol=order.symbol,
        side=order.side,
        requested_shares=order.requested_shares,
        filled_shares=order.filled_shares,
        submitted_at=order.submitted_at,
        ended_at=order.ended_at,
    )
