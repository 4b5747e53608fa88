"""The embedded chain over HTTP: every method answers as a node does, and refuses as a node does."""

import re
from http.client import HTTPConnection
from typing import Any

import pytest
from eth_abi import decode

from config.demo.chain import EmbeddedChain
from config.demo.market import Market
from config.demo.steps import Outcome
from tests.config.demo.conftest import Rpc, client, post
from trading.chain.feeds import feeds_of
from trading.chain.pyth import pyth_price
from trading.chain.topics import AFTER_CLEAR, CLEAR_V2, FOLLOWED, TAKE_ORDER_V2, TAKE_ORDER_V3

QUANTITY = re.compile(r"0x(0|[1-9a-f][0-9a-f]*)")
DATA = re.compile(r"0x([0-9a-f]{2})*")
ABSENT = f"0x{'9' * 64}"

SYMBOL, DECIMALS = "0x95d89b41", "0x313ce567"


def logs_of(rpc: Rpc, market: Market, **filters: object) -> list[dict[str, Any]]:
    found = rpc("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", "address": market.orderbook, **filters})
    assert isinstance(found, list), found
    return found


def test_who_answers(rpc):
    assert rpc("eth_chainId") == "0x7a69"
    assert rpc("net_version") == "31337"
    assert rpc("web3_clientVersion") == "HedgetrailDemo/1/py-evm"
    assert rpc("eth_syncing") is False


def test_the_chain_id_can_be_chosen():
    with EmbeddedChain(chain_id=8453) as chain:
        market = Market(chain)

        assert client(chain.url)("eth_chainId") == "0x2105"
        assert market.deployment_block == 1


def test_blocks_follow_each_other(rpc):
    head = int(rpc("eth_blockNumber"), 16)
    blocks = [rpc("eth_getBlockByNumber", hex(number), False) for number in range(head + 1)]

    assert [block["number"] for block in blocks] == [hex(number) for number in range(head + 1)]
    assert [block["parentHash"] for block in blocks[1:]] == [block["hash"] for block in blocks[:-1]]
    times = [int(block["timestamp"], 16) for block in blocks]
    assert times == sorted(set(times))


def test_a_block_is_in_the_form_of_a_node(rpc):
    block = rpc("eth_getBlockByNumber", "latest", False)

    quantities = (
        "number difficulty totalDifficulty size gasLimit gasUsed timestamp baseFeePerGas blobGasUsed excessBlobGas"
    )
    for name in quantities.split():
        assert QUANTITY.fullmatch(block[name]), (name, block[name])
    sizes = {
        "hash": 32,
        "parentHash": 32,
        "stateRoot": 32,
        "receiptsRoot": 32,
        "logsBloom": 256,
        "nonce": 8,
        "miner": 20,
    }
    for name, size in sizes.items():
        assert DATA.fullmatch(block[name]), (name, block[name])
        assert len(block[name]) == 2 + 2 * size, name
    (tx_hash,) = block["transactions"]
    assert rpc("eth_getBlockByHash", block["hash"], False) == block
    (transaction,) = rpc("eth_getBlockByHash", block["hash"], True)["transactions"]
    assert transaction == rpc("eth_getTransactionByHash", tx_hash)


def test_tags(rpc):
    head = int(rpc("eth_blockNumber"), 16)

    def number(tag: str) -> int:
        return int(rpc("eth_getBlockByNumber", tag, False)["number"], 16)

    assert [number(tag) for tag in ("latest", "safe", "finalized", "earliest")] == [head, head - 4, head - 32, 0]


def test_what_there_is_not_is_null(rpc):
    assert rpc("eth_getBlockByNumber", "0xfffff", False) is None
    assert rpc("eth_getBlockByHash", ABSENT, False) is None
    assert rpc("eth_getTransactionReceipt", ABSENT) is None
    assert rpc("eth_getTransactionByHash", ABSENT) is None


