"""Many at once: stations in threads, each with a connection of its own, come to what one alone comes to."""

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connections

from eventstore.models import StoredEvent
from eventstore.store import WrongExpectedVersion
from tests.support.books import books
from tests.support.made_chain import FIRST_BLOCK, ORDERBOOK, MadeChain, clear, know_tokens, log_of, take
from tests.support.near_node import NearNode
from tests.support.stations import MODES, Clock, Stations, notices
from tests.support.venue import Venue
from trading.brokers.dry_run.models import DryRunOrder
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import BrokerUnavailable, OrderRejected, OutcomeUnknown
from trading.chain.logs import Log
from trading.conductor.by_hand import process_transaction
from trading.conductor.checkpoints import ChainCheckpoint, LostLease, take_lease
from trading.conductor.inbox import Outcome, QueuedLog
from trading.conductor.watcher import LEASE, queue
from trading.ledger.mode import LedgerMode, Mode
from trading.offchain_order.aggregate import OPEN, OrderState
from trading.onchain_trade import view as trade_view
from trading.onchain_trade.aggregate import OnChainTrade
from trading.onchain_trade.commands import Enrich
from trading.onchain_trade.events import Gas
from trading.submission.sendings import Sending
from trading.values.identifiers import TradeId

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.parametrize("mode", MODES)]

JOIN_SECONDS = 60
REJECTION = OrderRejected("no")
# What the conductor tries again, since it is the station's trouble and no log's.
TRIED_AGAIN = (DatabaseError, WrongExpectedVersion, LostLease)


@pytest.fixture(autouse=True)
def tokens(mode):
    know_tokens("tAAPL", "AAPL0x", "tMSFT", "tNVDA", "tTSLA", "tGME")
    # A first commit, so that the mode's row is there: a fresh database is another test.
    Stations(mode=mode).processor.run_once(now=Clock()())


def at_once(*works: Callable[[], object]) -> list[object]:
    """Let all begin together, each in a thread with a connection of its own; return or raise what came of it."""
    start = threading.Barrier(len(works))
    results: list[object] = [None] * len(works)
    failures: list[BaseException] = []

    def run(place: int, work: Callable[[], object]) -> None:
        try:
            start.wait(JOIN_SECONDS)
            results[place] = work()
        except BaseException as error:  # noqa: BLE001  # raised below, in the test's own thread
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=each, daemon=True) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(JOIN_SECONDS)
        assert not thread.is_alive(), "a station waits for ever"
    if failures:
        raise failures[0]
    return results


def until(done: Callable[[], bool], turn: Callable[[], object]) -> Callable[[], None]:
    """Give turns until it is done, as the conductor does: what is the station's trouble is tried again."""

    def work() -> None:
        deadline = time.monotonic() + JOIN_SECONDS
        while not done():
            assert time.monotonic() < deadline
            try:
                turn()
            except TRIED_AGAIN:
                continue

    return work


def nothing_waits() -> bool:
    return not QueuedLog.objects.filter(processed=False).exists()


def many(mode: Mode, clock: Clock, count: int, **options) -> list[Stations]:
    return [Stations(mode=mode, clock=clock, holder=f"elsewhere:{n}:x", **options) for n in range(count)]


def turn_of(stations: Stations, name: str) -> Callable[[], object]:
    return lambda: getattr(stations, name).run_once(now=stations.clock())


def test_v11_two_fills_at_once_come_to_one_order(mode):
    clock = Clock()
    logs = [log_of(take("SELL", "0.8", "tAAPL"), block=100, index=index) for index in range(2)]
    queue(logs, now=clock())
    first, second = many(mode, clock, 2)
    rows = list(QueuedLog.objects.order_by("log_index"))

    at_once(
        *(
            until(lambda row=row: QueuedLog.objects.get(pk=row.pk).processed, lambda s=s, row=row: process(s, row))
            for s, row in zip((first, second), rows, strict=True)
        )
    )
    at_once(*(until(lambda: bool(first.orders()), turn_of(stations, "hedger")) for stations in (first, second)))
    first.hedge()

    kept = books(first.ledger)
    assert first.hedges() == ["BUY 1 AAPL"]
    assert sorted(kept.contributions(1).values()) == [Decimal("0.2"), Decimal("0.8")]
    assert kept.positions["AAPL"].net == Decimal("-0.6")
    assert len(kept.trades) == 2


