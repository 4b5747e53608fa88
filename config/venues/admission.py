"""Admission: whether a venue takes an order."""

from config.venues.accounts import Account
from config.venues.book import Book
from config.venues.orders import Ask, Refusal, Refused
from trading.values.arithmetic import ZERO, subtract
from trading.values.sides import Side


def admit(ask: Ask, account: Account, book: Book, *, refuses_opposite: bool) -> None:
    """Raise Refused where the order can't be taken."""
    instrument = book.instruments.get(ask.symbol)
    if instrument is None:
        raise Refused(Refusal.NO_SUCH_SYMBOL, symbol=ask.symbol)
    if ask.client_id is not None and book.by_client_id(ask.client_id) is not None:
        raise Refused(Refusal.SAME_ID, client_id=ask.client_id)
    if not instrument.tradable:
        raise Refused(Refusal.NOT_TRADABLE, symbol=ask.symbol)
    if account.blocked:
        raise Refused(Refusal.BLOCKED)
    opposite = [order for order in book.open(account.number, ask.symbol) if order.ask.side is not ask.side]
    if opposite and refuses_opposite:
        raise Refused(Refusal.OPPOSITE, order=opposite[0])
    if ask.side is Side.BUY:
        _admit_buy(ask, account, book)
    else:
        _admit_sell(ask, account, book)


def _admit_buy(ask: Ask, account: Account, book: Book) -> None:
    cost = ask.notional_usd or book.worst_cost(ask, ask.shares or ZERO)
    power = book.buying_power(account)
    # What is owed is bought back with what its sale brought.
    if cost > power and account.shares_of(ask.symbol) >= 0:
        raise Refused(Refusal.BUYING_POWER, buying_power=power, cost_basis=cost)


def _admit_sell(ask: Ask, account: Account, book: Book) -> None:
    held = account.shares_of(ask.symbol)
    wanted = book.shares_of(ask)
    on_hold = book.held_by_sells(ask.symbol, account.number)
    available = max(subtract(held, on_hold), ZERO)
    if held > 0 and wanted <= available:
        return
    if held > 0 or not account.shorting:
        existing = max(held, ZERO)
        raise Refused(Refusal.SHARES, requested=wanted, available=available, existing=existing, held_for_orders=on_hold)
    whole = ask.shares is not None and wanted == wanted.to_integral_value()
    if not book.instruments[ask.symbol].shortable or not whole:
        raise Refused(Refusal.NOT_SHORTABLE, symbol=ask.symbol)
