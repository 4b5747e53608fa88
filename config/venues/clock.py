"""The venue's clock: the real one, another's, or one that stands still until somebody moves it."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

Source = Callable[[], datetime]


class VenueClock:
    """Tells the venue's time in UTC. Whatever it runs on, it can be set and moved."""

    def __init__(self, source: datetime | Source | None = None) -> None:
        """Stand still at a time, follow another clock, or without either follow the machine's."""
        self._lock = threading.Lock()
        self._still = _in_utc(source) if isinstance(source, datetime) else None
        self._source: Source = source if callable(source) else lambda: datetime.now(UTC)
        self._offset = timedelta(0)

    def now(self) -> datetime:
        with self._lock:
            return self._still if self._still is not None else _in_utc(self._source()) + self._offset

    def set(self, at: datetime) -> None:
        """Stand still at a time from here on."""
        with self._lock:
            self._still = _in_utc(at)

    def advance(self, seconds: Decimal | int) -> None:
        """Move on by so many seconds: a clock that stands still stands later, one that runs runs ahead."""
        step = timedelta(microseconds=int(Decimal(seconds) * 1_000_000))
        with self._lock:
            if self._still is not None:
                self._still += step
            else:
                self._offset += step

    def run(self) -> None:
        """Follow the source again, without any offset."""
        with self._lock:
            self._still, self._offset = None, timedelta(0)


def _in_utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"expected a time with a zone, was {at!r}")
    return at.astimezone(UTC)
