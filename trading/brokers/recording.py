"""Recording: each call to a broker is stored before it leaves, and its answer when it has come.

Adapters know this protocol; what stands behind it is wired in by the configuration.
"""

from datetime import datetime
from typing import Protocol

import msgspec


class RecordingFailed(Exception):
    """A call, or its answer, could not be stored. A call that could not be stored is not made."""


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """What a call is made for: an order, by our id of it, or a purpose in words."""

    order: str | None = None
    """Our id of the order, as in ht-k3v9x2ab-17-1."""

    purpose: str
    """As in "submit", "find", "holdings", "token refresh"."""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A request exactly as it is about to be sent, secrets and all: who stores it takes them out."""

    source: str
    """Whose service it is: alpaca, schwab."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    reference: Reference
    at: datetime


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it was received, after any compression was undone; secrets and all."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    at: datetime
    duration_ms: int


class Recorder(Protocol):
    """Keeps what was asked of outside services and what they answered. Each method commits by itself."""

    def sending(self, call: Outgoing) -> int:
        """Store a request, and return the number of its record. Raises RecordingFailed: then it must not be sent."""

    def received(self, record: int, answer: Incoming) -> None:
        """Store what came back. Raises RecordingFailed."""

    def failed(self, record: int, error: str, *, at: datetime, duration_ms: int) -> None:
        """Store that no answer came, and why. Raises RecordingFailed."""
