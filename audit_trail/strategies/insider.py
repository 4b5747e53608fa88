"""Insider: buy what the people who run a company bought of it on the open market, with their own money."""

import re
from decimal import Decimal
from typing import Any

from audit_trail.strategies.known import Known
from audit_trail.strategies.records import InsiderTrade
from audit_trail.strategies.sieve import Sieve
from audit_trail.strategies.signals import ONE, Opinion, Reason
from audit_trail.strategies.strategy import Strategy, StrategyParameters
from trading.values.arithmetic import ZERO, add, canonical, multiply, plain, total
from trading.values.symbols import Symbol

NAME = "insider"
SOURCE = "quiver_insiders"

BASE, FOR_SEVERAL, FOR_MUCH = Decimal("0.6"), Decimal("0.2"), Decimal("0.2")
MUCH_USD = Decimal(100_000)

# Titles are in the company's own words. A vice president runs a part of the company, and counts.
_EXECUTIVE = re.compile(
    r"\b(CEO|CFO|COO|CHIEF\s+EXECUTIVE|CHIEF\s+FINANCIAL|CHIEF\s+OPERATING|PRES|PRESIDENT|CHAIR(MAN|WOMAN|PERSON)?)\b"
)


class Parameters(StrategyParameters, frozen=True):
    """What the insider strategy is set by."""

    lookback_days: int
    min_transaction_value_usd: Decimal
    executive_only: bool
    max_symbols: int
    """The strongest so many are spoken of; among equals those of which most was bought."""

    def __post_init__(self) -> None:
        if self.lookback_days < 1:
            raise ValueError(f"expected lookback_days of 1 or more, was {self.lookback_days}")
        if self.min_transaction_value_usd < ZERO:
            raise ValueError(f"expected min_transaction_value_usd from 0, was {plain(self.min_transaction_value_usd)}")
        if self.max_symbols < 1:
            raise ValueError(f"expected max_symbols of 1 or more, was {self.max_symbols}")


def decide(known: Known, parameters: Parameters) -> Opinion:
    """Say what to buy of what insiders bought lately."""
    sieve = Sieve(NAME)
    trades = sieve.keep_recent(known.of(InsiderTrade), day=known.day, lookback_days=parameters.lookback_days)
    trades = sieve.keep_purchases(trades)
    trades = sieve.keep(
        trades,
        where=lambda trade: value_usd(trade) > ZERO,
        otherwise=Reason.NO_VALUE,
        because=lambda trade: f"{plain(trade.shares)} shares at {_price(trade)} are worth nothing that can be told",
    )
    trades = sieve.keep(
        trades,
        where=lambda trade: value_usd(trade) >= parameters.min_transaction_value_usd,
        otherwise=Reason.TOO_SMALL,
        because=lambda trade: f"worth ${plain(value_usd(trade))}, below ${plain(parameters.min_transaction_value_usd)}",
    )
    if parameters.executive_only:
        trades = sieve.keep(
            trades,
            where=is_executive,
            otherwise=Reason.NOT_AN_EXECUTIVE,
            because=lambda trade: f"{trade.insider_name} is {trade.officer_title or 'without a title'!r}",
        )
    bought = sieve.by_symbol(trades)
    for symbol in _strongest(bought, parameters, sieve):
        sieve.signal(
            bought[symbol],
            symbol,
            score=_score(bought[symbol]),
            trigger="insider_buy",
            facts=_facts(bought[symbol]),
        )
    return sieve.opinion()


def is_executive(trade: InsiderTrade) -> bool:
    """Tell whether the insider's title is one of those who run the company."""
    return _EXECUTIVE.search((trade.officer_title or "").upper()) is not None


def value_usd(trade: InsiderTrade) -> Decimal:
    """What was paid; 0 where no price is told."""
    return multiply(trade.shares, trade.price_usd or ZERO)


def score_of(insiders: int, value: Decimal) -> Decimal:
    """Reckon the score of what so many insiders bought for so much."""
    score = add(BASE, FOR_SEVERAL) if insiders > 1 else BASE
    return canonical(min(add(score, FOR_MUCH) if value > MUCH_USD else score, ONE))


def _strongest(bought: dict[Symbol, list[InsiderTrade]], parameters: Parameters, sieve: Sieve) -> list[Symbol]:
    ranked = sorted(bought, key=lambda symbol: (_score(bought[symbol]), _total(bought[symbol])), reverse=True)
    most = parameters.max_symbols
    for rank, symbol in enumerate(ranked[most:], start=most + 1):
        sieve.drop(bought[symbol], Reason.TOO_MANY, f"number {rank} by score and value, of at most {most}")
    return sorted(ranked[:most])


def _score(trades: list[InsiderTrade]) -> Decimal:
    return score_of(len(_insiders(trades)), _total(trades))


def _insiders(trades: list[InsiderTrade]) -> set[str]:
    return {" ".join(trade.insider_name.lower().split()) for trade in trades}


def _facts(trades: list[InsiderTrade]) -> dict[str, Any]:
    return {
        "insider_names": sorted({trade.insider_name for trade in trades}),
        "officer_titles": sorted({trade.officer_title for trade in trades if trade.officer_title}),
        "trade_dates": sorted({trade.transaction_date.isoformat() for trade in trades}),
        "trade_count": len(trades),
        "insider_count": len(_insiders(trades)),
        "consensus_detected": len(_insiders(trades)) > 1,
        "total_value_usd": _total(trades),
    }


def _total(trades: list[InsiderTrade]) -> Decimal:
    return total([value_usd(trade) for trade in trades])


def _price(trade: InsiderTrade) -> str:
    return "no price" if trade.price_usd is None else f"${plain(trade.price_usd)}"


STRATEGY = Strategy(
    name=NAME,
    version="1.0.0",
    parameters=Parameters,
    sources=(SOURCE,),
    candidates=(InsiderTrade,),
    rule=decide,
)
