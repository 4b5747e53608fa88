"""A story of decisions: what happens on some days at the sources, at the venue and to our commands, drawn at once."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from config.venues.quiver_rows import Row
from tests.simulation.database_trouble import DatabaseTrouble
from tests.simulation.story import AtTheVenue, Market, Stop, Terms
from trading.risk.scopes import Scope

CONGRESS, INSIDERS = "congress", "insiders"
FEEDS = (CONGRESS, INSIDERS)


class Sending(StrEnum):
    """Boundaries of a command beside those of a turn: where it hands an order over."""

    BEFORE = "before an order"
    AFTER = "after an order"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One of our commands runs, as a process of its own, on one of two machines."""

    machine: int
    words: tuple[str, ...]
    stop: Stop | None = None
    trouble: DatabaseTrouble | None = None

    def __str__(self) -> str:
        rest = "".join(f", {one}" for one in (self.stop, self.trouble) if one is not None)
        return f"{' '.join(self.words)} on machine {self.machine}{rest}"


class Doing(StrEnum):
    """What a source does with the rows that it tells."""

    CHANGES = "changes a row"
    WITHDRAWS = "withdraws a row"
    DOUBLES = "doubles a row"
    GARBLES = "garbles a row"
    FALLS_SILENT = "tells no row"
    IS_MENDED = "is mended"


@dataclass(frozen=True, kw_only=True)
class Published:
    """A source tells new rows, the newest first."""

    feed: str
    rows: tuple[Row, ...]

    def __str__(self) -> str:
        return f"{self.feed} publishes {len(self.rows)} rows"


@dataclass(frozen=True, kw_only=True)
class AtTheSource:
    """A source does something to one of its rows, or to all."""

    feed: str
    doing: Doing
    which: int = 0
    changes: tuple[tuple[str, Any], ...] = ()


class Wishing(StrEnum):
    """What an operator asks for about a decision."""

    CANCEL = "cancel"
    RECHECK = "recheck"
    NOT_THERE = "not there"
    """The operator has looked at the venue. Where its order is there, it is cancelled as others are."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """An operator asks for something about a decision; which one is drawn among all, the newest first."""

    wishing: Wishing
    which: int
    under_way: bool = False
    """Of those alone of which an order is open, if there are any."""

    machine: int = 0


@dataclass(frozen=True, kw_only=True)
class Thrown:
    """An operator throws a kill switch, or turns it off again."""

    on: bool
    scope: Scope
    subject: str


DecidingAct = Run | Published | AtTheSource | Wish | Thrown | AtTheVenue | Market


@dataclass(frozen=True, kw_only=True)
class Moment:
    """At a time, or as soon as what is under way has ended, this happens, in this order."""

    at: datetime
    acts: tuple[DecidingAct, ...]


@dataclass(frozen=True, kw_only=True)
class DecidingStory(Terms):
    """All that follows from a seed."""

    started_at: datetime
    machines: int
    """Of how many machines commands run: from another one it can't be seen that a process is gone."""

    rows: dict[str, tuple[Row, ...]] = field(repr=False)
    """What each source tells at the beginning."""

    steps: tuple[Moment, ...] = field(repr=False)
    by_calendar: bool = True

    @property
    def world(self) -> str:
        return "decisions"

    def __str__(self) -> str:
        return f"seed {self.seed}, broker {self.broker}, decisions, mode {self.mode}, {self.machines} machines"
