"""The whole: a story of the order pipeline on a chain of its own, by the calendar, with a database that fails.

What the order pipeline meets is drawn as ever; the rest is drawn beside it.
"""

import math
import random
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from tests.simulation.blockchain_acts import ChainTerms, Mined, Mood, NodeChanges, Other, Reorganised, Sort
from tests.simulation.database_trouble import At, DatabaseTrouble, Kind
from tests.simulation.schedules import draw
from tests.simulation.story import SYMBOLS, Act, BrokerName, Fills, Place, Reorg, Step, Stop, Story, Turn
from tests.support.replay_node import RANGE_REFUSALS

# A day like others; both days round the change of the clocks, half days, the days before a holiday and a weekend. New
# York's noon is four or five hours before that of Greenwich.
STARTS = (
    datetime(2026, 3, 2, 16, tzinfo=UTC),
    datetime(2026, 3, 6, 20, 30, tzinfo=UTC),
    datetime(2026, 3, 9, 13, 10, tzinfo=UTC),
    datetime(2026, 3, 9, 19, 40, tzinfo=UTC),
    datetime(2026, 10, 30, 19, 30, tzinfo=UTC),
    datetime(2026, 11, 2, 14, 10, tzinfo=UTC),
    datetime(2026, 11, 27, 17, 30, tzinfo=UTC),
    datetime(2026, 12, 24, 17, 45, tzinfo=UTC),
    datetime(2026, 7, 2, 19, 30, tzinfo=UTC),
)
DECIMALS = (0, 1, 2, 6, 8, 9, 18, 18, 18, 18, 27, 36)
DEPTHS = (1, 1, 2, 3, 7, 20, 60, 300, 1_500)
# So many shares that no token of fewer decimals can hold them.
DUST = (Decimal("1e-36"), Decimal("3e-19"), Decimal("1e-9"))
MOST_NODE_FAULTS = (0.0, 0.05, 0.2, 0.5)
MOST_DATABASE_FAULTS = (0.0, 0.03, 0.1)


def draw_whole(seed: int, broker: BrokerName) -> Story:
    """Draw the story of a seed."""
    chance = random.Random(f"{seed}/{broker}/whole")
    story = draw(seed, broker)
    by_calendar = chance.random() < 0.3
    return replace(
        story,
        chain=_terms(chance),
        started_at=chance.choice(STARTS),
        by_calendar=by_calendar,
        steps=Overlay(chance, story.processes).steps(story.steps),
    )


def _terms(chance: random.Random) -> ChainTerms:
    tag = chance.choice(("latest", "latest", "latest", "latest", "safe", "finalized"))
    decimals = {f"{prefix}{symbol}": chance.choice(DECIMALS) for symbol in SYMBOLS for prefix in ("t", "wt")}
    return ChainTerms(
        seconds_a_block=chance.choice((1, 2, 2, 2, 12)),
        decimals=decimals,
        cutoff_tag=tag,
        cutoff_seconds=chance.choice((0, 0, 0, 5, 24)),
        largest_range=chance.choice((40, 10_000, 10_000)),
        mood=Mood(
            largest_range=chance.choice((None, None, 5, 20, 100)),
            most_logs=chance.choice((None, None, 2)),
            vendor=chance.choice(sorted(RANGE_REFUSALS)),
            shuffles=chance.random() < 0.3,
            repeats=chance.random() < 0.3,
            times=chance.random() < 0.7,
            rate=chance.uniform(0, chance.choice(MOST_NODE_FAULTS)),
        ),
    )


