"""Rates: how many calls a minute a venue takes."""

from collections import deque
from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)


class RateLimit:
    """So many calls in any minute of the venue's clock; without a limit, all of them."""

    def __init__(self, calls_per_minute: int | None) -> None:
        self._most = calls_per_minute
        self._calls: deque[datetime] = deque()

    def counted(self, now: datetime) -> tuple[bool, dict[str, str]]:
        """Count a call. Tell whether it is one too many, and what is said of the limit in the answer's headers."""
        if self._most is None:
            return False, {}
        while self._calls and self._calls[0] <= now - MINUTE:
            self._calls.popleft()
        over = len(self._calls) >= self._most
        if not over:
            self._calls.append(now)
        resets_at = (self._calls[0] if self._calls else now) + MINUTE
        return over, {
            "X-RateLimit-Limit": str(self._most),
            "X-RateLimit-Remaining": str(self._most - len(self._calls)),
            "X-RateLimit-Reset": str(int(resets_at.timestamp())),
        }
