"""The hedger: where exposure has reached its threshold and no order is under way, one is placed, in one commit.

Each order passes the risk gate inside that commit. What the gate denies is written down and told, and looked at again
every second, so that it is placed as soon as nothing stands against it any more.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import structlog
from django.db import transaction

from trading.brokers.port import Broker
from trading.conductor.placing import place
from trading.conductor.work import ALIKE_BEFORE_A_HALT, halt, may_be_hedged, waits
from trading.ledger.book import Ledger
from trading.notices.models import close_notice, open_notice
from trading.position.aggregate import HedgeDue, Position
from trading.risk.checking import Gate
from trading.risk.gate import Denied, Verdict
from trading.risk.records import Denial, end_denials, end_denials_of, keep_denial, standing_denials
from trading.risk.rules import Rule
from trading.risk.scopes import HEDGE
from trading.risk.situation import Request
from trading.values.arithmetic import plain
from trading.values.identifiers import OrderId
from trading.values.symbols import Symbol

log = structlog.get_logger(__name__)

LOOK_AGAIN_AFTER = timedelta(seconds=1)
# So long the refresher has to bring what is not known yet, before that counts as a denial.
AWAITED_FOR = timedelta(seconds=5)


class Hedger:
    """Places hedges; whether the broker is there is no matter of its own."""

    name = "hedger"

    def __init__(self, *, broker: Broker, ledger: Ledger, gate: Gate) -> None:
        self._broker, self._ledger, self._gate = broker, ledger, gate
        self._looked_at: datetime | None = None
        self._awaited_since: dict[tuple[Symbol, str], datetime] = {}

    def run_once(self, *, now: datetime) -> bool:
        """Place what is due. Return whether anything was placed. One symbol's error leaves the others their hedge."""
        placed, failure = False, None
        for symbol in self._ready(now):
            try:
                placed |= self._place(symbol, now) is not None
            except Exception as error:  # each symbol by itself; the station fails after all had their turn
                log.exception("Hedge can't be placed", symbol=symbol)
                failure = error
        if failure is not None:
            raise failure
        return placed

    def wanting(self) -> list[Position]:
        """The positions past their threshold with no order under way, whatever they wait for."""
        return [position for position in self._ledger.memory().positions() if self._hedge_of(position) is not None]

    def asked_about(self) -> list[Symbol]:
        """The symbols of which the gate must know more: all that want a hedge, but those that an operator stopped."""
        wanting = [position.symbol for position in self.wanting()]
        if not wanting:
            return []
        stopped = {symbol for symbol, wait in waits().items() if wait.halted_at is not None}
        stopped |= {denial.symbol for denial in self.denials() if Rule(denial.rule).is_an_operators_stop}
        return [symbol for symbol in wanting if symbol not in stopped]

    def denials(self) -> list[Denial]:
        """What stands against hedges now."""
        return standing_denials(broker=self._broker.name, strategy=HEDGE)

    def _due(self, wanting: Sequence[Position], now: datetime) -> list[Position]:
        """Those that neither wait nor are halted, strongest exposure first."""
        waiting = waits()
        return strongest_first(
            position
            for position in wanting
            if (wait := waiting.get(position.symbol)) is None or (wait.halted_at is None and wait.not_before <= now)
        )

    def _hedge_of(self, position: Position) -> HedgeDue | None:
        return position.hedge_due(fractional_digits=self._broker.capabilities.fractional_digits)

    # Looking, which places nothing.

    def _ready(self, now: datetime) -> list[Symbol]:
        """The symbols that the gate would let through now. Of the others it is kept why they are not."""
        wanting, denials = self.wanting(), self.denials()
        symbols = {position.symbol for position in wanting}
        end_denials([denial for denial in denials if denial.symbol not in symbols], now=now)
        denied = {denial.symbol for denial in denials}
        due = self._due(wanting, now)
        if not due or (self._looked_lately(now) and all(position.symbol in denied for position in due)):
            return []
        self._looked_at = now
        return self._let_through(
            [request for each in due if (request := self._request(each)) is not None], denials, now
        )

    def _looked_lately(self, now: datetime) -> bool:
        return self._looked_at is not None and self._looked_at <= now < self._looked_at + LOOK_AGAIN_AFTER

    def _let_through(self, requests: Sequence[Request], denials: Sequence[Denial], now: datetime) -> list[Symbol]:
        verdicts = self._gate.look(requests, now=now)
        lifted = [denial for denial in denials if _is_lifted(denial, verdicts.get(Symbol(denial.symbol)))]
        end_denials(lifted, now=now)
        ready, awaited = [], {}
        for request in requests:
            verdict = verdicts[request.symbol]
            if not isinstance(verdict, Denied):
                ready.append(request.symbol)
            elif (since := self._awaits(request, verdict, now)) is not None:
                awaited[request.symbol, verdict.rule.value] = since
            elif not _is_kept(request, verdict, denials, now):
                with transaction.atomic(durable=True):
                    self._deny(request, verdict, now)
        self._awaited_since = awaited
        return ready

    def _awaits(self, request: Request, denied: Denied, now: datetime) -> datetime | None:
        """Tell since when something is awaited that was merely not asked for yet, while that is no wonder."""
        if not denied.rule.is_of_facts or "trouble" in denied.figures:
            return None
        since = self._awaited_since.get((request.symbol, denied.rule.value), now)
        return since if now - since < AWAITED_FOR else None

    def _request(self, position: Position) -> Request | None:
        """The order that hedges a position, as the gate is asked for it."""
        if (hedge := self._hedge_of(position)) is None:
            return None
        return Request(
            broker=self._broker.name,
            strategy=HEDGE,
            symbol=position.symbol,
            side=hedge.side,
            shares=hedge.shares,
            fractional_digits=position.hedge_digits(self._broker.capabilities.fractional_digits),
            reference_price_usd=None if position.last_price is None else position.last_price.price_usdc,
        )

    def _deny(self, request: Request, denied: Denied, now: datetime) -> None:
        """Write a denial down. Where only an operator can change anything, five alike halt the symbol."""
        denial = keep_denial(request, denied, now=now)
        log.warning("Hedge denied", symbol=request.symbol, rule=denied.rule, reason=denied.text, times=denial.times)
        if denied.rule.halts and denial.times >= ALIKE_BEFORE_A_HALT:
            halt(request.symbol, f"{denied.rule}: {denied.text}", now=now)
            open_notice(
                "symbol_halted",
                request.symbol,
                f"{denial.times} times in a row the order was denied by {denied.rule}: {denied.text}. Nothing more is "
                f"placed until you mend the cause and `manage.py resume_symbol {request.symbol} --reason …`",
                at=now,
            )
            end_denials([denial], now=now)

    # Placing.

    def _place(self, symbol: Symbol, now: datetime) -> OrderId | None:
        with self._ledger.step(at=now, actor="hedger") as step:
            step.load(symbols=[symbol])
            position = step.position(symbol)
            request = self._request(position)
            if request is None or not may_be_hedged(symbol, now=now):
                return None  # Another process placed it meanwhile, or halted the symbol.
            if (under_way := self._ledger.memory().order_under_way(symbol)) is not None:
                self._tell_stray(symbol, under_way, now)
                return None
            verdict = self._gate.check(request, now=now)
            if isinstance(verdict, Denied):
                self._deny(request, verdict, now)
                return None
            order = place(step, request, verdict, cause="set" if position.adjusted else None, now=now)
            end_denials_of(symbol, broker=self._broker.name, strategy=HEDGE, now=now)
            close_notice("stray_order", symbol, at=now)
        log.info(
            "Hedge placed",
            correlation=f"order:{order}",
            order=order,
            symbol=symbol,
            side=request.side,
            shares=plain(verdict.shares),
            wanted_shares=plain(request.shares),
        )
        return order

    def _tell_stray(self, symbol: Symbol, order: OrderId, now: datetime) -> None:
        open_notice(
            "stray_order",
            symbol,
            f"order {order} is open, but the position of {symbol} has none under way: no second order is placed. "
            f"Look at order {order}; when it has ended, hedging goes on by itself",
            at=now,
        )


def strongest_first(positions: Iterable[Position]) -> list[Position]:
    """Sort by what the net is worth at the last price; those without a price come last, by their shares."""

    def strength(position: Position) -> tuple[bool, Decimal]:
        size, price = position.net.copy_abs(), position.last_price
        # Only compared, so a digit may be dropped here: one symbol's long number must not keep the others waiting.
        return price is not None, size if price is None else size * price.price_usdc

    return sorted(positions, key=strength, reverse=True)


def _is_kept(request: Request, denied: Denied, denials: Sequence[Denial], now: datetime) -> bool:
    """Tell whether a denial stands already, and is not to be counted again yet."""
    return any(
        denial.symbol == request.symbol and denial.rule == denied.rule and denial.not_before > now for denial in denials
    )


def _is_lifted(denial: Denial, verdict: Verdict | None) -> bool:
    """Tell whether what an operator stopped is stopped no more: the gate, which asks for that first, says otherwise."""
    if verdict is None or not Rule(denial.rule).is_an_operators_stop:
        return False
    return not isinstance(verdict, Denied) or verdict.rule != denial.rule
