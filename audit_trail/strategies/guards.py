"""Guards: what must hold before anything is decided. "No data" is not "no signals", and an unknown sum is not zero.

Each looks at plain values and says what is wrong, or nothing.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from audit_trail.strategies.parameters import Environment, OnEmpty, Parameters, Safety
from audit_trail.strategies.records import AccountState, Position, RunState, SourceRun
from trading.values.arithmetic import ZERO, plain


class RefusalKind(StrEnum):
    """Why nothing is decided."""

    NO_RUN = "no_run"
    RUN_FAILED = "run_failed"
    RUN_UNFINISHED = "run_unfinished"
    STALE_DATA = "stale_data"
    NO_RECORDS = "no_records"
    OTHER_ACCOUNT = "other_account"
    OTHER_ENVIRONMENT = "other_environment"
    STALE_ACCOUNT = "stale_account"
    EQUITY_UNKNOWN = "equity_unknown"
    NO_EQUITY = "no_equity"
    POSITIONS_UNKNOWN = "positions_unknown"
    STALE_POSITIONS = "stale_positions"
    NO_PRICES = "no_prices"
    STRATEGY_FAILED = "strategy_failed"
    ALL_STRATEGIES_FAILED = "all_strategies_failed"


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Something that must hold and does not. Nothing is decided, so nothing is bought and nothing is sold."""

    kind: RefusalKind
    text: str


class ExpectedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """The account that an operator confirmed; in another one nothing is decided."""

    broker: str
    number: str
    paper: bool


class Stance(StrEnum):
    """What is done with what is held."""

    REBALANCE = "rebalance"
    """It is brought to the targets."""

    LIQUIDATE = "liquidate"
    """Complete and fresh data call for no position, and all are closed."""

    KEEP = "keep"
    """They call for none, and what is held stays as it is all the same."""


def check_sources(
    sources: Iterable[str], runs: Iterable[SourceRun], *, as_of: datetime, safety: Safety
) -> tuple[Refusal, ...]:
    """Look at the newest run of each source: it must be complete, fresh, and have brought something."""
    known = [run for run in runs if run.started_at <= as_of]
    refusals = []
    for source in sorted(set(sources)):
        of_source = [run for run in known if run.source == source]
        newest = max(of_source, key=lambda run: (run.started_at, run.run_id), default=None)
        refusals.append(_check_run(source, newest, as_of, safety))
    return tuple(refusal for refusal in refusals if refusal is not None)


def _check_run(source: str, run: SourceRun | None, as_of: datetime, safety: Safety) -> Refusal | None:
    if run is None:
        return _refusal(
            RefusalKind.NO_RUN,
            f"expected a run of the whole of {source}, found none: ingest it, of no single ticker and of no days alone",
        )
    told = f"the newest run of {source}, {run.run_id},"
    if run.state is RunState.FAILED and _ended(run, as_of):
        return _refusal(RefusalKind.RUN_FAILED, f"expected {told} to have completed, has failed: ingest it again")
    # Whatever became of it later was not known then.
    if run.state is RunState.RUNNING or not _ended(run, as_of):
        return _refusal(RefusalKind.RUN_UNFINISHED, f"expected {told} to have completed, is running: wait for its end")
    if run.ended_at is None or run.ended_at < as_of - timedelta(hours=safety.max_data_age_hours):
        ended = "nobody knows when" if run.ended_at is None else run.ended_at.isoformat()
        text = f"expected {told} to have ended within {safety.max_data_age_hours} hours of {as_of.isoformat()}"
        return _refusal(RefusalKind.STALE_DATA, f"{text}, has ended {ended}: ingest it again")
    if run.records_fetched == 0:
        return _refusal(
            RefusalKind.NO_RECORDS, f"expected {told} to have fetched records, has fetched none: look at it"
        )
    return None


def _ended(run: SourceRun, as_of: datetime) -> bool:
    return run.ended_at is None or run.ended_at <= as_of


def check_account(
    account: AccountState, expected: ExpectedAccount, *, as_of: datetime, parameters: Parameters
) -> tuple[Refusal, ...]:
    """Look at the account: it must be the one that is meant, described lately, and be worth something that is told."""
    checks = (
        _check_identity(account, expected),
        _check_environment(account, parameters.environment),
        _check_account_age(account, as_of, parameters.safety),
        _check_equity(account),
    )
    return tuple(refusal for refusal in checks if refusal is not None)


def _check_identity(account: AccountState, expected: ExpectedAccount) -> Refusal | None:
    if (account.broker, account.number, account.paper) == (expected.broker, expected.number, expected.paper):
        return None
    return _refusal(
        RefusalKind.OTHER_ACCOUNT,
        f"expected {_named(expected)}, was {_named(account)}: nothing is sized for one account and traded in another",
    )


def _check_environment(account: AccountState, environment: Environment) -> Refusal | None:
    if account.paper is not (environment is Environment.LIVE):
        return None
    return _refusal(
        RefusalKind.OTHER_ENVIRONMENT,
        f"expected the parameters of {Environment.PAPER if account.paper else Environment.LIVE} for {_named(account)}, "
        f"were those of {environment}",
    )


def _check_account_age(account: AccountState, as_of: datetime, safety: Safety) -> Refusal | None:
    oldest = as_of - timedelta(minutes=safety.max_account_age_minutes)
    if oldest <= account.known_at <= as_of:
        return None
    return _refusal(
        RefusalKind.STALE_ACCOUNT,
        f"expected the account as of {oldest.isoformat()} to {as_of.isoformat()}, "
        f"was {account.known_at.isoformat()}: ask the broker again",
    )


def _check_equity(account: AccountState) -> Refusal | None:
    equity = account.equity_usd
    if equity is None or not equity.is_finite():
        return _refusal(RefusalKind.EQUITY_UNKNOWN, f"expected the equity of {_named(account)}, was not told")
    if equity <= ZERO:
        return _refusal(RefusalKind.NO_EQUITY, f"expected equity above 0 in {_named(account)}, was ${plain(equity)}")
    return None


def check_positions(positions: Iterable[Position] | None, *, as_of: datetime, safety: Safety) -> tuple[Refusal, ...]:
    """Look at what is held: it must be known, and lately. No answer is not "nothing"."""
    if positions is None:
        text = "expected what is held, was not found out: ask the broker again"
        return (_refusal(RefusalKind.POSITIONS_UNKNOWN, text),)
    oldest = as_of - timedelta(minutes=safety.max_account_age_minutes)
    return tuple(
        _refusal(
            RefusalKind.STALE_POSITIONS,
            f"expected what is held of {one.symbol} as of {oldest.isoformat()} to {as_of.isoformat()}, "
            f"was {one.known_at.isoformat()}: ask the broker again",
        )
        for one in positions
        if not oldest <= one.known_at <= as_of
    )


def stance(*, targets: int, parameters: Parameters) -> Stance:
    """Tell what becomes of what is held, by how many targets there are. Ask only after every guard was passed."""
    if targets > 0:
        return Stance.REBALANCE
    # The file can't say otherwise for live; that is held here too, since it would sell everything.
    live = parameters.environment is Environment.LIVE
    return Stance.KEEP if live or parameters.safety.on_empty_target is OnEmpty.KEEP else Stance.LIQUIDATE


def _named(account: AccountState | ExpectedAccount) -> str:
    kind = "paper" if account.paper else "live"
    return f"the {kind} account ending in {account.number[-4:]} at {account.broker}"


def _refusal(kind: RefusalKind, text: str) -> Refusal:
    return Refusal(kind=kind, text=text)
