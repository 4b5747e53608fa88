"""RPC: a node of the chain that answers as nodes do, well or badly, through our own client and its HTTP library.

Only the socket is left out: what the node says goes as bytes into the session that the client asks with.
"""

import json
import random
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from typing import Any

import requests
import urllib3
from eth_abi import encode as abi_encode
from requests.adapters import BaseAdapter, HTTPAdapter

from tests.simulation.blockchain_acts import Mood
from tests.simulation.boundaries import Boundaries
from tests.simulation.emissions import FOREIGN
from tests.simulation.forks import View
from tests.simulation.story import Place
from tests.support.made_chain import CHAIN_ID, USDC_DECIMALS, token
from tests.support.replay_node import RANGE_REFUSALS, _matches
from tests.support.stations import Clock
from trading.chain.node import Node, RetryPolicy
from trading.chain.topics import AFTER_CLEARS
from trading.chain.transports import Http

URL = "http://node.example/key-of-ours"
TIMEOUT_SECONDS = 10.0
BEHIND = {"latest": 0, "safe": 32, "finalized": 64}
"""So many blocks behind the head the node has the block of each tag."""

PAGE = b"<html><body>We will be back soon</body></html>"

# What can go wrong with any question, and what only with some.
ANY = (
    *("429", "429", "429 named", "500", "503", "504", "html", "html 502", "empty", "garbage", "nothing at all"),
    *("cut", "cut within", "hang", "other id", "error object", "403"),
)
LIES = {
    "eth_getLogs": (
        "another contract",
        "outside the range",
        "another hash",
        "two at one place",
        "removed",
        "no amounts",
    ),
    "eth_getBlockByNumber": ("no such block", "another block", "no hash"),
    "eth_blockNumber": ("a head too high", "a head behind"),
    "eth_getTransactionReceipt": ("no such receipt", "another's receipt"),
}


class Refused(Exception):
    """An error of JSON-RPC: status, code, message."""