class Overlay:
    """Adds to the steps of a story what happens on the chain and to the database."""

    def __init__(self, chance: random.Random, processes: int, *, of_all: float = 1.0) -> None:
        """Draw how bad it gets; `of_all` is how much of what goes wrong at worst may go wrong here."""
        self._chance, self._processes = chance, processes
        self._reorgs = of_all * chance.choice((0, 0.05, 0.15, 0.3))
        self._others = chance.uniform(0, 0.2)
        self._changes = of_all * chance.choice((0, 0.1, 0.2))
        self._node_rate = of_all * chance.uniform(0, chance.choice(MOST_NODE_FAULTS))
        self._troubles = of_all * chance.choice(MOST_DATABASE_FAULTS)
        self._deaths = of_all * chance.choice((0, 0.05, 0.15))
        self._meanwhile = of_all * chance.choice((0, 0.1, 0.3))

    def steps(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(replace(step, acts=tuple(self._acts(step.acts))) for step in steps)

    def _acts(self, acts: tuple[Act, ...]) -> list[Act]:
        told: list[Act] = []
        for act in acts:
            if isinstance(act, Turn):
                if act.station == "processor":
                    told += [self._watcher(act.process) for _ in range(self._chance.choice((0, 1, 1, 2)))]
                    if self._chance.random() < 0.3:
                        told.append(self._turn(act.process, "enricher"))
                told.append(self._troubled(self._interrupted(act)))
            else:
                told.append(self._on_chain(act))
        for made in (self._reorg(), self._other(), self._change()):
            if made is not None:
                told.insert(self._chance.randint(0, len(told)), made)
        if self._chance.random() < 0.5:
            told.append(self._watcher(self._chance.randrange(self._processes)))
        return told

    def _on_chain(self, act: Act) -> Act:
        match act:
            case Fills():
                takes = tuple(
                    (side, self._chance.choice(DUST) if self._chance.random() < 0.05 else shares, symbol, usdc)
                    for side, shares, symbol, usdc in act.takes
                )
                return Mined(takes=takes, number=self._number())
            case Reorg():
                back = 1.0 if act.returns else 0.0
                return Reorganised(depth=3 * (act.back + 1), falls=0, comes_back=back, number=self._number())
        return act

    def _reorg(self) -> Act | None:
        return self._reorganised() if self._chance.random() < self._reorgs else None

    def _reorganised(self) -> Reorganised:
        return Reorganised(
            depth=self._chance.choice(DEPTHS),
            falls=self._chance.choice((0, 0, 1, 5)),
            comes_back=self._chance.choice((1.0, 1.0, 0.7, 0.0)),
            number=self._number(),
        )

    def _other(self) -> Act | None:
        if self._chance.random() >= self._others:
            return None
        return Other(sort=self._chance.choice(tuple(Sort)), number=self._number())

    def _change(self) -> Act | None:
        if self._chance.random() >= self._changes:
            return None
        behind, former = self._chance.choice(((0, False), (0, False), (3, False), (40, False), (0, True)))
        return NodeChanges(behind=behind, former=former, rate=self._chance.choice((0.0, self._node_rate)))

    def _watcher(self, process: int) -> Turn:
        return self._turn(process, "watcher")

    def _turn(self, process: int, station: str) -> Turn:
        stop, place = None, self._chance.choice(tuple(Place))
        nth = self._chance.randint(1, 6) if place is not Place.STATEMENT else self._chance.randint(1, 20)
        if self._chance.random() < self._deaths:
            stop = Stop(place=place, nth=nth, dies=True)
        elif self._chance.random() < self._meanwhile:
            other = ("watcher", "processor") if self._processes > 1 else ()
            stop = Stop(
                place=place,
                nth=nth,
                dies=False,
                seconds=self._chance.choice((0, 0, 1, 5, 20, 40)),
                turns=tuple(self._chance.choices(other, k=2)) if other else (),
                acts=self._happening() if place is not Place.STATEMENT else (),
            )
        return self._troubled(Turn(process=process, station=station, stop=stop))

    def _interrupted(self, turn: Turn) -> Turn:
        """In the middle of a turn that is held up at a call, something may happen elsewhere, too."""
        stop = turn.stop
        if stop is None or stop.dies or stop.place is Place.STATEMENT or self._chance.random() < 0.5:
            return turn
        return replace(turn, stop=replace(stop, acts=self._happening()))

    def _happening(self) -> tuple[Act, ...]:
        kind = self._chance.random()
        return (self._reorganised(),) if kind < 0.6 else ()

    def _troubled(self, turn: Turn) -> Turn:
        if self._chance.random() >= self._troubles:
            return turn
        at = self._chance.choice(tuple(At))
        most = 60 if at is At.STATEMENT else 2
        nth = round(math.exp(self._chance.uniform(0, math.log(most))))
        return replace(turn, trouble=DatabaseTrouble(kind=self._chance.choice(tuple(Kind)), at=at, nth=nth))

    def _number(self) -> int:
        return self._chance.randrange(10**9)
