"""The embedded chain: when blocks are mined, what time they carry, and how they are replaced."""

import threading
import time

import pytest
from eth_account import Account

from config.demo.blocks import JsonObject
from config.demo.chain import BlockIsFinal, EmbeddedChain, TransactionRefused
from config.demo.market import Market
from config.demo.rpc import RpcError
from config.demo.steps import Outcome, Reorg, Stranger, Take
from tests.config.demo.conftest import client
from trading.values.quantities import shares
from trading.values.sides import Side

NOW = 1_760_000_000

TAKE = Take("AAPL", Side.BUY, shares("0.5"), shares("270"))


def times(chain: EmbeddedChain) -> list[int]:
    """Return the blocks' times, in seconds after NOW."""
    numbers = range(chain.head.number + 1)
    return [int(chain.request("eth_getBlockByNumber", hex(number))["timestamp"], 16) - NOW for number in numbers]


def hashes(chain: EmbeddedChain) -> list[str]:
    ask = client(chain.url)
    return [ask("eth_getBlockByNumber", hex(number), False)["hash"] for number in range(chain.head.number + 1)]


def trace_of(chain: EmbeddedChain, tx_hash: str) -> JsonObject:
    trace: JsonObject = chain.request("debug_traceTransaction", tx_hash, {"tracer": "callTracer"})
    return trace


def test_history_runs_at_two_seconds_until_it_meets_the_clock():
    with EmbeddedChain(history_seconds=5, clock=lambda: NOW) as chain:
        chain.mine(4)

        # A block is younger than its parent, even where the clock stands still.
        assert times(chain) == [-5, -3, -1, 0, 1]


def test_catching_up_ends_the_history():
    with EmbeddedChain(history_seconds=600, clock=lambda: NOW) as chain:
        chain.mine()
        chain.catch_up()

        assert times(chain) == [-600, -598, 0]


def test_a_live_chain_goes_by_the_clock():
    clock = iter([NOW, NOW, NOW + 7, NOW + 30]).__next__
    with EmbeddedChain(history_seconds=0, clock=clock) as chain:
        chain.mine(3)

        assert times(chain) == [0, 1, 7, 30]


def test_an_idle_chain_mines_empty_blocks_if_asked(chain):
    chain.keep_mining(0.05)
    before = chain.head.number

    until = time.monotonic() + 10
    while chain.head.number < before + 2 and time.monotonic() < until:
        time.sleep(0.02)

    assert chain.head.number >= before + 2
    assert abs(chain.head.timestamp - time.time()) < 5


def test_transactions_sent_together_share_a_block(chain):
    market = Market(chain)
    raw = [_signed(market, chain, nonce) for nonce in (0, 1, 2)]

    with chain.together():
        sent = [chain.request("eth_sendRawTransaction", one) for one in raw]
        assert chain.request("eth_getTransactionReceipt", sent[0]) is None

    receipts = [chain.request("eth_getTransactionReceipt", tx_hash) for tx_hash in sent]
    assert len({receipt["blockHash"] for receipt in receipts}) == 1
    assert [receipt["transactionIndex"] for receipt in receipts] == ["0x0", "0x1", "0x2"]
    assert [log["logIndex"] for receipt in receipts for log in receipt["logs"]] == ["0x0", "0x1", "0x2"]
    used = [int(receipt["gasUsed"], 16) for receipt in receipts]
    assert int(receipts[-1]["cumulativeGasUsed"], 16) == sum(used)
    assert all(gas > 21_000 for gas in used)
    assert [int(trace_of(chain, tx_hash)["gasUsed"], 16) for tx_hash in sent] == used


def test_a_reorganisation_replaces_blocks_and_the_head_never_falls(chain):
    chain.mine(6)
    before = hashes(chain)

    chain.reorg(3)

    after = hashes(chain)
    assert len(after) == len(before) + 1
    assert after[:4] == before[:4]
    assert not set(after[4:]) & set(before)
    assert client(chain.url)("eth_getBlockByHash", before[-1], False) is None
    blocks = [chain.request("eth_getBlockByNumber", hex(number)) for number in range(len(after))]
    assert [block["parentHash"] for block in blocks[1:]] == after[:-1]


def test_readers_never_see_a_reorganisation_half_done(chain):
    chain.mine(10)
    heads: list[int] = []
    done = threading.Event()

    def watch() -> None:
        ask = client(chain.url)
        while not done.is_set():
            heads.append(int(ask("eth_blockNumber"), 16))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for reorganised in range(3):
        chain.reorg(5)
        while not heads or heads[-1] < 11 + reorganised:
            time.sleep(0.001)
    done.set()
    watcher.join()

    assert heads == sorted(heads)


