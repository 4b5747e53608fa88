"""The exchange behind a venue: accounts, prices, hours, and orders with all that becomes of them.

It knows no protocol. Nothing in it waits: whatever was due is done when somebody looks. Everything is exact.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from config.venues.accounts import Account
from config.venues.admission import admit
from config.venues.book import Book
from config.venues.clock import Source, VenueClock
from config.venues.filling import Due, Ending, FillRule, Turn, due, half_of
from config.venues.hours import Door, Hours
from config.venues.instruments import PRICES_USD, Instrument
from config.venues.orders import Ask, Fill, NotOpen, Order, Refused, State
from trading.values.arithmetic import ZERO, plain


class Happening(NamedTuple):
    """One thing that happened to an order."""

    at: datetime
    order: int
    what: str


class Exchange:
    """One venue's books. Safe for use by many threads at once."""

    def __init__(
        self,
        *,
        clock: datetime | Source | None = None,
        fill_seconds: Decimal | int | None = Decimal(2),
        ending: Ending = Ending.FILLED,
        hours: Hours | None = None,
        prices_usd: Mapping[str, Decimal] | None = None,
        accounts: Iterable[Account] | None = None,
        cancel_seconds: Decimal | int = 0,
    ) -> None:
        """Without `fill_seconds` nothing is filled by itself. Prices given are listed beside the usual ones."""
        self.lock = threading.RLock()
        self.clock = VenueClock(clock)
        self.rule = FillRule(seconds=None if fill_seconds is None else Decimal(fill_seconds), ending=ending)
        self.hours = hours or Hours()
        self.accounts = {account.number: account for account in accounts or [Account()]}
        self.book = Book({**PRICES_USD, **(prices_usd or {})}, self.clock.now())
        self.cancel_seconds = Decimal(cancel_seconds)
        self.refuses_opposite = False
        """Refuse an order while one of the other side is open in that symbol, as some venues do."""
        self.happenings: list[Happening] = []
        self._fills = 0

    # What customers do.

    def place(self, ask: Ask, *, account: str | None = None) -> Order:
        """Take an order. Raises Refused, and then nothing is there."""
        with self.lock:
            self.settle()
            holder = self.account(account)
            admit(ask, holder, self.book, refuses_opposite=self.refuses_opposite)
            return self._enter(ask, holder)

    def take_and_reject(self, ask: Ask, reason: str, *, account: str | None = None) -> Order:
        """Take an order and end it at once, as brokers do that check after they have answered."""
        with self.lock:
            order = self._enter(ask, self.account(account))
            self._end(order, State.REJECTED, order.entered_at, reason)
            return order

    def cancel(self, order: Order) -> None:
        """Ask that an order be cancelled; it takes effect after `cancel_seconds`. Raises NotOpen."""
        with self.lock:
            self.settle()
            self._must_be_changeable(order)
            order.updated_at = self.clock.now()
            order.cancel_due_at = order.updated_at + timedelta(microseconds=int(self.cancel_seconds * 1_000_000))
            self._tell(order, "cancel asked for")
            self.settle()

    def replace(self, order: Order, ask: Ask) -> Order:
        """End an order and take another in its place. Raises NotOpen, Refused."""
        with self.lock:
            self.settle()
            self._must_be_changeable(order)
            holder = self.account(order.account)
            self.book.close(order)  # What it holds is free for its successor.
            try:
                admit(ask, holder, self.book, refuses_opposite=self.refuses_opposite)
            except Refused:
                self.book.reopen(order)
                raise
            successor = self._enter(ask, holder)
            order.replaced_by, successor.replaces = successor.number, order.number
            self._end(order, State.REPLACED, self.clock.now(), None)
            return successor

    # What a test or a person does.

    def fill(
        self,
        order: Order,
        shares: Decimal | int | None = None,
        price_usd: Decimal | None = None,
        *,
        legs: Iterable[tuple[Decimal, Decimal]] | None = None,
    ) -> Fill:
        """Fill so many shares, or all that is left; more than was asked for, or after the end, if told to."""
        with self.lock:
            self.settle()
            left = self._left(order)
            price = self.book.price(order.ask.symbol) if price_usd is None else price_usd
            if legs is None:
                legs = [(left if shares is None else Decimal(shares), price)]
            return self._fill(order, tuple(legs), self.clock.now())

    def cancel_now(self, order: Order, reason: str | None = None) -> None:
        """Cancel as the venue does by itself. Raises NotOpen."""
        self._end_by_hand(order, State.CANCELLED, reason)

    def reject(self, order: Order, reason: str) -> None:
        self._end_by_hand(order, State.REJECTED, reason)

    def expire(self, order: Order) -> None:
        self._end_by_hand(order, State.EXPIRED, None)

    def set_price(self, symbol: str, price_usd: Decimal) -> None:
        """List a price from now on, and the symbol with it."""
        with self.lock:
            self.settle()
            now = self.clock.now()
            listed = self.book.instruments.setdefault(
                symbol, Instrument(symbol=symbol, price_usd=price_usd, priced_at=now)
            )
            listed.price_usd, listed.priced_at = price_usd, now

    def set_quote(self, symbol: str, *, bid_usd: Decimal, ask_usd: Decimal, quoted_at: datetime | None = None) -> None:
        """Quote a symbol so from now on, whatever its price: crossed, empty or old, as real quotes sometimes are."""
        with self.lock:
            self.settle()
            listed = self.book.instruments[symbol]
            listed.quoted, listed.quoted_at = (bid_usd, ask_usd), quoted_at

    def set_door(self, door: Door) -> None:
        """Open or close the market from now on, whatever the hour, or follow the calendar."""
        with self.lock:
            self.settle()
            self.hours.door, self.hours.changed_at = door, self.clock.now()

    def set_rule(self, seconds: Decimal | int | None, ending: Ending = Ending.FILLED) -> None:
        """Change how orders are filled by themselves, from now on and for those that are open too."""
        with self.lock:
            self.settle()
            self.rule = FillRule(seconds=None if seconds is None else Decimal(seconds), ending=ending)

    def set_time(self, move: Callable[[VenueClock], None]) -> None:
        """Move the clock, and do what has become due by then."""
        with self.lock:
            self.settle()
            move(self.clock)
            self.settle()

    # What can be asked.

    @property
    def orders(self) -> list[Order]:
        """Every order that was ever taken, rejected ones too, oldest first."""
        return self.book.orders

    def account(self, number: str | None = None) -> Account:
        """Return an account; without a number, the first."""
        return next(iter(self.accounts.values())) if number is None else self.accounts[number]

    def open_orders(self, account: str | None = None) -> list[Order]:
        with self.lock:
            self.settle()
            return self.book.open(account)

    def prices(self) -> dict[str, Decimal]:
        return {symbol: instrument.price_usd for symbol, instrument in self.book.instruments.items()}

    def settle(self) -> None:
        """Do everything that has become due, oldest first."""
        with self.lock:
            now = self.clock.now()
            waiting: list[Due] = []
            for order in self.book.open():
                instrument = self.book.instruments[order.ask.symbol]
                waiting += due(order, now, rule=self.rule, hours=self.hours, instrument=instrument)
            for at, number, turn in sorted(waiting):
                order = self.book.order(number)
                if order.is_open:
                    self._take_turn(order, at, turn)

    # How it is done.

    def _take_turn(self, order: Order, at: datetime, turn: Turn) -> None:
        price = self.book.price(order.ask.symbol)
        if turn is Turn.CANCEL:
            self._end(order, State.CANCELLED, at, None)
        elif turn is Turn.BELL:
            self._end(order, State.EXPIRED, at, None)
        elif turn is Turn.END and self.rule.ending is Ending.CANCELLED:
            self._end(order, State.CANCELLED, at, "cancelled by the venue")
        else:
            left = self._left(order)
            shares = half_of(left) if turn is Turn.HALF else left
            if shares > 0:
                self._fill(order, ((shares, price),), at)

    def _enter(self, ask: Ask, account: Account) -> Order:
        order = self.book.enter(ask, account.number, self.clock.now())
        amount = f"{plain(ask.shares)} shares" if ask.shares is not None else f"{ask.notional_usd} USD"
        self._tell(order, f"taken: {ask.side} {amount} of {ask.symbol}")
        return order

    def _left(self, order: Order) -> Decimal:
        if order.shares is None:
            order.shares = self.book.shares_of(order.ask)
        return order.remaining or ZERO

    def _fill(self, order: Order, legs: tuple[tuple[Decimal, Decimal], ...], at: datetime) -> Fill:
        for shares, price in legs:
            if shares <= 0 or price <= 0:
                raise ValueError(f"expected more than 0 shares at more than 0 USD, was {shares} at {price}")
        for shares, price in legs:
            self.accounts[order.account].book(order.ask.symbol, order.ask.side, shares, price)
        self._fills += 1
        fill = Fill(number=self._fills, legs=legs, at=at)
        order.fills.append(fill)
        order.updated_at = at
        self._tell(order, "filled " + " and ".join(f"{plain(shares)} at {plain(price)}" for shares, price in legs), at)
        if order.is_open and order.remaining == 0:
            self._end(order, State.FILLED, at, None)
        return fill

    def _must_be_changeable(self, order: Order) -> None:
        if not order.is_open or order.cancel_due_at is not None:
            raise NotOpen(f"order {order.number} is {'being cancelled' if order.is_open else order.state}")

    def _end_by_hand(self, order: Order, state: State, reason: str | None) -> None:
        with self.lock:
            self.settle()
            if not order.is_open:
                raise NotOpen(f"order {order.number} is {order.state}")
            self._end(order, state, self.clock.now(), reason)

    def _end(self, order: Order, state: State, at: datetime, reason: str | None) -> None:
        self.book.close(order)
        order.state, order.ended_at, order.updated_at, order.reason = state, at, at, reason
        self._tell(order, f"{state}: {reason}" if reason else str(state), at)

    def _tell(self, order: Order, what: str, at: datetime | None = None) -> None:
        self.happenings.append(Happening(at or self.clock.now(), order.number, what))
