"""Reorgs: what a block brought goes with it, and what the chain has instead is read."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.support.books import books
from tests.support.made_chain import FIRST_BLOCK, MadeChain, clear, take
from tests.support.near_node import NearNode
from tests.support.replay_node import Refusal
from tests.support.stations import MODES, Stations, fresh_books, notices
from trading.chain.logs import Log
from trading.chain.node import NodeError
from trading.chain.topics import CLEARS, TAKES
from trading.conductor.by_hand import NoSuchTransaction, process_transaction
from trading.conductor.checkpoints import ChainBlock, ChainCheckpoint
from trading.conductor.inbox import Outcome, QueuedLog
from trading.ledger.tables import OnchainTrade

pytestmark = pytest.mark.django_db


def made(*blocks) -> MadeChain:
    chain = MadeChain("tAAPL", "tMSFT")
    for transactions in blocks:
        chain.mine(*transactions)
    return chain


def on(chain: MadeChain, **options) -> Stations:
    return Stations(node=NearNode(chain.recording()), **options)


def again(stations: Stations) -> None:
    """Read and process after a while, in which the chain may have changed."""
    stations.forward(5)
    stations.read()
    stations.process()


def standing() -> dict[str, str]:
    return {
        f"{row.tx_hash}:{row.log_index}": f"{row.block_number} {row.block_hash} {row.outcome}"
        for row in QueuedLog.objects.filter(reorged_at=None)
    }


def filled_on(stations: Stations) -> dict[str, tuple[int | None, str | None]]:
    """The fills that stand in the books, with their blocks."""
    trades = books(stations.ledger).trades
    return {name: (t.fill.block_number, t.fill.block_hash) for name, t in trades.items() if t.stands}


def on_chain(stations: Stations) -> dict[str, tuple[int, str]]:
    """The fills that the node's chain has now; all of the chain's logs are fills of ours."""
    logs = [Log.from_rpc(each) for each in stations.node.replay._logs]
    ours = [log for log in logs if log.topic0 in CLEARS | TAKES and log.block_number <= stations.node.replay.head]
    return {f"{log.tx_hash}:{log.log_index}": (log.block_number, log.block_hash) for log in ours}


# What a reorg takes back.


def test_logs_that_wait_are_marked_and_never_processed():
    chain = made([take("SELL", "0.5", "tAAPL")], [take("SELL", "0.5", "tMSFT")])
    stations = on(chain)
    stations.read()

    stations.node.replay.reorg(102, without=chain._blocks[2]["transactions"])
    stations.forward(5)
    stations.read()
    stations.process()

    assert set(stations.positions()) == {"AAPL"}
    row = QueuedLog.objects.get(block_number=102)
    assert (row.outcome, row.processed, row.reorged_at) == (Outcome.REORGED, True, stations.clock())


@pytest.mark.parametrize("mode", MODES)
def test_fills_are_taken_back_in_every_memory(mode):
    chain = made([take("SELL", "0.5", "tAAPL")], [take("BUY", "0.25", "tAAPL"), clear("SELL", "2", "tMSFT")])
    stations = on(chain, mode=mode)
    stations.read()
    stations.process()

    stations.node.replay.reorg(102, without=chain._blocks[2]["transactions"])
    again(stations)

    assert stations.net("AAPL") == Decimal("-0.5")
    assert stations.net("MSFT") == 0
    assert filled_on(stations) == on_chain(stations)
    stations.hedge()
    assert stations.hedges() == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("same_index", [True, False], ids=["at the same log index", "at another log index"])
def test_a_transaction_that_comes_back_in_another_block_is_one_fill(mode, same_index):
    chain = made([take("SELL", "0.5", "tAAPL")], [], [take("SELL", "0.125", "tMSFT")])
    (moving,), (other,) = (chain._blocks[place]["transactions"] for place in (1, 3))
    stations = on(chain, mode=mode)
    stations.read()
    stations.process()
    was = filled_on(stations)

    stations.node.replay.reorg(101, moved={moving: 102} if same_index else {other: 102, moving: 102})
    again(stations)

    now = filled_on(stations)
    assert now == on_chain(stations)
    assert now != was
    assert set(now) == set(was) if same_index else set(now) != set(was)
    assert (stations.net("AAPL"), stations.net("MSFT")) == (Decimal("-0.5"), Decimal("-0.125"))
    assert len(now) == 2


def test_a_fill_may_come_and_go_again_and_again():
    chain = made([take("SELL", "1.5", "tAAPL")], [], [])
    (tx,) = chain._blocks[1]["transactions"]
    stations = on(chain)
    stations.read()
    stations.process()

    for lap, block in enumerate((102, 103, 101, 102)):
        stations.node.replay.reorg(101, moved={tx: block}, salt=f"lap {lap}")
        again(stations)
        assert stations.net("AAPL") == Decimal("-1.5")
        assert filled_on(stations) == on_chain(stations)

    assert OnchainTrade.objects.filter(tx_hash=tx).count() == 5
    assert OnchainTrade.objects.filter(tx_hash=tx, reorged_at=None).count() == 1


def test_a_reorg_below_the_seam_of_two_ranges_reads_what_is_new_between_them():
    """Between the seams lie blocks without logs of ours, and after the reorg one of them has some."""
    chain = made([take("SELL", "0.5", "tAAPL")], [], [], [], [take("SELL", "0.25", "tMSFT")], [])
    (moving,) = chain._blocks[5]["transactions"]
    stations = on(chain, largest_range=2)
    stations.read()
    stations.process()

    stations.node.replay.reorg(103, moved={moving: 103})
    again(stations)

    assert filled_on(stations) == on_chain(stations)
    assert stations.net("MSFT") == Decimal("-0.25")
    checkpoint = ChainCheckpoint.objects.get()
    assert (checkpoint.next_block, checkpoint.reread_from) == (chain.head + 1, None)


def test_the_checkpoint_stays_where_it_is_while_blocks_are_read_again():
    chain = made(*[[take("SELL", "0.1", "tAAPL")] for _ in range(6)])
    stations = on(chain, largest_range=1)
    stations.read()
    stations.process()
    stations.node.replay.reorg(102)
    stations.forward(5)
    seen = []

    while stations.watcher.run_once(now=stations.clock()):
        checkpoint = ChainCheckpoint.objects.get()
        seen.append((checkpoint.next_block, checkpoint.reread_from))

    assert {next_block for next_block, _ in seen} == {chain.head + 1}
    assert seen[0] == (chain.head + 1, 102)
    assert seen[-1][1] is None


def test_after_a_crash_what_is_to_be_read_again_is_read_by_the_next_process():
    chain = made(*[[take("SELL", "0.1", "tAAPL")] for _ in range(6)])
    stations = on(chain, largest_range=1)
    stations.read()
    stations.process()
    stations.node.replay.reorg(102)
    stations.forward(5)
    stations.watcher.run_once(now=stations.clock())  # Reverts, and is killed.
    assert stations.net("AAPL") == Decimal("-0.1")

    restarted = Stations(node=stations.node, clock=stations.clock, largest_range=1)
    restarted.read()
    restarted.process()

    assert restarted.net("AAPL") == Decimal("-0.6")
    assert filled_on(restarted) == on_chain(restarted)


@pytest.mark.parametrize("fork", [101, 103, 105])
def test_a_chain_that_is_shorter_at_first_loses_no_fill(fork):
    """The head falls to the fork, and the new chain has a fill earlier than the old one had it."""
    chain = made([], [], [], [], [take("SELL", "0.5", "tAAPL")], [take("SELL", "0.25", "tAAPL")], [])
    (early,), (late,) = (chain._blocks[place]["transactions"] for place in (5, 6))
    stations = on(chain)
    stations.read()
    stations.process()

    stations.node.replay.reorg(fork, moved={late: fork, early: 106})
    for head in range(fork - 1, chain.head + 1):
        stations.node.replay.set_head(head)
        again(stations)

    assert filled_on(stations) == on_chain(stations)
    assert stations.net("AAPL") == Decimal("-0.75")


def test_the_next_hedge_corrects_what_a_reorg_takes_from_under_an_open_order():
    chain = made([take("SELL", "3", "tAAPL")])
    stations = on(chain, fill_seconds="10")
    stations.read()
    stations.process()
    stations.hedge()
    assert stations.hedges() == ["BUY 3 AAPL"]

    stations.node.replay.reorg(101, without=chain._blocks[1]["transactions"])
    again(stations)
    stations.hedge()
    assert stations.hedges() == ["BUY 3 AAPL"]  # Nothing is placed beside the open order.
    stations.forward(20)
    stations.hedge()

    assert stations.net("AAPL") == 3
    stations.forward(20)
    stations.hedge()
    assert stations.hedges() == ["BUY 3 AAPL", "SELL 3 AAPL"]
    stations.forward(20)
    stations.hedge()
    assert stations.net("AAPL") == 0
    kept = books(stations.ledger)
    assert [reorged for *_, reorged in kept.links] == [True]
    assert kept.unallocated[2] == (3, "reorg")


def test_a_reorg_forgets_what_was_asked_about_the_fill():
    chain = made([take("SELL", "0.5", "tAAPL")], [])
    (tx,) = chain._blocks[1]["transactions"]
    stations = on(chain)
    stations.read()
    stations.process()
    stations.run(stations.enricher)

    stations.node.replay.reorg(101, moved={tx: 102})
    again(stations)
    (trade,) = books(stations.ledger).trades.values()
    assert trade.gas is None
    stations.run(stations.enricher)
    (trade,) = books(stations.ledger).trades.values()
    assert trade.gas is not None


def test_the_notice_about_a_parked_log_goes_with_its_block():
    chain = made([take("SELL", "1", "tMSFT", against="tAAPL")], [])
    stations = on(chain)
    stations.read()
    stations.process()
    assert [kind for kind, _ in notices()] == ["parked_log"]

    stations.node.replay.reorg(101, without=chain._blocks[1]["transactions"])
    again(stations)

    assert notices() == []


# What is no reorg.


def test_one_stray_answer_is_no_reorg():
    chain = made([take("SELL", "0.5", "tAAPL")])
    stations = on(chain)
    stations.read()
    stations.process()
    asked = []

    def stray(method, params):
        if method == "eth_getBlockByNumber":
            asked.append(params)
            if len(asked) == 1:
                stations.node.replay.reorg(101, salt="stray")
            else:
                stations.node.replay.restore()

    stations.node.replay.on_request = stray
    again(stations)

    assert asked
    assert not QueuedLog.objects.exclude(reorged_at=None).exists()
    assert stations.net("AAPL") == Decimal("-0.5")


def test_a_node_that_does_not_know_a_block_says_nothing_about_it():
    chain = made([take("SELL", "0.5", "tAAPL")])
    stations = on(chain)
    stations.read()
    stations.process()
    stations.node.replay.refuses = lambda method, params: (
        Refusal(-32000, "header not found") if method == "eth_getBlockByNumber" else None
    )

    stations.forward(5)
    with pytest.raises(NodeError):
        stations.read()
    assert not QueuedLog.objects.exclude(reorged_at=None).exists()


def test_a_reorg_of_all_that_was_read_so_far_is_read_again_from_the_beginning():
    """One range was read, so nothing older is remembered; the fill comes back before all that was."""
    chain = made([], [], [], [take("SELL", "0.5", "tAAPL")], [])
    (tx,) = chain._blocks[4]["transactions"]
    stations = on(chain)
    stations.read()
    stations.process()

    stations.node.replay.reorg(FIRST_BLOCK, moved={tx: 102})
    again(stations)

    assert filled_on(stations) == on_chain(stations)
    assert notices() == []


def slow_chain() -> MadeChain:
    """A chain whose blocks come every half hour, so that some are final soon."""
    chain = MadeChain("tAAPL", seconds_a_block=1800)
    for _ in range(10):
        chain.mine(take("SELL", "0.5", "tAAPL"))
    chain.mine()
    return chain


def read_before_and_after_a_while(stations: Stations) -> None:
    """Read all but the newest block, and that one when it is time for a thorough look at all."""
    stations.node.replay.set_head(FIRST_BLOCK + 10)
    stations.read()
    stations.process()
    stations.node.replay.set_head(None)
    stations.forward(400)
    stations.read()


def test_blocks_are_forgotten_when_they_are_final_but_for_the_newest_of_them():
    chain = slow_chain()
    stations = on(chain, largest_range=1)
    read_before_and_after_a_while(stations)

    assert sorted(ChainBlock.objects.values_list("number", flat=True)) == [107, 108, 109, 110, 111]
    stations.node.replay.reorg(108)
    again(stations)
    assert filled_on(stations) == on_chain(stations)
    assert notices() == []


def test_a_reorg_deeper_than_what_we_remember_is_told():
    stations = on(slow_chain(), largest_range=1)
    read_before_and_after_a_while(stations)

    stations.node.replay.reorg(FIRST_BLOCK)
    again(stations)

    assert [kind for kind, _ in notices()] == ["deep_reorg"]


# By hand, while the watcher reads.


def by_hand(stations: Stations, tx: str) -> None:
    process_transaction(
        stations.node, stations.processor, orderbook=stations.orderbook, tx_hash=tx, now=stations.clock()
    )


def test_a_transaction_processed_by_hand_hides_no_reorg():
    """Its block is new and agrees; those before it that are gone are seen all the same."""
    chain = made([take("SELL", "0.5", "tAAPL")], [], [], [], [take("SELL", "0.25", "tAAPL")], [])
    (early,), (late,) = (chain._blocks[place]["transactions"] for place in (1, 5))
    stations = on(chain)
    stations.node.replay.set_head(103)
    stations.read()
    stations.process()

    stations.node.replay.set_head(None)
    stations.node.replay.reorg(101, moved={early: 103})
    by_hand(stations, late)
    for _ in range(4):
        try:
            again(stations)
        except NodeError:
            continue

    assert filled_on(stations) == on_chain(stations)
    assert stations.net("AAPL") == Decimal("-0.75")
    assert ChainCheckpoint.objects.get().next_block == chain.head + 1


def test_a_block_processed_by_hand_ahead_of_the_watcher_is_looked_at_when_it_comes_there():
    chain = made([], [], [], [take("SELL", "0.25", "tAAPL")], [], [])
    (tx,) = chain._blocks[4]["transactions"]
    stations = on(chain)
    stations.node.replay.set_head(101)
    stations.read()
    stations.node.replay.set_head(None)
    by_hand(stations, tx)
    assert stations.net("AAPL") == Decimal("-0.25")

    stations.node.replay.reorg(103, moved={tx: 105})
    for _ in range(4):
        try:
            again(stations)
        except NodeError:
            continue

    assert filled_on(stations) == on_chain(stations)
    assert stations.net("AAPL") == Decimal("-0.25")
    assert ChainBlock.objects.filter(number=104).count() == 0


# Whatever happens in whatever sequence, in the end the books are the chain's.

BLOCKS = 8


def busy_chain() -> MadeChain:
    chain = MadeChain("tAAPL", "tMSFT")
    for number in range(BLOCKS):
        symbol = ("tAAPL", "tMSFT")[number % 2]
        transactions = [take("SELL", f"0.{number + 1}", symbol)] if number % 3 else []
        if number == 4:
            transactions.append(clear("BUY", "0.5", symbol))
        chain.mine(*transactions)
    return chain


BUSY = busy_chain()
TRANSACTIONS = [tx for block in BUSY._blocks for tx in block["transactions"]]
blocks = st.integers(FIRST_BLOCK + 1, FIRST_BLOCK + BLOCKS)
happenings = st.one_of(
    st.tuples(st.just("head"), blocks),
    st.tuples(
        st.just("reorg"),
        blocks,
        st.dictionaries(st.sampled_from(TRANSACTIONS), blocks, max_size=2),
    ),
    st.just(("read",)),
    st.just(("one turn",)),
    st.just(("process",)),
    st.just(("restart",)),
    st.tuples(st.just("by hand"), st.sampled_from(TRANSACTIONS)),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(happenings, max_size=14), range_size=st.sampled_from([1, 3, 100]))
def test_in_the_end_the_books_are_the_chains(history, range_size):
    with fresh_books():
        stations = on(BUSY, largest_range=range_size, hedge_at="1000 shares")
        for number, happening in enumerate(history):
            stations = _happens(stations, happening, number, range_size)

        stations.node.replay.set_head(None)
        for _ in range(12):
            stations.forward(400)
            _bravely(stations.read)
            stations.process()

        note(standing())
        assert filled_on(stations) == on_chain(stations)
        for symbol, position in stations.positions().items():
            fills = [t.fill for t in books(stations.ledger).trades.values() if t.stands and t.fill.symbol == symbol]
            assert position.net == sum((f.amount if f.side == "BUY" else -f.amount for f in fills), Decimal(0))
        assert ChainCheckpoint.objects.get().next_block == BUSY.head + 1


def _happens(stations, happening, number, range_size):
    replay = stations.node.replay
    stations.forward(3)
    match happening:
        case ("head", head):
            replay.set_head(head)
        case ("reorg", block, moved):
            mined = {tx: int(each["blockNumber"], 16) for tx, each in replay._receipts.items()}
            # What was mined before the fork stays, and nothing comes back before it.
            moved = {tx: to for tx, to in moved.items() if mined[tx] >= block and to >= block}
            replay.reorg(block, moved=moved, salt=f"{number}")
        case ("read",):
            _bravely(stations.read)
        case ("one turn",):
            _bravely(lambda: stations.watcher.run_once(now=stations.clock()))
        case ("process",):
            stations.process()
        case ("restart",):
            return Stations(node=stations.node, clock=stations.clock, largest_range=range_size, hedge_at="1000 shares")
        case ("by hand", tx):
            _bravely(lambda: by_hand(stations, tx))
    return stations


def _bravely(turn) -> None:
    """What a station raises because of the node is tried again by the conductor."""
    with suppress(NodeError, NoSuchTransaction):
        turn()
