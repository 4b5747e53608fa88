"""The demo's checks: what must hold of the books when everything that happened on chain was dealt with.

Each check is a function whose first line says what must hold; it yields a finding for each place where it does not.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from config.demo.broker_books import Taken
from config.demo.checked import Checked, sentence_of
from config.demo.operator_checks import OPERATOR_CHECKS
from config.demo.oracle_checks import ORACLE_CHECKS
from config.demo.record_checks import RECORD_CHECKS
from config.demo.steps import Expected
from config.demo.steps import Outcome as Made
from config.demo.world import World, rows
from trading.chain.topics import CLEARS, TAKES
from trading.conductor.checkpoints import ChainCheckpoint
from trading.conductor.inbox import Outcome, QueuedLog
from trading.conductor.work import waits
from trading.ledger import backlog
from trading.ledger.compare import compare
from trading.ledger.invariants import broken
from trading.offchain_order.aggregate import ENDS, OPEN, OrderState
from trading.values.arithmetic import ZERO, add, plain, subtract
from trading.values.sides import Side

Findings = Iterator[str]
OPEN_WORDS = {state.value for state in OPEN}
ENDED_WORDS = {state.value for state in ENDS}
# The broker may not have them: they are on their way to it, it refused them, or it is proven that it never had them.
MAY_BE_UNKNOWN_THERE = {
    OrderState.PLACED,
    OrderState.SENDING,
    OrderState.UNKNOWN,
    OrderState.REJECTED,
    OrderState.FAILED,
}


def check(world: World) -> list[Checked]:
    """Make every check."""
    return [Checked(sentence_of(each), list(each(world))) for each in CHECKS]


# The chain and the inbox.


def every_log_is_accounted_for(world: World) -> Findings:
    """Every log up to the checkpoint is a fill, filtered, parked or reorged, and no other log is."""
    checkpoint = ChainCheckpoint.objects.filter(orderbook=world.market.orderbook).first()
    if checkpoint is None:
        yield "no block was read"
        return
    read = {(row.tx_hash, row.log_index): row for row in QueuedLog.objects.filter(reorged_at=None)}
    for name, block_hash in _logs_on_chain(world, up_to=checkpoint.next_block - 1).items():
        row = read.pop(name, None)
        if row is None:
            yield f"log {_named(name)} is on chain and was not read"
        elif row.block_hash != block_hash:
            yield f"log {_named(name)}: expected block {block_hash}, was {row.block_hash}"
        elif row.outcome not in (Outcome.FILL, Outcome.FILTERED, Outcome.PARKED):
            yield f"log {_named(name)}: expected a fill, filtered or parked, was {row.outcome or 'unprocessed'}"
    for name in read:
        yield f"log {_named(name)} is not on chain and is not marked as reorged"


def every_log_became_what_it_is(world: World) -> Findings:
    """Our fills are fills, strangers' trades are filtered, what has no USDC is parked, what vanished is reorged."""
    standing = {(row.tx_hash, row.log_index): row.outcome for row in QueuedLog.objects.filter(reorged_at=None)}
    gone = set(QueuedLog.objects.exclude(reorged_at=None).values_list("tx_hash", flat=True))
    for one in world.market.expected():
        found = standing.get(_name(one))
        if one.outcome is Made.VANISHED:
            if found is not None or one.tx_hash not in gone:
                yield f"log {_named(_name(one))}: expected reorged, was {found or 'never seen'}"
        elif found != one.outcome.value:
            yield f"log {_named(_name(one))}: expected {one.outcome}, was {found}"


def _logs_on_chain(world: World, *, up_to: int) -> dict[tuple[str, int], str]:
    wanted = {
        "address": world.market.orderbook,
        "fromBlock": hex(world.market.deployment_block),
        "toBlock": hex(max(up_to, world.market.deployment_block)),
        "topics": [sorted(CLEARS | TAKES)],
    }
    logs = world.market.node.request("eth_getLogs", wanted)
    return {(log["transactionHash"], int(log["logIndex"], 16)): log["blockHash"] for log in logs}


# Fills and positions.


