"""Sizing: how much is ordered for what is wanted. Dollars where the broker takes them, else as many shares as they buy.

Of a sale no more is ordered than is ours to sell: what the account holds, less what hedges hold and what an operator
put aside; unless the strategy sells short.
"""

from decimal import Decimal

import msgspec

from audit_trail.executions.wanted import Wanted
from trading.brokers.port import Capabilities
from trading.risk.gate import Denied
from trading.risk.reading import price_of
from trading.risk.rules import Rule
from trading.risk.situation import Facts
from trading.values.arithmetic import ZERO, cut, plain, quotient, subtract
from trading.values.quantities import Shares, Usd
from trading.values.sides import Side


class Size(msgspec.Struct, frozen=True):
    """So many shares; or so many dollars, and what those are reckoned to buy."""

    shares: Shares
    notional_usd: Usd | None = None


def size_of(wanted: Wanted, *, capabilities: Capabilities, facts: Facts, not_ours: Decimal) -> Size | Denied | None:
    """Tell how much to order, or why nothing; None where something is not known that the risk gate asks for first."""
    asked: Size | None = None  # All there is.
    if not wanted.closes_position:
        size = _asked(wanted, capabilities, facts)
        if not isinstance(size, Size) or wanted.side is Side.BUY or wanted.may_short:
            return size
        asked = size
    if facts.holdings is None:
        return None
    return _cut_to_ours(wanted, asked, facts.holdings.of(wanted.symbol).net_shares, not_ours)


def _asked(wanted: Wanted, capabilities: Capabilities, facts: Facts) -> Size | Denied | None:
    if wanted.shares is not None:
        return Size(wanted.shares)
    price = _price(wanted, facts)
    if wanted.notional_usd is None or price is None or facts.asset is None:
        return None
    fractions = facts.asset.fractionable is True
    digits = (capabilities.fractional_digits or 0) if fractions else 0
    shares = Shares(cut(quotient(wanted.notional_usd, price), digits=digits))
    if not shares:
        return Denied(
            rule=Rule.NOT_FRACTIONABLE,
            text=f"{plain(wanted.notional_usd)} USD buy less than can be ordered of {wanted.symbol} at "
            f"{plain(price)}: {digits} decimals of a share",
            figures={"notional_usd": plain(wanted.notional_usd), "price_usd": plain(price), "shares": "0"},
        )
    in_dollars = capabilities.notional and fractions and wanted.limit_price_usd is None
    return Size(shares, wanted.notional_usd if in_dollars else None)


def _price(wanted: Wanted, facts: Facts) -> Usd | None:
    if wanted.limit_price_usd is not None:
        return wanted.limit_price_usd
    return None if facts.quote is None else price_of(facts.quote, wanted.side)


def _cut_to_ours(wanted: Wanted, asked: Size | None, held: Decimal, not_ours: Decimal) -> Size | Denied:
    ours = max(subtract(held, not_ours), ZERO)
    if not ours:
        return Denied(
            rule=Rule.HOLDINGS,
            text=f"nothing of {wanted.symbol} is there to be sold: {plain(held)} shares are held, of which "
            f"{plain(not_ours)} are hedges' or put aside",
            figures={"held_shares": plain(held), "not_ours_shares": plain(not_ours)},
        )
    return asked if asked is not None and asked.shares < ours else Size(Shares(ours))


def fitting(size: Size, allowed: Shares) -> Size:
    """What is ordered of it where the risk gate lets less through: then it is so many shares."""
    return size if allowed == size.shares else Size(allowed)
