"""Schedules: one seed is one story, drawn to its end before any of it plays."""

import math
import random
from decimal import Decimal

from config.venues.filling import Ending
from config.venues.hours import Door
from tests.simulation.story import (
    SYMBOLS,
    Act,
    AtTheVenue,
    BrokerName,
    Deed,
    Fills,
    Market,
    Operator,
    Place,
    Reorg,
    Step,
    Stop,
    Story,
    Switch,
    Trouble,
    Turn,
)
from trading.conductor.verbs.requests import Verb
from trading.ledger.mode import Mode

# Every kind of call that the pipeline makes, as the venues name them: those about orders, and those that each order
# needs answered before it is placed, of which fewer fail, or nothing would ever be sent while things go wrong.
OF_ORDERS = ("submit", "find", "report", "list", "cancel")
BEFORE_AN_ORDER = ("account", "accounts", "positions", "token", "clock", "hours", "quote", "asset")
# The stations in the order in which a fill passes them, and how often each has a turn: who has most to do has most.
TURNS = {
    "processor": 4,
    "refresher": 6,
    "hedger": 6,
    "dispatcher": 8,
    "poller": 8,
    "tokens": 1,
    "reconciler": 1,
    "clerk": 1,
    "exposure_watch": 1,
    "drainer": 1,
}
STATIONS = tuple(TURNS)
# What a fill passes on its way to the venue and back, as the conductor gives the turns.
ON_THE_WAY = ("processor", "refresher", "hedger", "dispatcher", "poller")
# Which of them call the broker: at a call of theirs they may stop too.
CALLING = ("refresher", "dispatcher", "poller", "tokens", "reconciler", "clerk")
# How bad a story can be: of how many calls of a kind at most something goes wrong.
MOST_FAULTS = (0.2, 0.4, 0.6)
MOST_SUBMITS_FAIL = 0.9
SHARES = (
    "0.37",
    "0.5",
    "1",
    "1.5",
    "2",
    "2.000000000000000001",
    "3.25",
    "5",
    "0.000000000000000001",
    "7",
    "12.123456789",
)
PRICES = {"AAPL": Decimal("271.49"), "MSFT": Decimal("472.12"), "GME": Decimal("20.65")}
RULES = (
    (0, Ending.FILLED),
    (2, Ending.FILLED),
    (30, Ending.FILLED),
    (2, Ending.CANCELLED),
    (5, Ending.LEFT),
    (None, Ending.FILLED),
)
DEEDS = {
    Deed.FILL_PART: 6,
    Deed.FILL: 5,
    Deed.OVERFILL: 1,
    Deed.LATE_FILL: 2,
    Deed.CANCEL: 3,
    Deed.REJECT: 2,
    Deed.EXPIRE: 1,
    Deed.REPLACE: 1,
}
VERBS = (
    *(Verb.RECHECK_ORDER, Verb.RECHECK_ORDER, Verb.RECHECK_ORDER),
    *(Verb.RESUME_ORDER, Verb.CANCEL_ORDER, Verb.RESUME_SYMBOL, Verb.BUY, Verb.SELL),
)


def draw(seed: int, broker: BrokerName) -> Story:
    """Draw the story of a seed."""
    chance = random.Random(f"{seed}/{broker}")
    processes = chance.choice((1, 1, 2))
    most = chance.choice(MOST_FAULTS)
    rates = {call: _tenths(chance, most) for call in OF_ORDERS}
    rates |= {call: _tenths(chance, most / 3) for call in BEFORE_AN_ORDER}
    rates["submit"] = _tenths(chance, MOST_SUBMITS_FAIL)
    return Story(
        seed=seed,
        broker=broker,
        mode=chance.choice(tuple(Mode)),
        legacy_projection=chance.random() < 0.8,
        hedge_at=chance.choice(("1 share", "1 share", "$100")),
        processes=processes,
        held={symbol: Decimal(chance.choice((0, 3, 100_000, 100_000, 100_000))) for symbol in SYMBOLS},
        cash_usd=Decimal(chance.choice((1_500, 10**9, 10**9, 10**9))),
        shorting=chance.random() < 0.5,
        calls_per_minute=chance.choice((None, None, None, 60, 200)),
        first_rule=chance.choice(RULES),
        fault_rates=rates,
        weather_rate=_tenths(chance, most / 8),
        unkept_rate=_tenths(chance, 0.05) if chance.random() < 0.3 else Decimal(0),
        refused_events_rate=_tenths(chance, 0.2) if chance.random() < 0.3 else Decimal(0),
        steps=_steps(chance, broker, processes),
    )


