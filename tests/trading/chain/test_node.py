import contextlib
import json
import logging
import subprocess
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest
from structlog.testing import capture_logs
from websockets.sync.server import serve

from tests.support.chains import V4, V6, Pauses, logs_of, node_at, patient, with_logs
from tests.support.replay_node import RANGE_REFUSALS, Refusal, recorded, replaying
from tests.support.websocket_node import SILENT, over_websocket
from trading.chain.logs import Log, MalformedLog
from trading.chain.node import (
    CallReverted,
    InconsistentNode,
    MethodUnsupported,
    Node,
    NodeError,
    NodeRefused,
    NodeUnavailable,
    RangeRefused,
    RetryPolicy,
    refusal_kind,
)
from trading.chain.topics import FOLLOWED
from trading.chain.transports import Reply

CHAIN = recorded(V6)
BOOK = CHAIN["orderbook"].lower()
FIRST, END = 43, CHAIN["head"] + 1
TX = next(tx for tx in CHAIN["traces"] if CHAIN["receipts"][tx]["logs"])
NOBODY = "0x" + "ab" * 32
KEY = "sec-ret-api-key-0123456789"

OURS = [
    Log.from_rpc(log)
    for log in CHAIN["logs"]
    if log["address"].lower() == BOOK and log["topics"][0].lower() in FOLLOWED
]


@pytest.fixture
def replay():
    with replaying(V6) as replay:
        yield replay


@pytest.fixture(params=["http", "websocket"])
def node(request, replay):
    with contextlib.ExitStack() as stack:
        url = replay.url if request.param == "http" else stack.enter_context(over_websocket(replay)).url
        node = node_at(url)
        yield node
        node.close()


@pytest.fixture
def http(replay):
    node = node_at(replay.url)
    yield node
    node.close()


@pytest.fixture
def ws(replay):
    with over_websocket(replay) as server:
        yield server


