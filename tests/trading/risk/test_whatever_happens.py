"""Whatever happens: fills, facts of any age, limits and switches in any order, and no limit is exceeded (I10, I11).

The account is played: what it holds and owns changes when the broker fills, which the books hear of later, and the gate
of the account later still. It must never be short of shares or of dollars, whatever was known when.
"""

import random
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from tests.support.facts import account, fresh_facts
from tests.support.made_chain import know_tokens, log_of, take
from tests.support.stations import Clock, Stations
from tests.support.venue import Venue
from tests.trading.risk.asking import terms
from tests.trading.risk.test_controls import set_limit
from trading.brokers.market import Holding, Holdings
from trading.brokers.orders import OrderReport, OrderStatus
from trading.conductor.work import SymbolWait
from trading.offchain_order.aggregate import OffchainOrder
from trading.risk.controls import throw
from trading.risk.reading import day_began
from trading.risk.records import Denial, RiskCheck
from trading.risk.scopes import Scope
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol

SYMBOLS = ("AAPL", "MSFT", "TSLA", "GME")
PRICE = Decimal(200)
LIMITS = {
    "max_order_shares": ("4", "8", None, None),
    "max_order_notional_usd": ("900", "1500", None, None),
    "daily_notional_usd": ("3000", "8000", "20000", None),
    "orders_per_minute": ("1", "2", "5", None),
}