def _steps(chance: random.Random, broker: BrokerName, processes: int) -> tuple[Step, ...]:
    symbols = chance.sample(SYMBOLS, chance.randint(1, len(SYMBOLS)))
    odds = {
        "fills": chance.uniform(0.3, 0.7),
        "deed": chance.uniform(0, 0.5),
        "market": chance.uniform(0, 0.15),
        "operator": chance.uniform(0, 0.2),
        "trouble": chance.uniform(0, 0.08) if broker is BrokerName.SCHWAB else 0,
        "death": chance.choice((0, 0.05, 0.15)),
        "meanwhile": chance.choice((0, 0.1, 0.3)),
        "reorg": chance.choice((0, 0, 0.05)),
        "in order": chance.uniform(0.2, 0.9),
    }
    slow = chance.choice((20, 120, 600))
    steps = [Step(seconds=0.1, acts=(drawn_fills(chance, symbols),))]
    for _ in range(chance.randint(10, 24)):
        acts: list[Act] = []
        if chance.random() < odds["fills"]:
            acts.append(drawn_fills(chance, symbols))
        if chance.random() < odds["reorg"]:
            acts.append(Reorg(back=chance.randint(0, 2), returns=chance.random() < 0.5))
        if chance.random() < odds["deed"]:
            acts += [drawn_deed(chance) for _ in range(chance.randint(1, 2))]
        if chance.random() < odds["market"]:
            acts.append(drawn_market(chance))
        if chance.random() < odds["operator"]:
            acts.append(drawn_wish(chance))
        if chance.random() < odds["trouble"]:
            acts.append(chance.choice(tuple(Trouble)))
        turns = _turns(chance, processes, odds)
        for act in acts:
            turns.insert(chance.randint(0, len(turns)), act)
        steps.append(Step(seconds=round(math.exp(chance.uniform(math.log(0.1), math.log(slow))), 3), acts=tuple(turns)))
    return tuple(steps)


def drawn_fills(chance: random.Random, symbols: list[str]) -> Fills:
    takes = []
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        symbol, shares = chance.choice(symbols), Decimal(chance.choice(SHARES))
        usdc = (shares * PRICES[symbol] * Decimal(chance.randint(98, 102)) / 100).quantize(Decimal("0.000001"))
        takes.append((chance.choice(("SELL", "SELL", "BUY")), shares, symbol, max(usdc, Decimal("0.000001"))))
    return Fills(takes=tuple(takes), again=chance.random() < 0.1)


def drawn_deed(chance: random.Random) -> AtTheVenue:
    deed = chance.choices(tuple(DEEDS), weights=tuple(DEEDS.values()))[0]
    return AtTheVenue(
        deed=deed,
        which=chance.randrange(1000),
        part=Decimal(chance.randint(1, 9)) / 10,
        price_factor=Decimal(chance.randint(95, 105)) / 100,
        waits=chance.random() < 0.7,
    )


def drawn_market(chance: random.Random) -> Market:
    match chance.randrange(3):
        case 0:
            return Market(door=chance.choice((Door.OPEN, Door.OPEN, Door.CLOSED)))
        case 1:
            symbol = chance.choice(SYMBOLS)
            return Market(price=(symbol, (PRICES[symbol] * chance.randint(90, 110) / 100).quantize(Decimal("0.01"))))
        case _:
            return Market(rule=chance.choice(RULES))


def drawn_wish(chance: random.Random) -> Act:
    if chance.random() < 0.2:
        return Switch(on=chance.random() < 0.4, symbol=chance.choice(("", *SYMBOLS)))
    return Operator(verb=chance.choice(VERBS), which=chance.randrange(1000), may_raise=chance.random() < 0.5)


def _turns(chance: random.Random, processes: int, odds: dict[str, float]) -> list[Act]:
    """Turns of one step: those of one process in the order of the way, or any of any."""
    if chance.random() < odds["in order"]:
        process = chance.randrange(processes)
        return [drawn_turn(chance, process, station, processes, odds) for station in ON_THE_WAY]
    return [
        drawn_turn(chance, chance.randrange(processes), *_stations(chance, 1), processes, odds)
        for _ in range(chance.randint(2, 8))
    ]


def drawn_turn(chance: random.Random, process: int, station: str, processes: int, odds: dict[str, float]) -> Turn:
    stop, place = None, chance.choice(tuple(Place)) if station in CALLING else Place.STATEMENT
    if chance.random() < odds["death"]:
        stop = Stop(place=place, nth=_nth(chance, place), dies=True)
    elif chance.random() < odds["meanwhile"]:
        stop = Stop(
            place=place,
            nth=_nth(chance, place),
            dies=False,
            seconds=chance.choice((0, 0, 1, 5, 20, 40)),
            turns=_stations(chance, chance.randint(1, 4)) if processes > 1 else (),
        )
    return Turn(process=process, station=station, stop=stop)


def _stations(chance: random.Random, count: int) -> tuple[str, ...]:
    return tuple(chance.choices(STATIONS, weights=tuple(TURNS.values()), k=count))


def _nth(chance: random.Random, place: Place) -> int:
    if place is not Place.STATEMENT:
        return chance.choice((1, 1, 1, 2, 3))
    return round(math.exp(chance.uniform(0, math.log(60))))


def _tenths(chance: random.Random, most: float) -> Decimal:
    return Decimal(f"{chance.uniform(0, most):.3f}")