def every_fill_is_booked_once(world: World) -> Findings:
    """Each fill is in the books once, with its side, shares and dollars to the last digit."""
    expected = {_name(one): one for one in world.market.expected() if one.outcome is Made.FILL}
    for memory, books in world.memories().items():
        booked: defaultdict[tuple[str, int], list[Any]] = defaultdict(list)
        for row in rows(books.links.trades).filter(reorged_at=None):
            booked[row.tx_hash, row.log_index].append(row)
        for name in expected.keys() | booked.keys():
            found = [(row.base_symbol, row.side, row.amount, row.usdc_amount) for row in booked[name]]
            wanted = [(one.symbol, one.side, one.shares, one.usd)] if (one := expected.get(name)) else []
            if found != wanted:
                yield f"{memory}, fill {_named(name)}: expected {_listed(wanted)}, was {_listed(found)}"


def positions_are_what_was_traded_on_chain(world: World) -> Findings:
    """The on-chain part of each position is what the market's fills add up to."""
    expected = world.market.expected_positions()
    for memory, books in world.memories().items():
        found = {row.symbol: subtract(row.onchain_bought, row.onchain_sold) for row in rows(books.positions)}
        for symbol in sorted(expected.keys() | found.keys()):
            wanted, was = expected.get(symbol, ZERO), found.get(symbol, ZERO)
            if wanted != was:
                yield f"{memory}, {symbol}: expected {plain(wanted)} on chain, was {plain(was)}"


def net_is_chain_and_broker(world: World) -> Findings:
    """The net of each position is its fills on chain and its hedges' fills at the broker, added up."""
    for memory, books in world.memories().items():
        sums: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        for trade in rows(books.links.trades).filter(reorged_at=None):
            sums[trade.base_symbol] = add(sums[trade.base_symbol], _signed(trade.side, trade.amount))
        for order in rows(books.links.orders):
            sums[order.symbol] = add(sums[order.symbol], _signed(order.side, order.filled_shares))
        nets = {row.symbol: row.net_position for row in rows(books.positions)}
        for symbol in sorted(sums.keys() | nets.keys()):
            if nets.get(symbol, ZERO) != sums[symbol]:
                yield f"{memory}, {symbol}: expected {plain(sums[symbol])}, was {plain(nets.get(symbol, ZERO))}"


def nothing_is_left_to_hedge(world: World) -> Findings:
    """No position is past its threshold without a hedge, and no symbol is halted."""
    for position in world.wired.hedger.wanting():
        yield f"{position.symbol} has a net of {plain(position.net)} at a threshold of {position.threshold}"
    for symbol, wait in waits().items():
        if wait.halted_at is not None:
            yield f"{symbol} is halted: {wait.reason}"


# Orders.


def one_order_a_symbol(world: World) -> Findings:
    """A symbol has one open order at most, and it is the one that its position waits for."""
    for memory, books in world.memories().items():
        under_way: defaultdict[str, list[int]] = defaultdict(list)
        for order in rows(books.links.orders).filter(detailed_status__in=OPEN_WORDS):
            under_way[order.symbol].append(order.pk)
        pending = {row.symbol: row.pending_execution_id for row in rows(books.positions)}
        for symbol in sorted(under_way.keys() | pending.keys()):
            expected = [] if pending.get(symbol) is None else [pending[symbol]]
            if under_way[symbol] != expected:
                yield f"{memory}, {symbol}: the position waits for {expected}, open are {under_way[symbol]}"


