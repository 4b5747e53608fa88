"""A node that replays a recorded chain over HTTP, well or badly as a test wishes.

In a test: `with replaying("tests/recordings/orderbook-v6.json.gz") as node: Node(node.url)`. As a program:
`python -m tests.support.replay_node FILE --port 0` prints the port; the methods `replay_*` turn its knobs.
"""

import argparse
import functools
import gzip
import hashlib
import json
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

# What vendors say to too large a range: HTTP status, code, message.
RANGE_REFUSALS: dict[str, tuple[int, int, str]] = {
    "alchemy": (
        400,
        -32602,
        (
            "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on "
            "the response size, or you can request any block range with a cap of 10K logs in the response. Based on "
            "your parameters and the response size limit, this block range should work: [0x0, 0xd043b8]"
        ),
    ),
    "alchemy free": (
        400,
        -32600,
        (
            "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range. Based on your "
            "parameters, this block range should work: [0x1, 0xa]. Upgrade to PAYG for expanded block range."
        ),
    ),
    "ankr": (200, -32062, "Block range is too large"),
    "avalanche": (200, -32000, "requested too many blocks from 1 to 50000, maximum is set to 2048"),
    "base": (200, -32020, "backend response too large"),
    "bsc": (200, -32005, "limit exceeded"),
    "chainstack": (
        403,
        -32000,
        "Block range limit exceeded. See more details at https://docs.chainstack.com/docs/limits",
    ),
    "drpc": (400, 35, "ranges over 10000 blocks are not supported on freetier"),
    "drpc results": (200, -32000, "query exceeds max results 20000, retry with the range 1-2"),
    "geth": (200, -32000, "exceed maximum block range: 5000"),
    "geth timeout": (200, -32002, "request timed out"),
    "infura": (200, -32005, "query returned more than 10000 results. Try with this block range [0xBDE5F8, 0x102DBCC]."),
    "infura range": (200, -32602, "range 1000000 exceeds limit of 10000"),
    "infura timeout": (200, -32005, "query timeout exceeded"),
    "quicknode": (413, -32614, "eth_getLogs is limited to a 10,000 range"),
    "scroll": (200, -32000, "block range is bigger than maxBlockRange"),
}

DEFAULT_RANGE_REFUSAL = "geth"
PLAIN_KNOBS = {
    *("max_range", "most_results", "range_refusal", "logs_head"),
    *("shuffle", "duplicate", "timestamps", "traces", "tags"),
}
HANG_SECONDS = 60.0


class Refusal(Exception):
    """An error of JSON-RPC."""

    def __init__(self, code: int, message: str, *, status: int = 200, data: object = None) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.data = code, message, status, data

    def as_json(self) -> dict[str, object]:
        error: dict[str, object] = {"code": self.code, "message": self.message}
        return error if self.data is None else error | {"data": self.data}


@functools.lru_cache(maxsize=8)
def recorded(path: str) -> dict[str, Any]:
    """A recording, read once. Nobody may change it."""
    with gzip.open(path) as file:
        recording: dict[str, Any] = json.load(file)
    return recording


