"""Politicians: who made a trade, and how well the person's purchases did.

The score knows no prices. A purchase counts as won while nothing of it is sold; what was sold is taken to have been
won in six cases of ten.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal

import msgspec

from audit_trail.strategies.known import Known
from audit_trail.strategies.records import CongressTrade, RecordRef, TradeKind
from audit_trail.strategies.tickers import tradable
from trading.values.arithmetic import PRICE_DIGITS, ZERO, add, canonical, multiply, quotient, subtract

SCORED_DAYS = 365
FEWEST_PURCHASES = 5
NEUTRAL = Decimal(5)
"""The score of who bought too seldom to be judged."""

_WON_OF_SOLD = Decimal("0.6")
_WINS_WEIGH, _RETURN_WEIGHS = Decimal(6), Decimal(4)
_HUNDRED, _FIFTY, _THIRTY, _TWENTY, _TEN, _FIVE, _ONE = map(Decimal, (100, 50, 30, 20, 10, 5, 1))
_ROUNDED = Context(prec=PRICE_DIGITS, rounding=ROUND_HALF_UP)


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How well a politician's purchases of a year did."""

    politician: str
    score: Decimal
    purchases: int
    wins: int | None
    """None where there were too few purchases to say."""

    win_rate_pct: Decimal | None
    average_return_pct: Decimal | None
    """Reckoned from the win rate, since no prices are known."""

    scored_at: datetime
    """Nothing that was known later is in it."""

    trades: tuple[RecordRef, ...]
    """All that the person traded in the year, what counts for nothing too: who reckons it again needs no others."""


def identities(trades: Iterable[CongressTrade]) -> dict[RecordRef, str]:
    """Tell of each trade who made it: the number with the Congress, else the name.

    A trade that bears a name only is the one person's whose number stands beside that name in other trades.
    """
    listed = list(trades)
    numbers: dict[str, set[str]] = defaultdict(set)
    for trade in listed:
        if (number := _number(trade)) is not None:
            numbers[_name(trade)].add(number)
    return {trade.ref: _number(trade) or _only(numbers[_name(trade)]) or f"name:{_name(trade)}" for trade in listed}


def scores(known: Known) -> tuple[Score, ...]:
    """Score everybody who traded in the year up to the day, by person."""
    since = known.day - timedelta(days=SCORED_DAYS)
    trades = known.of(CongressTrade)
    people = identities(trades)
    by_person: dict[str, list[CongressTrade]] = defaultdict(list)
    for trade in trades:
        if since <= trade.transaction_date <= known.day:
            by_person[people[trade.ref]].append(trade)
    return tuple(_score(person, by_person[person], known.as_of) for person in sorted(by_person))


def _score(person: str, trades: list[CongressTrade], scored_at: datetime) -> Score:
    purchases = sum(trade.kind is TradeKind.PURCHASE for trade in trades)
    counted = tuple(trade.ref for trade in trades)
    if purchases < FEWEST_PURCHASES:
        return Score(
            politician=person,
            score=NEUTRAL,
            purchases=purchases,
            wins=None,
            win_rate_pct=None,
            average_return_pct=None,
            scored_at=scored_at,
            trades=counted,
        )
    wins = _wins(trades)
    rate = quotient(multiply(Decimal(wins), _HUNDRED), Decimal(purchases))
    average = max(ZERO, add(_FIVE, quotient(multiply(subtract(rate, _FIFTY), _TEN), _THIRTY)))
    won = multiply(quotient(rate, _HUNDRED), _WINS_WEIGH)
    returned = multiply(min(quotient(average, _TWENTY), _ONE), _RETURN_WEIGHS)
    return Score(
        politician=person,
        score=_hundredths(add(won, returned)),
        purchases=purchases,
        wins=wins,
        win_rate_pct=_hundredths(rate),
        average_return_pct=_hundredths(average),
        scored_at=scored_at,
        trades=counted,
    )


def _wins(trades: list[CongressTrade]) -> int:
    """Count the purchases that did well, ticker by ticker; more sales than purchases of a ticker win none of them."""
    bought: dict[str, int] = defaultdict(int)
    sold: dict[str, int] = defaultdict(int)
    for trade in trades:
        counted = {TradeKind.PURCHASE: bought, TradeKind.SALE: sold}.get(trade.kind)
        if counted is not None:
            counted[tradable(trade.ticker) or trade.ticker] += 1
    return sum(_won(buys, sold[ticker]) for ticker, buys in bought.items())


def _won(buys: int, sales: int) -> int:
    if sales == 0:
        return buys
    return int(_whole(multiply(Decimal(max(buys - sales, 0)), _WON_OF_SOLD)))


def _whole(value: Decimal) -> Decimal:
    return value.quantize(_ONE, context=_ROUNDED)


def _hundredths(value: Decimal) -> Decimal:
    return canonical(value.quantize(Decimal("0.01"), context=_ROUNDED))


def _name(trade: CongressTrade) -> str:
    return " ".join(trade.politician_name.lower().split())


def _number(trade: CongressTrade) -> str | None:
    return (trade.bioguide_id or "").strip().upper() or None


def _only(numbers: set[str]) -> str | None:
    return next(iter(numbers)) if len(numbers) == 1 else None