def process(stations: Stations, row: QueuedLog) -> None:
    stations.processor.process([row], now=stations.clock())


def load_of(count: int) -> list[Log]:
    tokens = ("tAAPL", "AAPL0x", "tMSFT", "tNVDA", "tTSLA", "tGME")
    logs = []
    for number in range(count):
        side, token = ("SELL", "BUY")[number % 3 == 0], tokens[number % len(tokens)]
        shares = str(Decimal(number % 17 + 1) / 8)
        logs.append(
            log_of(take(side, shares, token, usdc=str(100 + number)), block=100 + number // 3, index=number % 3)
        )
    return logs


@pytest.mark.slow
def test_a_load_on_many_stations_comes_to_what_one_processor_comes_to(mode):
    """Processors, hedgers, dispatchers and pollers, several of each, while the same logs are queued again."""
    clock, logs = Clock(), load_of(240)
    expected: dict[str, Decimal] = {}
    for number in range(len(logs)):
        shares = Decimal(number % 17 + 1) / 8
        symbol = ("AAPL", "AAPL", "MSFT", "NVDA", "TSLA", "GME")[number % 6]
        expected[symbol] = expected.get(symbol, Decimal(0)) + (shares if number % 3 == 0 else -shares)
    queue(logs[:200], now=clock())
    crew = many(mode, clock, 3, batch=11)

    def settled() -> bool:
        stations = crew[0]
        return (
            QueuedLog.objects.count() == len(logs)
            and nothing_waits()
            and not stations.hedger.wanting()
            and not stations.ledger.memory().orders(OPEN)
        )

    def queue_again() -> None:
        queue(logs, now=clock())
        clock.forward(1)

    stations_of = [(0, "processor"), (1, "processor"), (2, "processor"), (0, "hedger"), (1, "hedger")]
    stations_of += [(1, "dispatcher"), (2, "dispatcher"), (0, "poller"), (2, "poller")]
    at_once(
        until(lambda: QueuedLog.objects.count() == len(logs), queue_again),
        *(until(settled, paced(crew[number], name)) for number, name in stations_of),
    )

    kept = books(crew[0].ledger)
    assert len(kept.trades) == len(logs)
    for log, trade in ((log, kept.trades[f"{log.tx_hash}:{log.log_index}"]) for log in logs):
        assert (trade.fill.block_number, trade.fill.block_hash) == (log.block_number, log.block_hash)
    for symbol, onchain in expected.items():
        position = kept.positions[symbol]
        assert position.onchain_bought - position.onchain_sold == onchain
        assert position.net == onchain + position.broker_bought - position.broker_sold
        assert abs(position.net) < 1
        assert position.pending is None
        last = max(t.fill.block_number for t in kept.trades.values() if t.fill.symbol == symbol)
        assert position.last_price.block_number == last
    assert {order.state for order in kept.orders.values()} == {OrderState.FILLED}
    assert DryRunOrder.objects.count() == len(kept.orders)
    assert sorted(kept.orders) == list(range(1, len(kept.orders) + 1))
    assert notices() == []


def paced(stations: Stations, name: str, clock: Clock | None = None) -> Callable[[], None]:
    """A turn, and a moment for the others where there was nothing to do; with a clock, time passes with each."""
    turn, idle = turn_of(stations, name), threading.Event()

    def take_turn() -> None:
        if clock is not None:
            clock.forward(0.25)
        if not turn():
            idle.wait(0.005)

    return take_turn


def test_two_processors_on_the_same_logs_make_each_fill_once(mode):
    clock = Clock()
    queue(load_of(60), now=clock())
    crew = many(mode, clock, 3, batch=7)

    at_once(*(until(nothing_waits, turn_of(stations, "processor")) for stations in crew))

    kept = books(crew[0].ledger)
    assert len(kept.trades) == 60
    alone = sum((t.fill.amount for t in kept.trades.values() if t.fill.side == "BUY"), Decimal(0))
    assert sum((p.onchain_bought for p in kept.positions.values()), Decimal(0)) == alone


def test_the_first_commit_of_a_fresh_database_may_be_many_at_once(mode):
    """Nobody has a position, a mode or a number yet."""
    LedgerMode.objects.all().delete()
    clock = Clock()
    queue(load_of(12), now=clock())
    rows = list(QueuedLog.objects.order_by("id"))
    crew = many(mode, clock, 4)

    at_once(
        *(
            until(
                lambda part=part: not QueuedLog.objects.filter(pk__in=part, processed=False).exists(),
                lambda s=s, part=part: s.processor.process(
                    list(QueuedLog.objects.filter(pk__in=part, processed=False)), now=clock()
                ),
            )
            for s, part in zip(crew, parts([row.pk for row in rows], 4), strict=True)
        )
    )

    kept = books(crew[0].ledger)
    assert len(kept.trades) == 12
    assert set(kept.positions) == {"AAPL", "MSFT", "NVDA", "TSLA", "GME"}
    assert LedgerMode.objects.get().mode == mode


def parts(items: Sequence[int], count: int) -> list[list[int]]:
    return [list(items[start::count]) for start in range(count)]


def test_by_hand_and_by_the_watcher_at_once_is_one_fill(mode):
    chain = MadeChain("tAAPL")
    (tx,) = chain.mine([take("SELL", "1.5", "tAAPL"), *clear("SELL", "0.25", "tAAPL")])
    clock = Clock()
    watching, by_hand = (
        Stations(mode=mode, clock=clock, node=NearNode(chain.recording()), holder=f"elsewhere:{n}:x") for n in range(2)
    )
    done = {"hand": False}

    def watch() -> None:
        watching.watcher.run_once(now=clock())
        watching.processor.run_once(now=clock())

    def hand() -> None:
        process_transaction(by_hand.node, by_hand.processor, orderbook=ORDERBOOK, tx_hash=tx, now=clock())
        done["hand"] = True

    at_once(
        until(lambda: ChainCheckpoint.objects.filter(next_block=chain.head + 1).exists() and nothing_waits(), watch),
        until(lambda: done["hand"], hand),
    )

    assert len(books(watching.ledger).trades) == 2
    assert QueuedLog.objects.filter(outcome=Outcome.FILL).count() == 2
    assert watching.net("AAPL") == Decimal("-1.75")


def test_two_hedgers_place_one_order_a_symbol(mode):
    clock = Clock()
    crew = many(mode, clock, 4)
    for lap in range(3):
        crew[0].fill(
            log_of(take("SELL", "2.5", "tAAPL"), block=100 + lap),
            log_of(take("BUY", "3", "tMSFT"), block=200 + lap),
        )
        at_once(*(until(lambda: not crew[0].hedger.wanting(), turn_of(stations, "hedger")) for stations in crew))
        assert len(crew[0].orders("AAPL")) == len(crew[0].orders("MSFT")) == lap + 1
        crew[0].hedge()

    kept = books(crew[0].ledger)
    assert sorted(kept.orders) == [1, 2, 3, 4, 5, 6]
    assert len({order.client_order_id for order in kept.orders.values()}) == 6
    assert notices() == []


@pytest.mark.parametrize("behaviour", ["fill", "timeout_after_accept", "unavailable", "reject"])
def test_many_dispatchers_send_one_order(mode, behaviour):
    clock = Clock()
    crew = many(mode, clock, 4, behaviours=behaviour, fill_seconds="30")
    crew[0].fill(log_of(take("SELL", "2.5", "tAAPL"), block=100))
    crew[0].run(crew[0].hedger)

    def sent() -> bool:
        return crew[0].only_order().state in (OrderState.SUBMITTED, OrderState.REJECTED)

    def dispatch(stations: Stations) -> Callable[[], None]:
        def turn() -> None:
            stations.dispatcher.run_once(now=clock())
            clock.forward(0.25)

        return turn

    at_once(*(until(sent, dispatch(stations)) for stations in crew))

    assert DryRunOrder.objects.count() == (0 if behaviour == "reject" else 1)
    kept = books(crew[0].ledger)
    assert len(kept.orders) == 1
    assert kept.positions["AAPL"].net == Decimal("-2.5")
    if mode is not Mode.LEGACY:
        ends = StoredEvent.objects.filter(type__in=["OffchainOrderEvent::Submitted", "OffchainOrderEvent::Failed"])
        assert ends.count() == 1
    assert notices() == []


@pytest.mark.parametrize("answer", ["taken", "no answer", "not there", "rejected"])
def test_many_dispatchers_send_one_order_to_a_broker_that_knows_no_ids_of_ours(mode, answer):
    """C9 and G3-24: each order that such a broker is sent is another order to it."""
    clock = Clock()
    venue = Venue(clock, our_ids=False)
    errors = {"no answer": OutcomeUnknown("no answer"), "not there": BrokerUnavailable("503"), "rejected": REJECTION}
    if answer != "taken":
        venue.fail("submit", errors[answer], taken=answer == "no answer")
    # The network is slow for every other question, so that one process is overtaken by another between two calls.
    turns, holdings, network = itertools.count(), venue.holdings, threading.Event()

    def hold():
        held = holdings()
        network.wait(0.1 * (next(turns) % 2))
        return held

    venue.holdings = hold
    crew = many(mode, clock, 4, broker=venue)
    for lap in range(3):
        crew[0].fill(log_of(take("SELL", "2", "tAAPL"), block=100 + lap))
        crew[0].run(crew[0].hedger)
        at_once(*(until(lambda: not waiting_to_be_sent(crew[0]), paced(s, "dispatcher", clock)) for s in crew))
        if venue.orders_taken:
            venue.tell(OrderStatus.FILLED, str(crew[0].orders()[-1].requested_shares))
        clock.forward(60)
        crew[0].run(crew[0].poller)

    kept = books(crew[0].ledger)
    assert len(venue.orders_taken) == len([each for each in kept.orders.values() if each.broker_order_id])
    assert [order.state for order in kept.orders.values()][1:] == [OrderState.FILLED] * 2
    assert kept.positions["AAPL"].net == 0
    assert not Sending.objects.exists()
    assert notices() == []


def waiting_to_be_sent(stations: Stations) -> bool:
    return any(order.broker_order_id is None for order in stations.ledger.memory().orders(OPEN))


def test_many_pollers_book_each_share_once(mode):
    clock = Clock()
    crew = many(mode, clock, 4, fill_seconds="8", poll_seconds=0)
    crew[0].fill(log_of(take("SELL", "4.5", "tAAPL"), block=100), log_of(take("BUY", "7", "tMSFT"), block=101))
    crew[0].run(crew[0].hedger)
    crew[0].run(crew[0].dispatcher)

    def ended() -> bool:
        return not crew[0].ledger.memory().orders(OPEN)

    def poll(stations: Stations) -> Callable[[], None]:
        def turn() -> None:
            clock.forward(0.5)
            stations.poller.run_once(now=clock())

        return turn

    at_once(*(until(ended, poll(stations)) for stations in crew))

    kept = books(crew[0].ledger)
    assert {order.symbol: (order.state, order.filled_shares) for order in kept.orders.values()} == {
        "AAPL": (OrderState.FILLED, 4),
        "MSFT": (OrderState.FILLED, 7),
    }
    assert (kept.positions["AAPL"].broker_bought, kept.positions["MSFT"].broker_sold) == (4, 7)
    assert (kept.positions["AAPL"].net, kept.positions["MSFT"].net) == (Decimal("-0.5"), 0)
    assert notices() == []


def test_of_many_that_want_the_lease_one_has_it(mode):
    clock = Clock()

    def lease(holder: str) -> ChainCheckpoint | None:
        return take_lease(
            ORDERBOOK,
            holder=holder,
            now=clock(),
            lasts=LEASE,
            chain_id=8453,
            first_block=FIRST_BLOCK,
            range_size=10,
        )

    for lap in range(1, 4):
        got = at_once(*(lambda n=n, lap=lap: lease(f"elsewhere:{lap}-{n}:x") for n in range(4)))
        (holder,) = [each for each in got if each is not None]
        checkpoint = ChainCheckpoint.objects.get()
        assert checkpoint.lease_holder == holder.lease_holder
        assert checkpoint.fencing_token == lap
        clock.forward(LEASE.total_seconds() + 1)


def test_watchers_that_take_the_lease_from_each_other_read_every_log_once(mode):
    chain = MadeChain("tAAPL")
    for number in range(20):
        chain.mine(take("SELL", "0.125", "tAAPL"), *([take("BUY", "0.5", "tAAPL")] if number % 4 == 0 else []))
    clock = Clock()
    crew = [
        Stations(mode=mode, clock=clock, node=NearNode(chain.recording()), holder=f"elsewhere:{n}:x", largest_range=2)
        for n in range(3)
    ]

    def read(stations: Stations) -> Callable[[], None]:
        turns = iter(range(1, 10**6))

        def turn() -> None:
            # Each oversleeps its lease a few times: the next one takes it, and what the sleeper writes is refused.
            if next(turns) in (2, 5, 9, 14):
                clock.forward(LEASE.total_seconds() + 1)
            stations.watcher.run_once(now=clock())

        return turn

    def all_read() -> bool:
        return ChainCheckpoint.objects.filter(next_block=chain.head + 1).exists()

    at_once(*(until(all_read, read(stations)) for stations in crew))
    crew[0].process()

    assert QueuedLog.objects.count() == 25
    kept = books(crew[0].ledger)
    assert len(kept.trades) == 25
    assert kept.positions["AAPL"].net == 0


def test_a_reorg_beside_processors_takes_back_all_that_its_blocks_brought(mode):
    chain = MadeChain("tAAPL")
    for _ in range(12):
        chain.mine(take("SELL", "0.25", "tAAPL"), take("BUY", "0.125", "tAAPL"))
    clock = Clock()
    watching = Stations(mode=mode, clock=clock, node=NearNode(chain.recording()), largest_range=3)
    watching.read()
    gone = [tx for block in chain._blocks[7:] for tx in block["transactions"]]
    watching.node.replay.reorg(FIRST_BLOCK + 7, without=gone)
    crew = many(mode, clock, 2, batch=3, hedge_at="100 shares")
    seen = {"reorged": False}

    def watch() -> None:
        clock.forward(timedelta(seconds=3).total_seconds())
        watching.watcher.run_once(now=clock())
        seen["reorged"] = QueuedLog.objects.exclude(reorged_at=None).exists()

    at_once(
        until(lambda: seen["reorged"] and nothing_waits(), watch),
        *(until(lambda: seen["reorged"] and nothing_waits(), turn_of(s, "processor")) for s in crew),
    )

    kept = books(crew[0].ledger)
    standing = [trade for trade in kept.trades.values() if trade.stands]
    assert len(standing) == 12
    assert kept.positions["AAPL"].net == 6 * (Decimal("0.125") - Decimal("0.25"))


def test_what_becomes_known_of_a_fill_while_an_order_takes_it_changes_nothing_of_the_link(mode, monkeypatch):
    """The row of the fill is read, an order takes its shares, and then the row is written with the gas."""
    stations, (elsewhere,) = Stations(mode=mode), many(mode, Clock(), 1)
    stations.fill(log_of(take("SELL", "2", "tAAPL"), block=100, index=0))
    (name,) = books(stations.ledger).trades
    hedging = threading.Thread(target=in_a_thread_of_its_own, args=[turn_of(elsewhere, "hedger")], daemon=True)
    reading = trade_view.state_of

    def read_slowly(row):
        if hedging.ident is None:
            hedging.start()
            # Where the row is locked, or on SQLite the database, the order waits for us instead.
            hedging.join(1)
        return reading(row)

    monkeypatch.setattr(trade_view, "state_of", read_slowly)
    trade = TradeId.parse(name)
    with stations.ledger.step(at=stations.clock(), actor="test") as step, step.group("test"):
        step.handle(OnChainTrade, trade, Enrich(gas=Gas(gas_used=21_000, effective_gas_price=7)))
    hedging.join(JOIN_SECONDS)
    monkeypatch.undo()

    kept = books(stations.ledger)
    assert kept.trades[name].gas is not None
    assert kept.unlinked[name] == 0
    assert stations.hedges() == ["BUY 2 AAPL"]


def in_a_thread_of_its_own(work: Callable[[], object]) -> None:
    try:
        work()
    finally:
        connections.close_all()