class Played:
    """A played account, the stations that trade on it, and what an operator has in force."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.clock = Clock()
        self.venue = Venue(self.clock)
        self.stations = Stations(
            broker=self.venue, clock=self.clock, terms=terms(fractional_digits=None, shorting=False)
        )
        self.stations.gate._facts = self.known
        self.held = dict.fromkeys(SYMBOLS, Decimal(4))
        self.cash = Decimal(1600)
        self.switches: set[str] = set()
        self.limits: dict[tuple[str, str], Decimal] = {}
        self.block = 100
        self.told = (account(self.clock()), Holdings(held=(), as_of=self.clock()))
        self.refresh()

    # What the broker does.

    def fill_at_broker(self) -> None:
        """Fill an open order, wholly or in part, or end it."""
        open_ones = [report for report in self.venue.orders_taken.values() if not report.status.is_end]
        if not open_ones:
            return
        report = self.chance.choice(open_ones)
        most = int(report.requested_shares - report.filled_shares)
        filled = report.filled_shares + self.chance.choice([most, most, self.chance.randint(0, most)])
        whole = filled == report.requested_shares
        status = (
            OrderStatus.FILLED if whole else self.chance.choice([OrderStatus.PARTIALLY_FILLED, OrderStatus.CANCELLED])
        )
        if not filled and status is OrderStatus.PARTIALLY_FILLED:
            return
        self._move(report, filled - report.filled_shares)
        place = list(self.venue.orders_taken).index(report.client_order_id)
        self.venue.tell(status, str(filled), order=place)

    def _move(self, report: OrderReport, shares: Decimal) -> None:
        sign = 1 if report.side is Side.BUY else -1
        self.held[report.symbol] += sign * shares
        self.cash -= sign * shares * PRICE
        assert min(self.held.values()) >= 0, f"oversold: {self.held}"
        assert self.cash >= 0, f"overdrawn: {self.cash}"

    def refresh(self) -> None:
        """Ask the broker: what it tells is true now, and grows old from now on."""
        now, power = self.clock(), self.cash
        for report in self.venue.orders_taken.values():
            if report.side is Side.BUY and not report.status.is_end:
                power -= (report.requested_shares - report.filled_shares) * PRICE
        held = (Holding(symbol=Symbol(name), net_shares=Shares(shares)) for name, shares in self.held.items())
        self.told = account(now, buying_power_usd=Usd(power)), Holdings(held=tuple(held), as_of=now)

    def known(self, broker, symbols):
        told, held = self.told
        return {symbol: fresh_facts(symbol, self.clock(), account=told, holdings=held) for symbol in symbols}

    # What happens on chain, and what an operator does.

    def fill_on_chain(self) -> None:
        self.block += 1
        symbol = self.chance.choice(SYMBOLS)
        position = self.stations.positions().get(symbol)
        # Rather back than away, so that what is to be hedged does not outgrow the account for good.
        away = position is None or self.chance.random() < 0.4
        side = self.chance.choice(["BUY", "SELL"]) if away else "BUY" if position.net < 0 else "SELL"
        self.stations.fill(log_of(take(side, str(self.chance.randint(1, 6)), f"t{symbol}"), block=self.block))

    def throw(self) -> None:
        scope, subject = self.chance.choice([(Scope.GLOBAL, ""), (Scope.SYMBOL, "AAPL"), (Scope.BROKER, "dry_run")])
        on = self.chance.random() < 0.2
        throw(scope, subject, on=on, reason="a test", actor="operator", at=self.clock())
        (self.switches.add if on else self.switches.discard)(scope.named(subject))

    def limit(self) -> None:
        rule = self.chance.choice(list(LIMITS))
        scope, subject = self.chance.choice([("global", ""), ("symbol", "MSFT")])
        value = self.chance.choice(LIMITS[rule])
        set_limit(value, rule=rule, scope=scope, subject=subject)
        self.limits.pop((rule, subject), None)
        if value is not None:
            self.limits[rule, subject] = Decimal(value)

    def forward(self) -> None:
        self.stations.forward(self.chance.choice([0.5, 1, 1, 5, 20, 70]))

    def operate(self) -> None:
        """An operator lets halted symbols go on."""
        SymbolWait.objects.all().delete()

    def hedge(self) -> None:
        """Let the hedger place what it may, and hold each order that it placed against everything in force."""
        before = {order.order_id for order in self.stations.orders()}
        self.stations.run(self.stations.hedger)
        for order in self.stations.orders():
            if order.order_id not in before:
                self._must_hold(order)

    def _must_hold(self, order: OffchainOrder) -> None:
        now = self.clock()
        assert not self.switches & {"global", f"symbol {order.symbol}", "broker dry_run"}
        for (rule, subject), most in self.limits.items():
            if subject and subject != order.symbol:
                continue
            checks = [check for check in RiskCheck.objects.all() if not subject or check.symbol == subject]
            assert used(rule, order, checks, now) <= most, (rule, subject)


def used(rule: str, order: OffchainOrder, checks: list[RiskCheck], now: datetime) -> Decimal:
    match rule:
        case "max_order_shares":
            return order.requested_shares
        case "max_order_notional_usd":
            return order.requested_shares * PRICE
        case "daily_notional_usd":
            today = [check.notional_usd for check in checks if check.checked_at >= day_began(now)]
            return sum(today, Decimal(0))
        case _:
            return Decimal(sum(check.checked_at > now - timedelta(minutes=1) for check in checks))


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(6))
def test_i11_no_limit_is_exceeded_and_i10_no_order_is_placed_while_a_switch_is_on(seed):
    know_tokens(*(f"t{symbol}" for symbol in SYMBOLS))
    played = Played(seed)
    stations = played.stations
    # In a day's own order, each now and then left out.
    lap = [
        (played.fill_on_chain, 0.8),
        (played.fill_on_chain, 0.8),
        (played.refresh, 0.5),
        (played.hedge, 0.8),
        (played.throw, 0.1),
        (played.limit, 0.1),
        (played.hedge, 0.5),
        (lambda: stations.run(stations.dispatcher), 0.8),
        (played.refresh, 0.4),
        (played.fill_at_broker, 0.8),
        (played.refresh, 0.2),
        (played.hedge, 0.3),
        (played.fill_at_broker, 0.6),
        (lambda: stations.run(stations.poller), 0.8),
        (played.forward, 0.8),
        (played.operate, 0.5),
    ]

    for _ in range(40):
        for step, chance in lap:
            if played.chance.random() < chance:
                step()

    # Enough happened for it to mean something.
    assert RiskCheck.objects.count() >= 5
    assert RiskCheck.objects.count() == len(played.stations.orders())
    assert Denial.objects.count() >= 2
