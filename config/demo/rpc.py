"""The embedded chain's JSON-RPC over HTTP, in a node's words."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from inspect import signature
from typing import Any

from config.demo.blocks import JsonObject
from config.demo.evm import CallReverted, Evm, TransactionRefused
from config.demo.rpc_methods import INVALID_PARAMS, METHODS, SERVER_ERROR, RpcError

__all__ = ["RpcError", "RpcServer", "answer"]

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
REVERTED = 3

LARGEST_REQUEST = 5_000_000


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
