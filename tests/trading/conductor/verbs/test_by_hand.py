"""By hand: one transaction by the same road, as often as one likes."""

from decimal import Decimal

import pytest

from tests.support.books import books
from tests.support.commands import refused, run
from tests.support.made_chain import MadeChain, clear, take, tx_hash
from tests.support.near_node import NearNode
from tests.support.stations import MODES, Stations, notices
from trading.chain.fills import ChainFill, Filtered
from trading.chain.logs import UnusableLog
from trading.chain.node import InconsistentNode
from trading.conductor.by_hand import NoSuchTransaction, NothingOfOurs, preview, process_transaction
from trading.conductor.checkpoints import ChainBlock, ChainCheckpoint
from trading.conductor.inbox import Outcome, QueuedLog
from trading.notices.models import open_notice, open_notices
from trading.onchain_trade.aggregate import OnChainTrade
from trading.onchain_trade.commands import Migrate
from trading.values.identifiers import TradeId
from trading.values.sides import Side

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain():
    chain = MadeChain("tAAPL", "WETH")
    chain.mine(take("SELL", "1.5", "tAAPL"))
    chain.mine([take("SELL", "0.5", "tAAPL"), *clear("BUY", "0.25", "tAAPL"), take("SELL", "1", "WETH")])
    return chain


def on(chain, **options) -> Stations:
    return Stations(node=NearNode(chain.recording()), **options)


def process(stations: Stations, tx: str) -> list[tuple[int, str]]:
    rows = process_transaction(
        stations.node, stations.processor, orderbook=stations.orderbook, tx_hash=tx, now=stations.clock()
    )
    return [(row.log_index, row.outcome) for row in rows]


ALL = [(0, Outcome.FILL), (1, Outcome.FILL), (3, Outcome.PARKED)]


@pytest.mark.parametrize("mode", MODES)
def test_every_clear_and_take_of_a_transaction_and_again_changes_nothing(chain, mode):
    stations = on(chain, mode=mode)
    tx = chain._blocks[2]["transactions"][0]

    assert process(stations, tx) == ALL
    before = books(stations.ledger)
    assert process(stations, tx) == ALL

    assert books(stations.ledger) == before
    assert len(before.trades) == 2


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("first", ["watcher", "by hand"])
def test_the_watcher_and_the_hand_make_one_fill_of_one_log(chain, mode, first):
    stations = on(chain, mode=mode)
    tx = chain._blocks[2]["transactions"][0]
    ways = [lambda: (stations.read(), stations.process()), lambda: process(stations, tx)]

    for way in ways if first == "watcher" else reversed(ways):
        way()

    kept = books(stations.ledger)
    assert len(kept.trades) == 3
    assert str(kept.positions["AAPL"].net) == "-1.75"
    assert QueuedLog.objects.count() == 4
    assert ChainBlock.objects.filter(number=102).count() == 1
    assert ChainCheckpoint.objects.get().next_block == 103


def test_what_is_parked_is_taken_up_again_when_its_cause_is_mended(chain):
    stations = on(chain)
    tx = chain._blocks[1]["transactions"][0]
    stations.read()
    QueuedLog.objects.filter(tx_hash=tx).update(
        processed=True, outcome=Outcome.PARKED, reason="failed 8 times", tries=7, not_before=stations.clock()
    )
    assert stations.positions() == {}

    assert process(stations, tx) == [(0, Outcome.FILL)]

    assert str(stations.net("AAPL")) == "-1.5"
    assert QueuedLog.objects.get(tx_hash=tx).tries == 0


def test_the_notice_about_a_parked_log_is_closed_when_it_became_a_fill_and_stays_when_it_did_not(chain):
    stations = on(chain)
    tx = chain._blocks[2]["transactions"][0]
    stations.read()
    stations.process()
    assert notices() == [("parked_log", f"{tx}:3")]

    process(stations, tx)
    assert notices() == [("parked_log", f"{tx}:3")]


def test_a_preview_tells_and_stores_nothing(chain):
    stations = on(chain)
    found = preview(
        stations.node,
        stations.processor,
        orderbook=stations.orderbook,
        tx_hash=chain._blocks[2]["transactions"][0],
    )

    assert [(row.log_index, type(what)) for row, what in found if not isinstance(what, UnusableLog)] == [
        (0, ChainFill),
        (1, ChainFill),
    ]
    assert isinstance(found[2][1], UnusableLog)
    assert not isinstance(found[0][1], Filtered)
    assert QueuedLog.objects.count() == 0
    assert ChainBlock.objects.count() == 0
    assert stations.positions() == {}


def test_an_unknown_transaction_is_an_error(chain):
    with pytest.raises(NoSuchTransaction, match="no mined transaction 0x"):
        process(on(chain), tx_hash("nobody knows"))