class TestAnswers:
    def test_the_chain_and_its_head(self, node, replay):
        assert (node.chain_id(), node.head()) == (8453, 201)

        replay.set_head(60)

        assert node.head() == 60

    def test_a_block_by_number_hash_and_tag(self, node):
        block = node.block(201)

        assert (block.number, block.hash) == (201, CHAIN["blocks"][-1]["hash"])
        assert (block.parent_hash, block.timestamp) == (CHAIN["blocks"][-2]["hash"], 1795246006)
        assert node.block(block.hash) == node.block("latest") == block
        assert node.block("safe").number == 200
        assert node.block("finalized").number == 199

    def test_a_block_that_the_node_does_not_have_is_none(self, node):
        assert node.block(202) is None
        assert node.block(NOBODY) is None

    def test_the_logs_of_a_half_open_range(self, node):
        assert node.logs(FIRST, END, address=BOOK, topics=FOLLOWED) == OURS
        last = OURS[-1].block_number
        assert [log for log in OURS if log.block_number == last] == node.logs(last, END, address=BOOK, topics=FOLLOWED)
        assert last not in {log.block_number for log in node.logs(FIRST, last, address=BOOK, topics=FOLLOWED)}

    def test_an_empty_range_is_not_asked_about(self, node, replay):
        assert node.logs(50, 50) == []
        assert replay.counters["eth_getLogs"] == 0

    def test_one_topic_of_several(self, node):
        topic = OURS[0].topic0

        assert node.logs(FIRST, END, address=BOOK, topics=[topic]) == [log for log in OURS if log.topic0 == topic]

    def test_the_logs_of_one_block_by_number_and_hash(self, node):
        number, block_hash = OURS[0].block_number, OURS[0].block_hash
        expected = [log for log in OURS if log.block_number == number]

        assert node.logs_of_block(number, address=BOOK, topics=FOLLOWED) == expected
        assert node.logs_of_block(block_hash, address=BOOK, topics=FOLLOWED) == expected

    def test_an_unknown_block_has_not_simply_no_logs(self, node):
        with pytest.raises(NodeUnavailable, match="unknown block"):
            node.logs_of_block(NOBODY)

    def test_a_receipt(self, node):
        receipt, recording = node.receipt(TX), CHAIN["receipts"][TX]

        assert receipt.tx_hash == TX
        assert receipt.block_hash == recording["blockHash"]
        assert receipt.block_number == int(recording["blockNumber"], 16)
        assert receipt.gas_used == int(recording["gasUsed"], 16)
        assert receipt.effective_gas_price == int(recording["effectiveGasPrice"], 16)
        assert receipt.status == 1
        assert len(receipt.logs) == len(recording["logs"]) > 0

    def test_a_receipt_that_the_node_does_not_have_is_none(self, node):
        assert node.receipt(NOBODY) is None

    def test_a_call(self, node):
        assert node.call(CHAIN["usdc"], "0x313ce567") == (6).to_bytes(32, "big")
        assert node.call(CHAIN["usdc"], bytes.fromhex("313ce567"), block=200) == (6).to_bytes(32, "big")

    def test_a_refused_call(self, node):
        with pytest.raises(CallReverted, match="execution reverted"):
            node.call(CHAIN["usdc"], "0x00000000")

    def test_a_trace(self, node):
        assert node.trace(TX) == CHAIN["traces"][TX]

    def test_a_node_without_traces(self, node, replay):
        replay.traces = False

        with pytest.raises(MethodUnsupported, match="debug_traceTransaction"):
            node.trace(TX)

    def test_many_threads_share_a_node(self, node, replay):
        with ThreadPoolExecutor(8) as pool:
            blocks = list(pool.map(node.block, list(range(FIRST, END)) * 2))

        assert [block.number for block in blocks] == list(range(FIRST, END)) * 2

    def test_a_closed_node_opens_again(self, node):
        node.close()
        node.close()

        assert node.head() == 201

    def test_a_forked_process_opens_its_own_connections(self, node):
        node.head()
        parents = node._transport
        node._process -= 1

        assert node.head() == 201
        assert node._transport is not parents
        parents.close()

    def test_questions_that_make_no_sense_are_not_asked(self, node, replay):
        for nonsense in [
            lambda: node.logs(5, 4),
            lambda: node.logs(-1, 4),
            lambda: node.logs(1, 4, topics=[]),
            lambda: node.logs(1, 4, topics=[b"\x01" * 32]),
            lambda: node.logs(1, 4, address="0x12"),
            lambda: node.receipt("0x12"),
            lambda: node.block("newest"),
            lambda: node.call(BOOK, "313ce567"),
        ]:
            with pytest.raises(ValueError, match="expected"):
                nonsense()
        assert not replay.counters


class TestLogsAsTold:
    def test_removed_logs_are_left_out_and_said(self):
        logs = logs_of(V6)
        logs[5]["removed"] = True
        with replaying(with_logs(V6, logs)) as replay, capture_logs() as said:
            found = node_at(replay.url).logs(FIRST, END)

        assert len(found) == len(logs) - 1
        (warning,) = [line for line in said if line["log_level"] == "warning"]
        assert warning["logs"] == [f"{logs[5]['transactionHash']}:{int(logs[5]['logIndex'], 16)}"]

    def test_a_malformed_log_fails_the_whole_answer(self):
        logs = logs_of(V6)
        logs[5]["logIndex"] = None
        with replaying(with_logs(V6, logs)) as replay, pytest.raises(MalformedLog, match="logIndex"):
            node_at(replay.url).logs(FIRST, END)

    def test_a_zero_is_no_time(self):
        logs = [log | {"blockTimestamp": "0x0"} for log in logs_of(V6)]
        with replaying(with_logs(V6, logs)) as replay:
            found = node_at(replay.url).logs(FIRST, END)

        assert {log.block_timestamp for log in found} == {None}

    def test_no_list_is_never_an_empty_list(self, http, replay):
        replay.fail("null", 9, methods=["eth_getLogs"])

        with pytest.raises(NodeUnavailable, match="expected a list of logs, was None"):
            http.logs(FIRST, END)

    def test_another_block_than_the_one_asked_for(self, http, replay):
        replay.reorg(100)
        replay._blocks[150] = replay._blocks[151]

        with pytest.raises(InconsistentNode, match="asked for block 150, told of 151"):
            http.block(150)

    def test_a_receipt_whose_logs_lie_in_another_block(self, http, replay):
        replay._receipts[TX] = replay._receipts[TX] | {"blockHash": NOBODY}

        with pytest.raises(InconsistentNode, match="in another block"):
            http.receipt(TX)

    def test_a_receipt_of_a_transaction_that_waits_is_none(self, http, replay):
        replay._visible = lambda thing, number="number": thing
        replay._receipts[TX] = replay._receipts[TX] | {"blockHash": None, "blockNumber": None}

        assert http.receipt(TX) is None


