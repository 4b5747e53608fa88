"""Undisturbed: what the books must say however often a conductor was killed, and how they must add up.

What comes from the chain is the undisturbed run's to the last byte. When orders were placed, and for how much, hangs on
the moments of the kills; so of these it is held that the broker, the books and the chain agree about them.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from django.utils import timezone

from config.demo.market import Market
from config.demo.steps import Outcome
from eventstore.models import StoredEvent
from eventstore.store import ChainBroken, verify_chain
from trading.brokers.dry_run.models import DryRunOrder
from trading.brokers.dry_run.progress import progress
from trading.conductor.checkpoints import ChainCheckpoint
from trading.conductor.inbox import QueuedLog
from trading.conductor.work import SymbolWait
from trading.ledger.backlog import BackloggedEvent
from trading.ledger.compare import compare
from trading.ledger.invariants import LEGACY_BOOKS, broken
from trading.ledger.mode import Installation, LedgerMode, Mode
from trading.ledger.tables import OffchainTrade, OnchainTrade, SymbolLock, TradeAccumulator
from trading.notices.models import open_notices
from trading.offchain_order.aggregate import OPEN
from trading.onchain_trade.aggregate import OnChainTrade
from trading.position.view import state_of
from trading.values.arithmetic import ZERO, add
from trading.values.sides import Side

OPEN_WORDS = [state.value for state in OPEN]


# What is the same.


class FromTheChain(NamedTuple):
    """All that comes from the chain: it is the same whenever, and however often, it was read."""

    trades: dict[str, dict[str, Any]]
    events: dict[str, list[tuple[int, str, int, str]]]
    positions: dict[str, dict[str, Any]]
    outcomes: dict[str, str]

    @classmethod
    def read(cls) -> "FromTheChain":
        trades = {}
        for row in OnchainTrade.objects.filter(reorged_at=None).values():
            # Which fills an order covers hangs on when it was placed; that the links add up is held elsewhere.
            for other in ("id", "created_at", "unlinked_shares"):
                del row[other]
            trades[f"{row['tx_hash']}:{row['log_index']}"] = row
        events: dict[str, list[tuple[int, str, int, str]]] = {}
        stored = StoredEvent.objects.filter(aggregate_type=OnChainTrade.aggregate_type).order_by("version")
        for id, *event in stored.values_list("aggregate_id", "version", "type", "schema", "data"):
            events.setdefault(id, []).append(tuple(event))
        columns = ("onchain_bought", "onchain_sold", "last_price_usdc", "last_price_at")
        positions = TradeAccumulator.objects.values("symbol", *columns, "last_price_block", "last_price_log_index")
        logs = QueuedLog.objects.filter(reorged_at=None)
        return cls(trades, events, {row["symbol"]: row for row in positions}, {str(log): log.outcome for log in logs})

    def as_if_never_reorged(self) -> "FromTheChain":
        """Leave out what tells of fills that came and went: a run that began later never saw them."""
        trades = {key: {**row, "stream_version": 0} for key, row in self.trades.items()}
        positions = {
            symbol: {name: value for name, value in row.items() if not name.startswith("last_price")}
            for symbol, row in self.positions.items()
        }
        return FromTheChain(trades, {}, positions, self.outcomes)


def differences(found: FromTheChain, undisturbed: FromTheChain) -> list[str]:
    """Tell what is not as in the undisturbed run."""
    return [
        f"{part} of {key}: expected {there.get(key)}, was {here.get(key)}"
        for part, here, there in zip(FromTheChain._fields, found, undisturbed, strict=True)
        for key in sorted(here.keys() | there.keys())
        if here.get(key) != there.get(key)
    ]


# What adds up.


def wrongs(market: Market) -> list[str]:
    """Tell what is wrong in the books, once `conduct --once` has come to the end of it."""
    return [*wrongs_beside_orders(market), *_intent_wrongs(), *_order_wrongs(), *_position_wrongs(market)]


def wrongs_beside_orders(market: Market) -> list[str]:
    """Tell what is wrong at whichever broker orders are; the others are of the dry run's alone."""
    return [*_memory_wrongs(), *_stream_wrongs(), *_chain_wrongs(market), *_left_over()]


