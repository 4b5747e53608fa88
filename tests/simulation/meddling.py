"""Meddling: what operators, and the venue, do in the midst of a turn; and what operators do seldom.

It is drawn beside a story, from chances of its own, and in some stories alone: the others stay as they are, and what
once failed is still played.
"""

import random
from collections.abc import Iterator
from dataclasses import replace

from tests.simulation.schedules import CALLING, drawn_deed, drawn_market, drawn_wish
from tests.simulation.story import SYMBOLS, Act, Operator, Place, Step, Stop, Story, Switch, Turn
from trading.conductor.verbs.requests import Verb

PART = 0.3
"""So many of all stories are meddled with."""

BEFORE = {("orders", "alpaca", 5007), ("whole", "alpaca", 4)}
"""What failed once, before anybody meddled, and would be another story with it."""

BEFORE_OPERATORS_WERE_HELD_UP = {
    ("whole", "schwab", 1000179),
    ("orders", "schwab", 1100247),
    ("whole", "schwab", 1000380),
}

# Who looks at the venue first says these of an order that is in doubt; and that the backlog is to be drained.
SELDOM = (Verb.FAIL_ORDER, Verb.FAIL_ORDER, Verb.RECONCILE_ORDER, Verb.DRAIN_BACKLOG)
INTERRUPTED = (*CALLING, "hedger")
OFTEN = ("dispatcher", "hedger")
"""They place and send: what comes too late for them matters."""
SECONDS = (0, 0, 1, 5, 20, 40)
WHILE_HELD_UP = (("dispatcher",), ("dispatcher",), ("dispatcher", "poller"), ("poller",), ("hedger", "dispatcher"))


def meddled(story: Story) -> Story:
    """The story, meddled with where it is one of those that are."""
    if (story.world, story.broker, story.seed) in BEFORE:
        return story
    chance = random.Random(f"{story.seed}/{story.broker}/{story.world}/meddling")
    if chance.random() >= PART:
        return story
    steps = _Meddling(chance).steps(story.steps)
    if (story.world, story.broker, story.seed) not in BEFORE_OPERATORS_WERE_HELD_UP:
        held_up = random.Random(f"{story.seed}/{story.broker}/{story.world}/operators held up")
        steps = tuple(replace(step, acts=tuple(_held_up(act, held_up) for act in step.acts)) for step in steps)
    return replace(story, steps=steps)


def _held_up(act: Act, chance: random.Random) -> Act:
    """Let a command of an operator's be held up between what it asks, and what it books, while stations go on."""
    if not isinstance(act, Operator) or not act.by_command:
        return act
    if chance.random() < 0.3:
        # Asked for in the admin, some of these: a clerk does them later, when all may be another way.
        return replace(act, by_command=act.verb is not Verb.FAIL_ORDER)
    place = chance.choice(tuple(Place))
    nth = chance.randint(1, 3) if place is not Place.STATEMENT else chance.randint(1, 25)
    turns = chance.choice(WHILE_HELD_UP)
    return replace(act, stop=Stop(place=place, nth=nth, dies=False, seconds=chance.choice(SECONDS), turns=turns))


class _Meddling:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._interrupts = chance.choice((0.1, 0.3, 0.5))
        self._wishes = chance.uniform(0, 0.3)

    def steps(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(replace(step, acts=tuple(self._acts(step.acts))) for step in steps)

    def _acts(self, acts: tuple[Act, ...]) -> Iterator[Act]:
        for act in acts:
            yield self._interrupted(act) if isinstance(act, Turn) else act
            if self._chance.random() < self._wishes / len(acts):
                yield self._seldom()

    def _interrupted(self, turn: Turn) -> Turn:
        """In the midst of a turn that is held up, and of some that were not, somebody acts."""
        chance = self._chance
        odds = self._interrupts * (1.5 if turn.station in OFTEN else 0.7)
        if chance.random() >= odds or turn.station not in INTERRUPTED:
            return turn
        stop = turn.stop
        if stop is None:
            place = chance.choice(tuple(Place)) if turn.station in CALLING else Place.STATEMENT
            nth = chance.randint(1, 5) if place is not Place.STATEMENT else chance.randint(1, 40)
            stop = Stop(place=place, nth=nth, dies=False, seconds=chance.choice(SECONDS))
        if stop.dies:
            return turn
        acts = tuple(self._meanwhile() for _ in range(chance.randint(1, 2)))
        return replace(turn, stop=replace(stop, acts=(*stop.acts, *acts)))

    def _meanwhile(self) -> Act:
        match self._chance.randrange(8):
            case 0 | 1:
                return self._seldom()
            case 2:
                return drawn_market(self._chance)
            case 3 | 4:
                return drawn_deed(self._chance)
            case 5 | 6:
                return Switch(on=self._chance.random() < 0.7, symbol=self._chance.choice(("", *SYMBOLS)))
        wish = drawn_wish(self._chance)
        # Who types a command has it done at once; what is asked for in the admin waits for a clerk.
        return replace(wish, by_command=self._chance.random() < 0.7) if isinstance(wish, Operator) else wish

    def _seldom(self) -> Operator:
        return Operator(verb=self._chance.choice(SELDOM), which=self._chance.randrange(1000), by_command=True)
