"""The hedger: where exposure has reached its threshold and no order is under way, one is placed, in one commit."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

import structlog

from trading.brokers.port import Broker
from trading.conductor.work import waits
from trading.ledger.book import Ledger
from trading.ledger.mode import next_order
from trading.notices.models import close_notice, open_notice
from trading.offchain_order.aggregate import OffchainOrder
from trading.offchain_order.commands import Place
from trading.position.aggregate import HedgeDue, Position
from trading.position.commands import PlaceOffChainOrder
from trading.values.arithmetic import plain
from trading.values.identifiers import OrderId
from trading.values.symbols import Symbol

log = structlog.get_logger(__name__)


class Hedger:
    """Places hedges; whether the broker is there is no matter of its own."""

    name = "hedger"

    def __init__(self, *, broker: Broker, ledger: Ledger) -> None:
        self._broker, self._ledger = broker, ledger

    def run_once(self, *, now: datetime) -> bool:
        """Place what is due. Return whether anything was placed. One symbol's error leaves the others their hedge."""
        placed, failure = False, None
        for position in self.due(now=now):
            try:
                placed |= self._place(position.symbol, now) is not None
            except Exception as error:  # each symbol by itself; the station fails after all had their turn
                log.exception("Hedge can't be placed", symbol=position.symbol)
                failure = error
        if failure is not None:
            raise failure
        return placed

    def due(self, *, now: datetime) -> list[Position]:
        """The positions whose hedge is due and may be placed by now, strongest exposure first."""
        waiting = waits()
        return strongest_first(
            position
            for position in self.wanting()
            if (wait := waiting.get(position.symbol)) is None or (wait.halted_at is None and wait.not_before <= now)
        )

    def wanting(self) -> list[Position]:
        """The positions past their threshold with no order under way, whatever they wait for."""
        return [position for position in self._ledger.memory().positions() if self._hedge_of(position) is not None]

    def _hedge_of(self, position: Position) -> HedgeDue | None:
        return position.hedge_due(fractional_digits=self._broker.capabilities.fractional_digits)

    def _place(self, symbol: Symbol, now: datetime) -> OrderId | None:
        with self._ledger.step(at=now, actor="hedger") as step:
            step.load(symbols=[symbol])
            position = step.position(symbol)
            hedge = self._hedge_of(position)
            if hedge is None:
                return None  # Another process placed it meanwhile.
            if (under_way := self._ledger.memory().order_under_way(symbol)) is not None:
                self._tell_stray(symbol, under_way, now)
                return None
            order, client_order_id = next_order()
            with step.group(correlation=f"order:{order}"):
                step.handle(
                    Position,
                    symbol,
                    PlaceOffChainOrder(
                        order_id=order,
                        shares=hedge.shares,
                        side=hedge.side,
                        broker=self._broker.name,
                        placed_at=now,
                    ),
                )
                step.handle(
                    OffchainOrder,
                    order,
                    Place(
                        symbol=symbol,
                        shares=hedge.shares,
                        side=hedge.side,
                        broker=self._broker.name,
                        client_order_id=client_order_id,
                        attempt=1,
                        placed_at=now,
                        unallocated_cause="set" if position.adjusted else None,
                    ),
                )
            close_notice("stray_order", symbol, at=now)
        log.info("Hedge placed", order=order, symbol=symbol, side=hedge.side, shares=plain(hedge.shares))
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