def wrongs_so_far() -> list[str]:
    """Tell what is wrong in the books of a conductor that is dead, at whichever moment it died."""
    return [*_memory_wrongs(), *_intent_wrongs()]


def _memory_wrongs() -> Iterator[str]:
    """Both memories say the same, each adds up, and no fill was counted twice."""
    mode = Mode(LedgerMode.objects.get().mode) if LedgerMode.objects.exists() else Mode.DUAL
    yield from (f"compare_ledgers: {each}" for each in compare(mode))
    if mode is Mode.LEGACY:
        yield from map(str, broken(LEGACY_BOOKS))
    counted: Counter[str] = Counter()
    for event, sign in (("OnChainOrderFilled", 1), ("OnChainOrderReverted", -1)):
        for data in StoredEvent.objects.filter(type=f"PositionEvent::{event}").values_list("data", flat=True):
            counted[str(msgspec.json.decode(data)["trade"])] += sign
    yield from (f"fill {trade} was counted {times} times" for trade, times in counted.items() if times not in (0, 1))


def _stream_wrongs() -> Iterator[str]:
    """No stream has a gap, and each event is chained to the one before it."""
    versions: dict[tuple[str, str], list[int]] = {}
    for kind, id, version in StoredEvent.objects.values_list("aggregate_type", "aggregate_id", "version"):
        versions.setdefault((kind, id), []).append(version)
    for (kind, id), found in versions.items():
        if sorted(found) != list(range(1, len(found) + 1)):
            yield f"{kind}-{id} has the versions {sorted(found)}"
        try:
            verify_chain(kind, id)
        except ChainBroken as error:
            yield str(error)


def _intent_wrongs() -> Iterator[str]:
    """Nothing is at the broker that was not meant to be before it was sent, and no more is booked than is filled."""
    ours = {order.client_order_id: order for order in OffchainTrade.objects.all()}
    for row in DryRunOrder.objects.all():
        order, report = ours.get(row.client_order_id), progress(row, timezone.now())
        if order is None:
            yield f"the broker's order {row.client_order_id} is none of ours"
            continue
        for what, here, there in (
            ("symbol", order.symbol, report.symbol),
            ("side", order.side, report.side),
            ("shares", order.shares, report.requested_shares),
            ("the broker's id", order.broker_order_id or report.broker_order_id, report.broker_order_id),
        ):
            if here != there:
                yield f"order {order.id}, {what}: expected {there}, was {here}"
        if order.filled_shares > report.filled_shares:
            yield f"order {order.id} has {order.filled_shares} shares booked, and {report.filled_shares} filled"
        if order.sending_at is None or not order.placed_at <= order.sending_at <= row.submitted_at:
            yield (
                f"order {order.id} was placed at {order.placed_at}, being sent from {order.sending_at} on, "
                f"and with the broker at {row.submitted_at}"
            )


def _chain_wrongs(market: Market) -> Iterator[str]:
    """The chain was read to its head, every log has its outcome, and every fill is booked as it was made."""
    head = int(market.node.request("eth_blockNumber"), 16)
    checkpoint = ChainCheckpoint.objects.get(orderbook=market.orderbook)
    if checkpoint.next_block != head + 1 or checkpoint.reread_from is not None:
        yield f"the chain was read up to {checkpoint.next_block - 1}, its head is {head}"
    made = {f"{one.tx_hash}:{one.log_index}": one for one in market.expected() if one.outcome is not Outcome.VANISHED}
    fills = {key: one for key, one in made.items() if one.outcome is Outcome.FILL}
    yield from _unlike(
        "log",
        {key: one.outcome.value for key, one in made.items()},
        {str(log): log.outcome for log in QueuedLog.objects.filter(reorged_at=None)},
    )
    yield from _unlike(
        "fill",
        {key: (one.symbol, one.side.value, one.shares, one.usd) for key, one in fills.items()},
        {
            str(row.trade): (row.base_symbol, row.side, row.amount, row.usdc_amount)
            for row in OnchainTrade.objects.filter(reorged_at=None)
        },
    )