PASSING = ["429", "500", "503", "504", "html", "empty", "garbage", "cut", "other-id", "redirect", "null"]


class TestAskingAgain:
    @pytest.mark.parametrize("fault", PASSING)
    def test_a_passing_fault_is_asked_away(self, http, replay, fault):
        replay.fail(fault, 2)

        assert http.head() == 201
        assert replay.counters["eth_blockNumber"] == 3

    @pytest.mark.parametrize("fault", PASSING)
    def test_a_lasting_fault_is_unavailable(self, http, replay, fault):
        replay.fail_rate(fault, 1)

        with pytest.raises(NodeUnavailable):
            http.head()

    def test_it_ends_after_so_many_attempts(self, replay):
        pauses = Pauses()
        replay.fail_rate("500", 1)

        with pytest.raises(NodeUnavailable):
            node_at(replay.url, retry=patient(pauses, attempts=4, patience_seconds=99)).head()

        assert replay.counters["eth_blockNumber"] == 4
        assert pauses == [0.1, 0.2, 0.4]

    def test_it_ends_when_patience_does(self, replay):
        pauses = Pauses()
        replay.fail_rate("500", 1)

        with pytest.raises(NodeUnavailable):
            node_at(replay.url, retry=patient(pauses, attempts=99, patience_seconds=1)).head()

        assert pauses == [0.1, 0.2, 0.4]

    def test_too_many_requests_wait_longer(self, replay):
        pauses = Pauses()
        replay.fail("429", 3)

        node_at(replay.url, retry=patient(pauses)).head()

        assert pauses == [1, 2, 4]

    def test_a_node_that_names_the_time_is_believed(self, replay):
        pauses = Pauses()
        replay.fail("429", retry_after=7)
        replay.fail("503", retry_after=3)

        node_at(replay.url, retry=patient(pauses)).head()

        assert pauses == [7, 3]

    def test_a_time_past_our_patience_goes_to_the_caller(self, replay):
        pauses = Pauses()
        replay.fail("429", retry_after=3600)

        with pytest.raises(NodeUnavailable) as caught:
            node_at(replay.url, retry=patient(pauses)).head()

        assert (caught.value.retry_after, caught.value.rate_limited, pauses) == (3600, True, [])

    def test_a_back_off_named_in_the_error(self, http, replay):
        replay.refuses = lambda method, params: Refusal(
            -32005, "project ID request rate exceeded", data={"rate": {"backoff_seconds": 30.5}}
        )

        with pytest.raises(NodeUnavailable) as caught:
            http.head()

        assert (caught.value.retry_after, caught.value.rate_limited) == (30.5, True)

    @pytest.mark.parametrize(
        ("code", "message", "error"),
        [
            (-32601, "the method eth_blockNumber does not exist/is not available", MethodUnsupported),
            (-32000, "go away", NodeRefused),
        ],
    )
    def test_a_refusal_is_not_asked_again(self, http, replay, code, message, error):
        replay.refuses = lambda method, params: Refusal(code, message)

        with pytest.raises(error):
            http.head()

        assert replay.counters["eth_blockNumber"] == 1

    def test_a_key_that_is_not_accepted_is_not_tried_again(self, http, replay):
        replay.fail_rate("403", 1)

        with pytest.raises(NodeRefused, match="403"):
            http.head()

        assert replay.counters["eth_blockNumber"] == 1

    def test_a_redirect_is_not_followed(self, replay):
        replay.fail("redirect")

        with pytest.raises(NodeUnavailable, match="307"):
            node_at(replay.url, retry=patient(attempts=1)).head()

    def test_a_node_that_hangs(self, replay):
        replay.fail("hang", 2)

        with pytest.raises(NodeUnavailable, match=r"within 0\.05 s") as caught:
            node_at(replay.url, timeout_seconds=0.05, retry=patient(attempts=2)).head()

        assert caught.value.timed_out

    def test_a_node_that_drips(self, replay):
        replay.fail("drip")

        with pytest.raises(NodeUnavailable) as caught:
            node_at(replay.url, timeout_seconds=0.1, retry=patient(attempts=1)).head()

        assert caught.value.timed_out

    @pytest.mark.parametrize("fault", ["hang", "504"])
    def test_logs_that_come_too_late_are_not_asked_for_again_as_they_were(self, replay, fault):
        replay.fail(fault)

        with pytest.raises(NodeUnavailable) as caught:
            node_at(replay.url, timeout_seconds=0.1).logs(FIRST, END)

        assert caught.value.timed_out
        assert replay.counters["eth_getLogs"] == 1

    def test_nobody_there(self, replay):
        with replaying(V4) as gone:
            url = gone.url

        with pytest.raises(NodeUnavailable, match="Connection refused"):
            node_at(url).head()
        with pytest.raises(NodeUnavailable, match="Connection refused"):
            node_at(url.replace("http", "ws")).head()

    def test_a_pause_may_be_ended_by_a_stop(self, replay):
        stop = threading.Event()
        stop.set()
        replay.fail("429", retry_after=20)

        assert Node(replay.url, retry=RetryPolicy(pause=stop.wait)).head() == 201


