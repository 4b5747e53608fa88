"""Past days: what would have been decided then, by what was known then and by nothing that came later.

What decisions held is reckoned from the fills that were booked by then, and prices are those of bars that were known.
Nobody kept what the account was worth, nor what was blocked, so the account is as it is now and nothing is.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from audit_trail.days.gathering import account_state, known_records, positions_of, signalled
from audit_trail.days.reading import daily_bars, source_runs
from audit_trail.decisions.drafts import TradedAccount
from audit_trail.decisions.storing import traded_account
from audit_trail.executions.models import ExecutionFill
from audit_trail.strategies.asking import ask
from audit_trail.strategies.guards import ExpectedAccount
from audit_trail.strategies.known import Known
from audit_trail.strategies.parameters import Parameters
from audit_trail.strategies.plans import Situation
from audit_trail.strategies.records import DailyBar, LatestPrice, RecordRef
from audit_trail.strategies.strategy import Registry
from trading.brokers.port import Broker
from trading.values.arithmetic import ZERO, add, subtract
from trading.values.sides import Side
from trading.values.symbols import Symbol


def gather_past(broker: Broker, *, parameters: Parameters, registry: Registry, at: datetime) -> Situation:
    """Read what was known at a time. Raises NoAccount, BrokerUnavailable and what the broker says else."""
    known, expected = known_records(at), traded_account(broker.name)
    held = held_at(expected, at=at)
    heard = ask(Known(known, as_of=at), parameters=parameters, registry=registry)
    since = at.date() - timedelta(days=parameters.sizing.bars_days + 1)
    bars = daily_bars({*signalled(heard), *held}, since=since, at=at)
    account = account_state(broker.account(), broker.name)
    return Situation(
        as_of=at,
        records=(*known, *bars),
        runs=tuple(source_runs(at=at)),
        account=msgspec.structs.replace(account, known_at=at),
        expected_account=ExpectedAccount(broker=expected.broker, number=expected.number, paper=expected.paper),
        positions=positions_of(held, _last_closes(bars), at),
    )


def held_at(account: TradedAccount, *, at: datetime) -> dict[Symbol, Decimal]:
    """What decisions held in an account, by the fills that were booked by a time."""
    fills = ExecutionFill.objects.filter(
        booked_at__lte=at,
        trade_execution__trade_decision__broker=account.broker,
        trade_execution__trade_decision__account_number=account.number,
    ).order_by("id")
    held: dict[Symbol, Decimal] = {}
    decision = "trade_execution__trade_decision"
    for symbol, side, shares in fills.values_list(f"{decision}__symbol", f"{decision}__side", "shares").iterator():
        before = held.get(Symbol(symbol), ZERO)
        held[Symbol(symbol)] = add(before, shares) if side == Side.BUY else subtract(before, shares)
    return {symbol: shares for symbol, shares in held.items() if shares}


def _last_closes(bars: Sequence[DailyBar]) -> dict[Symbol, LatestPrice]:
    closes = {}
    for number, bar in enumerate(sorted(bars, key=lambda bar: bar.day), 1):
        closes[bar.symbol] = LatestPrice(
            ref=RecordRef(source="last_close", record_id=number),
            known_at=bar.known_at,
            symbol=bar.symbol,
            price_usd=bar.close_usd,
        )
    return closes
