"""Switched: a broker as whoever sends orders has it, which is sent nothing new while a kill switch is on.

An order that was placed before the switch was thrown, and not sent yet, waits. What may be there already is still asked
for and booked: to know of it places nothing.
"""

from typing import Any, cast

from trading.brokers.orders import OrderReport, OrderRequest
from trading.brokers.outcomes import BrokerUnavailable
from trading.brokers.port import Broker
from trading.risk.controls import standing_switch
from trading.risk.scopes import HEDGE


class Held(BrokerUnavailable):
    """A kill switch is on, so nothing was sent. The same order may be sent when it is off."""


def switched(broker: Broker, *, strategy: str = HEDGE) -> Broker:
    """Put a broker behind the kill switches that reach a strategy's orders."""
    return cast(Broker, _Switched(broker, strategy))


class _Switched:
    def __init__(self, broker: Broker, strategy: str) -> None:
        self._broker, self._strategy = broker, strategy

    def submit(self, request: OrderRequest) -> OrderReport:
        switch = standing_switch(broker=self._broker.name, symbol=request.symbol, strategy=self._strategy)
        if switch is not None:
            raise Held(f"the kill switch ({switch.named()}) is on: {switch.reason}; {request.client_order_id} waits")
        return self._broker.submit(request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)