class ReplayNode:
    """A recorded chain behind JSON-RPC, with knobs. Attributes may be set at any time."""

    def __init__(
        self,
        recording: str | Path | Mapping[str, Any],
        *,
        head: int | None = None,
        seconds_per_block: float = 0,
        max_range: int | None = None,
        most_results: int | None = None,
        range_refusal: str = DEFAULT_RANGE_REFUSAL,
        logs_head: int | None = None,
        shuffle: bool = False,
        duplicate: bool = False,
        timestamps: bool = True,
        traces: bool = True,
        tags: bool = True,
        seed: int = 0,
    ) -> None:
        self.recording = recording if isinstance(recording, Mapping) else recorded(str(recording))
        self.max_range = max_range
        """Blocks that one question for logs may span."""
        self.most_results = most_results
        """Logs that one answer may hold."""
        self.range_refusal = range_refusal
        """Whose words refuse a range: a key of RANGE_REFUSALS."""
        self.logs_head = logs_head
        """Above this block the node has no logs, and does not say so."""
        self.shuffle, self.duplicate = shuffle, duplicate
        self.timestamps, self.traces, self.tags = timestamps, traces, tags
        self.refuses: Callable[[str, list[Any]], Refusal | None] | None = None
        """May refuse a question."""
        self.on_request: Callable[[str, list[Any]], None] | None = None
        """Called before each question is answered."""
        self.counters: Counter[str] = Counter()
        """Questions by method, failed ones too."""
        self.url = ""
        self._random = random.Random(seed)
        self._lock = threading.RLock()
        self._stopped = threading.Event()
        self._faults: list[tuple[str, Collection[str] | None, float | None]] = []
        self._rates: list[tuple[str, float, Collection[str] | None]] = []
        self._seconds_per_block, self._started = seconds_per_block, time.monotonic()
        self._first_head = self.recording["first"] if head is None and seconds_per_block else head
        self.restore()

    # Knobs.

    @property
    def first(self) -> int:
        return int(self.recording["first"])

    @property
    def head(self) -> int:
        """The newest block that the node has."""
        last: int = self.recording["head"]
        head = last if self._first_head is None else self._first_head
        if self._seconds_per_block:
            head += int((time.monotonic() - self._started) / self._seconds_per_block)
        return min(head, last)

    def set_head(self, number: int | None) -> None:
        """Let the newest block be this one; None for the last of the recording."""
        with self._lock:
            self._first_head, self._seconds_per_block = number, 0

    def fail(
        self, kind: str, times: int = 1, *, methods: Collection[str] | None = None, retry_after: float | None = None
    ) -> None:
        """Answer the next questions badly.

        Kinds: 403, 413, 429, 500, 503, 504, html, empty, garbage, null, cut, hang, drip, other-id, redirect.
        """
        with self._lock:
            self._faults += [(kind, methods, retry_after)] * times

    def fail_rate(self, kind: str, rate: float, *, methods: Collection[str] | None = None) -> None:
        """Answer so many of all questions badly, from now on; a rate of 0 ends it."""
        with self._lock:
            self._rates = [each for each in self._rates if each[0] != kind]
            if rate:
                self._rates.append((kind, rate, methods))

    def reorg(
        self,
        from_block: int,
        *,
        without: Collection[str] = (),
        moved: Mapping[str, int] | None = None,
        salt: str = "fork",
    ) -> None:
        """Replace every block from this one on; log indexes are counted anew.

        `without` lists transactions that are not mined again, `moved` those that are, in another block.
        """
        moved = dict(moved or {})
        with self._lock:
            renamed = {
                block["hash"]: _salted(salt, block["hash"]) for n, block in self._blocks.items() if n >= from_block
            }
            for number in [n for n in sorted(self._blocks) if n >= from_block]:
                block = self._blocks[number]
                stayed = [tx for tx in block["transactions"] if tx not in without and moved.get(tx, number) == number]
                transactions = [tx for tx, to in moved.items() if to == number and tx not in stayed] + stayed
                self._blocks[number] = block | {
                    "hash": renamed[block["hash"]],
                    "parentHash": renamed.get(block["parentHash"], block["parentHash"]),
                    "transactions": transactions,
                }
            self._by_hash = {block["hash"]: block for block in self._blocks.values()}
            self._place_transactions(from_block)

    def restore(self) -> None:
        """Go back to the chain as it was recorded."""
        with self._lock:
            self._blocks: dict[int, dict[str, Any]] = {int(b["number"], 16): b for b in self.recording["blocks"]}
            self._by_hash = {block["hash"]: block for block in self._blocks.values()}
            self._logs: list[dict[str, Any]] = list(self.recording["logs"])
            self._receipts: dict[str, dict[str, Any]] = dict(self.recording["receipts"])
            self._transactions: dict[str, dict[str, Any]] = dict(self.recording["transactions"])

    def _place_transactions(self, from_block: int) -> None:
        logs_of: dict[str, list[dict[str, Any]]] = {}
        for log in sorted(self._logs, key=lambda each: int(each["logIndex"], 16)):
            logs_of.setdefault(log["transactionHash"], []).append(log)
        kept = [log for log in self._logs if int(log["blockNumber"], 16) < from_block]
        gone = {tx for tx, each in self._receipts.items() if int(each["blockNumber"], 16) >= from_block}
        for number in sorted(n for n in self._blocks if n >= from_block):
            block, log_index = self._blocks[number], 0
            for position, tx in enumerate(block["transactions"]):
                place = {"blockNumber": block["number"], "blockHash": block["hash"], "transactionIndex": hex(position)}
                logs = []
                for log in logs_of.get(tx, []):
                    placed = log | place | {"logIndex": hex(log_index)}
                    if "blockTimestamp" in placed:
                        placed["blockTimestamp"] = block["timestamp"]
                    logs.append(placed)
                    log_index += 1
                kept += logs
                gone.discard(tx)
                if tx in self._receipts:
                    self._receipts[tx] = self._receipts[tx] | place | {"logs": logs}
                if tx in self._transactions:
                    self._transactions[tx] = self._transactions[tx] | place
        for tx in gone:
            self._receipts.pop(tx, None)
            self._transactions.pop(tx, None)
        self._logs = kept

    # Answers.

    def answer(self, method: str, params: list[Any]) -> Any:
        """The result of one question. Raises Refusal."""
        if self.on_request is not None:
            self.on_request(method, params)
        if self.refuses is not None and (refusal := self.refuses(method, params)) is not None:
            raise refusal
        with self._lock:
            return self._answer(method, params)

    def _answer(self, method: str, params: list[Any]) -> Any:
        match method, params:
            case "eth_chainId", _:
                return self.recording["chain_id"]
            case "net_version", _:
                return str(int(self.recording["chain_id"], 16))
            case "web3_clientVersion", _:
                return "recorded/1"
            case "eth_syncing", _:
                return False
            case "eth_blockNumber", _:
                return hex(self.head)
            case "eth_getBlockByNumber", [which, *rest]:
                number = self._number(which)
                return self._shown_block(self._blocks.get(number) if number <= self.head else None, rest == [True])
            case "eth_getBlockByHash", [which, *rest]:
                return self._shown_block(self._visible(self._by_hash.get(which)), rest == [True])
            case "eth_getLogs", [question]:
                return self._found(question)
            case "eth_getTransactionReceipt", [tx_hash]:
                receipt = self._visible(self._receipts.get(tx_hash), "blockNumber")
                return receipt and receipt | {"logs": [self._shown_log(log) for log in receipt["logs"]]}
            case "eth_getTransactionByHash", [tx_hash]:
                return self._visible(self._transactions.get(tx_hash), "blockNumber")
            case "eth_call", [question, *_]:
                data = question.get("data") or question.get("input") or ""
                answer = self.recording["calls"].get(question["to"].lower(), {}).get(data[:10])
                if answer is None:
                    raise Refusal(3, "execution reverted", data="0x")
                return answer
            case "eth_getCode", _:
                return "0x60006000fd"
            case "debug_traceTransaction", [tx_hash, *_] if self.traces:
                if tx_hash not in self.recording["traces"] or tx_hash not in self._receipts:
                    raise Refusal(-32000, "transaction not found")
                return self.recording["traces"][tx_hash]
            case "replay_counters", _:
                return dict(self.counters)
            case "replay_set", [knobs]:
                return self._set(knobs)
            case "replay_fail", [kind, times, *rest]:
                return self.fail(kind, times, methods=rest[0] if rest else None)
            case "replay_fail_rate", [kind, rate, *rest]:
                return self.fail_rate(kind, rate, methods=rest[0] if rest else None)
            case "replay_reorg", [from_block, *rest]:
                return self.reorg(from_block, **(rest[0] if rest else {}))
            case "replay_restore", _:
                return self.restore()
        raise Refusal(-32601, f"the method {method} does not exist/is not available")

    def _set(self, knobs: Mapping[str, Any]) -> None:
        for name, value in knobs.items():
            if name == "head":
                self.set_head(value)
            elif name in PLAIN_KNOBS:
                setattr(self, name, value)
            else:
                raise Refusal(-32602, f"no such knob: {name}")

    def _number(self, which: str) -> int:
        match which:
            case "latest" | "pending":
                return self.head
            case "safe" | "finalized" if not self.tags:
                raise Refusal(-39001, f"{which} block not found")
            case "safe":
                return max(self.first, self.head - 1)
            case "finalized":
                return max(self.first, self.head - 2)
            case "earliest":
                return 0
        return int(which, 16)

    def _visible(self, thing: dict[str, Any] | None, number: str = "number") -> dict[str, Any] | None:
        return thing if thing is not None and int(thing[number], 16) <= self.head else None

    def _shown_block(self, block: dict[str, Any] | None, full: bool) -> dict[str, Any] | None:
        if block is None or not full:
            return block
        return block | {"transactions": [self._transactions.get(tx, {"hash": tx}) for tx in block["transactions"]]}

    def _found(self, question: Mapping[str, Any]) -> list[dict[str, Any]]:
        if "blockHash" in question:
            block = self._visible(self._by_hash.get(question["blockHash"]))
            if block is None:
                raise Refusal(-32000, "unknown block")
            low = high = int(block["number"], 16)
        else:
            low = self._number(question.get("fromBlock", "latest"))
            high = self._number(question.get("toBlock", "latest"))
        if self.max_range is not None and high - low + 1 > self.max_range:
            raise self._range_refusal()
        high = min(high, self.head if self.logs_head is None else self.logs_head)
        found = [log for log in self._logs if low <= int(log["blockNumber"], 16) <= high and _matches(log, question)]
        if self.most_results is not None and len(found) > self.most_results:
            raise self._range_refusal()
        if self.duplicate:
            found = found + self._random.sample(found, len(found) // 2)
        if self.shuffle:
            self._random.shuffle(found)
        return [self._shown_log(log) for log in found]

    def _range_refusal(self) -> Refusal:
        status, code, message = RANGE_REFUSALS[self.range_refusal]
        return Refusal(code, message, status=status)

    def _shown_log(self, log: dict[str, Any]) -> dict[str, Any]:
        return log if self.timestamps else {name: value for name, value in log.items() if name != "blockTimestamp"}

    # Service.

    def reply(self, request: Any) -> tuple[int, Any]:
        """The HTTP status and the JSON for a question, or for a list of them."""
        if isinstance(request, list):
            return 200, [self.reply(each)[1] for each in request]
        head = {"jsonrpc": "2.0", "id": request.get("id")}
        try:
            return 200, head | {"result": self.answer(request["method"], list(request.get("params") or []))}
        except Refusal as refusal:
            return refusal.status, head | {"error": refusal.as_json()}

    def fault(self, request: Any) -> tuple[str, float | None] | None:
        """How badly to answer this question; None is well."""
        method = request.get("method", "") if isinstance(request, dict) else ""
        with self._lock:
            self.counters[method] += 1
            if method.startswith("replay_"):
                return None
            for at, (kind, methods, retry_after) in enumerate(self._faults):
                if methods is None or method in methods:
                    del self._faults[at]
                    return kind, retry_after
            for kind, rate, methods in self._rates:
                if (methods is None or method in methods) and self._random.random() < rate:
                    return kind, None
        return None

    def wait(self, seconds: float) -> None:
        """Keep a caller waiting, until the node is stopped at the latest."""
        self._stopped.wait(seconds)

    def stop(self) -> None:
        self._stopped.set()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet for head and body, sent at once.
    wbufsize = 2**16
    disable_nagle_algorithm = True
    node: ReplayNode

    def log_message(self, *args: object) -> None:
        """Requests are counted, not printed."""

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        match self.node.fault(request):
            case None:
                status, answer = self.node.reply(request)
                self._send(status, json.dumps(answer).encode())
            case ("429", retry_after):
                self._send(429, b"slow down", "text/plain", retry_after)
            case ("500" | "503" | "403" | "413" | "504" as status, retry_after):
                self._send(int(status), b"no", "text/plain", retry_after)
            case ("html", _):
                self._send(200, b"<html><body>We will be back soon</body></html>", "text/html")
            case ("empty", _):
                self._send(200, b"")
            case ("garbage", _):
                self._send(200, b'{"jsonrpc":"2.0","id":0,"resu')
            case ("null", _):
                self._send(200, json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": None}).encode())
            case ("other-id", _):
                _, answer = self.node.reply(request)
                self._send(200, json.dumps(answer | {"id": 10**9}).encode())
            case ("redirect", _):
                self.send_response(307)
                self.send_header("Location", f"{self.node.url}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()
            case ("cut", _):
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.close_connection = True
            case ("hang", _):
                self.node.wait(HANG_SECONDS)
                self.close_connection = True
            case ("drip", _):
                self._drip(json.dumps(self.node.reply(request)[1]).encode())
            case (kind, _):
                raise ValueError(f"no such fault: {kind}")

    def _send(self, status: int, body: bytes, kind: str = "application/json", retry_after: float | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        self.end_headers()
        self.wfile.write(body)

    def _drip(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + 10**6))
        self.end_headers()
        try:
            for _ in range(10**6):
                self.wfile.write(b" ")
                self.wfile.flush()
                self.node.wait(0.02)
                if self.node._stopped.is_set():
                    break
        except OSError:
            pass
        self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


def _serve(node: ReplayNode, port: int) -> _Server:
    server = _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"node": node}))
    node.url = f"http://127.0.0.1:{server.server_address[1]}"
    return server


