"""The node: what a JSON-RPC endpoint says of the chain, asked patiently and read strictly."""

import json
import os
import random
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec
import structlog

from trading.chain.logs import HIGHEST_QUANTITY, LATEST_TIME, Log
from trading.chain.questions import ADDRESS, BYTES, HASH, block_word, checked, log_filter
from trading.chain.refusals import (
    LONGEST_REFUSAL,
    AccessRefused,
    CallReverted,
    InconsistentNode,
    MethodUnsupported,
    NodeError,
    NodeRefused,
    NodeUnavailable,
    RangeRefused,
    is_rate_limit,
    refusal_kind,
)

if TYPE_CHECKING:
    from trading.chain.transports import Reply, Transport

__all__ = [
    "AccessRefused",
    "Block",
    "CallReverted",
    "InconsistentNode",
    "MethodUnsupported",
    "Node",
    "NodeError",
    "NodeRefused",
    "NodeUnavailable",
    "RangeRefused",
    "Receipt",
    "RetryPolicy",
    "refusal_kind",
]

log = structlog.get_logger(__name__)

T = TypeVar("T")

_QUANTITY = re.compile(r"0x[0-9a-f]{1,64}")
_URL = re.compile(r"\b((?:https?|wss?)://[^\s/?#\"'\\]+)[^\s\"'\\]*")
_NOT_FOUND = re.compile(r"not found|unknown block|does not exist|missing")


class Block(msgspec.Struct, frozen=True):
    """A block's header, as far as we need it."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int


class Receipt(msgspec.Struct, frozen=True):
    """What became of a mined transaction."""

    tx_hash: str
    block_hash: str
    block_number: int
    gas_used: int
    effective_gas_price: int | None
    logs: tuple[Log, ...]
    status: int | None


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How often and how long to ask again before giving up. `pause` may be an event's `wait`, to end on a stop."""

    attempts: int = 5
    patience_seconds: float = 30.0
    first_pause_seconds: float = 0.1
    first_pause_when_limited_seconds: float = 1.0
    longest_pause_seconds: float = 10.0
    pause: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random

    def pause_seconds(self, attempt: int, error: NodeUnavailable) -> float:
        """Seconds to wait after the failed attempt (the first is 1), jitter included."""
        first = self.first_pause_when_limited_seconds if error.rate_limited else self.first_pause_seconds
        seconds: float = min(first * 2.0 ** (attempt - 1), self.longest_pause_seconds) * (0.5 + self.chance() / 2)
        # A node that names the time is believed, even past our longest pause.
        return max(seconds, error.retry_after or 0.0)


