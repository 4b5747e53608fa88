"""Plans: what a day is decided on, and what comes of it: intended orders with every reason, or why there are none."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from audit_trail.strategies.asking import Heard
from audit_trail.strategies.guards import ExpectedAccount, Refusal, Stance
from audit_trail.strategies.rebalancing import Step
from audit_trail.strategies.records import AccountState, BlockedSymbol, Position, Record, RecordRef, SourceRun
from audit_trail.strategies.signals import Dropped
from audit_trail.strategies.targets import Exposure, Origin, Target
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a day is decided on. Whoever gathers it reads tables and asks the broker; nobody after does."""

    as_of: datetime
    records: tuple[Record, ...]
    """Congress trades, insider trades, scores, bars, prices and whatever else strategies read."""

    runs: tuple[SourceRun, ...]
    account: AccountState
    expected_account: ExpectedAccount
    positions: tuple[Position, ...] | None
    """All that decisions hold, or none; None where that could not be found out."""

    blocked: tuple[BlockedSymbol, ...] = ()


class IntendedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What is meant to be traded in one symbol, and why. Nobody has acted on it."""

    symbol: Symbol
    step: Step
    side: Side
    shares: Shares | None
    notional_usd: Usd | None
    closes_position: bool
    may_short: bool
    reference_price_usd: Decimal | None
    """The price that was decided on."""

    strength: Decimal
    """From 0 to 10; orders come in the order in which they are meant, which is also that of their strength by step."""

    trigger: str
    strategies: tuple[str, ...]
    """Whose word it is: those that spoke of the symbol, or all that were asked and did not."""

    origins: tuple[Origin, ...]
    records: tuple[RecordRef, ...]
    """What its signals rest on; none where the signal is that nobody speaks of it any more."""

    score_records: tuple[RecordRef, ...]
    """What the scores among its records were reckoned from."""

    price_records: tuple[RecordRef, ...]
    runs: tuple[int, ...]
    """The runs of the sources that were looked through, and those that brought what it rests on."""

    known_at: datetime
    """When we had the newest of what it rests on."""

    rationale: Mapping[str, Any]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The day in figures."""

    signals: Mapping[str, int]
    """How many each strategy gave."""

    netted_symbols: int
    targets: int
    limited: int
    """How many targets a limit made smaller."""

    target_exposure: Exposure
    by_strategy_usd: Mapping[str, Decimal]
    """What each strategy sized by itself; empty where scores were netted first."""

    dropped: Mapping[str, int]
    """How many were left out, by reason."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is meant for the day. Without orders it is a plan as well: to do nothing."""

    as_of: datetime
    stance: Stance
    orders: tuple[IntendedOrder, ...]
    targets: tuple[Target, ...]
    heard: tuple[Heard, ...]
    dropped: tuple[Dropped, ...]
    summary: Summary
    findings: tuple[str, ...]
    """What an operator should look at, though nothing is wrong for certain."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing was decided, for these reasons. That is no plan to do nothing, and no signal to sell."""

    as_of: datetime
    refusals: tuple[Refusal, ...]
    heard: tuple[Heard, ...] = ()
    dropped: tuple[Dropped, ...] = ()
