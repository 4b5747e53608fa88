"""The book: every order a venue ever took, the shares it lists, and what open orders hold for their own."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from config.venues.accounts import Account
from config.venues.filling import FRACTION_DIGITS
from config.venues.instruments import Instrument
from config.venues.orders import Ask, NoSuchOrder, Order
from trading.values.arithmetic import ZERO, add, cut, multiply, quotient, subtract
from trading.values.sides import Side


class Book:
    """Orders and prices. Whoever uses it holds the exchange's lock."""

    def __init__(self, prices_usd: Mapping[str, Decimal], now: datetime) -> None:
        self.instruments = {
            symbol: Instrument(symbol=symbol, price_usd=Decimal(price), priced_at=now)
            for symbol, price in prices_usd.items()
        }
        self.orders: list[Order] = []
        self._open: dict[int, Order] = {}
        self._by_client_id: dict[str, Order] = {}

    def enter(self, ask: Ask, account: str, now: datetime) -> Order:
        number = len(self.orders) + 1
        order = Order(number=number, account=account, ask=ask, entered_at=now, updated_at=now, shares=ask.shares)
        self.orders.append(order)
        self._open[number] = order
        if ask.client_id is not None:
            self._by_client_id[ask.client_id] = order
        return order

    def close(self, order: Order) -> None:
        self._open.pop(order.number, None)

    def reopen(self, order: Order) -> None:
        self._open[order.number] = order

    def order(self, number: int) -> Order:
        if not 1 <= number <= len(self.orders):
            raise NoSuchOrder(f"no order {number} was ever taken")
        return self.orders[number - 1]

    def by_client_id(self, client_id: str) -> Order | None:
        return self._by_client_id.get(client_id)

    def open(self, account: str | None = None, symbol: str | None = None) -> list[Order]:
        """List open orders, oldest first."""
        return [
            order
            for _, order in sorted(self._open.items())
            if (account is None or order.account == account) and (symbol is None or order.ask.symbol == symbol)
        ]

    def price(self, symbol: str) -> Decimal:
        return self.instruments[symbol].price_usd

    def shares_of(self, ask: Ask) -> Decimal:
        """Tell how many shares are asked for; of dollars, how many they buy now."""
        if ask.shares is not None:
            return ask.shares
        return cut(quotient(ask.notional_usd or ZERO, self.price(ask.symbol)), digits=FRACTION_DIGITS)

    def worst_cost(self, ask: Ask, shares: Decimal) -> Decimal:
        return multiply(shares, ask.limit_price_usd or self.instruments[ask.symbol].ask_usd)

    def held_by_sells(self, symbol: str, account: str) -> Decimal:
        """Tell how many shares open orders to sell have for their own."""
        held = ZERO
        for order in self.open(account, symbol):
            if order.ask.side is Side.SELL:
                held = add(held, self._wanted(order))
        return held

    def buying_power(self, account: Account) -> Decimal:
        """Tell what may be spent: the cash, as often as the account's multiplier says, less what open orders hold."""
        power = multiply(account.cash_usd, Decimal(account.multiplier))
        for order in self.open(account.number):
            if order.ask.side is Side.BUY:
                power = subtract(power, self.worst_cost(order.ask, self._wanted(order)))
        return max(power, ZERO)

    def _wanted(self, order: Order) -> Decimal:
        return self.shares_of(order.ask) if order.remaining is None else order.remaining
