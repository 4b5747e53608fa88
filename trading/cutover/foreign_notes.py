"""Foreign notes: what an operator should know of an older installation's file, beside its rows."""

from collections.abc import Iterator, Sequence

from trading.cutover.foreign_rows import ForeignOrder, ForeignRows
from trading.position.aggregate import Position
from trading.values.arithmetic import add, plain, subtract


def notes_of(rows: ForeignRows, orders: Sequence[ForeignOrder], positions: Sequence[Position]) -> list[str]:
    return [*_of_orders(orders), *_of_positions(positions), *_of_links(rows, orders), *_of_queue(rows)]


def _of_orders(orders: Sequence[ForeignOrder]) -> Iterator[str]:
    for order in orders:
        if order.is_open:
            yield (
                f"order {order.id} ({order.side} {order.symbol}, {order.status}) is open and has no client order id: "
                "it can't be asked for, and `switch_ledger` refuses until it has ended. Better let the older "
                "installation end it first, and import the file then"
            )


def _of_positions(positions: Sequence[Position]) -> Iterator[str]:
    for position in positions:
        onchain = subtract(position.onchain_bought, position.onchain_sold)
        fills = add(onchain, subtract(position.broker_bought, position.broker_sold))
        if fills != position.net:
            yield (
                f"position {position.symbol}: its net is {plain(position.net)}, its fills and filled orders come to "
                f"{plain(fills)}. `manage.py rebuild_legacy {position.symbol}` shows what would make them alike"
            )


def _of_links(rows: ForeignRows, orders: Sequence[ForeignOrder]) -> Iterator[str]:
    if not rows.has_links and orders:
        yield (
            "the file has no links from trades to orders, so every trade is taken for open. "
            "`manage.py rebuild_legacy SYMBOL` works them out"
        )


def _of_queue(rows: ForeignRows) -> Iterator[str]:
    waiting = [queued.number for queued in rows.queue.values() if not queued.processed]
    if waiting:
        first = min(waiting)
        yield (
            f"{len(waiting)} queued logs were not processed there, the first in block {first}: "
            f"read the chain from there, with DEPLOYMENT_BLOCK={first}"
        )
    elif rows.queue:
        newest = max(queued.number for queued in rows.queue.values())
        yield f"the newest log that was read there is in block {newest}: set DEPLOYMENT_BLOCK={newest}"
