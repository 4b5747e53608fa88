"""Three ledger modes, one behaviour: whatever comes from the chain and the broker, they place and book the same."""

from decimal import Decimal
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.books import Books, books
from tests.support.made_chain import STRANGER, clear, know_tokens, log_of, take
from tests.support.stations import MODES, Stations, fresh_books
from trading.chain.logs import Log
from trading.conductor.reversal import revert_blocks
from trading.conductor.watcher import queue
from trading.ledger.mode import Mode
from trading.values.sides import Side

pytestmark = pytest.mark.django_db

TOKENS = ("tAAPL", "AAPL0x", "wtMSFT", "TSLAs1")
BEHAVIOURS = ("fill", "partial", "reject", "timeout_after_accept", "unavailable")

amounts = st.one_of(
    st.sampled_from(["0", "1", "0.5", "0.999999999999999999", "2.5", "17", "0.000001000000000001"]),
    st.decimals("0.001", "9", places=18).map(str),
)


class Fill(NamedTuple):
    """A log to be, or a reorg of the block so many blocks ago."""

    kind: str
    side: str
    shares: str
    token: str
    usdc: str


fills = st.builds(
    Fill,
    st.sampled_from(["take", "take", "take 4", "clear", "clear 4", "stranger", "garbage", "again", "reorg"]),
    st.sampled_from(["BUY", "SELL"]),
    amounts,
    st.sampled_from(TOKENS),
    st.sampled_from(["100", "0.000001", "0", "1234.567891"]),
)
histories = st.lists(fills, min_size=1, max_size=9)
behaviours = st.tuples(st.sampled_from(BEHAVIOURS), st.sampled_from(BEHAVIOURS)).map(
    lambda words: f"{words[0]},MSFT={words[1]}"
)


def logs_of(history: list[Fill]) -> list[list[Log]]:
    """The logs of each step; a reorg has none."""
    steps: list[list[Log]] = []
    for block, fill in enumerate(history, start=100):
        kind, _, generation = fill.kind.partition(" ")
        what = {"usdc": fill.usdc, "generation": int(generation or 5)}
        match kind:
            case "reorg":
                steps.append([])
            case "again":
                steps.append(steps[-1] if steps else [])
            case "garbage":
                steps.append([log_of(take(fill.side, "1", fill.token)._replace(data=b"\x07"), block=block)])
            case "clear":
                emitted = clear(fill.side, fill.shares, fill.token, **what)
                steps.append([log_of(each, block=block, index=i, tx=block) for i, each in enumerate(emitted)])
            case _:
                owner = {"owner": STRANGER} if kind == "stranger" else {}
                steps.append([log_of(take(fill.side, fill.shares, fill.token, **what, **owner), block=block)])
    return steps


def in_lockstep(mode: Mode, history: list[Fill], behaviour: str, **options) -> Books:
    """Play a history, hedging as far as possible after each step."""
    stations = Stations(mode=mode, behaviours=behaviour, **options)
    last: list[str] = []
    for fill, logs in zip(history, logs_of(history), strict=True):
        if fill.kind == "reorg":
            revert_blocks(stations.ledger, last, now=stations.clock())
        else:
            queue(logs, now=stations.clock())
            last = [log.block_hash for log in logs]
        stations.lockstep()
        stations.forward(2)
        stations.hedge()
    return without_the_brokers_numbers(books(stations.ledger))


def without_the_brokers_numbers(kept: Books) -> Books:
    """The dry run numbers its orders on, whatever is taken back of them."""
    orders = {id: msgspec.structs.replace(order, broker_order_id=None) for id, order in kept.orders.items()}
    return kept._replace(orders=orders)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(history=histories, behaviour=behaviours)
@example(
    history=[
        Fill("take", "SELL", "2.5", "tAAPL", "500"),
        Fill("reorg", "BUY", "0", "tAAPL", "0"),
        Fill("take", "BUY", "1.25", "AAPL0x", "0"),
        Fill("clear 4", "SELL", "3", "wtMSFT", "100"),
    ],
    behaviour="partial,MSFT=reject",
)
def test_every_mode_places_and_books_the_same(history, behaviour):
    know_tokens(*TOKENS)
    kept = {}
    for mode in MODES:
        with fresh_books():
            kept[mode] = in_lockstep(mode, history, behaviour)

    assert kept[Mode.DUAL] == kept[Mode.LEGACY]
    assert kept[Mode.EVENTS] == kept[Mode.LEGACY]
    hold_what_always_holds(kept[Mode.LEGACY])


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(history=histories, behaviour=behaviours)
def test_a_threshold_in_dollars_and_fractions_are_alike_in_every_mode(history, behaviour):
    know_tokens(*TOKENS)
    kept = {}
    for mode in MODES:
        with fresh_books():
            kept[mode] = in_lockstep(mode, history, behaviour, hedge_at="$150", fractional_digits=9)

    assert kept[Mode.DUAL] == kept[Mode.LEGACY]
    assert kept[Mode.EVENTS] == kept[Mode.LEGACY]


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(history=histories, mode=st.sampled_from(MODES), batch=st.integers(1, 5))
def test_in_batches_and_one_by_one_the_trades_and_positions_are_the_same(history, mode, batch):
    know_tokens(*TOKENS)
    kept = []
    for size in (1, batch, 500):
        with fresh_books():
            stations = Stations(mode=mode, batch=size)
            for logs in logs_of(history):
                queue(logs, now=stations.clock())
            stations.process()
            kept.append(books(stations.ledger))

    assert kept[1] == kept[0]
    assert kept[2] == kept[0]


@pytest.mark.parametrize("projection", [True, False], ids=["with legacy tables", "without legacy tables"])
def test_from_events_alone_the_same_is_read_with_and_without_the_legacy_tables(projection):
    know_tokens(*TOKENS)
    history = [
        Fill("take", "SELL", "2.5", "tAAPL", "500"),
        Fill("take", "BUY", "1", "AAPL0x", "100"),
        Fill("clear", "BUY", "3.25", "wtMSFT", "100"),
    ]
    kept = in_lockstep(Mode.EVENTS, history, "partial", legacy_projection=projection)

    assert [f"{order.side} {order.requested_shares} {order.symbol}" for order in kept.orders.values()] == [
        "BUY 2 AAPL",
        "BUY 1 AAPL",
        "SELL 3 MSFT",
        "SELL 2 MSFT",
    ]
    hold_what_always_holds(kept)


def hold_what_always_holds(kept: Books) -> None:
    """The sums of FAILURES' invariants I1, I3 and I6, from trades and orders alone."""
    for symbol, position in kept.positions.items():
        fills = [t.fill for t in kept.trades.values() if t.stands and t.fill.symbol == symbol]
        orders = [order for order in kept.orders.values() if order.symbol == symbol]
        onchain = sum((f.amount if f.side is Side.BUY else -f.amount for f in fills), Decimal(0))
        broker = sum((o.filled_shares if o.side is Side.BUY else -o.filled_shares for o in orders), Decimal(0))
        assert position.net == onchain + broker
        assert position.accumulated_long >= 0
        assert position.accumulated_short >= 0
        under_way = [order.order_id for order in orders if order.is_open]
        assert under_way == ([position.pending.order_id] if position.pending else [])
    for order in kept.orders.values():
        linked = sum(kept.contributions(order.order_id).values(), Decimal(0)) + kept.unallocated[order.order_id][0]
        assert linked == (order.requested_shares if order.is_open else order.filled_shares)
