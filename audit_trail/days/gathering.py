"""Gathering: everything that a day is decided on, from our tables and from the broker. It decides nothing."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

import structlog
from django.db.models import Q

from audit_trail.days.reading import congress_trades, daily_bars, insider_trades, source_runs
from audit_trail.decisions.storing import traded_account
from audit_trail.executions.known import DecisionOrders
from audit_trail.strategies.asking import Heard, ask
from audit_trail.strategies.guards import ExpectedAccount
from audit_trail.strategies.known import Known
from audit_trail.strategies.parameters import Parameters
from audit_trail.strategies.plans import Situation
from audit_trail.strategies.politicians import scores
from audit_trail.strategies.records import (
    AccountState,
    BlockedSymbol,
    LatestPrice,
    PoliticianScore,
    Position,
    Record,
    RecordRef,
)
from audit_trail.strategies.strategy import Registry
from trading.brokers.market import Account
from trading.brokers.outcomes import NoSuchAsset, UnusableAnswer
from trading.brokers.port import Broker
from trading.risk.controls import RestrictedSymbol
from trading.values.arithmetic import add, multiply, quotient
from trading.values.quantities import Shares, Usd
from trading.values.symbols import Symbol

log = structlog.get_logger(__name__)

TWO = Decimal(2)
Clock = Callable[[], datetime]


def gather(broker: Broker, *, parameters: Parameters, registry: Registry, clock: Clock) -> Situation:
    """Read what is known and ask the broker for the account and for prices of what is held or signalled.

    Raises NoAccount, BrokerUnavailable and what the broker says else.
    """
    begun = clock()
    known = known_records(begun)
    orders = DecisionOrders(broker.name)
    held = orders.holdings()
    heard = ask(Known(known, as_of=begun), parameters=parameters, registry=registry)
    symbols = {*signalled(heard), *held}
    prices = _prices(broker, symbols)
    bars = daily_bars(symbols, since=begun.date() - timedelta(days=parameters.sizing.bars_days + 1), at=begun)
    account, expected = broker.account(), traded_account(broker.name)
    as_of = clock()
    return Situation(
        as_of=as_of,
        records=(*known, *bars, *prices.values()),
        runs=tuple(source_runs(at=as_of)),
        account=account_state(account, broker.name),
        expected_account=ExpectedAccount(broker=expected.broker, number=expected.number, paper=expected.paper),
        positions=positions_of(held, prices, as_of),
        blocked=(*_restricted(as_of), *_under_way(orders)),
    )


def symbols_looked_at(*, parameters: Parameters, registry: Registry, broker: str, at: datetime) -> set[Symbol]:
    """Tell which symbols the next day would look at by what is known: signalled, or held by decisions."""
    heard = ask(Known(known_records(at), as_of=at), parameters=parameters, registry=registry)
    return {*signalled(heard), *DecisionOrders(broker).holdings()}


def known_records(at: datetime) -> list[Record]:
    """What was reported, and what is made of who reported it."""
    trades: list[Record] = [*congress_trades(at=at), *insider_trades(at=at)]
    return [*trades, *_scores(trades, at)]


def signalled(heard: Iterable[Heard]) -> set[Symbol]:
    return {signal.symbol for one in heard for signal in one.signals}


def _scores(known: Iterable[Record], at: datetime) -> list[PoliticianScore]:
    return [
        PoliticianScore(
            ref=RecordRef(source="politician_score", record_id=number),
            known_at=at,
            politician=score.politician,
            score=score.score,
            purchases=score.purchases,
            wins=score.wins,
            win_rate_pct=score.win_rate_pct,
            average_return_pct=score.average_return_pct,
            trades=score.trades,
        )
        for number, score in enumerate(scores(Known(known, as_of=at)), 1)
    ]


def _prices(broker: Broker, symbols: set[Symbol]) -> dict[Symbol, LatestPrice]:
    """Ask for each price. A symbol without one is no reason to stop: the plan says that it has none."""
    found = {}
    for number, symbol in enumerate(sorted(symbols), 1):
        try:
            quote = broker.quote(symbol)
        except (NoSuchAsset, UnusableAnswer) as error:
            log.warning("No price", symbol=symbol, error=str(error))
            continue
        price = quote.last_usd
        if price is None and quote.bid_usd is not None and quote.ask_usd is not None:
            price = Usd(quotient(add(quote.bid_usd, quote.ask_usd), TWO))
        if price is not None and price > 0:
            found[symbol] = LatestPrice(
                ref=RecordRef(source="broker_quote", record_id=number),
                known_at=quote.as_of,
                symbol=symbol,
                price_usd=price,
            )
    return found


def account_state(account: Account, broker: str) -> AccountState:
    return AccountState(
        ref=RecordRef(source="broker_account", record_id=0),
        known_at=account.as_of,
        broker=broker,
        number=account.number,
        paper=account.paper is True,
        equity_usd=account.equity_usd,
        cash_usd=account.cash_usd,
        buying_power_usd=account.buying_power_usd,
    )


def positions_of(
    held: Mapping[Symbol, Decimal], prices: dict[Symbol, LatestPrice], as_of: datetime
) -> tuple[Position, ...] | None:
    """What decisions hold, at those prices; None where one has none, since what it is worth is not known then."""
    positions = []
    for number, (symbol, net) in enumerate(sorted(held.items()), 1):
        if net == 0:
            continue
        if symbol not in prices:
            return None
        positions.append(
            Position(
                ref=RecordRef(source="decision_holding", record_id=number),
                known_at=as_of,
                symbol=symbol,
                net_shares=Shares(net),
                market_value_usd=Usd(multiply(net, prices[symbol].price_usd)),
            )
        )
    return tuple(positions)


def _restricted(at: datetime) -> list[BlockedSymbol]:
    rows = RestrictedSymbol.objects.filter(Q(expires_at=None) | Q(expires_at__gt=at)).order_by("symbol", "side")
    return [
        BlockedSymbol(symbol=Symbol(row.symbol), reason=f"restricted: {row.reason}", expires_at=row.expires_at)
        for row in rows
    ]


def _under_way(orders: DecisionOrders) -> list[BlockedSymbol]:
    """While an order is open, what is held of its symbol changes: nothing is begun there until it has ended."""
    return [
        BlockedSymbol(symbol=symbol, reason="an order of an earlier decision is open", expires_at=None)
        for symbol in sorted(orders.busy())
    ]
