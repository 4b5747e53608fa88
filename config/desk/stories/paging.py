"""Paging: a page of a story begins right after the last entry of the one before, whichever table that was of.

Entries come from many tables. They are in one order over all of them: by time, of one moment by rank, and of one rank
by the key of the row. Each table is asked for what comes after the place that was reached, so nothing is skipped over.
"""

import heapq
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from django.db.models import IntegerField, Q, QuerySet

from config.desk.stories.entries import Entry, Rank, Told

SHOWN = 40
SLACK = 4
"""Rows more than are shown, for those at the very place that were shown already."""

MOST = SHOWN + SLACK
LONGEST_KEY = 100
LARGEST_KEY = 2**63 - 1
KEYED_BY_TEXT = (Rank.FILL, Rank.REORG)
"""In views a fill has its place on chain as its key."""

Rows = QuerySet[Any]


class NotAPlace(ValueError):
    """The text names no place in a story."""


class Place(NamedTuple):
    """Where a page ends: at this entry."""

    at: datetime
    rank: Rank
    key: Any

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.rank:d}~{self.key}"


class Placed(Protocol):
    """What stands at a place."""

    @property
    def at(self) -> datetime: ...

    @property
    def rank(self) -> Rank: ...

    @property
    def key(self) -> Any: ...


P = TypeVar("P", bound=Placed)
Source = Callable[[Place | None], Iterable[P]]
"""What comes after a place, of one kind: the newest, and as many as a page may need."""


class Page(NamedTuple):
    """Entries, newest first, and the place after which older ones come; None where there are none."""

    told: list[Told]
    older: Place | None


def parsed_place(text: str) -> Place | None:
    """Read a place from an address; an empty one is the beginning. Raises NotAPlace."""
    if not text:
        return None
    at, _, rest = text.partition("~")
    rank, _, key = rest.partition("~")
    number = key.isascii() and key.isdigit()
    try:
        moment, ranked = datetime.fromisoformat(at), Rank(int(rank[:3]))
        is_place = moment.utcoffset() is not None and 1900 < moment.year < 9000
    except ValueError:
        is_place = False
    if not is_place or not key.isprintable() or not 0 < len(key) <= LONGEST_KEY:
        raise _no_place(text)
    if not number and ranked not in KEYED_BY_TEXT:
        raise _no_place(text)
    return Place(moment, ranked, min(int(key[:20]), LARGEST_KEY) if number else key)


def _no_place(text: object) -> NotAPlace:
    return NotAPlace(f"expected a place as the link to older entries has it, was {str(text)[:80]!r}")


def rows_after(rows: Rows, place: Place | None, *, at: str, rank: Rank, by: Sequence[str] = ()) -> Rows:
    """The newest rows that come after a place, by their column of a time, or `by` another order that is as good.

    Raises NotAPlace.
    """
    if place is not None:
        # Said by itself, so that an index of the time is entered there.
        rows = rows.filter(**{f"{at}__lte": place.at})
        if rank < place.rank:
            rows = rows.filter(**{f"{at}__lt": place.at})
        elif rank == place.rank:
            if isinstance(rows.model._meta.pk, IntegerField) != isinstance(place.key, int):
                raise _no_place(place)
            rows = rows.filter(Q(**{f"{at}__lt": place.at}) | Q(pk__lt=place.key))
    return rows.order_by(*(by or (f"-{at}", "-pk")))[:MOST]


def rows_until(rows: Rows, place: Place | None, *, at: str) -> Rows:
    """The newest rows up to a place, for rows that make several entries: which of these are after it is seen then."""
    if place is not None:
        rows = rows.filter(**{f"{at}__lte": place.at})
    return rows.order_by(f"-{at}", "-pk")[:MOST]


def newest_of(sources: Iterable[Source[P]], place: Place | None) -> tuple[list[P], Place | None]:
    """The newest after a place of all sources together, and the place after which there are more."""
    found = [one for source in sources for one in source(place) if is_after(one, place)]
    newest = heapq.nlargest(SHOWN + 1, found, key=_order)
    more = _place_of(newest[SHOWN - 1]) if len(newest) > SHOWN else None
    return newest[:SHOWN], more


def page_of(sources: Iterable[Source[Entry]], place: Place | None) -> Page:
    """A page of a story, newest first. How long after the one before the last came, the next page tells."""
    shown, older = newest_of(sources, place)
    earlier = [*shown[1:], None][: len(shown)]
    return Page(
        [
            Told(entry, None if before is None else entry.at - before.at)
            for entry, before in zip(shown, earlier, strict=True)
        ],
        older,
    )


def is_after(one: Placed, place: Place | None) -> bool:
    """Whether it comes after a place, where the newest come first."""
    return place is None or _order(one) < _order(place)


def _place_of(one: Placed) -> Place:
    return Place(one.at, one.rank, one.key)


def _order(one: Placed) -> tuple[datetime, int, Any]:
    return one.at, -one.rank, one.key
