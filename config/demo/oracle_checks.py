"""Checks of the oracle's prices: what the desk shows beside a fill is what the fill's own transaction read."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from config.demo.steps import Expected, Outcome
from config.demo.world import World, rows
from trading.values.arithmetic import plain


def every_fill_has_the_price_that_its_transaction_read(world: World) -> Iterator[str]:
    """Each fill has the oracle's price of its share that its own transaction read, exactly, and else none."""
    fills = {(one.tx_hash, one.log_index): one for one in world.market.expected() if one.outcome is Outcome.FILL}
    if not any(one.oracle for one in fills.values()):
        yield "no fill read a price of the oracle"
    told_at = {tx_hash: _time_of(world, tx_hash) for tx_hash, _ in fills}
    for memory, books in world.memories().items():
        for row in rows(books.links.trades).filter(reorged_at=None):
            one = fills.get((row.tx_hash, row.log_index))
            if one is None:
                continue  # That it is no fill is found elsewhere.
            wanted, found = _expected(one, told_at[row.tx_hash]), _booked(row)
            if wanted != found:
                name = f"{row.tx_hash}:{row.log_index}"
                yield f"{memory}, fill {name}: expected {wanted or 'none'}, was {found or 'none'}"


def _expected(one: Expected, told_at: datetime) -> str:
    read = one.oracle
    if read is None:
        return ""
    return _words(read.feed, read.price_usd, read.confidence_usd, read.exponent, told_at)


def _booked(row: Any) -> str:
    if row.pyth_price is None:
        return ""
    return _words(row.pyth_feed_id, row.pyth_price, row.pyth_confidence, row.pyth_exponent, row.pyth_publish_time)


def _words(feed: Any, price: Any, confidence: Any, exponent: Any, at: Any) -> str:
    return f"{plain(price)} ± {plain(confidence)} of feed {feed} at {at:%Y-%m-%d %H:%M:%S} with exponent {exponent}"


def _time_of(world: World, tx_hash: str) -> datetime:
    """The time of the transaction's block, as of which the oracle was told the price."""
    receipt = world.market.node.request("eth_getTransactionReceipt", tx_hash)
    block = world.market.node.request("eth_getBlockByHash", receipt["blockHash"], False)
    return datetime.fromtimestamp(int(block["timestamp"], 16), tz=UTC)


ORACLE_CHECKS = (every_fill_has_the_price_that_its_transaction_read,)