def test_receipt_and_transaction(rpc, traded):
    fill = next(one for one in traded.expected() if one.outcome is Outcome.FILL)

    receipt = rpc("eth_getTransactionReceipt", fill.tx_hash)
    transaction = rpc("eth_getTransactionByHash", fill.tx_hash)

    assert (receipt["transactionHash"], receipt["status"], receipt["type"]) == (fill.tx_hash, "0x1", "0x2")
    assert receipt["to"] == transaction["to"] == traded.orderbook
    assert receipt["from"] == transaction["from"]
    assert receipt["contractAddress"] is None
    for name in ("blockNumber", "transactionIndex", "gasUsed", "cumulativeGasUsed", "effectiveGasPrice"):
        assert QUANTITY.fullmatch(receipt[name]), (name, receipt[name])
    assert receipt["blockHash"] == transaction["blockHash"]
    assert int(receipt["gasUsed"], 16) > 21_000
    assert receipt["logs"] == logs_of(rpc, traded, fromBlock=receipt["blockNumber"], toBlock=receipt["blockNumber"])


def test_a_deployment_names_the_contract(rpc, traded):
    (tx_hash,) = rpc("eth_getBlockByNumber", hex(traded.deployment_block), False)["transactions"]

    receipt = rpc("eth_getTransactionReceipt", tx_hash)

    assert (receipt["to"], receipt["contractAddress"]) == (None, traded.orderbook)


CALLS = {"tracer": "callTracer"}


def test_the_calls_of_a_fill_and_the_oracles_answer_among_them(rpc, traded):
    fill = next(one for one in traded.expected() if one.outcome is Outcome.FILL and one.oracle)

    trace = rpc("debug_traceTransaction", fill.tx_hash, CALLS)

    receipt = rpc("eth_getTransactionReceipt", fill.tx_hash)
    transaction = rpc("eth_getTransactionByHash", fill.tx_hash)
    assert (trace["type"], trace["from"], trace["to"]) == ("CALL", receipt["from"], traded.orderbook)
    assert (trace["gas"], trace["gasUsed"]) == (transaction["gas"], receipt["gasUsed"])
    assert (trace["input"], trace["value"]) == (transaction["input"], "0x0")
    tells, asks, *trades = trace["calls"]
    assert [(each["type"], each["from"], each["to"]) for each in (tells, asks)] == [
        ("CALL", traded.orderbook, traded.oracle),
        ("STATICCALL", traded.orderbook, traded.oracle),
    ]
    assert {(each["type"], each["from"], each["to"]) for each in trades} == {
        ("DELEGATECALL", traded.orderbook, traded.orderbook)
    }
    read = pyth_price(trace, contract=traded.oracle, feeds=feeds_of(fill.symbol))
    assert (read.raw_price, read.raw_confidence, read.exponent) == (
        *(fill.oracle.price, fill.oracle.confidence, fill.oracle.exponent),
    )
    block = rpc("eth_getBlockByHash", receipt["blockHash"], False)
    assert read.publish_time == int(block["timestamp"], 16)


def test_the_trace_of_a_deployment_has_the_code(rpc, traded):
    (tx_hash,) = rpc("eth_getBlockByNumber", hex(traded.deployment_block), False)["transactions"]

    trace = rpc("debug_traceTransaction", tx_hash, CALLS)

    assert (trace["type"], trace["to"]) == ("CREATE", traded.orderbook)
    assert trace["output"] == rpc("eth_getCode", traded.orderbook)
    assert trace["input"] == rpc("eth_getTransactionByHash", tx_hash)["input"]
    assert "calls" not in trace


def test_a_trace_that_there_is_not(rpc, traded):
    fill = traded.expected()[0]

    assert rpc("debug_traceTransaction", ABSENT, CALLS) == {"code": -32000, "message": "transaction not found"}
    for options in ((), ({"tracer": "prestateTracer"},), (None,)):
        refused = rpc("debug_traceTransaction", fill.tx_hash, *options)
        assert refused["message"].startswith("tracer not found: expected callTracer, was ")


