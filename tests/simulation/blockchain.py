"""The blockchain of a story: its forks, the node that tells of them, and what happens to both."""

import random
from decimal import Decimal

from tests.simulation.blockchain_acts import ChainAct, ChainTerms, Mined, Mood, NodeChanges, Other, Reorganised
from tests.simulation.emissions import Mint
from tests.simulation.forks import Forks, View
from tests.simulation.rpc import SimulatedNode
from tests.support.stations import Clock


class Blockchain:
    """The chain of one story."""

    def __init__(self, seed: int, terms: ChainTerms, clock: Clock) -> None:
        self._seed, self.terms = seed, terms
        self.forks = Forks(clock, seconds_a_block=terms.seconds_a_block)
        self.node = SimulatedNode(seed, self._view, terms.decimals, clock)
        self.node.mood = Mood(**vars(terms.mood))
        self._mint = Mint(terms.decimals)
        self._mined = self.fills = self.reorgs = 0

    def do(self, act: ChainAct) -> None:
        match act:
            case Mined():
                self._mined += 1
                chance = self._chance(act.number)
                transactions = self._mint.fills(act.takes, chance, name=f"fills {self._mined} of {act.number}")
                self.forks.mine(transactions)
                self.fills += len(act.takes)
            case Other():
                self._mined += 1
                name = f"other {self._mined} of {act.number}"
                self.forks.mine([self._mint.other(act.sort, self._chance(act.number), name=name)])
            case Reorganised():
                self.reorgs += 1
                self.forks.reorganise(
                    self._chance(act.number), depth=act.depth, falls=act.falls, comes_back=act.comes_back
                )
            case NodeChanges():
                self.node.mood.behind, self.node.mood.rate = act.behind, act.rate
                left = len(self.forks.former)
                self.node.mood.former = left - 1 if act.former and left else None

    def be_well(self) -> None:
        """From now on the node tells all that there is."""
        self.node.mood = Mood(shuffles=True, repeats=True)

    def net(self, symbol: str) -> Decimal:
        return self.forks.net(symbol)

    def _view(self, mood: Mood) -> View:
        if mood.former is not None and self.forks.was_left_lately(former := self.forks.former[mood.former]):
            return former
        return self.forks.view(behind=mood.behind)

    def _chance(self, number: int) -> random.Random:
        return random.Random(f"{self._seed}/chain/{number}")