class Node:
    """One JSON-RPC endpoint, over HTTP or a websocket. May be shared between threads; survives a fork."""

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float = 10.0,
        retry: RetryPolicy | None = None,
        ping_seconds: float = 4.0,
        largest_answer_bytes: int = 128 * 2**20,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname:
            raise ValueError("expected the node's URL as http(s)://… or ws(s)://…")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.name = f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
        """Scheme and host: all of the URL that may be shown."""
        self._url = url
        self._secrets = _secrets_of(url)
        self._timeout_seconds = timeout_seconds
        self._ping_seconds = ping_seconds
        self._largest_answer_bytes = largest_answer_bytes
        self._retry = retry or RetryPolicy()
        self._lock = threading.Lock()
        self._transport: Transport | None = None
        self._process = 0

    def __repr__(self) -> str:
        return f"Node({self.name!r})"

    def chain_id(self) -> int:
        """The chain's number."""
        return self._asked("eth_chainId", [], lambda answer: self._quantity(answer, "the chain's number"))

    def head(self) -> int:
        """The number of the newest block that this node has."""
        return self._asked("eth_blockNumber", [], lambda answer: self._quantity(answer, "the number of a block"))

    def block(self, which: int | str) -> Block | None:
        """The header of a block, by number, by hash or by tag. None where the node does not have it."""
        if isinstance(which, str) and HASH.fullmatch(which.lower()):
            method, word = "eth_getBlockByHash", which.lower()
        else:
            method, word = "eth_getBlockByNumber", block_word(which)
        try:
            return self._asked(method, [word, False], lambda answer: self._block(answer, which))
        except NodeRefused as refusal:
            if not _NOT_FOUND.search(str(refusal).lower()):
                raise
            return None

    def logs(
        self, from_block: int, end_block: int, *, address: str | None = None, topics: Sequence[str] | None = None
    ) -> list[Log]:
        """The logs of the blocks in [from_block, end_block), in the node's order. Raises MalformedLog too.

        `topics` are the topics of events, of which a log has one.
        """
        if not 0 <= from_block <= end_block:
            raise ValueError(f"expected blocks as [from, end), was [{from_block}, {end_block})")
        if from_block == end_block:
            return []
        blocks = {"fromBlock": hex(from_block), "toBlock": hex(end_block - 1)}
        return self._logs(blocks | log_filter(address, topics))

    def logs_of_block(
        self, which: int | str, *, address: str | None = None, topics: Sequence[str] | None = None
    ) -> list[Log]:
        """The logs of one block. By hash, a node that does not know the block says so instead of finding no logs."""
        if isinstance(which, int):
            return self.logs(which, which + 1, address=address, topics=topics)
        block_hash = checked(HASH, which, "a block's hash")
        logs = self._logs({"blockHash": block_hash} | log_filter(address, topics))
        for each in logs:
            if each.block_hash != block_hash:
                raise InconsistentNode(f"{self.name} was asked about block {block_hash}, told of {each.block_hash}")
        return logs

    def receipt(self, tx_hash: str) -> Receipt | None:
        """The receipt of a mined transaction. None where the node does not have it."""
        tx_hash = checked(HASH, tx_hash, "a transaction's hash")
        try:
            return self._asked("eth_getTransactionReceipt", [tx_hash], lambda answer: self._receipt(answer, tx_hash))
        except NodeRefused as refusal:
            if not _NOT_FOUND.search(str(refusal).lower()):
                raise
            return None

    def call(self, to: str, data: bytes | str, block: int | str = "latest") -> bytes:
        """What a contract answers to a call that changes nothing."""
        payload = data if isinstance(data, str) else f"0x{data.hex()}"
        question = {"to": checked(ADDRESS, to, "an address"), "data": checked(BYTES, payload, "bytes")}
        return self._asked("eth_call", [question, block_word(block)], self._bytes)

    def trace(self, tx_hash: str) -> dict[str, Any]:
        """The tree of calls of a mined transaction. Many nodes do not offer it: MethodUnsupported."""
        tx_hash = checked(HASH, tx_hash, "a transaction's hash")
        return self._asked("debug_traceTransaction", [tx_hash, {"tracer": "callTracer"}], self._calls)

    def close(self) -> None:
        """Let go of connections and threads. The next question opens them anew."""
        with self._lock:
            transport, self._transport = self._transport, None
        if transport is not None and self._process == os.getpid():
            transport.close()

    def ask(self, method: str, params: Sequence[object]) -> Any:
        """Put any question; the answer is as JSON has it. Asks again only after NodeUnavailable, with patience."""
        return self._asked(method, params, lambda answer: answer)

    def _asked(self, method: str, params: Sequence[object], read: Callable[[Any], T]) -> T:
        deadline = self._retry.clock() + self._retry.patience_seconds
        for attempt in count(1):
            try:
                return read(self._ask_once(method, params))
            except NodeUnavailable as error:
                unavailable = error
            seconds = self._retry.pause_seconds(attempt, unavailable)
            # Logs that were too slow are asked for again by whoever can ask for fewer.
            too_heavy = method == "eth_getLogs" and unavailable.timed_out
            if too_heavy or attempt >= self._retry.attempts or self._retry.clock() + seconds > deadline:
                break
            log.info(
                "Node unavailable, asking again",
                node=self.name,
                method=method,
                attempt=attempt,
                pause_seconds=round(seconds, 3),
                reason=str(unavailable),
            )
            self._retry.pause(seconds)
        # Raised here, outside of any handler: a transport's own error names the URL, and would be shown as the context.
        raise unavailable

    # One question.

    def _ask_once(self, method: str, params: Sequence[object]) -> Any:
        transports = _transports()
        failure: NodeError
        try:
            reply = self._opened().ask(method, list(params))
        except transports.Unreachable as error:
            failure = NodeUnavailable(f"{self.name} {error.reason}", timed_out=error.timed_out)
        except transports.TooLarge:
            message = f"{self.name} answers {method} with more than {self._largest_answer_bytes} bytes"
            failure = RangeRefused(message) if method == "eth_getLogs" else NodeRefused(message)
        else:
            return self._result(method, reply)
        raise failure

    def _opened(self) -> "Transport":
        with self._lock:
            # After a fork the parent's sockets and threads are not ours.
            if self._transport is None or self._process != os.getpid():
                self._process = os.getpid()
                self._transport = _transports().opened(
                    self._url,
                    timeout_seconds=self._timeout_seconds,
                    ping_seconds=self._ping_seconds,
                    largest_answer_bytes=self._largest_answer_bytes,
                )
            return self._transport

    def _result(self, method: str, reply: "Reply") -> Any:
        answer = reply.answer
        if isinstance(answer, Mapping) and answer.get("error") is not None:
            raise self._refusal(method, answer["error"], reply)
        if reply.status == 429:
            raise NodeUnavailable(
                f"{self.name} has had too many requests", rate_limited=True, retry_after=reply.retry_after
            )
        if reply.status == 413 and method == "eth_getLogs":
            raise RangeRefused(f"{self.name} says 413 to {method}: too large")
        if reply.status in (401, 402, 403):
            raise AccessRefused(f"{self.name} says {reply.status} to {method}")
        if reply.status >= 300:
            raise NodeUnavailable(
                f"{self.name} says {reply.status} to {method}",
                retry_after=reply.retry_after,
                # A gateway gave up on a node that was still at work.
                timed_out=reply.status in (408, 504, 524),
            )
        if not isinstance(answer, Mapping):
            raise NodeUnavailable(f"{self.name} answers {method} with {reply.what}")
        if "result" not in answer:
            raise NodeUnavailable(f"{self.name} answers {method} with neither a result nor an error")
        return answer["result"]

    def _refusal(self, method: str, error: object, reply: "Reply") -> NodeError:
        code, message, data = None, error, None
        if isinstance(error, Mapping):
            code, message, data = error.get("code"), error.get("message"), error.get("data")
        code = code if isinstance(code, int) else None
        text = message if isinstance(message, str) else _as_json(message)
        if data is not None:
            # Some put the reason here, and only "invalid params" in the message.
            text = f"{text} {_as_json(data)}"
        kind, retry_after = refusal_kind(method, code, text, reply.status), reply.retry_after
        if retry_after is None and kind is NodeUnavailable:
            retry_after = _back_off_named_in(data)
        shown = f"{self.name} says to {method}: {self._scrubbed(text)} (code {code})"
        if kind is NodeUnavailable:
            limited = is_rate_limit(code, text[:LONGEST_REFUSAL].lower(), reply.status)
            return NodeUnavailable(shown, retry_after=retry_after, rate_limited=limited)
        return kind(shown)

    def _scrubbed(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "…")
        text = _URL.sub(lambda found: found[1], text)
        # Half a letter, or a NUL, is kept by no database.
        text = text[:501].encode(errors="replace").decode().replace("\0", "\ufffd")
        return text if len(text) <= 500 else f"{text[:500]}…"

    # What an answer must look like. One that does not is asked for again.

    def _logs(self, question: Mapping[str, object]) -> list[Log]:
        logs = self._asked("eth_getLogs", [question], self._list_of_logs)
        removed = [each for each in logs if each.removed]
        if removed:
            log.warning(
                "Node lists removed logs, left out",
                node=self.name,
                logs=[f"{each.tx_hash}:{each.log_index}" for each in removed],
            )
        return [each for each in logs if not each.removed]

    def _list_of_logs(self, answer: object) -> list[Log]:
        # Nothing at all is not an empty list: it never counts as "no logs".
        if not isinstance(answer, list):
            raise self._unusable("a list of logs", answer)
        return [_log(each) for each in answer]

    def _block(self, answer: object, which: int | str) -> Block | None:
        if answer is None:
            return None
        if not isinstance(answer, Mapping):
            raise self._unusable("a block", answer)
        block = Block(
            number=self._quantity(answer.get("number"), "a block's number"),
            hash=self._hash(answer.get("hash"), "a block's hash"),
            parent_hash=self._hash(answer.get("parentHash"), "a block's parent"),
            timestamp=self._quantity(answer.get("timestamp"), "a block's time", highest=LATEST_TIME),
        )
        asked = which.lower() if isinstance(which, str) else which
        if (isinstance(asked, int) and block.number != asked) or (
            isinstance(asked, str) and HASH.fullmatch(asked) and block.hash != asked
        ):
            raise InconsistentNode(f"{self.name} was asked for block {which}, told of {block.number} {block.hash}")
        return block

    def _receipt(self, answer: object, tx_hash: str) -> Receipt | None:
        # A receipt without a block is of a transaction that is not mined yet.
        if answer is None or (isinstance(answer, Mapping) and answer.get("blockHash") is None):
            return None
        if not isinstance(answer, Mapping):
            raise self._unusable("a receipt", answer)
        logs = answer.get("logs")
        if not isinstance(logs, list):
            raise self._unusable("a receipt's logs", logs)
        price, status = answer.get("effectiveGasPrice"), answer.get("status")
        receipt = Receipt(
            tx_hash=self._hash(answer.get("transactionHash"), "a receipt's transaction"),
            block_hash=self._hash(answer.get("blockHash"), "a receipt's block"),
            block_number=self._quantity(answer.get("blockNumber"), "a receipt's block number"),
            gas_used=self._quantity(answer.get("gasUsed"), "a receipt's gas"),
            effective_gas_price=None if price is None else self._quantity(price, "a receipt's gas price"),
            logs=tuple(_log(each) for each in logs),
            status=None if status is None else self._quantity(status, "a receipt's status"),
        )
        if receipt.tx_hash != tx_hash or any(each.tx_hash != tx_hash for each in receipt.logs):
            raise InconsistentNode(f"{self.name} was asked for the receipt of {tx_hash}, told of another transaction")
        if any(each.block_hash != receipt.block_hash for each in receipt.logs):
            raise InconsistentNode(f"{self.name} has the logs of {tx_hash} in another block than its receipt")
        return receipt

    def _quantity(self, answer: object, expected: str, *, highest: int = HIGHEST_QUANTITY) -> int:
        if isinstance(answer, str) and _QUANTITY.fullmatch(answer.lower()):
            number = int(answer, 16)
            if number <= highest:
                return number
        raise self._unusable(expected, answer)

    def _hash(self, answer: object, expected: str) -> str:
        if isinstance(answer, str) and HASH.fullmatch(answer.lower()):
            return answer.lower()
        raise self._unusable(expected, answer)

    def _bytes(self, answer: object) -> bytes:
        if isinstance(answer, str) and BYTES.fullmatch(answer.lower()):
            return bytes.fromhex(answer[2:])
        raise self._unusable("bytes", answer)

    def _calls(self, answer: object) -> dict[str, Any]:
        if isinstance(answer, dict):
            return answer
        raise self._unusable("a tree of calls", answer)

    def _unusable(self, expected: str, answer: object) -> NodeUnavailable:
        return NodeUnavailable(f"{self.name}: expected {expected}, was {self._scrubbed(repr(answer)[:200])}")


