"""Agreement: whether the calendar and the broker both say that the market is open.

Near an opening or a close the two may differ by their clocks: there the stricter word holds, and nobody is told. Apart
from that a difference means that one of them is wrong about the day, and no order is placed until it is known which.
"""

from datetime import UTC, datetime, timedelta

import msgspec

from trading.market_hours.calendar import next_close, next_open, session_at

EDGE = timedelta(seconds=30)
"""So far apart clocks may be, and so late a broker may open its book."""


class Open(msgspec.Struct, frozen=True):
    """Both say that the market is open."""


class Closed(msgspec.Struct, frozen=True):
    """At least one says that it is closed, and that is no surprise."""


class Disagree(msgspec.Struct, frozen=True):
    """One says open and the other closed, in the middle of either: no order, and an alert with this text."""

    text: str


def agreed(at: datetime, *, broker_is_open: bool, as_of: datetime) -> Open | Closed | Disagree:
    """Tell whether the market is open at a moment, by the calendar and by what the broker said as of another.

    The broker's word is held against the calendar as of when it was asked. How old a word may be is the caller's to
    say; one from another session, or from before this one, does not open the market. Raises YearNotCovered.
    """
    session, planned = session_at(at), session_at(as_of)
    if (planned is not None) != broker_is_open and not _near_an_edge(as_of):
        return Disagree(_difference(planned=planned is not None, as_of=as_of.astimezone(UTC)))
    return Open() if broker_is_open and session is not None and session == planned else Closed()


def _near_an_edge(at: datetime) -> bool:
    """Whether an opening or a close is less far away than clocks may differ, before or after."""
    earlier = at - EDGE
    return min(next_open(earlier), next_close(earlier)) < at + EDGE


def _difference(*, planned: bool, as_of: datetime) -> str:
    asked = f"{as_of:%Y-%m-%d %H:%M:%S} UTC"
    if planned:
        return (
            f"the broker says as of {asked} that the market is closed; by the calendar it is open until "
            f"{next_close(as_of):%H:%M} UTC. No order is placed. Look whether the exchange has halted or closes today"
        )
    return (
        f"the broker says as of {asked} that the market is open; by the calendar it is closed until "
        f"{next_open(as_of):%Y-%m-%d %H:%M} UTC. No order is placed. Look at the exchange's calendar, and whether "
        "there is a newer version of the holidays library"
    )
