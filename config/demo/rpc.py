"""The embedded chain's JSON-RPC: the methods that a reader of a chain needs, over HTTP, in a node's words."""

import json
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from inspect import signature
from typing import Any

from config.demo.blocks import JsonObject
from config.demo.evm import CallReverted, Evm, TransactionRefused

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
SERVER_ERROR = -32000
REVERTED = 3

LARGEST_REQUEST = 5_000_000


class RpcError(Exception):
    """The node's answer is an error: a code and a message, and data where a contract gave some."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data

    def as_json(self) -> JsonObject:
        error: JsonObject = {"code": self.code, "message": self.message}
        return error if self.data is None else {**error, "data": self.data}


class RpcServer:
    """An HTTP server on 127.0.0.1 that answers for a chain until it is closed."""

    def __init__(self, chain: Evm, port: int = 0) -> None:
        class Handler(_Handler):
            pass

        Handler.chain = chain
        self._http = _HttpServer(("127.0.0.1", port), Handler)
        self.port: int = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        # The loop looks for the end this often; a request doesn't wait for it.
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), name="demo-rpc", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def answer(chain: Evm, method: str, params: list[Any]) -> Any:
    """Return the result of a method. Raises RpcError."""
    try:
        handle = METHODS[method]
    except KeyError:
        raise RpcError(METHOD_NOT_FOUND, f"the method {method} does not exist/is not available") from None
    try:
        signature(handle).bind(chain, *params)
    except TypeError as error:
        raise RpcError(INVALID_PARAMS, f"invalid arguments: {error}") from error
    try:
        with chain.lock:
            return handle(chain, *params)
    except TransactionRefused as refused:
        raise RpcError(SERVER_ERROR, str(refused)) from refused
    except CallReverted as reverted:
        raise RpcError(REVERTED, "execution reverted", str(reverted)) from reverted


class _HttpServer(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away in the middle of an answer."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    chain: Evm

    protocol_version = "HTTP/1.1"
    # One packet an answer: head and body in two would each wait for the other's acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        if length > LARGEST_REQUEST:
            self.close_connection = True
            self._respond(413, _failed(None, RpcError(INVALID_REQUEST, "request too large")))
            return
        try:
            asked = json.loads(self.rfile.read(length))
        except ValueError:
            self._respond(200, _failed(None, RpcError(PARSE_ERROR, "parse error")))
            return
        if asked == []:
            self._respond(200, _failed(None, RpcError(INVALID_REQUEST, "empty batch")))
        elif isinstance(asked, list):
            self._respond(200, [self._answer(one) for one in asked])
        else:
            self._respond(200, self._answer(asked))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name in the base class)
        """Stay silent: what the node is asked is no news."""

    def _answer(self, asked: Any) -> JsonObject:
        if not isinstance(asked, dict) or not isinstance(asked.get("method"), str):
            return _failed(None, RpcError(INVALID_REQUEST, "invalid request"))
        params = asked.get("params") or []
        try:
            if not isinstance(params, list):
                raise RpcError(INVALID_PARAMS, "non-array args")
            result = answer(self.chain, asked["method"], params)
        except RpcError as error:
            return _failed(asked.get("id"), error)
        return {"jsonrpc": "2.0", "id": asked.get("id"), "result": result}

    def _respond(self, status: int, body: JsonObject | list[JsonObject]) -> None:
        encoded = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)
        self.wfile.flush()


def _failed(request_id: object, error: RpcError) -> JsonObject:
    return {"jsonrpc": "2.0", "id": request_id, "error": error.as_json()}


# The methods, in the order in which a reader of a chain comes to need them.


def _chain_id(chain: Evm) -> str:
    return hex(chain.chain_id)


def _network(chain: Evm) -> str:
    return str(chain.chain_id)


def _client_version(chain: Evm) -> str:
    return "HedgetrailDemo/1/py-evm"


def _syncing(chain: Evm) -> bool:
    return False


def _block_number(chain: Evm) -> str:
    return hex(chain.head.number)


def _block_by_number(chain: Evm, block: object, full: bool = False) -> JsonObject | None:
    return chain.block(_number(chain, block), full=full)


def _block_by_hash(chain: Evm, block_hash: object, full: bool = False) -> JsonObject | None:
    number = chain.number_of_hash(_hash(block_hash))
    return None if number is None else chain.block(number, full=full)


def _logs(chain: Evm, wanted: object) -> list[JsonObject]:
    if not isinstance(wanted, dict):
        raise RpcError(INVALID_PARAMS, "invalid argument 0: a filter is an object")
    if (block_hash := wanted.get("blockHash")) is not None:
        if "fromBlock" in wanted or "toBlock" in wanted:
            raise RpcError(
                INVALID_PARAMS, "cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other"
            )
        number = chain.number_of_hash(_hash(block_hash))
        if number is None:
            raise RpcError(SERVER_ERROR, "unknown block")
        first = last = number
    else:
        first = _number(chain, wanted.get("fromBlock") or "latest")
        last = _number(chain, wanted.get("toBlock") or "latest")
        if first > last:
            raise RpcError(INVALID_PARAMS, "invalid block range params")
    addresses = wanted.get("address") or []
    addresses = {_address(one) for one in (addresses if isinstance(addresses, list) else [addresses])}
    # At each place one topic, any of several, or any at all.
    places = [
        None if not place else {_hash(topic) for topic in (place if isinstance(place, list) else [place])}
        for place in wanted.get("topics") or []
    ]
    return [
        log
        for log in chain.logs(first, last)
        if (not addresses or log["address"] in addresses)
        and len(log["topics"]) >= len(places)
        and all(
            place is None or topic in place for place, topic in zip(places, log["topics"][: len(places)], strict=True)
        )
    ]


def _receipt(chain: Evm, tx_hash: object) -> JsonObject | None:
    return chain.receipt(_hash(tx_hash))


def _transaction(chain: Evm, tx_hash: object) -> JsonObject | None:
    return chain.transaction(_hash(tx_hash))


def _call(chain: Evm, call: object, block: object = "latest") -> str:
    if not isinstance(call, dict):
        raise RpcError(INVALID_PARAMS, "invalid argument 0: a call is an object")
    done = chain.call(
        sender=_bytes(_address(call.get("from") or f"0x{'0' * 40}")),
        to=_bytes(_address(call.get("to"))),
        data=_bytes(call.get("input") or call.get("data") or "0x"),
        number=_state_number(chain, block),
    )
    return f"0x{done.hex()}"


def _code(chain: Evm, address: object, block: object = "latest") -> str:
    return f"0x{chain.code(_bytes(_address(address)), _state_number(chain, block)).hex()}"


def _balance(chain: Evm, address: object, block: object = "latest") -> str:
    return hex(chain.balance(_bytes(_address(address)), _state_number(chain, block)))


def _transaction_count(chain: Evm, address: object, block: object = "latest") -> str:
    return hex(chain.nonce(_bytes(_address(address)), _state_number(chain, block)))


def _send_raw_transaction(chain: Evm, raw: object) -> str:
    return chain.send(_bytes(raw))


METHODS: dict[str, Callable[..., Any]] = {
    "eth_chainId": _chain_id,
    "net_version": _network,
    "web3_clientVersion": _client_version,
    "eth_syncing": _syncing,
    "eth_blockNumber": _block_number,
    "eth_getBlockByNumber": _block_by_number,
    "eth_getBlockByHash": _block_by_hash,
    "eth_getLogs": _logs,
    "eth_getTransactionReceipt": _receipt,
    "eth_getTransactionByHash": _transaction,
    "eth_call": _call,
    "eth_getCode": _code,
    "eth_getBalance": _balance,
    "eth_getTransactionCount": _transaction_count,
    "eth_sendRawTransaction": _send_raw_transaction,
}


# How arguments are read.


def _number(chain: Evm, block: object) -> int:
    if isinstance(block, str):
        try:
            return int(block, 16) if block.startswith("0x") else chain.number_of(block)
        except (KeyError, ValueError):
            pass
    raise RpcError(INVALID_PARAMS, f"invalid argument: expected a block number as hex or a tag, was {block!r}")


def _state_number(chain: Evm, block: object) -> int:
    if isinstance(block, dict) and "blockHash" in block:
        number = chain.number_of_hash(_hash(block["blockHash"]))
    elif isinstance(block, dict):
        number = _number(chain, block.get("blockNumber"))
    else:
        number = _number(chain, block)
    if number is None or number > chain.head.number:
        raise RpcError(SERVER_ERROR, "header not found")
    return number


def _hash(text: object) -> str:
    return _hex_of(text, 32, "a hash")


def _address(text: object) -> str:
    return _hex_of(text, 20, "an address")


def _hex_of(text: object, size: int, expected: str) -> str:
    if len(_bytes(text)) != size:
        raise RpcError(INVALID_PARAMS, f"invalid argument: expected {expected} of {size} bytes, was {text!r}")
    return str(text).lower()


def _bytes(text: object) -> bytes:
    if isinstance(text, str) and text.startswith("0x"):
        try:
            return bytes.fromhex(text[2:])
        except ValueError:
            pass
    raise RpcError(INVALID_PARAMS, f"invalid argument: expected hex digits after 0x, was {str(text)[:100]!r}")
