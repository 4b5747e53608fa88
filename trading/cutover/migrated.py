"""Migrated: the events by which legacy rows enter the log, each with all that its row knows and nothing else."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any, cast

import msgspec
from django.db.models import Q

from eventstore.events import Event
from eventstore.unreadable import Unreadable
from trading.conductor.inbox import QueuedLog
from trading.cutover.findings import BadRow
from trading.ledger.tables import NettingLink, OffchainTrade, OnchainTrade, TradeAccumulator, TradeExecutionLink
from trading.offchain_order import commands as order_commands
from trading.offchain_order import view as order_view
from trading.offchain_order.aggregate import MIGRATED_STATES, OffchainOrder, OrderError
from trading.offchain_order.events import Links, Netting, TradeLink
from trading.onchain_trade import commands as trade_commands
from trading.onchain_trade import view as trade_view
from trading.onchain_trade.aggregate import OnChainTrade, OnChainTradeError
from trading.onchain_trade.events import OnChainTradeEvent
from trading.position import commands as position_commands
from trading.position import view as position_view
from trading.position.aggregate import Position, PositionError
from trading.values.arithmetic import EXACT
from trading.values.identifiers import BrokerOrderId
from trading.values.quantities import Shares, Usd
from trading.values.thresholds import Threshold

STATUSES = {state: word for word, state in MIGRATED_STATES.items()}


class CannotMigrate(ValueError):
    """A row can't become an event as it stands."""

    def __init__(self, bad: BadRow) -> None:
        super().__init__(f"{bad.table} {bad.id}: {bad.column} {bad.value}: {bad.reason}")
        self.bad = bad


Events = dict[str, list[Event]]
EventsOf = Callable[[dict[str, list[Any]], Threshold], tuple[Events, list[BadRow]]]
"""Tells the events of some streams from their legacy rows, oldest first, and which rows can't become any."""


def trade_events(rows: dict[str, list[OnchainTrade]], threshold: Threshold) -> tuple[Events, list[BadRow]]:
    """A fill that was reorged and came back has a row for each time; each is a Migrated, and a Reorged if it went."""
    blocks = _queued_blocks([row for each in rows.values() for row in each if _lacks_its_block(row)])

    def events(id: str) -> list[Event]:
        trade, told = OnChainTrade.initial(id), list[Event]()
        for row in rows[id]:
            for command in _trade_commands(row, blocks.get(id)):
                decided = _decided(trade, command, row)
                for event in decided:
                    trade = trade.evolve(cast(OnChainTradeEvent, event))
                told += decided
        return told

    return _each(rows, events)


def position_events(rows: dict[str, list[TradeAccumulator]], threshold: Threshold) -> tuple[Events, list[BadRow]]:
    """A position without a threshold of its own takes the installation's."""

    def events(id: str) -> list[Event]:
        (row,) = rows[id]
        position = _read(row, position_view.state_of)
        command = position_commands.Migrate(
            net_position=position.net,
            accumulated_long=position.accumulated_long,
            accumulated_short=position.accumulated_short,
            threshold=position.threshold or threshold,
            pending=position.pending,
            last_price=position.last_price,
            onchain_bought=position.onchain_bought,
            onchain_sold=position.onchain_sold,
            broker_bought=position.broker_bought,
            broker_sold=position.broker_sold,
            adjusted=position.adjusted,
        )
        return list(_decided(Position.initial(id), command, row))

    return _each(rows, events)


def order_events(rows: dict[str, list[OffchainTrade]], threshold: Threshold) -> tuple[Events, list[BadRow]]:
    """An order brings what stands behind it, since no rule could tell it from what entered the log before."""
    standing = _standing([row for each in rows.values() for row in each])

    def events(id: str) -> list[Event]:
        (row,) = rows[id]
        order = _read(row, lambda row: order_view.state_of(row, order_id=row.id))
        theirs = order.broker_order_id or row.order_id
        price = order.average_price_usd
        if price is None and row.price_cents is not None:
            price = Usd(Decimal(row.price_cents).scaleb(-2, EXACT))
        command = order_commands.Migrate(
            symbol=order.symbol,
            shares=order.requested_shares,
            side=order.side,
            broker=order.broker,
            status=STATUSES[order.state],
            placed_at=order.placed_at,
            broker_order_id=None if theirs is None else BrokerOrderId(theirs),
            average_price_usd=price,
            executed_at=order.ended_at,
            error=order.reason,
            client_order_id=order.client_order_id,
            attempt=order.attempt,
            accepted_shares=order.accepted_shares,
            filled_shares=order.filled_shares,
            sending_at=order.sending_at,
            submitted_at=order.submitted_at,
            standing=standing(row),
        )
        return list(_decided(OffchainOrder.initial(id), command, row))

    return _each(rows, events)


