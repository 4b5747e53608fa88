"""Memory: what both memories, legacy tables and event store, can be asked and told."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from eventstore.events import Event
from eventstore.store import Metadata
from trading.broker_auth.aggregate import SchwabAuth
from trading.offchain_order.aggregate import OffchainOrder, OrderState
from trading.onchain_trade.aggregate import OnChainTrade
from trading.position.aggregate import Position
from trading.values.identifiers import BrokerOrderId, ClientOrderId, OrderId, TradeId
from trading.values.symbols import Symbol

AnyAggregate = type[OnChainTrade] | type[Position] | type[OffchainOrder] | type[SchwabAuth]
State = OnChainTrade | Position | OffchainOrder | SchwabAuth

ROWLESS: frozenset[AnyAggregate] = frozenset({SchwabAuth})
"""Aggregates without a legacy row: their events go into the event store in every mode, and state is read from there."""


class Held(NamedTuple):
    """An aggregate's state and the version of its stream at which it stands."""

    state: Any
    version: int


class Entry(NamedTuple):
    """An event that was decided in a step: the group it belongs to, and its place in its stream."""

    group: int
    aggregate: AnyAggregate
    id: str
    version: int
    event: Event
    metadata: Metadata


class Change(NamedTuple):
    """What a step did to one aggregate, from first to last."""

    aggregate: AnyAggregate
    id: str
    before: Held
    after: Held
    events: tuple[Event, ...]


class Memory(Protocol):
    """A place that state is read from and written to."""

    def load(self, aggregate: AnyAggregate, ids: Collection[str]) -> dict[str, Held]:
        """Read states for changing them: whoever else would change them waits, where the database can do that."""
        ...

    def positions(self) -> list[Position]:
        """All positions, by symbol."""
        ...

    def orders(self, states: Iterable[OrderState]) -> list[OffchainOrder]:
        """The orders that stand in one of these states, by number."""
        ...

    def recently_ended(self, *, since: datetime) -> list[OffchainOrder]:
        """The orders that ended at or after a time, by number."""
        ...

    def order_under_way(self, symbol: Symbol) -> OrderId | None:
        """The number of a symbol's open order, whatever its position says of it."""
        ...

    def order(self, order: OrderId, *, locked: bool = False) -> OffchainOrder | None:
        """One order, if there is one of this number; `locked`, it stays as it is until the transaction ends."""
        ...

    def order_named(self, client_order_id: ClientOrderId) -> OffchainOrder | None:
        """The order that has this id of ours, if there is one."""
        ...

    def known_broker_orders(self, ids: Collection[BrokerOrderId]) -> set[BrokerOrderId]:
        """Those of some ids of a broker's that stand with an order of ours."""
        ...

    def trades_in_block(self, block_hash: str) -> list[OnChainTrade]:
        """The fills that stand in a block."""
        ...

    def trades_without_gas(self, *, limit: int) -> list[OnChainTrade]:
        """The oldest fills whose receipt was not read yet."""
        ...

    def newest_trades(self, *, limit: int) -> list[OnChainTrade]:
        """The newest fills that stand, of all symbols, newest first in chain order, but for those without a block."""
        ...

    def trade(self, trade: TradeId) -> OnChainTrade | None:
        """One fill, if it is known."""
        ...


def changes(entries: Sequence[Entry], before: dict[Any, Held], after: dict[Any, Held]) -> list[Change]:
    """Sum a step's entries up, aggregate by aggregate, in the order in which each was first touched."""
    events: dict[tuple[AnyAggregate, str], list[Event]] = {}
    for entry in entries:
        events.setdefault((entry.aggregate, entry.id), []).append(entry.event)
    return [Change(key[0], key[1], before[key], after[key], tuple(happened)) for key, happened in events.items()]
