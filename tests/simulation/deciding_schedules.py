"""Schedules of decisions: one seed is one story of some trading days, drawn to its end before any of it plays."""

import math
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from config.venues.filling import Ending
from config.venues.instruments import PRICES_USD
from config.venues.quiver_rows import Row, congress_row, congress_rows, insider_row, insider_rows
from tests.simulation.database_trouble import At, DatabaseTrouble, Kind
from tests.simulation.deciding_story import (
    CONGRESS,
    FEEDS,
    INSIDERS,
    AtTheSource,
    DecidingAct,
    DecidingStory,
    Doing,
    Moment,
    Published,
    Run,
    Sending,
    Thrown,
    Wish,
    Wishing,
)
from tests.simulation.schedules import DEEDS as OF_HEDGES
from tests.simulation.story import AtTheVenue, BrokerName, Deed, Market, Place, Stop
from trading.ledger.mode import Mode
from trading.market_hours.calendar import NEW_YORK, session_of
from trading.risk.scopes import Scope

# A week like others; those in which clocks change, half days, and days round a holiday.
STARTS = (
    date(2026, 3, 2),
    date(2026, 3, 5),
    date(2026, 10, 29),
    date(2026, 11, 24),
    date(2026, 12, 22),
    date(2026, 7, 1),
)
SYMBOLS = ("AAPL", "AMZN", "BRK.B", "GOOGL", "MSFT", "NVDA", "TSLA")
PEOPLE = (
    ("Ada Example", "E000001", "D", "Representatives", "CA"),
    ("Ben Sample", "S000002", "R", "Senate", "TX"),
    ("Cora Specimen", "S000003", "D", "Senate", "NY"),
    ("Dan Instance", "I000004", "R", "Representatives", "FL"),
)
SIZES = ("1001.0", "15001.0", "50001.0", "100001.0")
SOURCE_CALLS = ("congress", "insiders", "bars")
ORDER_CALLS = ("submit", "find", "report", "list", "cancel")
OTHER_CALLS = ("account", "positions", "clock", "quote", "asset")
RULES = (
    (0, Ending.FILLED),
    (2, Ending.FILLED),
    (30, Ending.FILLED),
    (400, Ending.FILLED),
    (2000, Ending.FILLED),
    (2, Ending.CANCELLED),
    (5, Ending.LEFT),
    (None, Ending.FILLED),
)
# Its orders are not replaced.
DEEDS = {deed: weight for deed, weight in OF_HEDGES.items() if deed is not Deed.REPLACE}
CHANGES: dict[str, tuple[tuple[tuple[str, Any], ...], ...]] = {
    CONGRESS: (
        (("Comments", "amended"),),
        (("Status", "Amended"),),
        (("Trade_Size_USD", "250001.0"),),
        (("Transaction", "Sale (Full)"),),
        (("excess_return", "-7.5"), ("last_modified", "2026-01-01T22:00:00.000")),
    ),
    INSIDERS: (
        (("SharesOwnedFollowing", Decimal("11.0")),),
        (("officerTitle", "President and CEO"),),
        (("TransactionCode", "S"), ("AcquiredDisposedCode", "D")),
    ),
}
GARBLED: dict[str, tuple[tuple[tuple[str, Any], ...], ...]] = {
    CONGRESS: (
        (("Trade_Size_USD", "a lot"),),
        (("Transaction", "Gift"),),
        (("Filed", "soon"),),
        (("Name", None),),
    ),
    INSIDERS: (
        (("Shares", "n/a"),),
        (("TransactionCode", "?"),),
        (("fileDate", None),),
    ),
}
STATEMENTS = 1100
"""So many a day of trading has, where nothing is waited for."""

MOST = {"trade_day": (STATEMENTS, 60), "execute_decisions": (400, 30), "run_strategy": (150, 20), "ingest": (70, 3)}
"""How many statements and calls a command has, or nearly."""