def bad_row(row: Any, column: str, value: object, reason: str) -> BadRow:
    return BadRow(row._meta.db_table, str(row.pk), column, str(value)[:80], reason)


def _each(ids: Iterable[str], events: Callable[[str], list[Event]]) -> tuple[Events, list[BadRow]]:
    told, bad = Events(), list[BadRow]()
    for id in ids:
        try:
            told[id] = events(id)
        except CannotMigrate as refused:
            bad.append(refused.bad)
    return told, bad


def _read(row: Any, state_of: Callable[[Any], Any]) -> Any:
    """Read a row's state; every cell must be readable, also one that the state does not need."""
    for field in row._meta.concrete_fields:
        if isinstance(value := getattr(row, field.attname), Unreadable):
            raise CannotMigrate(bad_row(row, str(field.column), value.stored, value.problem))
    try:
        return state_of(row)
    except (ValueError, LookupError) as error:
        raise CannotMigrate(bad_row(row, "row", row, str(error))) from error


def _decided(state: Any, command: Any, row: Any) -> Sequence[Event]:
    try:
        events: Sequence[Event] = state.decide(command)
    except (OnChainTradeError, PositionError, OrderError, ArithmeticError) as error:
        # Nothing is put in place of what the aggregate can't take.
        raise CannotMigrate(bad_row(row, "row", row, f"{type(error).__name__}: {error}")) from error
    return events


# Trades


def _lacks_its_block(row: OnchainTrade) -> bool:
    return row.reorged_at is None and (row.block_number is None or row.block_timestamp is None)


def _queued_blocks(rows: Collection[OnchainTrade]) -> dict[str, QueuedLog]:
    """The queued logs of fills whose rows do not know their block."""
    if not rows:
        return {}
    logs = QueuedLog.objects.filter(tx_hash__among={row.tx_hash for row in rows}, reorged_at=None)
    return {str(log): log for log in logs}


def _trade_commands(row: OnchainTrade, log: QueuedLog | None) -> list[Any]:
    trade = _read(row, trade_view.state_of)
    facts = {
        name: value
        for name, value in msgspec.structs.asdict(trade.fill).items()
        if name in trade_commands.Migrate.__struct_fields__
    }
    if log is not None and _lacks_its_block(row):
        known = {"block_number": log.block_number, "block_hash": log.block_hash, "block_timestamp": log.block_timestamp}
        facts |= {name: value for name, value in known.items() if facts[name] is None}
    facts |= {
        "gas": trade.gas,
        "pyth": trade.pyth,
        "unlinked_shares": Shares(row.unlinked_shares),
        "taken_in_at": row.created_at,
    }
    migrate = trade_commands.Migrate(**facts)
    if row.reorged_at is None:
        return [migrate]
    return [migrate, trade_commands.Reorg(block_hash=migrate.block_hash or "", reorged_at=row.reorged_at)]


# Orders


def _standing(rows: Collection[OffchainTrade]) -> Callable[[OffchainTrade], Links]:
    """Read what stands behind some orders."""
    of_orders = Q(execution_id__in=[row.id for row in rows])
    links: defaultdict[int, list[TradeLink]] = defaultdict(list)
    for link in TradeExecutionLink.objects.filter(of_orders).select_related("trade").order_by("id"):
        links[link.execution_id].append(
            TradeLink(
                trade=link.trade.trade,
                contributed_shares=Shares(link.contributed_shares),
                released_shares=Shares(link.released_shares),
                reorged=link.reorged,
                created_at=link.created_at,
            )
        )
    nettings: defaultdict[int, list[Netting]] = defaultdict(list)
    for netting in NettingLink.objects.filter(of_orders).select_related("trade", "opposite").order_by("id"):
        nettings[netting.execution_id].append(
            Netting(
                trade=netting.trade.trade,
                opposite=netting.opposite.trade,
                netted_shares=Shares(netting.netted_shares),
                reorged=netting.reorged,
                created_at=netting.created_at,
            )
        )
    return lambda row: Links(
        links=tuple(links[row.id]),
        nettings=tuple(nettings[row.id]),
        unallocated_shares=Shares(row.unallocated_shares),
        unallocated_cause=row.unallocated_cause,
    )
