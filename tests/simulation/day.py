"""A trading day: its hours as they pass in a market, from before it opens until after it has closed.

A story of the whole is dense: hardly a moment passes in which nothing goes wrong. A day has fills every ten minutes or
so, and troubles now and then; it meets what only hours bring: tokens that end every half hour, figures that grow old,
the opening, the close with orders under way, half days, blocks by the thousand.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from tests.simulation.schedules import (
    ON_THE_WAY,
    STATIONS,
    drawn_deed,
    drawn_fills,
    drawn_turn,
    drawn_wish,
)
from tests.simulation.story import SYMBOLS, Act, BrokerName, Step, Story, Trouble
from tests.simulation.whole import Overlay, draw_whole
from trading.market_hours.calendar import session_of

# Days like others, those before and after a change of the clocks, half days, the days before a holiday and a weekend.
DAYS = (
    *(date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 6), date(2026, 3, 9), date(2026, 7, 2)),
    *(date(2026, 10, 30), date(2026, 11, 2), date(2026, 11, 27), date(2026, 12, 24)),
)
BEFORE_AND_AFTER = timedelta(minutes=15)
MINUTES_BETWEEN_FILLS = (6, 12, 25)
# So often at least every station has a turn. In production it is every few seconds: here turns that would find nothing
# are left out, since who looks and finds nothing changes nothing.
ROUND_EVERY = timedelta(minutes=10)
# So long after a fill the orders that it led to are looked at again.
LOOKED_AFTER_SECONDS = 20
OF_ALL = Decimal("0.15")
"""How much of what goes wrong in a story of the whole goes wrong in one of a day."""


def draw_day(seed: int, broker: BrokerName) -> Story:
    """Draw the day of a seed."""
    chance = random.Random(f"{seed}/{broker}/day")
    story = draw_whole(seed, broker)
    session = session_of(chance.choice(DAYS))
    assert session is not None
    lasts = session.closes_at - session.opens_at + 2 * BEFORE_AND_AFTER
    overlay = Overlay(chance, story.processes, of_all=float(OF_ALL))
    assert story.chain is not None
    mood = replace(story.chain.mood, rate=story.chain.mood.rate * float(OF_ALL))
    return replace(
        story,
        chain=replace(story.chain, mood=mood),
        started_at=session.opens_at - BEFORE_AND_AFTER,
        by_calendar=True,
        fault_rates={call: rate * OF_ALL for call, rate in story.fault_rates.items()},
        weather_rate=story.weather_rate * OF_ALL,
        unkept_rate=story.unkept_rate * OF_ALL,
        refused_events_rate=story.refused_events_rate * OF_ALL,
        steps=overlay.steps(tuple(_Day(chance, story).steps(lasts))),
    )


class _Day:
    def __init__(self, chance: random.Random, story: Story) -> None:
        self._chance, self._story = chance, story
        self._symbols = chance.sample(SYMBOLS, chance.randint(1, len(SYMBOLS)))
        self._between = 60 * chance.choice(MINUTES_BETWEEN_FILLS)
        most = float(OF_ALL)
        self._odds = {
            "death": most * chance.choice((0, 0.05, 0.15)),
            "meanwhile": most * chance.choice((0, 0.1, 0.3)),
            "deed": chance.uniform(0, 0.3),
            "operator": chance.uniform(0, 0.1),
            "trouble": chance.uniform(0, 0.02) if story.broker is BrokerName.SCHWAB else 0,
        }

    def steps(self, lasts: timedelta) -> Iterator[Step]:
        """Fills as they come, each hedged and looked after; and a round of all stations where long nothing came."""
        left = lasts.total_seconds()
        while left > 0:
            until_fill = self._chance.expovariate(1 / self._between)
            waited = min(until_fill, ROUND_EVERY.total_seconds())
            left -= waited
            if waited < until_fill:
                yield self._step(waited, [], STATIONS)
                continue
            yield self._step(waited, [drawn_fills(self._chance, self._symbols), *self._happens()], ON_THE_WAY)
            left -= LOOKED_AFTER_SECONDS
            yield self._step(LOOKED_AFTER_SECONDS, [], ("dispatcher", "poller"))

    def _step(self, seconds: float, acts: list[Act], stations: tuple[str, ...]) -> Step:
        process, processes = self._chance.randrange(self._story.processes), self._story.processes
        turns: list[Act] = [drawn_turn(self._chance, process, name, processes, self._odds) for name in stations]
        return Step(seconds=round(seconds, 3), acts=(*acts, *turns))

    def _happens(self) -> Iterator[Act]:
        if self._chance.random() < self._odds["deed"]:
            yield drawn_deed(self._chance)
        if self._chance.random() < self._odds["operator"]:
            yield drawn_wish(self._chance)
        if self._chance.random() < self._odds["trouble"]:
            yield self._chance.choice(tuple(Trouble))