def test_a_transaction_without_an_event_of_the_order_book_is_an_error(chain):
    chain.mine([])
    with pytest.raises(NothingOfOurs, match="no clear or take"):
        process(on(chain), chain._blocks[-1]["transactions"][0])


def test_a_receipt_of_a_block_that_is_gone_is_an_error(chain):
    stations = on(chain)
    tx = chain._blocks[2]["transactions"][0]
    receipt = stations.node.replay._receipts[tx]
    stations.node.replay.reorg(102)
    stations.node.replay._receipts[tx] = receipt

    with pytest.raises(InconsistentNode, match="not part of its chain"):
        process(stations, tx)
    assert QueuedLog.objects.count() == 0


# Parked logs, back in the queue


def park(stations, *txs):
    QueuedLog.objects.filter(tx_hash__in=txs).update(
        processed=True, outcome=Outcome.PARKED, reason="failed 8 times", tries=7, not_before=stations.clock()
    )
    for row in QueuedLog.objects.filter(outcome=Outcome.PARKED):
        open_notice("parked_log", str(row), "look at it", at=stations.clock())


@pytest.fixture
def parked(chain):
    """Two transactions, whose logs are parked."""
    stations = on(chain)
    stations.read()
    first, second = (chain._blocks[place]["transactions"][0] for place in (1, 2))
    park(stations, first, second)
    return stations, first, second


def test_the_parked_logs_of_a_transaction_are_processed_again_with_the_reason_kept(parked):
    stations, first, _ = parked

    printed = run("requeue_parked", first, "--reason", "the token can be read now")

    assert f"log 0 of block 101 ({first}): queued again\n1 logs are queued again; conduct processes them\n" == printed
    row = QueuedLog.objects.get(tx_hash=first)
    assert (row.outcome, row.processed, row.tries, row.not_before) == (Outcome.QUEUED, False, 0, None)
    assert row.reason == "queued again: the token can be read now"
    assert first not in "".join(notice.subject for notice in open_notices())
    stations.process()
    assert str(stations.positions()["AAPL"].net) == "-1.5"


def test_all_parked_logs_are_queued_again_and_others_are_left(parked):
    _, first, _ = parked
    QueuedLog.objects.filter(tx_hash=first).update(outcome=Outcome.FILTERED)

    printed = run("requeue_parked", "--all", "--reason", "mended")

    assert printed.endswith("3 logs are queued again; conduct processes them\n")
    assert QueuedLog.objects.filter(processed=False).count() == 3
    assert run("requeue_parked", "--all", "--reason", "mended") == "no log is parked\n"


def test_a_transaction_of_which_nothing_is_parked_leaves_the_others_parked_too(parked):
    _, first, _ = parked
    other = "0x" + "ab" * 32

    _, error = refused("requeue_parked", first, other, "--reason", "mended")

    assert error == f"expected parked logs, found none of {other}; nothing was put back"
    assert QueuedLog.objects.filter(outcome=Outcome.PARKED).count() == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--reason", "x"), "expected transactions, or --all"),
        (("--all", "0x12", "--reason", "x"), "expected transactions, or --all"),
        (("0x12", "--reason", "x"), "expected a transaction hash as 0x and 64 hex digits, was '0x12'"),
        (("--all", "--reason", " "), "expected a reason, was empty"),
        (("--all",), "--reason"),
    ],
)
def test_what_cannot_be_queued_again(arguments, said):
    assert said in refused("requeue_parked", *arguments)[1]


# A fill that was migrated from an older installation, and is read from the chain again


@pytest.mark.parametrize(
    ("amount", "outcome"),
    [
        ("1.5", Outcome.FILL),
        # The older installation kept a double; this is what one makes of 1.5 in sums.
        ("1.5000000000000002", Outcome.FILL),
        ("1.50001", Outcome.PARKED),
    ],
)
def test_a_migrated_fill_is_known_again_by_the_digits_that_a_double_keeps(chain, amount, outcome):
    stations = on(chain)
    tx = chain._blocks[1]["transactions"][0]
    with stations.ledger.step(at=stations.clock(), actor="tests") as step, step.group("migration"):
        migrate = Migrate(
            symbol="AAPL",
            token_symbol="tAAPL",
            side=Side.SELL,
            amount=Decimal(amount),
            price_usdc=None,
            block_timestamp=None,
        )
        step.handle(OnChainTrade, TradeId(tx, 0), migrate)

    stations.read()
    stations.process()

    row = QueuedLog.objects.get(tx_hash=tx)
    assert row.outcome == outcome
    assert (row.reason == "known already") is (outcome == Outcome.FILL)
