"""Requests: the record of the calls that a venue was asked."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call that was made, and what was answered. Neither credentials nor tokens are in it."""

    number: int
    at: datetime
    call: str
    method: str
    path: str
    query: dict[str, str]
    body: bytes
    status: int | None
    """What the client was told; None where the connection was cut."""

    fault: str | None
    order: int | None
