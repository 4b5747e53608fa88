"""Order lists: every order of a kind, page by page, or an error; never a part of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from trading.brokers.alpaca.answers import Json, Unreadable, text_of, time_or_none

PAGE = 500
"""As many as Alpaca gives at once."""

MOST_PAGES = 200

_OVERLAP = timedelta(microseconds=10)


def every_order(
    ask: Callable[[dict[str, str]], list[Json]], *, status: str, after: datetime | None, until: datetime | None
) -> list[Json]:
    """Ask page after page, oldest first. Raises Unreadable where a page does not go on from the one before.

    Alpaca pages by time alone, and leaves out what is of the very time that is given. So each page begins a little
    before the end of the last one, and what was seen already is left out here.
    """
    found: dict[str, Json] = {}
    for _ in range(MOST_PAGES):
        page = ask(_params(status, after, until))
        new = {order: row for row in page if (order := text_of(row, "id")) not in found}
        found.update(new)
        if len(page) < PAGE:
            return list(found.values())
        if not new:
            raise Unreadable(f"expected the orders after {_written(after)}, was the page before them once more")
        after = _end_of(page)
    raise Unreadable(f"expected at most {MOST_PAGES * PAGE} orders, was more")


def _params(status: str, after: datetime | None, until: datetime | None) -> dict[str, str]:
    params = {"status": status, "limit": str(PAGE), "direction": "asc", "nested": "false"}
    if after is not None:
        params["after"] = _written(after)
    if until is not None:
        params["until"] = _written(until)
    return params


def _end_of(page: list[Json]) -> datetime:
    """The time that all further orders come after.

    The list goes by the time of submission, which is not always the one that is told: it is told to the microsecond
    and differs by one from call to call, and an order that waits for the open is told with the time of its entry.
    """
    last = page[-1]
    times = [at for at in (time_or_none(last, "created_at"), time_or_none(last, "submitted_at")) if at is not None]
    if not times:
        raise Unreadable(f"expected created_at or submitted_at of order {last.get('id')!r}, was neither")
    return min(times) - _OVERLAP


def _written(at: datetime | None) -> str:
    return "the beginning" if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
