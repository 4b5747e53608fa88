"""Order requests: what is asked of Alpaca, in its words. What it would not take is refused here, and never rounded."""

import re
from decimal import Decimal

from trading.brokers.orders import OrderRequest
from trading.brokers.outcomes import OrderRejected
from trading.values.arithmetic import canonical, plain

SHARE_DIGITS = 9
USD_DIGITS = 2
# A limit below a dollar may be finer.
FINE_BELOW_USD = Decimal(1)
FINE_DIGITS = 4

# Older accounts take no longer ids than this.
_CLIENT_ORDER_ID = re.compile(r"[A-Za-z0-9_-]{1,48}")


def order_json(request: OrderRequest) -> dict[str, str | bool]:
    """Write an order as Alpaca takes it: every amount as text, good for the day. Raises OrderRejected."""
    if not _CLIENT_ORDER_ID.fullmatch(request.client_order_id):
        raise OrderRejected(
            f"Alpaca is sent client order ids of at most 48 letters, digits, - and _, was {request.client_order_id!r}"
        )
    order: dict[str, str | bool] = {"symbol": request.symbol}
    if request.shares is not None:
        order["qty"] = _amount(request, request.shares, digits=SHARE_DIGITS, what="shares")
    if request.notional_usd is not None:
        order["notional"] = _amount(request, request.notional_usd, digits=USD_DIGITS, what="USD")
    order["side"] = request.side.lower()
    if request.limit_price_usd is None:
        order["type"] = "market"
    else:
        digits = USD_DIGITS if request.limit_price_usd >= FINE_BELOW_USD else FINE_DIGITS
        order["type"] = "limit"
        order["limit_price"] = _amount(request, request.limit_price_usd, digits=digits, what="USD as a limit")
    # Alpaca takes fractions, dollars and extended hours for the day only.
    order["time_in_force"] = "day"
    if request.extended_hours:
        order["extended_hours"] = True
    order["client_order_id"] = request.client_order_id
    return order


def _amount(request: OrderRequest, amount: Decimal, *, digits: int, what: str) -> str:
    if -int(canonical(amount).as_tuple().exponent) > digits:
        raise OrderRejected(
            f"Alpaca takes at most {digits} decimals of {what}, and {request.client_order_id} asks for {plain(amount)}"
        )
    return plain(amount)