def _order_wrongs() -> Iterator[str]:
    """Every order is one order at the broker, and the other way round, and both came to the same end."""
    orders, rows = list(OffchainTrade.objects.order_by("id")), list(DryRunOrder.objects.all())
    if [order.id for order in orders] != list(range(1, Installation.objects.get().last_order_number + 1)):
        yield f"the numbers of orders have gaps: {[order.id for order in orders]}"
    reports = {row.client_order_id: progress(row, timezone.now()) for row in rows}
    if len(reports) != len(rows) or len({order.client_order_id for order in orders}) != len(orders):
        yield "two orders share a client order id"
    yield from _unlike(
        "order",
        {
            name: (
                report.broker_order_id,
                report.filled_shares,
                report.average_price_usd,
                report.status.value.lower(),
                report.updated_at,
            )
            for name, report in reports.items()
        },
        {
            str(order.client_order_id): (
                order.broker_order_id,
                order.filled_shares,
                order.average_price_usd,
                order.detailed_status,
                order.ended_at,
            )
            for order in orders
        },
    )


def _position_wrongs(market: Market) -> Iterator[str]:
    """The net is what the chain's fills and the broker's come to, and is worth no other hedge."""
    net = market.expected_positions()
    for row in DryRunOrder.objects.all():
        filled = progress(row, timezone.now()).filled_shares
        net[row.symbol] = add(net.get(row.symbol, ZERO), filled if row.side == Side.BUY else filled.copy_negate())
    positions = list(TradeAccumulator.objects.all())
    yield from _unlike("net of", net, {row.symbol: row.net_position for row in positions})
    for row in positions:
        if row.pending_execution_id is not None or state_of(row).hedge_due(fractional_digits=9) is not None:
            yield f"{row.symbol} has a net of {row.net_position} and order {row.pending_execution_id} under way"


def _left_over() -> Iterator[str]:
    """Nothing waits, nothing is open, and no operator is asked for anything but the fills that nobody can price."""
    if waiting := BackloggedEvent.objects.count():
        yield f"{waiting} events are on the backlog"
    for order in OffchainTrade.objects.filter(detailed_status__in=OPEN_WORDS):
        yield f"order {order.id} is {order.detailed_status}"
    yield from (f"log {log} is not processed" for log in QueuedLog.objects.filter(processed=False))
    yield from (f"{lock.symbol} is locked" for lock in SymbolLock.objects.all())
    yield from (f"{wait} is halted" for wait in SymbolWait.objects.exclude(halted_at=None))
    yield from (f"notice {each}: {each.text}" for each in open_notices() if each.kind != "parked_log")


def _unlike(what: str, expected: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    for key in sorted(expected.keys() | found.keys()):
        if expected.get(key) != found.get(key):
            yield f"{what} {key}: expected {expected.get(key)}, was {found.get(key)}"


# What was met.


def counts() -> str:
    logs, trades = QueuedLog.objects.count(), OnchainTrade.objects.count()
    return f"{logs} logs, {trades} fills, {OffchainTrade.objects.count()} orders, {StoredEvent.objects.count()} events"


def open_orders() -> Counter[str]:
    """Count the open orders by their states."""
    return Counter(
        OffchainTrade.objects.filter(detailed_status__in=OPEN_WORDS).values_list("detailed_status", flat=True)
    )


def accepted_but_not_booked() -> int:
    """Count the orders that the broker has and of which the books do not know it."""
    unbooked = OffchainTrade.objects.filter(detailed_status__in=OPEN_WORDS, broker_order_id=None)
    return DryRunOrder.objects.filter(
        client_order_id__in=list(unbooked.values_list("client_order_id", flat=True))
    ).count()
