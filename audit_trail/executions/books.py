"""Books: where orders of decisions are kept. One keeps decisions and executions, the other the legacy log alone."""

from collections.abc import Collection, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from audit_trail.decisions.drafts import TradedAccount
from audit_trail.executions.models import DecisionHolding
from audit_trail.executions.orders import PlacedOrder
from audit_trail.executions.wanted import Wanted
from trading.risk.gate import Denied
from trading.values.arithmetic import add, subtract
from trading.values.identifiers import BrokerOrderId, ClientOrderId
from trading.values.sides import Side
from trading.values.symbols import Symbol


class Book(Protocol):
    """A place that orders are kept in. Whatever writes is called inside the caller's transaction."""

    # Placing.

    def claim(self, wanted: Wanted, *, now: datetime) -> int | None:
        """Lock what is wanted, and return the number of the attempt; None where somebody has acted on it meanwhile."""

    def place(self, wanted: Wanted, order: PlacedOrder, *, attempt: int) -> PlacedOrder:
        """Keep an intent."""

    def deny(self, wanted: Wanted, denied: Denied, *, attempt: int, final: bool, now: datetime) -> None:
        """Keep that the risk gate said no: for good, or for now."""

    # Following.

    def locked(self, key: int) -> PlacedOrder:
        """An order as it stands, for changing it: whoever else would change it waits."""

    def keep(self, before: PlacedOrder, after: PlacedOrder, *, now: datetime) -> None:
        """Write down what became of an order, and whatever follows from that."""

    def look_again(self, order: PlacedOrder) -> None:
        """Write down when an order is asked for next, and nothing else."""

    def take_up(self, order: PlacedOrder) -> None:
        """Write down which process sends an order, and for how long it is left to that one."""

    # Asking.

    def open_orders(self, broker: str) -> list[PlacedOrder]:
        """The orders that have not ended, oldest first."""

    def due(self, broker: str, *, now: datetime) -> list[PlacedOrder]:
        """The orders whose time to be asked for has come, open or ended, longest overdue first."""

    def ended_since(self, broker: str, *, since: datetime) -> list[PlacedOrder]: ...

    def named(self, client_order_id: ClientOrderId) -> PlacedOrder | None: ...

    def known_broker_orders(self, ids: Collection[BrokerOrderId]) -> set[BrokerOrderId]:
        """Those of some ids of a broker's that stand with an order of this book."""


def book_fill(order: PlacedOrder, added: Decimal, *, now: datetime) -> None:
    """Count what was filled into what decisions hold."""
    row, _ = DecisionHolding.objects.select_for_update().get_or_create(
        broker=order.account.broker,
        account_number=order.account.number,
        symbol=order.request.symbol,
        defaults={"changed_at": now},
    )
    if order.request.side is Side.BUY:
        row.bought_shares = add(row.bought_shares, added)
    else:
        row.sold_shares = add(row.sold_shares, added)
    row.changed_at = now
    row.save()


def held_by_decisions(account: TradedAccount) -> dict[Symbol, Decimal]:
    """What decisions hold in an account, by symbol; signed. No hedge is in it."""
    rows: Iterable[DecisionHolding] = DecisionHolding.objects.filter(
        broker=account.broker, account_number=account.number
    )
    return {Symbol(row.symbol): subtract(row.bought_shares, row.sold_shares) for row in rows}
