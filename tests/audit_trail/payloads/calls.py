"""Calls as a broker's adapter makes them, to servers that behave as a test needs."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.db import connection

from audit_trail.payloads.recorder import PayloadRecorder
from audit_trail.payloads.redaction import Redaction
from trading.brokers.http import BrokerHttp
from trading.brokers.recording import Incoming, Outgoing, Reference

AT = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
LATER = AT + timedelta(milliseconds=250)
ORDER = "ht-k3v9x2ab-17-1"
SUBMIT = Reference(order=ORDER, purpose="submit")
ASK = Reference(purpose="clock")


def outgoing(**changes: object) -> Outgoing:
    facts = {
        "source": "alpaca",
        "method": "POST",
        "url": "https://paper-api.example.com/v2/orders",
        "headers": (("Accept", "application/json"),),
        "body": b'{"symbol":"AAPL","qty":"1.50"}',
        "reference": SUBMIT,
        "at": AT,
    }
    return Outgoing(**facts | changes)


def incoming(**changes: object) -> Incoming:
    facts = {"status": 200, "headers": (), "body": b'{"id":"61e69015"}', "at": LATER, "duration_ms": 250}
    return Incoming(**facts | changes)


class TickingClock:
    """A tenth of a second later each time it is asked."""

    def __init__(self) -> None:
        self._ticks = 0

    def __call__(self) -> datetime:
        self._ticks += 1
        return AT + timedelta(milliseconds=100 * self._ticks)


@contextmanager
def broker_http(base_url: str, **settings: object) -> Iterator[BrokerHttp]:
    facts = {"source": "alpaca", "recorder": PayloadRecorder(Redaction()), "clock": TickingClock()}
    http = BrokerHttp(base_url=base_url, **facts | settings)
    try:
        yield http
    finally:
        http.close()


@contextmanager
def nobody_writes() -> Iterator[None]:
    """Hold the tables, and let our own connection wait for hardly any time."""
    other = connection.copy()
    with impatient(), other.cursor() as cursor:
        try:
            if connection.vendor == "postgresql":
                cursor.execute("BEGIN")
                cursor.execute("LOCK TABLE api_call_logs, api_payloads IN ACCESS EXCLUSIVE MODE")
            else:
                cursor.execute("BEGIN IMMEDIATE")
            yield
            cursor.execute("ROLLBACK")
        finally:
            other.close()


@contextmanager
def impatient() -> Iterator[None]:
    name, short, usual = (
        ("lock_timeout", "50ms", "0") if connection.vendor == "postgresql" else ("busy_timeout", "50", "20000")
    )
    word = "SET" if connection.vendor == "postgresql" else "PRAGMA"
    with connection.cursor() as cursor:
        cursor.execute(f"{word} {name} = '{short}'")
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"{word} {name} = '{usual}'")


@contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that reads a request, does as told with the connection, and cuts it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            accepted, _ = listening.accept()
            with accepted:
                read = b""
                while b"\r\n\r\n" not in read:
                    read += accepted.recv(65536)
                answer(accepted)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join(10)
        assert not thread.is_alive()