@pytest.mark.parametrize("vendor", RANGE_REFUSALS)
def test_every_vendors_refusal_of_a_range(http, replay, vendor):
    replay.max_range, replay.range_refusal = 10, vendor

    with pytest.raises(RangeRefused):
        http.logs(FIRST, END)

    assert replay.counters["eth_getLogs"] == 1


LOGS, CALL, TRACE = "eth_getLogs", "eth_call", "debug_traceTransaction"


@pytest.mark.parametrize(
    ("method", "code", "text", "kind"),
    [
        # Words that vendors have for a range that is too large, or holds too much.
        (LOGS, -32602, 'invalid params {"payload": "range 9009594 is bigger than range limit 2000"}', RangeRefused),
        (LOGS, -32000, "block range is larger than max block range, block range = 5120, max = 5000", RangeRefused),
        (LOGS, -32602, "eth_getLogs and eth_newFilter are limited to a 10,000 blocks range", RangeRefused),
        (LOGS, -32600, "logs matched by query exceeds limit of 10000", RangeRefused),
        (LOGS, -32000, "Response size is larger than 150MB limit.", RangeRefused),
        (LOGS, -32000, "returned data is too large", RangeRefused),
        (LOGS, -32603, "context deadline exceeded", RangeRefused),
        (LOGS, -32000, "eth_getLogs is not supported for more than 1000 blocks", RangeRefused),
        # Only logs have a range.
        (CALL, -32000, "gas limit is too large", NodeRefused),
        # How often we ask, not how much.
        (LOGS, -32005, "daily request count exceeded, request rate limited", NodeUnavailable),
        (LOGS, 429, "Your app has exceeded its compute units per second capacity", NodeUnavailable),
        (LOGS, -32016, "over rate limit", NodeUnavailable),
        (LOGS, -32005, "method eth_getLogs in batch triggered rate limit", NodeUnavailable),
        (CALL, -32005, "limit exceeded", NodeUnavailable),
        # A node that is behind speaks of ranges too; a smaller one would not help.
        (
            LOGS,
            -32602,
            "block range extends beyond current head block: requested 50162452, head 50162449",
            NodeUnavailable,
        ),
        (LOGS, -32000, "block 12 is beyond the latest block 10 of this node, retry later", NodeUnavailable),
        (LOGS, -32602, "invalid block range params", NodeUnavailable),
        (LOGS, -32019, "block is out of range", NodeUnavailable),
        (LOGS, -32602, "BlockOutOfRangeError: block height is 103 but requested was 104", NodeUnavailable),
        (LOGS, -32000, "header not found", NodeUnavailable),
        (CALL, -32000, "header not found", NodeUnavailable),
        # What the node does not offer.
        (TRACE, -32601, "rpc method is unsupported", MethodUnsupported),
        (TRACE, -32001, "rpc method is not whitelisted", MethodUnsupported),
        (TRACE, -32600, "debug_traceTransaction is not available on the Free tier", MethodUnsupported),
        (TRACE, -32000, "Method not found", MethodUnsupported),
        (LOGS, -32601, "the method eth_getLogs does not exist/is not available", MethodUnsupported),
        (TRACE, -32000, "transaction not found", NodeRefused),
        # What the contract does not do.
        (CALL, 3, "execution reverted: no", CallReverted),
        (CALL, -32000, "VM execution error.", CallReverted),
        (CALL, -32015, "invalid opcode: opcode 0xfe not defined", CallReverted),
        # What passes.
        (CALL, -32011, "no backend is currently healthy to serve traffic", NodeUnavailable),
        (CALL, -32603, "Internal error", NodeUnavailable),
        (TRACE, -32000, "execution aborted (timeout = 5s)", NodeUnavailable),
        (LOGS, -32603, "unexpected EOF", NodeUnavailable),
        # What we do not know stops us.
        (LOGS, -32000, "history has been pruned for this block", NodeRefused),
        (LOGS, None, "nope", NodeRefused),
    ],
)
def test_a_refusal_is_what_may_be_done_next(method, code, text, kind):
    assert refusal_kind(method, code, text) is kind


