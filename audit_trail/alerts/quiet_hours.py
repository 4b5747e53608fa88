"""Quiet hours: when nobody wants to be told of what can wait, by the clock on the wall of a time zone."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec


class QuietHours(msgspec.Struct, frozen=True, kw_only=True):
    """Each day from one time of the wall clock up to, and without, another; past midnight where it is the earlier one.

    The clock is what a wall shows: in a night in which it is put on or back, quiet is an hour shorter or longer.
    """

    begins: time
    ends: time
    zone: ZoneInfo

    def hold(self, at: datetime) -> bool:
        """Tell whether it is quiet at a moment."""
        wall = at.astimezone(self.zone).time()
        if self.begins < self.ends:
            return self.begins <= wall < self.ends
        return wall >= self.begins or wall < self.ends

    def end_after(self, at: datetime) -> datetime:
        """The moment from which it is not quiet any more; the given one where it is not quiet then."""
        if not self.hold(at):
            return at
        local = at.astimezone(self.zone)
        day = local.date() if local.time() < self.ends else local.date() + timedelta(days=1)
        return datetime.combine(day, self.ends, self.zone).astimezone(UTC)

    def __str__(self) -> str:
        return f"{self.begins:%H:%M}-{self.ends:%H:%M} {self.zone.key}"