SENDING = ("trade_day", "execute_decisions", "poll")
"""What may send an order."""


def draw_decisions(seed: int, broker: BrokerName) -> DecidingStory:
    """Draw the story of a seed."""
    chance = random.Random(f"{seed}/{broker}/decisions")
    calm = chance.random() < 0.1
    most = 0.0 if calm else chance.choice((0.15, 0.4, 0.7))
    days = list(_trading_days(chance.choice(STARTS), 1 if calm else chance.choice((1, 2, 2, 3))))
    machines = chance.choice((1, 1, 2))
    rates = {call: _part(chance, most * 0.8) for call in ORDER_CALLS}
    rates |= {call: _part(chance, most / 2.5) for call in SOURCE_CALLS}
    rates |= {call: _part(chance, most / 20) for call in OTHER_CALLS}
    rates["submit"] = _part(chance, min(1.5 * most, 0.9))
    before = days[0] - timedelta(days=1)
    return DecidingStory(
        seed=seed,
        broker=broker,
        mode=chance.choice(tuple(Mode)),
        legacy_projection=chance.random() < 0.8,
        started_at=datetime.combine(days[0], time(5), tzinfo=NEW_YORK).astimezone(UTC),
        machines=machines,
        rows={CONGRESS: tuple(congress_rows(before)), INSIDERS: tuple(insider_rows(before))},
        cash_usd=Decimal(chance.choice((2_000, 30_000, 400_000, 400_000, 400_000))),
        shorting=chance.random() < 0.5,
        calls_per_minute=chance.choice((None, None, None, 60, 200)),
        first_rule=chance.choice(RULES[:5]),
        fault_rates=rates,
        weather_rate=_part(chance, most / 20),
        steps=tuple(moment for day in days for moment in _Day(chance, day, machines, calm=calm).moments()),
    )