class SimulatedNode:
    """Answers questions about the chain of a story."""

    def __init__(self, seed: int, view: Callable[[Mood], View], decimals: dict[str, int], clock: Clock) -> None:
        self._seed, self._view, self._clock = seed, view, clock
        self.mood = Mood()
        self.met: Counter[str] = Counter()
        self.asked = 0
        self.lied_up_to = 0
        """The highest block that it named falsely for a tag: who asks for a tag can't know better."""
        self._calls = {token(name): _facts(name, count) for name, count in decimals.items()}
        self._calls[token("USDC")] = _facts("USDC", USDC_DECIMALS)
        self._calls[token(FOREIGN)] = _facts(FOREIGN, 18)

    def respond(self, question: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body. Raises what the HTTP library raises where none comes."""
        self.asked += 1
        chance = random.Random(f"{self._seed}/rpc/{self.asked}")
        method, params = question["method"], question["params"]
        fault = None
        if chance.random() < self.mood.rate:
            fault = chance.choice((*ANY, *LIES.get(method, ()) * 4))
            self.met[f"node: {fault}"] += 1
        if fault in ANY:
            return self._failed(fault, question)
        head = {"jsonrpc": "2.0", "id": question["id"]}
        try:
            answer = self._answer(method, params, chance)
        except Refused as refused:
            status, code, message = refused.args
            return status, {}, json.dumps(head | {"error": {"code": code, "message": message}}).encode()
        if fault is not None:
            answer = self._lie(fault, answer, chance)
            if method == "eth_getBlockByNumber" and params[0] in BEHIND and answer is not None:
                self.lied_up_to = max(self.lied_up_to, int(answer["number"], 16))
        return 200, {}, json.dumps(head | {"result": answer}).encode()

    def _answer(self, method: str, params: list[Any], chance: random.Random) -> Any:
        view = self._view(self.mood)
        match method, params:
            case "eth_chainId", _:
                return hex(CHAIN_ID)
            case "eth_blockNumber", _:
                return hex(view.head)
            case "eth_getBlockByNumber", [which, *_]:
                number = _number(which, view)
                return view.block(number) if number <= view.head else None
            case "eth_getLogs", [question]:
                return self._logs(view, question, chance)
            case "eth_getTransactionReceipt", [hash]:
                return _receipt(view, hash)
            case "eth_call", [question, *_]:
                answer = self._calls.get(question["to"].lower(), {}).get(question["data"][:10])
                if answer is None:
                    raise Refused(200, 3, "execution reverted")
                return answer
        raise Refused(200, -32601, f"the method {method} does not exist/is not available")

    def _logs(self, view: View, question: dict[str, Any], chance: random.Random) -> list[dict[str, Any]]:
        if "blockHash" in question:
            low = next((n for n in view.fork.transactions if view.fork.hash(n) == question["blockHash"]), None)
            if low is None or low > view.head:
                raise Refused(200, -32000, "unknown block")
            high = low
            found = view.logs(low, high)
        else:
            low, high = _number(question["fromBlock"], view), _number(question["toBlock"], view)
            if self.mood.largest_range is not None and high - low + 1 > self.mood.largest_range:
                raise Refused(*RANGE_REFUSALS[self.mood.vendor])
            found = view.logs(low, high)
        found = [log for log in found if _matches(log, question)]
        if self.mood.most_logs is not None and len(found) > self.mood.most_logs and low != high:
            raise Refused(*RANGE_REFUSALS[self.mood.vendor])
        if self.mood.repeats:
            found += chance.sample(found, len(found) // 2)
        if self.mood.shuffles:
            chance.shuffle(found)
        return found if self.mood.times else [log | {"blockTimestamp": None} for log in found]

    def _failed(self, fault: str, question: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        match fault:
            case "429":
                return 429, {}, b"slow down"
            case "429 named":
                return 429, {"Retry-After": "3"}, b"slow down"
            case "500" | "503" | "504" | "403":
                return int(fault), {}, b"no"
            case "html":
                return 200, {"Content-Type": "text/html"}, PAGE
            case "html 502":
                return 502, {"Content-Type": "text/html"}, PAGE
            case "empty":
                return 200, {}, b""
            case "garbage":
                return 200, {}, b'{"jsonrpc":"2.0","id":0,"resu'
            case "nothing at all":
                return 200, {}, json.dumps({"jsonrpc": "2.0", "id": question["id"], "result": None}).encode()
            case "other id":
                return 200, {}, json.dumps({"jsonrpc": "2.0", "id": 10**9, "result": "0x1"}).encode()
            case "error object":
                error = {"code": -32603, "message": "internal error"}
                return 200, {}, json.dumps({"jsonrpc": "2.0", "id": question["id"], "error": error}).encode()
            case "cut":
                raise requests.ConnectionError(urllib3.exceptions.ProtocolError("Connection aborted."))
            case "cut within":
                return 200, {"Cut": "yes"}, b'{"jsonrpc":"2.0",'
        self._clock.forward(TIMEOUT_SECONDS)
        raise requests.ReadTimeout("Read timed out.")

    def _lie(self, lie: str, answer: Any, chance: random.Random) -> Any:
        """Say what contradicts the question, or another answer of the same turn. A lie that nothing contradicts, as
        that there were no logs, nobody could find out."""
        match lie:
            case "no such block" | "no such receipt":
                return None
            case "another block" if answer is not None:
                return answer | {"number": hex(int(answer["number"], 16) + 1)}
            case "no hash" if answer is not None:
                return answer | {"hash": "0x"}
            case "a head too high":
                return hex(int(answer, 16) + 5)
            case "a head behind":
                return hex(max(int(answer, 16) - 20, 1))
            case "another's receipt" if answer is not None:
                return answer | {"transactionHash": "0x" + "7e" * 32}
            case "another contract" if answer:
                return [*answer, answer[0] | {"address": "0x" + "cc" * 20, "logIndex": "0x7f"}]
            case "outside the range" if answer:
                return [*answer, answer[0] | {"blockNumber": "0x7fffffff"}]
            case "another hash" if answer:
                return [*answer, answer[0] | {"blockHash": "0x" + "9a" * 32, "logIndex": "0x7f"}]
            case "two at one place" if answer:
                return [*answer, answer[0] | {"transactionHash": "0x" + "7e" * 32}]
            case "removed" if answer:
                return [*answer, chance.choice(answer) | {"removed": True, "blockHash": "0x" + "9a" * 32}]
            case "no amounts" if answer:
                return [log for log in answer if log["topics"][0] not in AFTER_CLEARS]
        return answer


class _InThisProcess(BaseAdapter):
    """Where the session's requests end: at the node of the story, past the boundaries of the turn under way."""

    def __init__(self, node: SimulatedNode, boundaries: Boundaries) -> None:
        super().__init__()
        self._node, self._boundaries = node, boundaries
        self._builder = HTTPAdapter()

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self._boundaries.reached(Place.BEFORE_CALL)
        status, headers, body = self._node.respond(json.loads(request.body or b""))
        self._boundaries.reached(Place.AFTER_CALL)
        content = _CutWithin(body) if "Cut" in headers else BytesIO(body)
        raw = urllib3.HTTPResponse(body=content, headers=headers, status=status, preload_content=False)
        return self._builder.build_response(request, raw)

    def close(self) -> None:
        """There is nothing to let go of."""


class _CutWithin(BytesIO):
    def read1(self, size: int | None = -1) -> bytes:
        piece = super().read1(size)
        if not piece:
            raise ConnectionResetError(104, "Connection reset by peer")
        return piece


class OurClient(Node):
    """The client of one process, at the node of the story. It waits by the story's clock."""

    def __init__(self, node: SimulatedNode, boundaries: Boundaries, clock: Clock) -> None:
        retry = RetryPolicy(
            pause=clock.forward, clock=lambda: clock().timestamp(), chance=lambda: 0.5, patience_seconds=20.0
        )
        super().__init__(URL, timeout_seconds=TIMEOUT_SECONDS, retry=retry)
        self._line = Http(URL, TIMEOUT_SECONDS, 2**27)
        # Else the machine's proxies are looked for at each question, which takes longer than the answer.
        self._line._session.trust_env = False
        self._line._session.mount("http://", _InThisProcess(node, boundaries))

    def _opened(self) -> Http:
        return self._line


def _number(which: str, view: View) -> int:
    return view.head - BEHIND[which] if which in BEHIND else int(which, 16)


def _receipt(view: View, hash: str) -> dict[str, Any] | None:
    found = view.place_of(hash)
    if found is None:
        return None
    number, place = found
    return {
        "transactionHash": hash,
        "transactionIndex": hex(place),
        "blockNumber": hex(number),
        "blockHash": view.fork.hash(number),
        "status": "0x1",
        "gasUsed": hex(200_000 + place),
        "effectiveGasPrice": hex(10**9 + number),
        "logs": [log for log in view.logs_of(number) if log["transactionHash"] == hash],
    }


def _facts(symbol: str, decimals: int) -> dict[str, str]:
    return {
        "0x95d89b41": "0x" + abi_encode(["string"], [symbol]).hex(),
        "0x313ce567": "0x" + abi_encode(["uint8"], [decimals]).hex(),
    }
