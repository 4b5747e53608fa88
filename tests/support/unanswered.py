"""Unanswered: a server that takes a call and keeps it until the caller has given up."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

PATIENCE_SECONDS = 10


@contextmanager
def unanswered(server: HTTPServer, path: str, method: str = "__ALL") -> Iterator[None]:
    """Keep the calls that come meanwhile, of which there is one; at the end they are let go, and are logged.

    A call that was still kept would be logged when the next test has begun, which would take it for its own.
    """
    gate, kept = threading.Event(), list[Request]()

    def keep(request: Request) -> Response:
        kept.append(request)
        gate.wait(PATIENCE_SECONDS)
        return Response("{}")

    def all_are_logged() -> bool:
        logged = [request for request, _ in server.log]
        # One that was given up early may not even have come to the server yet.
        return bool(kept) and all(any(one is other for other in logged) for one in kept)

    server.expect_request(path, method=method).respond_with_handler(keep)
    try:
        yield
    finally:
        gate.set()
        until = time.monotonic() + PATIENCE_SECONDS
        while not all_are_logged() and time.monotonic() < until:
            time.sleep(0.005)
    assert all_are_logged()