class _Day:
    """Draws one trading day."""

    def __init__(self, chance: random.Random, day: date, machines: int, *, calm: bool) -> None:
        self._chance, self._day, self._machines, self._calm = chance, day, machines, calm
        self._deaths = 0 if calm else chance.choice((0, 0.2, 0.4))
        self._meanwhile = 0 if calm else chance.choice((0, 0.4, 0.8))
        self._troubles = 0 if calm else chance.choice((0, 0.1, 0.3))

    def moments(self) -> Iterator[Moment]:
        chance = self._chance
        yield self._at(time(6, 30), *self._published())
        if chance.random() < 0.4:
            yield self._at(time(8), *self._at_sources(), *(self._run("ingest", task) for task in self._tasks()))
        yield self._at(time(9, 45), *self._at_sources())
        skips = ("--skip-ingest",) if chance.random() < 0.1 else ()
        yield self._at(time(10), self._run("trade_day", *skips, "--follow", self._seconds()))
        if self._calm:
            return
        minute = 3
        for _ in range(chance.randint(2, 7)):
            acts = [self._act() for _ in range(chance.randint(1, 3))]
            yield Moment(at=self._time(time(10)) + timedelta(minutes=minute), acts=tuple(acts))
            minute += chance.choice((0, 1, 2, 6, 15, 60))
        if chance.random() < 0.3:
            yield self._at(time(15, 59), self._run("execute_decisions", "--follow", "30"))
        if chance.random() < 0.5:
            yield self._at(time(17), self._run("poll"))

    def _at(self, at: time, *acts: DecidingAct) -> Moment:
        return Moment(at=self._time(at), acts=acts)

    def _time(self, at: time) -> datetime:
        return datetime.combine(self._day, at, tzinfo=NEW_YORK).astimezone(UTC)

    # Commands.

    def _act(self, *, inner: bool = False) -> DecidingAct:
        chance = self._chance
        kind = chance.choices(
            ("execute", "again", "poll", "wish", "switch", "deed", "market", "ingest", "source", "reconcile", "decide"),
            weights=(4, 3, 3, 4, 2, 4, 1, 1, 1, 1, 1),
        )[0]
        match kind:
            case "execute":
                side = chance.choice(((), ("--side", "sell"), ("--side", "buy")))
                return self._run("execute_decisions", *side, "--follow", chance.choice(("0", "5", "20")), inner=inner)
            case "again":
                skips = ("--skip-ingest",) if chance.random() < 0.5 else ()
                return self._run("trade_day", *skips, "--follow", self._seconds(), inner=inner)
            case "poll" | "reconcile":
                return self._run(kind, inner=inner)
            case "decide":
                return self._run("run_strategy", "portfolio", inner=inner)
            case "ingest":
                return self._run("ingest", chance.choice(("congress", "insider", "bars")), inner=inner)
            case "wish":
                return self._wish()
            case "switch":
                return self._switch()
            case "deed":
                return AtTheVenue(
                    deed=chance.choices(tuple(DEEDS), weights=tuple(DEEDS.values()))[0],
                    which=chance.randrange(1000),
                    part=Decimal(chance.randint(1, 9)) / 10,
                    price_factor=Decimal(chance.randint(95, 105)) / 100,
                    waits=chance.random() < 0.7,
                )
            case "market":
                return self._market()
        return next(iter(self._at_sources(surely=True)))

    def _run(self, *words: str, inner: bool = False) -> Run:
        """A command, that may die, be held up while others act, or find its database in trouble."""
        stop = None if inner else self._stop(words[0])
        return Run(
            machine=self._chance.randrange(self._machines),
            words=words,
            stop=stop,
            trouble=None if stop else self._ill(),
        )

    def _stop(self, command: str) -> Stop | None:
        chance = self._chance
        places = (*Place, *Sending, *Sending) if command in SENDING else tuple(Place)
        place: Any = chance.choice(places)
        if chance.random() < self._deaths:
            return Stop(place=place, nth=self._nth(place, command), dies=True)
        if chance.random() >= self._meanwhile:
            return None
        acts = [self._act(inner=True) for _ in range(chance.randint(1, 2))]
        if isinstance(place, Sending) and chance.random() < 0.5:
            acts.insert(0, self._wish())
        # What a switch comes too late for it may come too late for by so much, and no more.
        longest = 3 if any(isinstance(act, Thrown) for act in acts) else 6
        seconds = (0, 1, 20, 40, 150, 700)[: longest + 1]
        return Stop(
            place=place, nth=self._nth(place, command), dies=False, seconds=chance.choice(seconds), acts=tuple(acts)
        )

    def _ill(self) -> DatabaseTrouble | None:
        chance = self._chance
        if chance.random() >= self._troubles:
            return None
        at = chance.choice((At.STATEMENT, At.STATEMENT, At.COMMIT_BEFORE, At.COMMIT_AFTER))
        most = STATEMENTS if at is At.STATEMENT else 120
        return DatabaseTrouble(kind=chance.choice(tuple(Kind)), at=at, nth=_skewed(chance, most))

    def _nth(self, place: Place | Sending, command: str) -> int:
        """Early in a command, or anywhere in it."""
        if isinstance(place, Sending):
            return self._chance.choice((1, 1, 2, 3, 5))
        statements, calls = MOST.get(command, (60, 4))
        most = statements if place is Place.STATEMENT else calls
        return _skewed(self._chance, most) if self._chance.random() < 0.3 else self._chance.randint(1, most)

    def _seconds(self) -> str:
        return self._chance.choice(("0", "5", "20", "60"))

    def _tasks(self) -> list[str]:
        return self._chance.sample(("congress", "insider", "bars"), self._chance.randint(1, 3))

    # What others do.

    def _wish(self) -> Wish:
        chance = self._chance
        return Wish(
            wishing=chance.choice((Wishing.CANCEL, Wishing.RECHECK, Wishing.NOT_THERE)),
            which=chance.randrange(1000),
            under_way=chance.random() < 0.6,
            machine=chance.randrange(self._machines),
        )

    def _switch(self) -> Thrown:
        chance = self._chance
        scope = chance.choice((Scope.GLOBAL, Scope.SYMBOL, Scope.SYMBOL, Scope.STRATEGY, Scope.BROKER))
        subject = {
            Scope.GLOBAL: "",
            Scope.SYMBOL: chance.choice(SYMBOLS),
            Scope.STRATEGY: "portfolio",
            Scope.BROKER: "alpaca",
        }[scope]
        return Thrown(on=chance.random() < 0.5, scope=scope, subject=subject)

    def _market(self) -> Market:
        chance = self._chance
        if chance.random() < 0.5:
            return Market(rule=chance.choice(RULES))
        symbol = chance.choice(SYMBOLS)
        return Market(price=(symbol, (PRICES_USD[symbol] * chance.randint(85, 115) / 100).quantize(Decimal("0.01"))))

    def _published(self) -> Iterator[DecidingAct]:
        chance = self._chance
        for feed, drawn in ((CONGRESS, self._congress), (INSIDERS, self._insider)):
            yield Published(feed=feed, rows=tuple(drawn() for _ in range(chance.randint(0, 6))))

    def _at_sources(self, *, surely: bool = False) -> Iterator[DecidingAct]:
        chance = self._chance
        while surely or (not self._calm and chance.random() < 0.5):
            feed = chance.choice(FEEDS)
            doing = chance.choices(tuple(Doing), weights=(4, 2, 3, 4, 1, 3))[0]
            among = {Doing.CHANGES: CHANGES, Doing.GARBLES: GARBLED}.get(doing)
            yield AtTheSource(
                feed=feed,
                doing=doing,
                which=chance.randrange(1000),
                changes=() if among is None else chance.choice(among[feed]),
            )
            if surely:
                return

    def _congress(self) -> Row:
        chance, day = self._chance, self._day
        name, bioguide, party, chamber, state = chance.choice(PEOPLE)
        return congress_row(
            Ticker=chance.choice(SYMBOLS),
            Traded=f"{day - timedelta(days=chance.randint(1, 40))}T00:00:00.000",
            Transaction=chance.choice(("Purchase", "Purchase", "Sale (Partial)", "Sale (Full)", "Exchange")),
            Trade_Size_USD=chance.choice(SIZES),
            Name=name,
            BioGuideID=bioguide,
            Filed=f"{day - timedelta(days=chance.choice((0, 1, 1, 2)))}T00:00:00.000",
            Party=party,
            Chamber=chamber,
            State=state,
            Quiver_Upload_Time=f"{day}T05:45:26.820",
            last_modified=f"{day}T06:00:00.000",
        )

    def _insider(self) -> Row:
        chance, day = self._chance, self._day
        buys = chance.random() < 0.6
        filed = day - timedelta(days=chance.choice((0, 1, 1, 2)))
        return insider_row(
            Ticker=chance.choice(SYMBOLS),
            Date=f"{filed - timedelta(days=2)}T00:00:00.000",
            Name=chance.choice(("DOE JANE", "ROE RICHARD", "POE PAUL")),
            TransactionCode="P" if buys else "S",
            AcquiredDisposedCode="A" if buys else "D",
            Shares=Decimal(100 * chance.randint(1, 30)),
            fileDate=f"{filed}T21:44:37.000",
            uploaded=f"{filed}T21:45:26.820",
        )


def _trading_days(first: date, count: int) -> Iterator[date]:
    day = first
    while count:
        if session_of(day) is not None:
            yield day
            count -= 1
        day += timedelta(days=1)


def _skewed(chance: random.Random, most: int) -> int:
    return round(math.exp(chance.uniform(0, math.log(most))))


def _part(chance: random.Random, most: float) -> Decimal:
    return Decimal(f"{chance.uniform(0, most):.3f}")
