"""The control surface under /_venue/: what a person sees of a running venue and does to it, without credentials."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, TypeVar

import msgspec

from config.venues.clock import VenueClock
from config.venues.exchange import Exchange
from config.venues.faults import Fault, FaultPlan
from config.venues.hours import Door
from config.venues.orders import NoSuchOrder, NotOpen, Order
from config.venues.requests import Request
from config.venues.wire import Answer, Asked
from trading.values.arithmetic import plain

T = TypeVar("T")

PREFIX = "/_venue/"
REQUESTS_SHOWN = 100


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    """What may be said in a call; each call reads its own part of it."""

    symbol: str | None = None
    usd: Decimal | None = None
    order: str | None = None
    shares: Decimal | None = None
    reason: str | None = None
    at: datetime | None = None
    advance_seconds: Decimal | None = None
    run: bool = False
    door: Door | None = None


class Controlled(Protocol):
    """What is controlled: a venue, as far as a person sees it and does something to it."""

    @property
    def name(self) -> str: ...

    @property
    def exchange(self) -> Exchange: ...

    @property
    def faults(self) -> FaultPlan: ...

    @property
    def requests(self) -> Sequence[Request]: ...

    def order_named(self, name: str) -> Order: ...

    def name_of(self, order: Order) -> str: ...


class NotUnderstood(ValueError):
    """The call to the control surface lacks something, or says something that is not known."""


class Control:
    """Answers for one venue."""

    def __init__(self, venue: Controlled) -> None:
        self._venue = venue
        self._does: dict[tuple[str, str], Callable[[Asked], Any]] = {
            ("GET", "state"): lambda asked: self.state(),
            ("GET", "requests"): lambda asked: self._requests(),
            ("POST", "price"): self._price,
            ("POST", "cash"): self._cash,
            ("POST", "holding"): self._holding,
            ("POST", "fill"): self._fill,
            ("POST", "cancel"): self._cancel,
            ("POST", "reject"): self._reject,
            ("POST", "expire"): self._expire,
            ("POST", "clock"): self._clock,
            ("POST", "market"): self._market,
            ("POST", "fault"): self._fault,
            ("DELETE", "fault"): lambda asked: self._no_faults(),
        }

    def answer(self, asked: Asked) -> Answer:
        does = self._does.get((asked.method, asked.path.removeprefix(PREFIX)))
        if does is None:
            known = ", ".join(f"{method} {PREFIX}{name}" for method, name in self._does)
            return Answer(status=404, body={"error": f"expected one of {known}"})
        try:
            return Answer(body=does(asked))
        except NoSuchOrder as error:
            return Answer(status=404, body={"error": str(error)})
        except (NotUnderstood, NotOpen, ValueError, msgspec.ValidationError) as error:
            return Answer(status=400, body={"error": str(error)})

    def state(self) -> dict[str, Any]:
        exchange = self._venue.exchange
        with exchange.lock:
            exchange.settle()
            now = exchange.clock.now()
            return {
                "venue": self._venue.name,
                "time": now.isoformat(),
                "market": "open" if exchange.hours.is_open(now) else "closed",
                "door": exchange.hours.door,
                "accounts": [
                    {
                        "number": account.number,
                        "cash_usd": plain(account.cash_usd),
                        "buying_power_usd": plain(exchange.book.buying_power(account)),
                        "holdings": {symbol: plain(held.shares) for symbol, held in account.holdings.items()},
                    }
                    for account in exchange.accounts.values()
                ],
                "prices_usd": {symbol: plain(price) for symbol, price in exchange.prices().items()},
                "orders": [self._shown(order) for order in exchange.orders],
                "faults": [{"call": fault.call, "fault": str(fault)} for fault in self._venue.faults.queued()],
                "requests": len(self._venue.requests),
            }

    def _requests(self) -> list[dict[str, Any]]:
        return [
            {
                "number": one.number,
                "at": one.at.isoformat(),
                "call": one.call,
                "method": one.method,
                "path": one.path,
                "query": one.query,
                "body": one.body.decode(errors="replace"),
                "status": one.status,
                "fault": one.fault,
                "order": one.order,
            }
            for one in self._venue.requests[-REQUESTS_SHOWN:]
        ]

    def _price(self, asked: Asked) -> dict[str, Any]:
        said = _said(asked)
        symbol, usd = _given(said.symbol, "symbol"), _given(said.usd, "usd")
        if usd <= 0:
            raise NotUnderstood(f"expected a price above 0, was {usd}")
        self._venue.exchange.set_price(symbol, usd)
        return {"symbol": symbol, "price_usd": plain(usd)}

    def _cash(self, asked: Asked) -> dict[str, Any]:
        usd = _given(_said(asked).usd, "usd")
        with self._venue.exchange.lock:
            self._venue.exchange.account().cash_usd = usd
        return {"cash_usd": plain(usd)}

    def _holding(self, asked: Asked) -> dict[str, Any]:
        said = _said(asked)
        symbol, shares = _given(said.symbol, "symbol"), _given(said.shares, "shares")
        exchange = self._venue.exchange
        with exchange.lock:
            if symbol not in exchange.book.instruments:
                raise NotUnderstood(f"expected a listed symbol, was {symbol!r}; a price lists one")
            exchange.account().hold(symbol, shares, said.usd or exchange.book.price(symbol))
        return {"symbol": symbol, "shares": plain(shares)}

    def _fill(self, asked: Asked) -> dict[str, Any]:
        said = _said(asked)
        order = self._order(said)
        self._venue.exchange.fill(order, said.shares, said.usd)
        return self._shown(order)

    def _cancel(self, asked: Asked) -> dict[str, Any]:
        said = _said(asked)
        order = self._order(said)
        self._venue.exchange.cancel_now(order, said.reason)
        return self._shown(order)

    def _reject(self, asked: Asked) -> dict[str, Any]:
        said = _said(asked)
        order = self._order(said)
        self._venue.exchange.reject(order, said.reason or "rejected by hand")
        return self._shown(order)

    def _expire(self, asked: Asked) -> dict[str, Any]:
        order = self._order(_said(asked))
        self._venue.exchange.expire(order)
        return self._shown(order)

    def _clock(self, asked: Asked) -> dict[str, Any]:
        said = _said(asked)

        def move(clock: VenueClock) -> None:
            if said.run:
                clock.run()
            if said.at is not None:
                clock.set(said.at)
            if said.advance_seconds is not None:
                clock.advance(said.advance_seconds)

        self._venue.exchange.set_time(move)
        return {"time": self._venue.exchange.clock.now().isoformat()}

    def _market(self, asked: Asked) -> dict[str, Any]:
        door = _given(_said(asked).door, "door")
        self._venue.exchange.set_door(door)
        return {"door": door}

    def _fault(self, asked: Asked) -> dict[str, Any]:
        said = _json(asked)
        times = said.pop("times", 1)
        if times is not None and (not isinstance(times, int) or times < 1):
            raise NotUnderstood(f"expected times as a whole number above 0, or null for always, was {times!r}")
        unknown = set(said) - set(Fault.__dataclass_fields__)
        if unknown:
            raise NotUnderstood(f"expected fields of a fault ({', '.join(Fault.__dataclass_fields__)}), was {unknown}")
        fault = msgspec.convert(said, Fault, strict=False)
        self._venue.faults.add(fault, times=times)
        return {"call": fault.call, "fault": str(fault), "times": times}

    def _no_faults(self) -> dict[str, Any]:
        self._venue.faults.clear()
        return {"faults": []}

    def _order(self, said: _Body) -> Order:
        return self._venue.order_named(_given(said.order, "order"))

    def _shown(self, order: Order) -> dict[str, Any]:
        ask = order.ask
        return {
            "number": order.number,
            "id": self._venue.name_of(order),
            "client_id": ask.client_id,
            "symbol": ask.symbol,
            "side": ask.side,
            "shares": None if order.shares is None else plain(order.shares),
            "notional_usd": None if ask.notional_usd is None else plain(ask.notional_usd),
            "limit_price_usd": None if ask.limit_price_usd is None else plain(ask.limit_price_usd),
            "state": order.state,
            "filled_shares": plain(order.filled),
            "average_price_usd": None if order.average_price is None else plain(order.average_price),
            "reason": order.reason,
            "entered_at": order.entered_at.isoformat(),
            "updated_at": order.updated_at.isoformat(),
        }


def _said(asked: Asked) -> _Body:
    return msgspec.convert(_json(asked), _Body, strict=False)


_decoder = msgspec.json.Decoder(float_hook=Decimal)


def _json(asked: Asked) -> dict[str, Any]:
    try:
        said = _decoder.decode(asked.body or b"{}")
    except msgspec.DecodeError as error:
        raise NotUnderstood(f"expected a JSON object, was no JSON: {error}") from error
    if not isinstance(said, dict):
        raise NotUnderstood(f"expected a JSON object, was {type(said).__name__}")
    return said


def _given(value: T | None, name: str) -> T:
    if value is None:
        raise NotUnderstood(f"expected {name!r} in the body, was nothing")
    return value
