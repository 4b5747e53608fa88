"""Verbs for one symbol: let it be hedged again, or say what its net position is. No broker is asked."""

from datetime import datetime

from trading.conductor.verbs.refusal import Refused
from trading.conductor.verbs.requests import OperatorRequest, Verb
from trading.conductor.work import resume
from trading.ledger.book import Ledger
from trading.position.aggregate import PendingExecution, Position
from trading.position.commands import Initialize, SetPosition
from trading.values.arithmetic import plain
from trading.values.quantities import Shares, shares
from trading.values.symbols import Symbol


class SymbolVerbs:
    """Does what an operator asks for, in one ledger. Each method returns what came of it."""

    def __init__(self, *, ledger: Ledger) -> None:
        self._ledger = ledger

    def do(self, request: OperatorRequest, now: datetime) -> str:
        """Do what a request for a symbol asks for."""
        symbol, actor = Symbol(request.subject), request.actor
        if request.verb == Verb.SET_POSITION:
            return self.set(symbol, shares(request.said["net"]), actor=actor, reason=request.reason, now=now)
        return self.resume(symbol, now=now)

    def resume(self, symbol: Symbol, *, now: datetime) -> str:
        """Let a symbol be hedged again."""
        waited = resume(symbol, now=now)
        return f"{symbol} is hedged again" if waited else f"{symbol} was neither halted nor waiting"

    def set(self, symbol: Symbol, net: Shares, *, actor: str, reason: str, now: datetime) -> str:
        """Say what the net of a symbol is, where fills and orders do not explain it."""
        try:
            with self._ledger.step(at=now, actor=actor) as step:
                step.load(symbols=[symbol])
                before = step.position(symbol)
                with step.group(correlation=f"set:{symbol}", reason=reason):
                    if before.threshold is None:
                        step.handle(Position, symbol, Initialize(threshold=step.default_threshold))
                    step.handle(Position, symbol, SetPosition(target_net=net, reason=reason))
        except PendingExecution as error:
            raise Refused(f"nothing was changed: {error}, which may change the net. Wait for its end") from error
        return f"{symbol}: net {plain(net)} from now on ({plain(before.net)} before)"