def every_order_is_one_at_the_broker(world: World) -> Findings:
    """Each hedge is exactly one order at the broker, and no order is there that is no hedge."""
    for memory, books in world.memories().items():
        hedges = list(rows(books.links.orders))
        for what in ("client_order_id", "broker_order_id"):
            for name, times in Counter(getattr(row, what) for row in hedges).items():
                if times > 1 and name is not None:
                    yield f"{memory}: {times} hedges are called {name}"
        theirs = _of_hedges(world.broker.taken(), hedges)
        for order in hedges:
            taken = theirs.pop(order.pk, [])
            if not taken and (order.broker_order_id is not None or order.detailed_status not in MAY_BE_UNKNOWN_THERE):
                yield f"{memory}, order {order.pk} ({order.detailed_status}) is not at the broker"
            if len(taken) > 1:
                yield f"{memory}, order {order.pk} is {len(taken)} orders at the broker"
            for one in taken:
                ours = (order.symbol, order.side, order.shares, order.broker_order_id or one.broker_order_id)
                if ours != (there := (one.symbol, one.side, one.shares, one.broker_order_id)):
                    yield (
                        f"{memory}, order {order.pk}: expected {_listed([ours])} at the broker, was {_listed([there])}"
                    )
        for strays in theirs.values():
            for one in strays:
                yield f"{memory}: the broker has {one.client_order_id or one.broker_order_id}, which is no hedge"


def fills_are_the_brokers(world: World) -> Findings:
    """What the books call filled is what the broker filled, never more, and all of it where the order has ended."""
    for memory, books in world.memories().items():
        hedges = list(rows(books.links.orders))
        theirs = _of_hedges(world.broker.taken(), hedges)
        for order in hedges:
            filled = ZERO
            for one in theirs.get(order.pk, []):
                filled = add(filled, one.filled_shares)
            ended = order.detailed_status in ENDED_WORDS
            if order.filled_shares > filled or (ended and order.filled_shares != filled):
                yield (
                    f"{memory}, order {order.pk} ({order.detailed_status}): expected {plain(filled)} filled, "
                    f"was {plain(order.filled_shares)}"
                )


def _of_hedges(taken: list[Taken], hedges: list[Any]) -> dict[int | None, list[Taken]]:
    """The broker's orders by our order that each is; under None those that are none of ours."""
    by_our_id = {order.client_order_id: order.pk for order in hedges}
    by_theirs = {order.broker_order_id: order.pk for order in hedges if order.broker_order_id is not None}
    found: defaultdict[int | None, list[Taken]] = defaultdict(list)
    for one in taken:
        # A broker that knows our ids is held to them; another knows its own only.
        known = (
            by_theirs.get(one.broker_order_id) if one.client_order_id is None else by_our_id.get(one.client_order_id)
        )
        found[known].append(one)
    return found


def every_share_is_linked(world: World) -> Findings:
    """Every share of a fill is hedged, netted or open, and every share of a hedge is a fill's or has its cause."""
    for memory, books in world.memories().items():
        for each in broken(books):
            yield f"{memory}, {each.subject}, {each.what}: expected {each.expected}, was {each.found}"


# The two memories.


def both_memories_are_the_same(world: World) -> Findings:
    """Plain tables, views and replayed events say the same, row by row, and no event waits for the event store."""
    ledger = world.wired.ledger
    for each in compare(ledger.mode, legacy_projection=ledger.legacy_projection):
        yield f"{each.kind} {each.subject}, {each.what}: legacy {each.legacy}, events {each.events}"
    for aggregate_type, aggregate_id in sorted(backlog.streams_behind()):
        yield f"{aggregate_type} {aggregate_id} has events on the backlog"


CHECKS: tuple[Callable[[World], Findings], ...] = (
    every_log_is_accounted_for,
    every_log_became_what_it_is,
    every_fill_is_booked_once,
    positions_are_what_was_traded_on_chain,
    net_is_chain_and_broker,
    nothing_is_left_to_hedge,
    one_order_a_symbol,
    every_order_is_one_at_the_broker,
    fills_are_the_brokers,
    every_share_is_linked,
    both_memories_are_the_same,
    *ORACLE_CHECKS,
    *RECORD_CHECKS,
    *OPERATOR_CHECKS,
)


def _name(one: Expected) -> tuple[str, int]:
    return one.tx_hash, one.log_index


def _named(name: tuple[str, int]) -> str:
    return f"{name[0]}:{name[1]}"


def _signed(side: str, shares: Decimal) -> Decimal:
    return shares if side == Side.BUY else shares.copy_negate()


def _listed(found: list[tuple[Any, ...]]) -> str:
    return "; ".join(" ".join(plain(x) if isinstance(x, Decimal) else str(x) for x in row) for row in found) or "none"