def test_a_log_is_in_the_form_of_a_node(rpc, traded):
    log = logs_of(rpc, traded)[0]
    block = rpc("eth_getBlockByNumber", log["blockNumber"], False)

    assert log["address"] == traded.orderbook
    assert log["removed"] is False
    assert log["blockHash"] == block["hash"]
    assert log["blockTimestamp"] == block["timestamp"]
    assert log["transactionHash"] == block["transactions"][int(log["transactionIndex"], 16)]
    assert all(QUANTITY.fullmatch(log[name]) for name in ("blockNumber", "logIndex", "transactionIndex"))
    assert all(DATA.fullmatch(text) for text in (log["data"], *log["topics"]))


def test_logs_are_in_the_order_of_the_chain_and_numbered_within_their_block(rpc, traded):
    places = [(int(log["blockNumber"], 16), int(log["logIndex"], 16)) for log in logs_of(rpc, traded)]

    assert places == sorted(set(places))
    # After the reorganisation one block holds two transactions.
    shared = [log for log in logs_of(rpc, traded) if log["transactionIndex"] == "0x1"]
    assert all(int(log["logIndex"], 16) > 0 for log in shared)
    assert shared


def test_logs_by_topic(rpc, traded):
    every = logs_of(rpc, traded)
    takes = [log for log in every if log["topics"][0] in (TAKE_ORDER_V2, TAKE_ORDER_V3)]

    assert logs_of(rpc, traded, topics=[[TAKE_ORDER_V2, TAKE_ORDER_V3]]) == takes
    assert logs_of(rpc, traded, topics=[TAKE_ORDER_V3]) == [log for log in takes if log["topics"][0] == TAKE_ORDER_V3]
    assert logs_of(rpc, traded, topics=[FOLLOWED]) == every
    assert logs_of(rpc, traded, topics=[]) == logs_of(rpc, traded, topics=[None]) == every
    assert logs_of(rpc, traded, topics=[[]]) == every
    assert logs_of(rpc, traded, topics=[None, TAKE_ORDER_V3]) == []
    assert logs_of(rpc, traded, topics=[CLEAR_V2.upper().replace("X", "x")]) == logs_of(rpc, traded, topics=[CLEAR_V2])


def test_logs_by_address(rpc, traded):
    every = logs_of(rpc, traded)

    assert logs_of(rpc, traded, address=[traded.orderbook, traded.stranger]) == every
    assert logs_of(rpc, traded, address=traded.stranger) == []
    assert {log["address"] for log in logs_of(rpc, traded, address=None)} > {traded.orderbook, traded.usdc}


def test_logs_by_block(rpc, traded):
    every = logs_of(rpc, traded)
    number, block_hash = every[0]["blockNumber"], every[0]["blockHash"]
    of_block = [log for log in every if log["blockNumber"] == number]

    assert logs_of(rpc, traded, fromBlock=number, toBlock=number) == of_block
    by_hash = rpc("eth_getLogs", {"blockHash": block_hash, "address": traded.orderbook})
    assert by_hash == of_block
    assert logs_of(rpc, traded, fromBlock=hex(int(number, 16) + 1)) == every[len(of_block) :]
    # A range may end past the head.
    assert logs_of(rpc, traded, toBlock="0xfffff") == every
    latest = rpc("eth_getBlockByNumber", "latest", False)["number"]
    assert rpc("eth_getLogs", {}) == [log for log in every if log["blockNumber"] == latest]


@pytest.mark.parametrize(
    ("filters", "code"),
    [
        ({"blockHash": ABSENT}, -32000),
        ({"blockHash": ABSENT, "fromBlock": "0x1"}, -32602),
        ({"fromBlock": "0x5", "toBlock": "0x4"}, -32602),
        ({"fromBlock": "yesterday"}, -32602),
        ({"fromBlock": 5}, -32602),
        ({"address": "0x1234"}, -32602),
        ({"topics": ["0x1234"]}, -32602),
        ([], -32602),
    ],
)
def test_a_filter_that_is_refused(rpc, filters, code):
    assert rpc("eth_getLogs", filters)["code"] == code


