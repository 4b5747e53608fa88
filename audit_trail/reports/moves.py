"""Moves: how the price of what was bought or sold went on after the fill, as far as a later price is known.

A later price is one that we have: the close of a daily bar, a fill on chain or of a hedge, a later decision's fill, or
the quote that the broker gave last. Where none is later than the fill, nothing is made up. Bars are adjusted for splits
and fills are not, so that over a split a move is not to be believed.
"""

from collections.abc import Collection, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec
from django.db.models import OuterRef, Q, QuerySet, Subquery

from audit_trail.days.drafting import PORTFOLIO
from audit_trail.decisions.models import Status
from audit_trail.executions.models import DecisionHolding, TradeExecution
from audit_trail.reports.periods import Period
from audit_trail.sources.alpaca.models import HistoricalBar
from trading.brokers.market import Quote
from trading.market_hours.calendar import NEW_YORK, session_of
from trading.pnl.models import ProfitRow
from trading.risk.facts import BrokerFact, FactKind
from trading.values.arithmetic import ZERO, multiply, quotient, subtract
from trading.values.sides import Side

MOST_FILLS = 10_000
"""Of so many executed decisions of a period, the newest, it is looked how the price went on."""

_HUNDRED = Decimal(100)


class SeenPrice(NamedTuple):
    """A price of a symbol, and when it was one."""

    at: datetime
    price_usd: Decimal


class Move(NamedTuple):
    """What an executed decision was followed by, in percent; above zero is the way that was bet on, None unknown."""

    strategies: tuple[str, ...]
    """Under whose name it was stored, and those that had a part in it."""

    percent: Decimal | None


class _Origin(msgspec.Struct):
    name: str


class _Source(msgspec.Struct):
    strategies: list[_Origin] = []


class _Rationale(msgspec.Struct):
    source_data: _Source = msgspec.field(default_factory=_Source)


def moves_in(period: Period, *, strategy: str | None = None) -> Iterator[Move]:
    """Tell of each executed decision of a period how the price went on up to its end; three statements."""
    rows = TradeExecution.objects.filter(
        trade_decision__status__in=[Status.EXECUTED, Status.PARTIALLY_EXECUTED],
        trade_decision__decided_at__gte=period.since,
        trade_decision__decided_at__lt=period.until,
    ).exclude(filled_shares=ZERO)
    if strategy is not None:
        rows = rows.filter(trade_decision__strategy_name__in=[strategy, PORTFOLIO])
    filled = list(
        rows.order_by("-trade_decision__decided_at", "-pk").values_list(
            "trade_decision__strategy_name",
            "trade_decision__decision_rationale",
            "trade_decision__symbol",
            "trade_decision__side",
            "average_price_usd",
            "trade_decision__executed_at",
        )[:MOST_FILLS]
    )
    prices = newest_prices({symbol for _, _, symbol, *_ in filled}, before=period.until)
    for name, rationale, symbol, side, price_usd, at in filled:
        yield Move(
            strategies=(name, *(origins_in(rationale) if name == PORTFOLIO else ())),
            percent=_percent(Side(side), price_usd, at, prices.get(symbol)),
        )


def newest_prices(symbols: Collection[str], *, before: datetime) -> dict[str, SeenPrice]:
    """The newest price that was seen of each symbol before a moment; two statements."""
    hedged = ProfitRow.objects.filter(symbol=OuterRef("symbol"), at__lt=before).order_by(
        "-at", "-rank", "-major", "-minor"
    )
    # By the decision's time, for which there is an index, and none for that of an attempt of a symbol.
    decided = TradeExecution.objects.filter(
        trade_decision__symbol=OuterRef("symbol"),
        trade_decision__decided_at__lt=before,
        average_price_usd__isnull=False,
        ended_at__lt=before,
    ).order_by("-trade_decision__decided_at")
    bars = bars_known(before).filter(symbol=OuterRef("symbol")).order_by("-day")
    # Of each symbol that a decision ever moved there is a holding, so that this reads one row of each table a symbol.
    rows = DecisionHolding.objects.filter(symbol__in=symbols).values_list(
        "symbol",
        Subquery(hedged.values("at")[:1]),
        Subquery(hedged.values("price_usd")[:1]),
        Subquery(decided.values("ended_at")[:1]),
        Subquery(decided.values("average_price_usd")[:1]),
        Subquery(bars.values("day")[:1]),
        Subquery(bars.values("close_usd")[:1]),
    )
    seen: dict[str, list[SeenPrice]] = {}
    for symbol, *pairs, day, close_usd in rows:
        pairs += [None if day is None else closed_at(day), close_usd]
        seen.setdefault(symbol, []).extend(
            SeenPrice(at, price)
            for at, price in zip(pairs[::2], pairs[1::2], strict=True)
            if at is not None and price is not None
        )
    for symbol, quoted in _quotes(symbols, before):
        seen.setdefault(symbol, []).append(quoted)
    return {symbol: max(prices) for symbol, prices in seen.items() if prices}


def bars_known(before: datetime) -> "QuerySet[HistoricalBar]":
    """The bars of days that were over before a moment, in the versions that we had then."""
    return HistoricalBar.objects.filter(
        Q(record__superseded_at=None) | Q(record__superseded_at__gte=before),
        day__lt=before.astimezone(NEW_YORK).date(),
        record__known_at__lt=before,
    )


def closed_at(day: date) -> datetime:
    """When a day's session ended, whose close a bar tells."""
    session = session_of(day)
    return Period.of_day(day).until if session is None else session.closes_at


def origins_in(rationale: str) -> tuple[str, ...]:
    """The strategies that had a part in a decision of the portfolio; none where its rationale does not say."""
    try:
        return tuple(origin.name for origin in msgspec.json.decode(rationale, type=_Rationale).source_data.strategies)
    except msgspec.MsgspecError:
        return ()


def _quotes(symbols: Collection[str], before: datetime) -> Iterator[tuple[str, SeenPrice]]:
    facts = BrokerFact.objects.filter(
        Q(kind=FactKind.QUOTE.value, subject__in=symbols, as_of__lt=before) & Q(body__isnull=False)
    )
    for fact in facts:
        answer = fact.readable()
        if isinstance(answer, Quote) and answer.last_usd is not None and answer.last_usd > 0:
            yield fact.subject, SeenPrice(answer.quoted_at, answer.last_usd)


def _percent(side: Side, price_usd: Decimal | None, at: datetime | None, later: SeenPrice | None) -> Decimal | None:
    if price_usd is None or price_usd <= 0 or at is None or later is None or later.at <= at:
        return None
    moved = multiply(quotient(subtract(later.price_usd, price_usd), price_usd), _HUNDRED)
    return moved if side is Side.BUY else -moved
