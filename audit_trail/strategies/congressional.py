"""Congressional: buy what members of Congress bought, the more so the more of them did, and the better they choose."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from audit_trail.strategies.known import Known
from audit_trail.strategies.politicians import identities
from audit_trail.strategies.records import (
    HIGHEST_QUALITY,
    CongressTrade,
    PoliticianScore,
    RecordRef,
)
from audit_trail.strategies.sieve import Sieve
from audit_trail.strategies.signals import ONE, Opinion, Reason, rounded_score
from audit_trail.strategies.strategy import Strategy, StrategyParameters
from trading.values.arithmetic import ZERO, add, multiply, plain, quotient, subtract, total
from trading.values.symbols import Symbol

NAME = "congressional"
SOURCE = "quiver_congress"

ALONE = Decimal("0.5")
TWO, THREE_OR_MORE = Decimal("0.8"), Decimal("1.0")
CONSENSUS = 2

GOOD = Decimal(7)
"""From here on a politician's choice counts for more than another's."""

_TENTH = Decimal("0.1")


class Parameters(StrategyParameters, frozen=True):
    """What the congressional strategy is set by."""

    lookback_days: int
    min_quality_score: Decimal
    """Who is scored lower is not followed, nor is who has no score."""

    max_score_age_days: int
    """An older score is none."""

    consensus: bool
    """Whether it counts for more if several bought the same."""

    asset_types: tuple[str, ...]
    """What is a share, by the source's word for it. An empty word stands for records without one."""

    def __post_init__(self) -> None:
        if self.lookback_days < 1:
            raise ValueError(f"expected lookback_days of 1 or more, was {self.lookback_days}")
        if not ZERO <= self.min_quality_score <= HIGHEST_QUALITY:
            raise ValueError(f"expected min_quality_score from 0 to 10, was {plain(self.min_quality_score)}")
        if self.max_score_age_days < 1:
            raise ValueError(f"expected max_score_age_days of 1 or more, was {self.max_score_age_days}")
        if not self.asset_types:
            raise ValueError('expected asset_types as words of the source, as ["CS", "ST"], was none')


def decide(known: Known, parameters: Parameters) -> Opinion:
    """Say what to buy of what politicians of quality bought lately."""
    sieve = Sieve(NAME)
    everybody = known.of(CongressTrade)
    people = identities(everybody)
    scores = _scores(known, parameters)

    trades = sieve.keep_recent(everybody, day=known.day, lookback_days=parameters.lookback_days)
    trades = sieve.keep_purchases(trades)
    trades = sieve.keep(
        trades,
        where=lambda trade: trade.asset_type.strip().upper() in parameters.asset_types,
        otherwise=Reason.NOT_COMMON_STOCK,
        because=lambda trade: f"it is of type {trade.asset_type!r}; expected {', '.join(parameters.asset_types)}",
    )
    trades = sieve.keep(
        trades,
        where=lambda trade: people[trade.ref] in scores,
        otherwise=Reason.NO_SCORE,
        because=lambda trade: f"{trade.politician_name} has no score of the last {parameters.max_score_age_days} days",
    )
    trades = sieve.keep(
        trades,
        where=lambda trade: scores[people[trade.ref]].score >= parameters.min_quality_score,
        otherwise=Reason.LOW_QUALITY,
        because=lambda trade: (
            f"{trade.politician_name} is scored {plain(scores[people[trade.ref]].score)}, "
            f"below {plain(parameters.min_quality_score)}"
        ),
    )
    for symbol, bought in sieve.by_symbol(trades).items():
        _say(sieve, symbol, bought, people, scores, parameters)
    return sieve.opinion()


def _scores(known: Known, parameters: Parameters) -> dict[str, PoliticianScore]:
    """Return each politician's newest score that is young enough."""
    since = known.as_of - timedelta(days=parameters.max_score_age_days)
    young = [score for score in known.of(PoliticianScore) if score.known_at >= since]
    return {score.politician: score for score in sorted(young, key=lambda one: (one.known_at, one.ref.place))}


def _say(
    sieve: Sieve,
    symbol: Symbol,
    trades: list[CongressTrade],
    people: dict[RecordRef, str],
    scores: dict[str, PoliticianScore],
    parameters: Parameters,
) -> None:
    politicians = sorted({people[trade.ref] for trade in trades})
    followed = [scores[politician] for politician in politicians]
    quality = quotient(total([score.score for score in followed]), Decimal(len(followed)))
    sieve.signal(
        [*trades, *followed],
        symbol,
        score=score_of(len(politicians) if parameters.consensus else 1, quality),
        trigger="congressional_buy",
        facts=_facts(trades, people, followed, quality),
    )


def score_of(politicians: int, quality: Decimal) -> Decimal:
    """Reckon the score of what so many politicians, of such quality on average, bought."""
    base = {1: ALONE, 2: TWO}.get(politicians, THREE_OR_MORE)
    better = add(ONE, multiply(subtract(quality, GOOD), _TENTH)) if quality > GOOD else ONE
    return rounded_score(min(multiply(base, better), ONE))


def _facts(
    trades: list[CongressTrade], people: dict[RecordRef, str], followed: list[PoliticianScore], quality: Decimal
) -> dict[str, Any]:
    return {
        "politician_names": _names(trades),
        "trade_dates": sorted({trade.transaction_date.isoformat() for trade in trades}),
        "trade_count": len(trades),
        "politician_count": len(followed),
        "consensus_detected": len(followed) >= CONSENSUS,
        "average_quality_score": rounded_score(quality),
        "politicians": [
            _scored(score, _names(trade for trade in trades if people[trade.ref] == score.politician))
            for score in followed
        ],
    }


def _scored(score: PoliticianScore, names: list[str]) -> dict[str, Any]:
    """Say how somebody who is followed was scored; the number is that of the score among the signal's records."""
    return {
        "politician": score.politician,
        "names": names,
        "score_record_id": score.ref.record_id,
        "score": score.score,
        "purchases": score.purchases,
        "wins": score.wins,
        "win_rate_pct": score.win_rate_pct,
        "average_return_pct": score.average_return_pct,
        "scored_trades": len(score.trades),
    }


def _names(trades: Iterable[CongressTrade]) -> list[str]:
    return sorted({trade.politician_name for trade in trades})


STRATEGY = Strategy(
    name=NAME,
    version="1.1.0",
    parameters=Parameters,
    sources=(SOURCE,),
    candidates=(CongressTrade,),
    rule=decide,
)