def test_a_token_says_its_symbol_and_decimals(rpc, traded):
    def ask(token: str, data: str, block: object = "latest") -> bytes:
        return bytes.fromhex(rpc("eth_call", {"to": token, "data": data}, block)[2:])

    def symbol(token: str) -> str:
        return str(decode(["string"], ask(token, SYMBOL))[0])

    assert [symbol(token) for token in traded.tokens.values()] == [
        *("tAAPL", "NVDA0x", "MSFTs1", "wtTSLA", "tGME", "tBRK.B")
    ]
    assert symbol(traded.usdc) == "USDC"
    assert int.from_bytes(ask(traded.usdc, DECIMALS)) == 6
    assert int.from_bytes(ask(traded.tokens["AAPL"], DECIMALS, "safe")) == 18


def test_a_call_sees_the_state_after_its_block(rpc, traded):
    assert rpc("eth_call", {"to": traded.usdc, "data": SYMBOL}, "0x0") == "0x"
    assert rpc("eth_getCode", traded.orderbook, "0x0") == "0x"
    assert rpc("eth_getCode", traded.orderbook, hex(traded.deployment_block)).startswith("0x6080")
    block_hash = rpc("eth_getBlockByNumber", "0x0", False)["hash"]
    assert rpc("eth_getCode", traded.orderbook, {"blockHash": block_hash}) == "0x"
    assert rpc("eth_getCode", traded.orderbook, "0xfffff") == {"code": -32000, "message": "header not found"}


def test_a_call_that_reverts(rpc, traded):
    error = rpc("eth_call", {"to": traded.usdc, "data": "0xdeadbeef"}, "latest")

    assert error == {"code": 3, "message": "execution reverted", "data": "0x"}


@pytest.mark.parametrize("method", ["debug_traceBlockByNumber", "eth_newFilter", "eth_subscribe", "eth_nonsense", ""])
def test_other_methods_are_refused(rpc, method):
    error = rpc(method, ABSENT, {"tracer": "callTracer"})

    assert error == {"code": -32601, "message": f"the method {method} does not exist/is not available"}


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("eth_getTransactionReceipt", []),
        ("eth_getTransactionReceipt", ["0x12"]),
        ("eth_getTransactionReceipt", [None]),
        ("eth_chainId", [1]),
        ("eth_getBlockByNumber", ["0xzz", False]),
        ("eth_call", ["0x12", "latest"]),
        ("eth_call", [{"data": "0x12"}, "latest"]),
    ],
)
def test_arguments_that_are_refused(rpc, method, params):
    assert rpc(method, *params)["code"] == -32602


def test_a_transaction_that_is_refused(rpc, traded):
    used = traded._sender.raw[traded.expected()[0].tx_hash]

    assert rpc("eth_sendRawTransaction", used)["code"] == -32000  # Its nonce was used.
    assert rpc("eth_sendRawTransaction", "0x1234")["code"] == -32000


def test_a_batch(traded):
    asked = [{"jsonrpc": "2.0", "id": number, "method": "eth_chainId"} for number in range(3)]

    answers = post(traded.node.url, [*asked, {"id": 3, "method": "eth_nonsense"}, "nonsense"])

    assert [answer["id"] for answer in answers] == [0, 1, 2, 3, None]
    assert [answer.get("error", {}).get("code") for answer in answers] == [None, None, None, -32601, -32600]


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"{", -32700), (b"[]", -32600), (b"5", -32600), (b'{"method":"eth_chainId","params":{"a":1}}', -32602)],
)
def test_requests_that_are_none(traded, body, code):
    assert post(traded.node.url, body)["error"]["code"] == code


def test_a_connection_is_kept(traded):
    connection = HTTPConnection(traded.node.url.removeprefix("http://"), timeout=10)
    try:
        for _ in range(3):
            connection.request("POST", "/", b'{"jsonrpc":"2.0","id":1,"method":"net_version"}')
            assert b"31337" in connection.getresponse().read()
    finally:
        connection.close()


def test_an_after_clear_lies_after_its_clear(rpc, traded):
    clears = logs_of(rpc, traded, topics=[CLEAR_V2])
    after = {(log["transactionHash"], int(log["logIndex"], 16)) for log in logs_of(rpc, traded, topics=[AFTER_CLEAR])}

    assert after == {(log["transactionHash"], int(log["logIndex"], 16) + 1) for log in clears}
