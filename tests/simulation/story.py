"""A story: what happens on the chain, at the venue and to our processes, step by step, drawn before any of it plays."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from config.venues.filling import Ending
from config.venues.hours import Door
from tests.simulation.blockchain_acts import ChainAct, ChainTerms
from tests.simulation.database_trouble import DatabaseTrouble
from trading.conductor.verbs.requests import Verb
from trading.ledger.mode import Mode

SYMBOLS = ("AAPL", "MSFT", "GME")


class BrokerName(StrEnum):
    """Whose protocol the venue speaks."""

    ALPACA = "alpaca"
    SCHWAB = "schwab"


# Where a process stops in a turn.


class Place(StrEnum):
    """Boundaries of a turn, at which a process may die or be held up."""

    BEFORE_CALL = "before a call"
    AFTER_CALL = "after a call"
    STATEMENT = "before a statement"
    """Of SQL; the one that follows a commit is the moment after that commit."""


@dataclass(frozen=True, kw_only=True)
class Stop:
    """At the how manieth of these places in its turn a process stops: for ever, or while time passes for the others."""

    place: Place
    nth: int
    dies: bool
    seconds: float = 0.0
    turns: tuple[str, ...] = ()
    acts: tuple[Any, ...] = ()
    """What else happens meanwhile: on the chain, at the venue, by an operator."""


# What happens in a step.


@dataclass(frozen=True, kw_only=True)
class Fills:
    """Our orders are taken on chain, in one block: side, shares, symbol and dollars of each."""

    takes: tuple[tuple[str, Decimal, str, Decimal], ...]
    again: bool = False
    """The node lists the logs twice."""


@dataclass(frozen=True, kw_only=True)
class Reorg:
    """One of the last blocks is no longer the chain's; its logs may come back in another."""

    back: int
    returns: bool


class Deed(StrEnum):
    """What a venue does by itself to one of its orders."""

    FILL_PART = "fills a part"
    FILL = "fills"
    OVERFILL = "fills too much"
    LATE_FILL = "fills late"
    CANCEL = "cancels"
    REJECT = "rejects"
    EXPIRE = "expires"
    REPLACE = "replaces"


@dataclass(frozen=True, kw_only=True)
class AtTheVenue:
    """The venue, or somebody there, does something to an order: one of those that it can be done to."""

    deed: Deed
    which: int
    part: Decimal
    price_factor: Decimal
    waits: bool
    """Where there is no such order, it is done to the first that there is."""


@dataclass(frozen=True, kw_only=True)
class Market:
    """The market opens or closes, a price moves, orders are filled in another manner from now on."""

    door: Door | None = None
    price: tuple[str, Decimal] | None = None
    rule: tuple[int | None, Ending] | None = None


class Trouble(StrEnum):
    """What ends a login."""

    TOKEN_ENDS = "the access token ends"
    LOGIN_ENDS = "the login ends"
    LOGIN = "the operator logs in"


@dataclass(frozen=True, kw_only=True)
class Operator:
    """An operator asks for something about an order or its symbol; which one is drawn among all."""

    verb: Verb
    which: int
    may_raise: bool = False
    by_command: bool = False
    """A process of its own does it at once; else a clerk does it some time."""
    stop: Stop | None = None
    """Where that process is held up, in which stations have turns: what it has asked may be otherwise by then."""


@dataclass(frozen=True, kw_only=True)
class Switch:
    """An operator throws a kill switch, or turns it off again: that of a symbol, or without one that of everything."""

    on: bool
    symbol: str


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A station of a process gets a turn."""

    process: int
    station: str
    stop: Stop | None = None
    trouble: DatabaseTrouble | None = None


Act = Fills | Reorg | AtTheVenue | Market | Trouble | Operator | Switch | Turn | ChainAct


@dataclass(frozen=True, kw_only=True)
class Step:
    """Time passes, and then this happens, in this order."""

    seconds: float
    acts: tuple[Act, ...]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What every story is of: the installation, its account, the venue, and how much goes wrong there."""

    seed: int
    broker: BrokerName
    mode: Mode
    legacy_projection: bool
    held: dict[str, Decimal] = field(default_factory=dict)
    """Shares in the account that are not ours to hedge with, of each symbol."""

    cash_usd: Decimal
    shorting: bool
    calls_per_minute: int | None
    first_rule: tuple[int | None, Ending]
    fault_rates: dict[str, Decimal]
    """Of how many of a kind of calls something goes wrong."""

    weather_rate: Decimal
    """Of how many calls nobody is reached, and of how many no answer comes in time."""

    by_calendar: bool
    """The market opens and closes when the exchange does."""


@dataclass(frozen=True, kw_only=True)
class Story(Terms):
    """All that follows from a seed."""

    hedge_at: str
    processes: int
    unkept_rate: Decimal
    """Of how many calls, or answers, the record can't be stored."""

    refused_events_rate: Decimal
    """How often the event store refuses, where the legacy rows are the truth."""

    steps: tuple[Step, ...] = field(repr=False)

    # Of a story of the whole system.

    chain: ChainTerms | None = None
    """Without one, fills come into the inbox by themselves."""

    started_at: datetime | None = None
    by_calendar: bool = False

    @property
    def world(self) -> str:
        return "orders" if self.chain is None else "whole"

    @property
    def lasts(self) -> timedelta:
        return timedelta(seconds=sum(step.seconds for step in self.steps))

    def __str__(self) -> str:
        return f"seed {self.seed}, broker {self.broker}, mode {self.mode}, hedge at {self.hedge_at}"