@contextmanager
def replaying(recording: str | Path | Mapping[str, Any], **knobs: Any) -> Iterator[ReplayNode]:
    """Serve a recording on a free port. The node's `url` is where; its knobs may be turned meanwhile."""
    node = ReplayNode(recording, **knobs)
    server = _serve(node, 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield node
    finally:
        node.stop()
        server.shutdown()
        server.server_close()
        thread.join()


def _matches(log: Mapping[str, Any], question: Mapping[str, Any]) -> bool:
    addresses = question.get("address")
    if addresses is not None:
        addresses = [addresses] if isinstance(addresses, str) else addresses
        if log["address"].lower() not in {address.lower() for address in addresses}:
            return False
    for place, wanted in enumerate(question.get("topics") or []):
        if wanted is None:
            continue
        wanted = {topic.lower() for topic in ([wanted] if isinstance(wanted, str) else wanted)}
        if place >= len(log["topics"]) or log["topics"][place].lower() not in wanted:
            return False
    return True


def _salted(salt: str, block_hash: str) -> str:
    return "0x" + hashlib.sha256(f"{salt}{block_hash}".encode()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve a recorded chain as a JSON-RPC node; prints the port.")
    parser.add_argument("recording")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--head", type=int, help="the newest block at first; the recording's last one by default")
    parser.add_argument("--seconds-per-block", type=float, default=0, help="let the head grow")
    parser.add_argument("--max-range", type=int)
    parser.add_argument("--no-timestamps", action="store_true")
    parser.add_argument("--no-traces", action="store_true")
    given = parser.parse_args()
    node = ReplayNode(
        given.recording,
        head=given.head,
        seconds_per_block=given.seconds_per_block,
        max_range=given.max_range,
        timestamps=not given.no_timestamps,
        traces=not given.no_traces,
    )
    server = _serve(node, given.port)
    print(server.server_address[1], flush=True)  # noqa: T201
    try:
        server.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
