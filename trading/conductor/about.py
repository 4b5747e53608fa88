"""About: what a station is at, in each line that is logged meanwhile, whoever logs it.

`correlation` is the one under which the order's events are kept, and `client_order_id` the reference of its calls to
the broker; so a line leads to both.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from structlog.contextvars import bound_contextvars

from trading.offchain_order.aggregate import OffchainOrder


@contextmanager
def about_order(order: OffchainOrder) -> Iterator[None]:
    """Let every line tell of the order, for as long as the body runs."""
    facts = {"correlation": f"order:{order.order_id}"}
    if order.client_order_id is not None:
        facts["client_order_id"] = order.client_order_id
    with bound_contextvars(**facts):
        yield
