"""Orders by hand: a manual hedge through the same book, gate and records as every other, whatever the threshold."""

from datetime import datetime

from trading.brokers.port import Broker
from trading.conductor.placing import place
from trading.conductor.refresher import Refresher
from trading.conductor.verbs.refusal import Refused
from trading.ledger.book import Ledger
from trading.position.aggregate import PendingExecution, Position, WrongShares, WrongSide
from trading.position.commands import Initialize
from trading.position.events import ManualTrigger
from trading.risk.checking import Gate
from trading.risk.gate import Allowed, Denied
from trading.risk.records import keep_denial
from trading.risk.scopes import HEDGE
from trading.risk.situation import Request
from trading.values.arithmetic import plain
from trading.values.quantities import Shares
from trading.values.sides import Side
from trading.values.symbols import Symbol


class HandOrders:
    """Places what an operator asks for at one broker; the dispatcher sends it."""

    def __init__(self, *, broker: Broker, ledger: Ledger, gate: Gate) -> None:
        self._broker, self._ledger, self._gate = broker, ledger, gate

    def place(
        self, side: Side, symbol: Symbol, shares: Shares, *, may_raise: bool, actor: str, reason: str, now: datetime
    ) -> str:
        """Place an order and return what came of it. Raises Refused, also where the gate gives less than was asked."""
        # The gate decides on what is known, and nobody asks about a symbol that wants no hedge.
        Refresher(broker=self._broker, wanting=lambda: [symbol]).run_once(now=now)
        verdict = self._commit(side, symbol, shares, may_raise=may_raise, actor=actor, reason=reason, now=now)
        if isinstance(verdict, Denied):
            raise Refused(f"denied by {verdict.rule}: {verdict.text}")
        return f"{side} {plain(verdict.shares)} {symbol} is placed; the dispatcher sends it to {self._broker.name}"

    def _commit(
        self, side: Side, symbol: Symbol, shares: Shares, *, may_raise: bool, actor: str, reason: str, now: datetime
    ) -> Allowed | Denied:
        try:
            with self._ledger.step(at=now, actor=actor) as step:
                step.load(symbols=[symbol])
                position = step.position(symbol)
                request = self._request(side, symbol, shares, position)
                verdict = self._gate.check(request, now=now)
                if isinstance(verdict, Denied):
                    keep_denial(request, verdict, now=now)
                    return verdict
                if verdict.shares != shares:
                    raise Refused(
                        f"expected {plain(shares)} shares to be let through, was {plain(verdict.shares)}: ask for those"
                    )
                if position.threshold is None:
                    with step.group(correlation=f"symbol:{symbol}", reason=reason):
                        step.handle(Position, symbol, Initialize(threshold=step.default_threshold))
                trigger = ManualTrigger(net_position_shares=position.net, actor=actor, reason=reason)
                place(
                    step,
                    request,
                    verdict,
                    cause="manual",
                    now=now,
                    unprompted=trigger,
                    may_raise=may_raise,
                    reason=reason,
                )
                return verdict
        except PendingExecution as error:
            raise Refused(f"{error}; one order a symbol at a time") from error
        except (WrongSide, WrongShares) as error:
            raise Refused(f"it would raise what is open: {error}. Say --may-raise if that is what you want") from error

    def _request(self, side: Side, symbol: Symbol, shares: Shares, position: Position) -> Request:
        return Request(
            broker=self._broker.name,
            strategy=HEDGE,
            symbol=symbol,
            side=side,
            shares=shares,
            reference_price_usd=None if position.last_price is None else position.last_price.price_usdc,
        )
