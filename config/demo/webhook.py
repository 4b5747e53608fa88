"""The webhook: where the demo's alerts go, on this machine; what came is kept, so that it can be checked."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

HOST = "127.0.0.1"
LARGEST_MESSAGE = 1_000_000


class Webhook:
    """Takes messages over HTTP until it is closed."""

    def __init__(self) -> None:
        class Handler(_Handler):
            pass

        self.messages: list[str] = []
        """The texts of what came, in order."""

        Handler.messages = self.messages
        self._http = ThreadingHTTPServer((HOST, 0), Handler)
        self.address = f"json://{HOST}:{self._http.server_address[1]}/alerts"
        # The loop looks for the end this often; a message doesn't wait for it.
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), name="demo-webhook", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    messages: list[str]

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        if length > LARGEST_MESSAGE:
            self.send_error(413)
            return
        self.messages.append(json.loads(self.rfile.read(length))["message"])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name in the base class)
        """Stay silent: the deliveries stand in the admin."""