def test_transactions_of_replaced_blocks_are_gone_unless_they_return(chain):
    market = Market(chain)
    (lost,) = market.play(TAKE)

    chain.reorg(1)

    ask = client(chain.url)
    assert ask("eth_getTransactionReceipt", lost.tx_hash) is None
    assert ask("eth_getTransactionByHash", lost.tx_hash) is None
    with pytest.raises(RpcError, match="transaction not found"):
        trace_of(chain, lost.tx_hash)
    assert ask("eth_getLogs", {"fromBlock": "0x0", "address": market.orderbook}) == []

    (again,) = market.play(TAKE)
    assert again.tx_hash == lost.tx_hash  # The same bytes with the same nonce: the same transaction.
    assert len(ask("eth_getLogs", {"fromBlock": "0x0", "address": market.orderbook})) == 1


def test_the_way_back_to_genesis(chain):
    market = Market(chain)

    chain.reorg(chain.head.number)

    assert client(chain.url)("eth_getCode", market.orderbook, "latest") == "0x"
    assert Market(chain).orderbook == market.orderbook


def test_a_final_block_is_never_replaced():
    with EmbeddedChain(final_blocks=3) as chain:
        chain.mine(10)

        with pytest.raises(BlockIsFinal, match="expected a depth from 1 to 3, was 4"):
            chain.reorg(4)
        with pytest.raises(BlockIsFinal):
            chain.reorg(0)
        chain.reorg(3)


def test_a_reorganisation_that_can_not_be_leaves_the_chain_as_it_was(chain):
    market = Market(chain)
    market.play(TAKE)
    (second,) = market.play(TAKE)
    before, trace = hashes(chain), trace_of(chain, second.tx_hash)

    with pytest.raises(TransactionRefused):
        chain.reorg(2, [(market._sender.raw[second.tx_hash], 0)])  # Without the first, its nonce is from the future.

    assert hashes(chain) == before
    assert chain.request("eth_getTransactionReceipt", second.tx_hash)["blockHash"] == before[-1]
    assert trace_of(chain, second.tx_hash) == trace
    (third,) = market.play(TAKE)
    assert chain.request("eth_getTransactionReceipt", third.tx_hash)["blockNumber"] == hex(len(before))


def test_a_fleeting_fill_vanishes_and_the_others_come_back_elsewhere(chain):
    market = Market(chain)
    (fleeting,) = market.play(Take("TSLA", Side.SELL, shares("1.25"), shares("390"), fleeting=True))
    others = [market.play(TAKE)[0] for _ in range(3)]
    stranger = market.play(Stranger("GME", Side.BUY, shares("1"), shares("20")))[0]
    before = {one.tx_hash: chain.request("eth_getTransactionReceipt", one.tx_hash) for one in (*others, stranger)}

    changed = market.play(Reorg())

    assert [one.outcome for one in changed] == [
        Outcome.VANISHED,
        Outcome.FILL,
        Outcome.FILL,
        Outcome.FILL,
        Outcome.FILTERED,
    ]
    assert changed[0].tx_hash == fleeting.tx_hash
    assert chain.request("eth_getTransactionReceipt", fleeting.tx_hash) is None
    for one in changed[1:]:
        after = chain.request("eth_getTransactionReceipt", one.tx_hash)
        assert after["blockNumber"] < before[one.tx_hash]["blockNumber"]
        assert after["blockHash"] != before[one.tx_hash]["blockHash"]
        assert trace_of(chain, one.tx_hash)["gasUsed"] == after["gasUsed"]
        assert after["logs"][0]["logIndex"] == hex(one.log_index)
    assert [one.log_index for one in changed[1:]] == [0, 0, 1, 0]
    assert market.expected_positions() == {"AAPL": shares("1.5")}


def test_errors_without_http_are_the_same(chain):
    with pytest.raises(RpcError, match="the method eth_nonsense does not exist/is not available"):
        chain.request("eth_nonsense")


def test_a_port_can_be_chosen():
    with EmbeddedChain() as first:
        port = first.serve().port
    with EmbeddedChain() as second:
        assert second.serve(port).url == f"http://127.0.0.1:{port}"
        assert client(second.url)("eth_chainId") == "0x7a69"


def _signed(market: Market, chain: EmbeddedChain, nonce: int) -> str:
    """Sign a take by an account that the market doesn't use, without sending it."""
    signed = Account.from_key(chain.keys[3].to_bytes()).sign_transaction(
        {
            "chainId": chain.chain_id,
            "nonce": nonce,
            "maxFeePerGas": 5 * 10**9,
            "maxPriorityFeePerGas": 10**7,
            "gas": 1_000_000,
            "to": bytes.fromhex(market.orderbook[2:]),
            "value": 0,
            "data": market._encoded(TAKE),
        }
    )
    return f"0x{signed.raw_transaction.hex().removeprefix('0x')}"
