"""A node, whatever it answers, over HTTP as it comes: what was asked for, or an error of the node's."""

import io

import pytest
import requests
import urllib3
from hypothesis import given
from hypothesis import strategies as st
from requests.adapters import BaseAdapter

from tests.fuzzing.bounds import ends_well, fuzzed
from tests.fuzzing.mutated import HEADERS, STATUSES, bodies, changed, odd_values, written
from tests.support.chains import V4, V6, logs_of, patient
from tests.support.replay_node import recorded
from trading.chain.logs import MalformedLog
from trading.chain.node import Node, NodeError
from trading.chain.tokens import UnreadableToken, read_token

CHAIN = recorded(V6)
LOGS = [log for path in (V4, V6) for log in logs_of(path)[:12]]
TX, RECEIPT = next((tx, told) for tx, told in CHAIN["receipts"].items() if told["logs"])
HASH, ADDRESS = "0x" + "ab" * 32, "0x" + "cd" * 20
BLOCK = {"number": "0x2b", "hash": HASH, "parentHash": "0x" + "ac" * 32, "timestamp": "0x65f00000"}
ERROR = {"code": -32005, "message": "query returned more than 10000 results", "data": {"rate": {"backoff_seconds": 5}}}

QUESTIONS = {
    "eth_chainId": ("0x2105", lambda node: node.chain_id()),
    "eth_blockNumber": ("0x2b", lambda node: node.head()),
    "eth_getBlockByNumber": (BLOCK, lambda node: node.block(0x2B)),
    "eth_getBlockByHash": (BLOCK, lambda node: node.block(HASH)),
    "eth_getLogs": (LOGS, lambda node: node.logs(0, 100)),
    "eth_getTransactionReceipt": (RECEIPT, lambda node: node.receipt(TX)),
    "eth_call": ("0x" + "00" * 31 + "12", lambda node: read_token(node, ADDRESS)),
    "debug_traceTransaction": ({"input": "0x", "calls": []}, lambda node: node.trace(TX)),
}


class Answering(BaseAdapter):
    """An adapter of requests that gives one answer to everything."""

    def __init__(self, status, headers, body):
        super().__init__()
        self.status, self.headers, self.body = status, headers, body

    def send(self, request, **kwargs):
        raw = urllib3.HTTPResponse(
            io.BytesIO(self.body), status=self.status, headers=self.headers, preload_content=False
        )
        response = requests.Response()
        response.status_code, response.raw, response.request, response.url = self.status, raw, request, request.url
        response.headers.update(self.headers)
        return response

    def close(self):
        pass


@pytest.fixture(scope="module")
def node():
    node = Node("http://fuzzed/key-of-nobody", retry=patient(attempts=2))
    yield node
    node.close()


@st.composite
def replies(draw, sample):
    result = [sample] if draw(st.integers(0, 3)) else [sample, None, {}, []]
    right = {"jsonrpc": "2.0", "id": 0, "result": draw(st.sampled_from(result))}
    wrong = {"jsonrpc": "2.0", "id": 0, "error": ERROR}
    body = draw(bodies([right, right, right, wrong]))
    if draw(st.booleans()):
        # Only what is within the answer is changed, so that it is read to its depth.
        part, told = draw(st.sampled_from((("result", sample), ("error", ERROR))))
        inner = draw(changed([told]) if draw(st.booleans()) else odd_values().map(written))
        body = f'{{"jsonrpc":"2.0","id":0,"{part}":{inner}}}'.encode("utf-8", "surrogatepass")
    headers = draw(st.dictionaries(st.just("Retry-After"), st.sampled_from(HEADERS), max_size=1))
    return draw(st.sampled_from((200, 200, *STATUSES))), headers, body


@fuzzed(500)
@given(data=st.data(), question=st.sampled_from(sorted(QUESTIONS)))
def test_whatever_a_node_answers_is_read_or_an_error_of_the_nodes(node, data, question):
    sample, ask = QUESTIONS[question]
    answering = Answering(*data.draw(replies(sample)))
    transport = node._opened()
    transport._session.mount("http://", answering)
    transport._provider.request_counter = iter([0] * 10)

    ends_well(lambda: ask(node), NodeError, MalformedLog, UnreadableToken)
