"""The sources of a story of decisions: Quiver of our own, with every fault, whose rows change as the story says."""

from collections import Counter
from typing import ClassVar

from config.venues.exchange import Exchange
from config.venues.faults import (
    ANY,
    FaultPlan,
    Usual,
    cut_before,
    cut_within,
    gateway_page,
    html,
    rate_limited,
    refuse,
)
from config.venues.quiver import QuiverVenue
from config.venues.quiver_rows import Row
from tests.simulation.deciding_story import CONGRESS, INSIDERS, AtTheSource, DecidingStory, Doing, Published
from tests.support.stations import Clock

PASSING = (
    refuse(500),
    refuse(500),
    refuse(503),
    rate_limited("1"),
    rate_limited("20"),
    rate_limited(None),
    gateway_page(502),
    cut_before(),
    cut_within(ANY),
    html(),
)
EVERY: Usual = {ANY: (*PASSING, *PASSING, refuse(401), gateway_page(403), refuse(404), refuse(422))}
"""What passes by itself is drawn twice as often as what ends a run at once."""


class EveryQuiver(QuiverVenue):
    """Quiver with everything that can go wrong there."""

    usual_faults: ClassVar[Usual] = EVERY


class Sources:
    """Quiver, and what it does with its rows."""

    def __init__(self, story: DecidingStory, clock: Clock, faults: FaultPlan) -> None:
        self.venue = EveryQuiver(
            Exchange(clock=clock), congress=story.rows[CONGRESS], insiders=story.rows[INSIDERS], faults=faults
        )
        self.done: Counter[str] = Counter()
        self._sound: dict[str, list[Row]] = {}
        """The rows as they were before anything was wrong with them."""

    def publish(self, act: Published) -> None:
        for rows in (self._rows(act.feed), self._sound.get(act.feed)):
            if rows is not None:
                rows[:0] = act.rows

    def do(self, act: AtTheSource) -> None:
        rows = self._rows(act.feed)
        if act.doing is Doing.IS_MENDED:
            self.mend(act.feed)
            return
        if not rows:
            return
        self.done[f"{act.feed} {act.doing}"] += 1
        place = act.which % len(rows)
        match act.doing:
            case Doing.CHANGES:
                rows[place] = {**rows[place], **dict(act.changes)}
            case Doing.WITHDRAWS:
                del rows[place]
            case Doing.DOUBLES:
                rows.insert(place, dict(rows[place]))
            case Doing.GARBLES:
                self._sound.setdefault(act.feed, list(rows))
                rows[place] = {**rows[place], **dict(act.changes)}
            case Doing.FALLS_SILENT:
                self._sound.setdefault(act.feed, list(rows))
                rows.clear()

    def mend(self, *feeds: str) -> None:
        """Let a source tell its rows again as they were before anything was wrong with them."""
        for feed in feeds:
            if (sound := self._sound.pop(feed, None)) is not None:
                self._rows(feed)[:] = sound

    def _rows(self, feed: str) -> list[Row]:
        return self.venue.congress if feed == CONGRESS else self.venue.insiders
