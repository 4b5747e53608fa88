"""Replay: what a stream's events add up to, laid out as the rows that should be there."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from django.db.models import Model, Q

from eventstore.events import Event
from eventstore.unreadable import forgiving
from trading.broker_auth import view as auth_view
from trading.broker_auth.aggregate import SchwabAuth
from trading.broker_auth.view import SchwabAuthView
from trading.ledger.legacy import order_row
from trading.ledger.memory import AnyAggregate
from trading.ledger.tables import OffchainTrade, OnchainTrade, TradeAccumulator
from trading.offchain_order import view as order_view
from trading.offchain_order.aggregate import OffchainOrder
from trading.offchain_order.view import OffchainOrderView
from trading.onchain_trade import view as trade_view
from trading.onchain_trade.aggregate import OnChainTrade
from trading.onchain_trade.view import FRESH, OnChainTradeView
from trading.position import view as position_view
from trading.position.aggregate import Position
from trading.position.view import PositionView

Cells = dict[str, Any]


class Moment(NamedTuple):
    """An event in its place."""

    version: int
    event: Event
    at: datetime


class Life(NamedTuple):
    """A stretch of a stream that has a legacy row of its own: a fill that comes back after a reorg has a second one."""

    state: Any
    version: int
    since: datetime
    at: datetime


class Replay:
    """An aggregate's events, taken one by one from the first."""

    def __init__(self, kind: "StreamKind", id: str) -> None:
        self.kind = kind
        self.id = id
        self.version = 0
        self.lives: list[Life] = []
        self.trouble: str | None = None
        self._state: Any = kind.aggregate.initial(id)

    def take(self, moments: Iterable[Moment]) -> None:
        """Go on with further events. A gap is kept as trouble, and nothing is taken after it."""
        for moment in moments:
            if moment.version != self.version + 1:
                self.trouble = f"expected version {self.version + 1} next, found {moment.version}"
                return
            self._state = self._state.evolve(moment.event)
            self.version = moment.version
            at = self.kind.dated(moment.event, moment.at)
            if isinstance(moment.event, self.kind.begins) or not self.lives:
                self.lives.append(Life(self._state, moment.version, at, at))
            else:
                self.lives[-1] = Life(self._state, moment.version, self.lives[-1].since, at)

    def view_row(self) -> Cells:
        return self.kind.view_row(self.lives[-1])


@dataclass(frozen=True, kw_only=True)
class StreamKind:
    """One kind of aggregates, and its view."""

    name: str
    aggregate: AnyAggregate
    view: type[Model]
    view_row: Callable[[Life], Cells]
    view_rows: Callable[[Collection[str]], Q]
    dated: Callable[[Any, datetime], datetime] = lambda event, at: at
    """When what an event says came to be known, beside when it was recorded."""
    begins: tuple[type[Event], ...] = ()
    """The events that begin another legacy row."""
    long: bool = False
    """Its streams are few and long: each is read page by page."""

    def views(self, ids: Collection[str]) -> dict[str, Any]:
        rows = forgiving(self.view._default_manager.filter(self.view_rows(ids)))
        return {str(row.pk): row for row in rows}

    def view_ids(self) -> Iterator[str]:
        return map(str, self.view._default_manager.order_by("pk").values_list("pk", flat=True).iterator(chunk_size=500))


@dataclass(frozen=True, kw_only=True)
class Kind(StreamKind):
    """One kind of aggregates, and where either memory keeps it."""

    legacy: type[Model]
    legacy_row: Callable[[Life], Cells]
    linked: tuple[str, ...] = ()
    """The columns that follow from links, and so from no single stream."""
    key: tuple[str, ...] = ("pk",)
    """The columns of a legacy row that name its stream."""
    id_of: Callable[[Any], str] = lambda row: str(row.pk)
    """The stream of a legacy row; a view's row has it as its primary key."""
    legacy_rows: Callable[[Collection[str]], Q]

    def rows_of(self, replay: Replay) -> list[Cells]:
        """The legacy rows that a replayed stream asks for, oldest first."""
        return [self.legacy_row(life) for life in replay.lives]

    def rows(self, ids: Collection[str]) -> dict[str, list[Any]]:
        """The legacy rows of some streams, oldest first."""
        found: dict[str, list[Any]] = {}
        for row in forgiving(self.legacy._default_manager.filter(self.legacy_rows(ids)).order_by("pk")):
            found.setdefault(self.id_of(row), []).append(row)
        return found

    def known(self, ids: Collection[str]) -> set[str]:
        """Those of the streams that have a legacy row."""
        return {self.id_of(row) for row in self.legacy._default_manager.filter(self.legacy_rows(ids)).only(*self.key)}

    def legacy_ids(self) -> Iterator[str]:
        """The streams of all legacy rows, each once."""
        rows = self.legacy._default_manager.order_by(*self.key).only(*self.key)
        return (id for id, _ in groupby(self.id_of(row) for row in rows.iterator(chunk_size=500)))


def _hashes(ids: Collection[str]) -> set[str]:
    return {id.partition(":")[0] for id in ids}


def _order_row(life: Life) -> Cells:
    return order_row(life.state, life.version)


def _order_view_row(life: Life) -> Cells:
    return order_view.columns(life.state, version=life.version) | {
        "status": order_view.legacy_word(life.state).capitalize()
    }


TRADES = Kind(
    name="trade",
    aggregate=OnChainTrade,
    legacy=OnchainTrade,
    view=OnChainTradeView,
    begins=FRESH,
    dated=trade_view.dated,
    legacy_row=lambda life: (
        trade_view.columns(life.state, version=life.version, at=life.at) | {"created_at": life.since}
    ),
    view_row=lambda life: (
        trade_view.columns(life.state, version=life.version, at=life.at) | {"recorded_at": life.since}
    ),
    linked=("unlinked_shares",),
    key=("tx_hash", "log_index"),
    id_of=lambda row: str(row.trade),
    legacy_rows=lambda ids: Q(tx_hash__in=_hashes(ids)),
    view_rows=lambda ids: Q(pk__in=ids),
)
POSITIONS = Kind(
    name="position",
    aggregate=Position,
    legacy=TradeAccumulator,
    view=PositionView,
    legacy_row=lambda life: position_view.columns(life.state, version=life.version, at=life.at),
    view_row=lambda life: position_view.columns(life.state, version=life.version, at=life.at),
    legacy_rows=lambda ids: Q(pk__in=ids),
    view_rows=lambda ids: Q(pk__in=ids),
    long=True,
)
ORDERS = Kind(
    name="order",
    aggregate=OffchainOrder,
    legacy=OffchainTrade,
    view=OffchainOrderView,
    legacy_row=_order_row,
    view_row=_order_view_row,
    linked=("unallocated_shares", "unallocated_cause"),
    legacy_rows=lambda ids: Q(pk__in=[int(id) for id in ids]),
    view_rows=lambda ids: Q(pk__in=[int(id) for id in ids]),
)
LOGINS = StreamKind(
    name="login",
    aggregate=SchwabAuth,
    view=SchwabAuthView,
    view_row=lambda life: auth_view.columns(life.state, version=life.version, at=life.at),
    view_rows=lambda ids: Q(pk__in=ids),
    long=True,
)
KINDS = (TRADES, POSITIONS, ORDERS)
"""Those that both memories keep."""
ROWLESS_KINDS = (LOGINS,)
"""Those that only the event store keeps."""