@pytest.mark.parametrize(
    ("status", "kind"), [(429, NodeUnavailable), (503, NodeUnavailable), (400, NodeRefused), (413, RangeRefused)]
)
def test_the_status_decides_where_the_words_do_not(status, kind):
    assert refusal_kind(LOGS, -1, "nope", status) is kind


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ({"code": [], "message": "no"}, "no"),
        ({"code": {"a": 1}, "message": {"b": 2}}, '{"b": 2}'),
        ({"code": "x" * 10_000, "message": "no"}, "no"),
        ({"code": -1, "message": "\ud800 and \0"}, r"\? and \ufffd"),
        ([], r"\[\]"),
    ],
)
def test_a_refusal_in_a_form_that_none_has_is_a_refusal(replay, error, said):
    node = node_at(replay.url, retry=patient(attempts=1))
    node._opened().ask = lambda method, params: Reply(200, {"error": error})

    with pytest.raises(NodeRefused, match=said) as refused:
        node.head()

    assert "\0" not in str(refused.value)
    str(refused.value).encode()
    node.close()


@pytest.mark.parametrize("told", ["0x" + "f" * 17, "0x" + "f" * 5_000, "0x8000000000000000"])
def test_a_number_that_no_column_holds_is_no_answer(replay, told):
    node = node_at(replay.url, retry=patient(attempts=1))
    node._opened().ask = lambda method, params: Reply(200, {"result": told})

    with pytest.raises(NodeUnavailable, match="expected the number of a block"):
        node.head()
    node.close()


def test_a_time_after_all_times_is_no_answer(replay):
    node = node_at(replay.url, retry=patient(attempts=1))
    block = {"number": "0x1", "hash": NOBODY, "parentHash": NOBODY, "timestamp": "0x3afff4417f80"}
    node._opened().ask = lambda method, params: Reply(200, {"result": block})

    with pytest.raises(NodeUnavailable, match="expected a block's time"):
        node.block(1)
    node.close()