def _transports() -> Any:
    """Import the transports, late: web3 takes seconds.

    It brings an EVM along that lifts the limit of recursion to a hundred thousand. With that, an answer of brackets
    within brackets, from whomever, would end the process instead of being refused; so the limit is put back.
    """
    limit = sys.getrecursionlimit()
    from trading.chain import transports

    sys.setrecursionlimit(limit)
    return transports


def _as_json(value: object) -> str:
    try:
        return json.dumps(value, default=str)
    except RecursionError:
        return "words that are nested too deeply"


def _back_off_named_in(data: object) -> float | None:
    rate = data.get("rate") if isinstance(data, Mapping) else None
    seconds = rate.get("backoff_seconds") if isinstance(rate, Mapping) else None
    return float(seconds) if isinstance(seconds, int | float) and 0 <= seconds < 3600 else None


def _secrets_of(url: str) -> list[str]:
    parts = urlsplit(url)
    words = [url, parts.path.strip("/"), parts.query, parts.username or "", parts.password or ""]
    words += parts.path.split("/") + [value for _, value in parse_qsl(parts.query)]
    # Shorter words are names of chains and versions, and would blot out the message.
    return sorted({word for word in words if len(word) >= 6}, key=len, reverse=True)


def _log(answer: Any) -> Log:
    found = Log.from_rpc(answer)
    # Some nodes fill in a zero where they do not know the time.
    return msgspec.structs.replace(found, block_timestamp=None) if found.block_timestamp == 0 else found
