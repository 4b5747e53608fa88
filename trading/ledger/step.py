"""Step: what one commit decides, aggregate by aggregate, before any of it is written."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol

from msgspec import UNSET, UnsetType

from eventstore.events import Event
from eventstore.store import Metadata
from trading.ledger.memory import AnyAggregate, Change, Entry, Held, Memory, changes
from trading.offchain_order.aggregate import OffchainOrder
from trading.onchain_trade.aggregate import OnChainTrade
from trading.onchain_trade.events import Filled, Migrated, Reorged
from trading.position.aggregate import Position
from trading.values.identifiers import OrderId, TradeId
from trading.values.symbols import Symbol
from trading.values.thresholds import Threshold

Key = tuple[AnyAggregate, str]

_MOVES = (Filled, Migrated, Reorged)


class _Decides(Protocol):
    def decide(self, command: Any, /) -> Sequence[Event]: ...
    def evolve(self, event: Any, /) -> Any: ...


class OutOfOrder(RuntimeError):
    """A step handles fills before orders, and takes no fill back that it took in. Mend the station."""


class Step:
    """One commit under way: load what it concerns, handle commands in groups, and leave; the ledger writes."""

    def __init__(self, memory: Memory, *, at: datetime, actor: str, threshold: Threshold) -> None:
        self.at = at
        self.default_threshold = threshold
        self.entries: list[Entry] = []
        self._memory = memory
        self._actor = actor
        self._held: dict[Key, Held] = {}
        self._loaded: dict[Key, Held] = {}
        self._group = 0
        self._metadata = Metadata(actor=actor, correlation="none")
        self._undo: list[tuple[Key, Held]] | None = None
        # Where the first order, and where each fill or reorg, stands among the entries.
        self._first_order: int | None = None
        self._moved: dict[Key, int] = {}

    # Loading: in a fixed order of kinds, positions first, so that two steps never wait for each other.

    def load(
        self,
        *,
        symbols: Collection[Symbol] = (),
        orders: Collection[OrderId] = (),
        trades: Collection[TradeId] = (),
    ) -> None:
        """Read, and lock, all that the step will change: one query a kind instead of one an aggregate."""
        self._load(Position, symbols)
        self._load(OffchainOrder, [str(order) for order in orders])
        self._load(OnChainTrade, [str(trade) for trade in trades])

    def position(self, symbol: Symbol) -> Position:
        position: Position = self._state(Position, symbol)
        return position

    def order(self, order: OrderId) -> OffchainOrder:
        state: OffchainOrder = self._state(OffchainOrder, str(order))
        return state

    def trade(self, trade: TradeId) -> OnChainTrade:
        state: OnChainTrade = self._state(OnChainTrade, str(trade))
        return state

    # Deciding

    @contextmanager
    def group(self, correlation: str, *, reason: str | UnsetType = UNSET) -> Iterator[None]:
        """Hold together what belongs to one fill or one order: all of it happens, or, on an error, none of it.

        `reason` is an operator's, and goes into the metadata of the group's events.
        """
        if self._undo is not None:
            raise RuntimeError("a group holds no other group")
        self._group += 1
        self._metadata = Metadata(actor=self._actor, correlation=correlation, reason=reason)
        self._undo, first = [], len(self.entries)
        try:
            yield
        except BaseException:
            for key, held in reversed(self._undo):
                self._held[key] = held
            del self.entries[first:]
            self._moved = {key: place for key, place in self._moved.items() if place < first}
            if self._first_order is not None and self._first_order >= first:
                self._first_order = None
            raise
        finally:
            self._undo = None

    def handle(self, aggregate: AnyAggregate, id: object, command: Any) -> Sequence[Event]:
        """Let an aggregate decide, inside a group. Raises the aggregate's refusal, and OutOfOrder."""
        if self._undo is None:
            raise RuntimeError("commands are handled inside a group")
        key: Key = (aggregate, str(id))
        held = self._hold(key)
        state: _Decides = held.state
        events = state.decide(command)
        if not events:
            return events
        self._keep_in_order(key, events)
        self._undo.append((key, held))
        version = held.version
        for event in events:
            version += 1
            state = state.evolve(event)
            self.entries.append(Entry(self._group, aggregate, key[1], version, event, self._metadata))
        self._held[key] = Held(state, version)
        return events

    def _keep_in_order(self, key: Key, events: Sequence[Event]) -> None:
        """Links follow from fills and orders together, and the rows and the views write each kind at once.

        So within a step all fills and reorgs come before all orders; else the memories could link them differently.
        """
        place = len(self.entries)
        if key[0] is OffchainOrder and self._first_order is None:
            self._first_order = place
        if key[0] is OnChainTrade and any(isinstance(event, _MOVES) for event in events):
            if self._first_order is not None:
                raise OutOfOrder(f"trade {key[1]} comes after an order in one step; take fills in before orders")
            if key in self._moved:
                raise OutOfOrder(f"trade {key[1]} is filled and reorged in one step; commit one before the other")
            self._moved[key] = place

    def changes(self) -> list[Change]:
        return changes(self.entries, self._loaded, self._held)

    def _state(self, aggregate: AnyAggregate, id: str) -> Any:
        return self._hold((aggregate, id)).state

    def _hold(self, key: Key) -> Held:
        if key not in self._held:
            self._load(key[0], [key[1]])
        return self._held[key]

    def _load(self, aggregate: AnyAggregate, ids: Collection[str]) -> None:
        missing = [id for id in dict.fromkeys(ids) if (aggregate, id) not in self._held]
        if not missing:
            return
        for id, held in self._memory.load(aggregate, missing).items():
            self._held[aggregate, id] = self._loaded[aggregate, id] = held