def test_brackets_within_brackets_end_no_process(replay):
    """web3 brings an EVM along that lets calls nest a hundred thousand deep, in which the stack of a thread ends."""
    program = (
        "import json, sys, threading\n"
        "from trading.chain.node import Node, NodeError\n"
        "from trading.values.outside import NotJson, json_of\n"
        "limit = sys.getrecursionlimit()\n"
        f"Node({replay.url!r}).head()\n"
        "assert 'eth' in sys.modules or 'py_ecc' in sys.modules, 'nothing is lifted any more: this test can go'\n"
        "assert sys.getrecursionlimit() == limit\n"
        "def read():\n"
        "    try:\n"
        "        json_of(b'[' * 200_000)\n"
        "    except NotJson:\n"
        "        print('refused')\n"
        "thread = threading.Thread(target=read)\n"
        "thread.start()\n"
        "thread.join()\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (0, "refused\n"), done.stderr


class TestTooMuch:
    def test_an_answer_larger_than_we_take(self, replay):
        with over_websocket(replay) as ws:
            for url in (replay.url, ws.url):
                node = node_at(url, largest_answer_bytes=50_000)
                with pytest.raises(RangeRefused, match="more than 50000 bytes"):
                    node.logs(FIRST, END)
                assert node.head() == 201
                node.close()

    def test_a_status_that_says_so(self, http, replay):
        replay.fail("413")

        with pytest.raises(RangeRefused):
            http.logs(FIRST, END)


class TestTheUrlIsSecret:
    FAULTS = ["429", "500", "403", "html", "empty", "garbage", "cut", "hang", "redirect"]

    def shown_by(self, ask):
        with capture_logs() as said, pytest.raises(NodeError) as caught:
            ask()
        return "".join(traceback.format_exception(caught.value)) + str(said) + repr(caught.value.__context__)

    @pytest.fixture
    def everything_logged(self, caplog):
        caplog.set_level(logging.DEBUG)
        return caplog

    @pytest.mark.parametrize("fault", FAULTS)
    @pytest.mark.parametrize("place", ["{}/v2/" + KEY, "{}/?apikey=" + KEY])
    def test_in_no_message_traceback_or_log(self, replay, everything_logged, fault, place):
        replay.fail_rate(fault, 1)
        node = node_at(place.format(replay.url), timeout_seconds=0.1, retry=patient(attempts=2))

        assert KEY not in self.shown_by(node.head) + everything_logged.text + repr(node) + node.name
        node.close()

    def test_in_no_message_of_a_user_and_password(self, replay, everything_logged):
        replay.fail_rate("500", 1)
        node = node_at(replay.url.replace("://", f"://me:{KEY}@"))

        assert KEY not in self.shown_by(node.head) + everything_logged.text + repr(node)
        node.close()

    @pytest.mark.parametrize("scheme", ["http", "ws"])
    def test_when_nobody_is_there(self, everything_logged, scheme):
        with replaying(V4) as gone:
            url = gone.url.replace("http", scheme)

        assert KEY not in self.shown_by(node_at(f"{url}/{KEY}").head) + everything_logged.text

    def test_over_a_websocket(self, replay, ws, everything_logged):
        node = node_at(f"{ws.url}/{KEY}")
        assert node.head() == 201
        ws.hang_up()
        replay.fail_rate("garbage", 1)

        assert KEY not in self.shown_by(node.head) + everything_logged.text
        node.close()

    def test_where_no_websocket_is_spoken(self, replay, everything_logged):
        assert KEY not in self.shown_by(node_at(f"ws{replay.url[4:]}/{KEY}").head) + everything_logged.text

    def test_when_the_node_repeats_it(self, replay):
        node = node_at(f"{replay.url}/v2/{KEY}")
        replay.refuses = lambda method, params: Refusal(-1, f"no such app {KEY}, see {replay.url}/v2/{KEY}?x=1")

        shown = self.shown_by(node.head)

        assert KEY not in shown
        assert "no such app" in shown

    def test_a_url_that_is_none_is_not_repeated(self):
        with pytest.raises(ValueError, match=r"http\(s\)") as caught:
            Node(f"ftp://host/{KEY}")
        assert KEY not in str(caught.value)


class TestWebSocket:
    def test_it_keeps_one_connection(self, ws):
        node = node_at(ws.url)
        for _ in range(5):
            node.head()

        assert ws.connected == 1
        node.close()

    @pytest.mark.parametrize("end", ["cut", "hang_up"])
    def test_a_connection_that_ended_is_opened_again(self, ws, end):
        node = node_at(ws.url)
        node.head()

        getattr(ws, end)()

        assert node.head() == 201
        assert ws.connected == 2
        node.close()

    @pytest.mark.parametrize("end", ["cut", "hang_up"])
    def test_a_question_on_a_dying_connection_is_unavailable_and_the_next_is_answered(self, ws, end):
        node = node_at(ws.url, timeout_seconds=60, retry=patient(attempts=1))
        node.head()
        ws.wait_for_question()
        ws.silent = True
        with ThreadPoolExecutor() as pool:
            question = pool.submit(node.head)
            ws.wait_for_question()
            getattr(ws, end)()
            with pytest.raises(NodeUnavailable):
                question.result()

        ws.silent = False

        assert node.head() == 201
        node.close()

    def test_a_half_open_connection_is_noticed(self, ws):
        node = node_at(ws.url, timeout_seconds=60, ping_seconds=0.1, retry=patient(attempts=1))
        node.head()

        ws.freeze()
        with pytest.raises(NodeUnavailable):
            node.head()

        assert node.head() == 201
        assert ws.connected == 2
        node.close()

    def test_a_server_that_never_answers(self, ws):
        node = node_at(ws.url, timeout_seconds=0.1, retry=patient(attempts=1))
        ws.silent = True

        with pytest.raises(NodeUnavailable) as caught:
            node.head()
        ws.silent = False

        assert caught.value.timed_out
        assert node.head() == 201
        node.close()

    @pytest.mark.parametrize("fault", ["garbage", "empty"])
    def test_a_server_that_talks_nonsense(self, ws, replay, fault):
        node = node_at(ws.url)
        replay.fail(fault)

        assert node.head() == 201
        assert ws.connected == 2
        node.close()

    def test_an_answer_to_nobodys_question_ends_no_connection(self):
        def answer(connection):
            for question in connection:
                connection.send('{"jsonrpc": "2.0", "id": [1], "result": "0x1"}')
                connection.send(json.dumps({"jsonrpc": "2.0", "id": json.loads(question)["id"], "result": "0xc9"}))

        with serve(answer, "127.0.0.1", 0, logger=SILENT) as server:
            threading.Thread(target=server.serve_forever).start()
            node = node_at(f"ws://127.0.0.1:{server.socket.getsockname()[1]}")

            assert [node.head(), node.head()] == [201, 201]
            node.close()
            server.shutdown()

    def test_a_server_that_is_no_websocket(self, replay):
        node = node_at(replay.url.replace("http", "ws"))

        with pytest.raises(NodeUnavailable, match="501"):
            node.head()
        node.close()

    def test_an_answer_of_more_than_a_mebibyte(self, replay, ws):
        replay.refuses = lambda method, params: Refusal(-1, "x" * 3 * 2**20)
        node = node_at(ws.url)

        with pytest.raises(NodeRefused):
            node.head()
        node.close()

    def test_closing_ends_the_thread(self, ws):
        node = node_at(ws.url)
        node.head()
        thread = node._transport._thread

        node.close()

        assert not thread.is_alive()


def test_web3_is_imported_by_the_first_question_only():
    program = "import sys, trading.chain.node, trading.chain.scanner; sys.exit('web3' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_the_replayed_node_runs_as_a_program_too():
    command = [sys.executable, "-m", "tests.support.replay_node", V6, "--port", "0", "--head", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        try:
            node = node_at(f"http://127.0.0.1:{int(program.stdout.readline())}")
            assert node.head() == 60

            node.ask("replay_set", [{"head": 70, "max_range": 5}])
            node.ask("replay_fail", ["500", 1, ["eth_blockNumber"]])
            node.ask("replay_reorg", [65, {"salt": "other"}])

            assert node.head() == 70
            assert node.block(65).parent_hash == node.block(64).hash
            assert node.block(65).hash != CHAIN["blocks"][65 - FIRST]["hash"]
            with pytest.raises(RangeRefused):
                node.logs(FIRST, 60)
            assert node.ask("replay_counters", [])["eth_blockNumber"] == 3
            node.close()
        finally:
            program.terminate()
