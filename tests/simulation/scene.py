"""The scene: what every play has, whichever pipeline it plays: how it is told, what came of it, what others do."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.deeds import do
from tests.simulation.story import AtTheVenue, Market, Terms
from tests.support.stations import Clock
from trading.conductor.reconciling.identity import confirm_account
from trading.ledger.mode import THE_ROW, Installation

Tell = Callable[[str], None]

MARK = "simulate"


def say_nothing(what: str) -> None:
    """Who plays thousands of stories wants none of them told."""


@dataclass
class Outcome:
    """What came of a story."""

    story: Terms
    violations: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    history: list[Any] = field(default_factory=list)
    hours: float = 0.0
    """How long it was until the faults ended. What passes after that is waiting, mostly."""


class Scene:
    """Where a story plays. A play says what its acts are."""

    def __init__(self, story: Terms, clock: Clock, venue: Any, tell: Tell) -> None:
        self.clock, self.venue, self.tell = clock, venue, tell
        self.outcome = Outcome(story)
        self._under_way = 0
        self._waiting: list[AtTheVenue] = []

    def wrong(self, what: str) -> None:
        if what not in self.outcome.violations:
            self.outcome.violations.append(what)
            self.told(f"!!! {what}")

    def told(self, what: str) -> None:
        """Tell something that happens, at its time, and further to the right the more it happens within."""
        self.tell(f"{self.clock():%d. %H:%M:%S.%f} {'    ' * self._under_way}{what}")

    def _install(self) -> None:
        """Let the installation have the same mark each time."""
        Installation.objects.update_or_create(id=THE_ROW, defaults={"mark": MARK, "last_order_number": 0})

    def _know_the_account(self, broker: Any) -> None:
        """Let the broker's account be the operator's."""
        confirm_account(broker.name, broker.account(), actor="operator", reason="it is ours", now=self.clock())

    def _at_the_venue(self, deed: AtTheVenue) -> None:
        if not self._done(deed) and deed.waits:
            self._waiting.append(deed)

    def _done(self, deed: AtTheVenue) -> bool:
        done = do(deed, self.venue.exchange, now=self.clock())
        self.outcome.counts[f"the venue {deed.deed}"] += done
        return done

    def _do_what_waits(self) -> None:
        """What the venue was to do and could not, it does to the first order that it can be done to."""
        deed = next((deed for deed in self._waiting if self._done(deed)), None)
        if deed is not None:
            self.told(f"{deed}, which waited")
            self._waiting.remove(deed)

    def _move_market(self, act: Market) -> None:
        if act.door is not None:
            self.venue.exchange.set_door(act.door)
        if act.price is not None:
            self.venue.exchange.set_price(*act.price)
        if act.rule is not None:
            self.venue.exchange.set_rule(*act.rule)
