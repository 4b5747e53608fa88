"""The server: HTTP/1.1 on loopback, a thread a connection, which can be cut wherever a fault wants it."""

import contextlib
import socket
import struct
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from config.venues.wire import Asked, Cut, Delivery

HOST = "127.0.0.1"
LARGEST_REQUEST = 1_000_000
# Closing with this set sends a reset instead of a farewell.
_RESET = struct.pack("ii", 1, 0)

Handle = Callable[[Asked], Delivery]


class Server:
    """Listens between `open` and `close`, and may be opened again on the same port."""

    def __init__(self, handle: Handle, port: int = 0) -> None:
        self._handle, self._port = handle, port
        self._http: _Http | None = None
        self._thread: threading.Thread | None = None
        self._placeholder: socket.socket | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._port}"

    def open(self) -> None:
        """Raises OSError where the port is taken."""
        handle, stopping = self._handle, threading.Event()

        class Handler(_Handler):
            pass

        Handler.handle_call = staticmethod(handle)
        Handler.stopping = stopping
        self._http = _Http((HOST, self._port), Handler, stopping)
        self._port = self._http.server_address[1]
        if self._placeholder is not None:
            self._placeholder.close()
            self._placeholder = None
        # The loop looks for the end this often; a request doesn't wait for it.
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), name="venue", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close the port and every connection, and wait until nobody is answered any more."""
        if self._http is None or self._thread is None:
            return
        self._http.shutdown()
        self._http.stopping.set()
        self._http.end_connections()
        self._http.server_close()
        self._thread.join()
        self._http = self._thread = None

    def refuse(self) -> None:
        """Close, and keep the port from everyone else until it is opened again: who connects is refused."""
        self.close()
        self._placeholder = socket.socket()
        self._placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._placeholder.bind((HOST, self._port))


class _Http(ThreadingHTTPServer):
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type["_Handler"], stopping: threading.Event) -> None:
        self.stopping = stopping
        self._threads_of: dict[socket.socket, threading.Thread] = {}
        self._reset: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        # A daemon, so that a program ends that forgot to close; joined where it did not.
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        with self._lock:
            self._threads_of[request] = thread
        thread.start()

    def reset(self, connection: socket.socket) -> None:
        """Let this connection end without a farewell."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        with self._lock:
            self._reset.add(connection)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._threads_of.pop(request, None)
            reset = request in self._reset
            self._reset.discard(request)
        if reset:
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def end_connections(self) -> None:
        with self._lock:
            ending = list(self._threads_of.items())
        for connection, _ in ending:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for _, thread in ending:
            thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away in the middle of an answer."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    handle_call: Handle
    stopping: threading.Event
    server: _Http

    protocol_version = "HTTP/1.1"
    server_version = "Venue"
    # One packet an answer: head and body in two would each wait for the other's acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_REQUEST:
            self.send_error(413)
            self.close_connection = True
            return
        body = self.rfile.read(length)
        parts = urlsplit(self.path)
        query = {name: ",".join(values) for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        delivery = self.handle_call(
            Asked(
                method=self.command,
                path=parts.path,
                query=query,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=body,
            )
        )
        if delivery.wait_seconds:
            self.stopping.wait(delivery.wait_seconds)
        self._deliver(delivery)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 (their names in the base class)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name in the base class)
        """Stay silent: the venue keeps a record."""

    def _deliver(self, delivery: Delivery) -> None:
        if delivery.cut is Cut.UNANSWERED:
            self._end_here()
            return
        answer = delivery.answer
        encoded, kind = answer.encoded()
        self.send_response(answer.status)
        if kind is not None:
            self.send_header("Content-Type", kind)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(encoded)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if delivery.cut is Cut.WITHIN:
            self.wfile.write(encoded[: len(encoded) // 2])
            self.wfile.flush()
            self._end_here()
            return
        self.wfile.write(encoded)
        self.wfile.flush()

    def _end_here(self) -> None:
        self.server.reset(self.connection)
        self.close_connection = True
