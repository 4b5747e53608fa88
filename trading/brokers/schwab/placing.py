"""Placing: an order as Schwab takes it, and what its answer to one means."""

import re
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from trading.brokers.http import Answer, refuse_by_status
from trading.brokers.orders import OrderRequest
from trading.brokers.outcomes import NotOffered, OrderRejected, OutcomeUnknown
from trading.brokers.schwab.accounts import ACCOUNTS
from trading.brokers.schwab.answers import refusal, told, unpacked
from trading.brokers.schwab.symbols import to_schwab
from trading.values.arithmetic import canonical, plain
from trading.values.identifiers import BrokerOrderId
from trading.values.symbols import NotASymbol

# What US exchanges take: hundredths of a dollar, and below one dollar ten-thousandths.
_DIGITS, _DIGITS_BELOW_ONE = 2, 4
# More is no number that JSON's readers agree on, and no order.
_MOST_SHARES = 10**15
# Words of the broker's about this one order. A page of a proxy's with such a status says nothing of the order.
_REFUSALS = (400, 403, 404, 422)
_LOCATION = re.compile(rf"{re.escape(ACCOUNTS)}/([^/]+)/orders/([0-9]{{1,19}})/?$")


def order_json(request: OrderRequest) -> dict[str, Any]:
    """Write an order for the day. Raises NotOffered, and OrderRejected for what Schwab would not take or would cut."""
    if request.shares is None:
        raise NotOffered(f"Schwab takes orders for shares, and {request.client_order_id} is for dollars")
    try:
        symbol = to_schwab(request.symbol)
    except NotASymbol as error:
        raise OrderRejected(f"{request.client_order_id} was not sent: {error}") from None
    order: dict[str, Any] = {
        "orderType": "MARKET",
        "session": "SEAMLESS" if request.extended_hours else "NORMAL",
        "duration": "DAY",
        "orderStrategyType": "SINGLE",
        "orderLegCollection": [
            {
                "instruction": str(request.side),
                "quantity": _whole(request, request.shares),
                "instrument": {"symbol": symbol, "assetType": "EQUITY"},
            }
        ],
    }
    if request.limit_price_usd is not None:
        order |= {"orderType": "LIMIT", "price": _price(request, request.limit_price_usd)}
    return order


def order_taken(answer: Answer, *, account_hash: str, request: OrderRequest) -> BrokerOrderId:
    """Read the id that Schwab gave an order. Raises OrderRejected, RateLimited, NotAuthorised, OutcomeUnknown.

    Only a refusal in Schwab's own words says that there is no order. Whatever is neither that nor a new order's
    address leaves it unknown, and it is looked for in the list of orders.
    """
    answer, what = unpacked(answer), f"submitting {request.client_order_id}"
    refuse_by_status(answer, changes=True, what=what)
    if answer.status in _REFUSALS and refusal(answer) is not None:
        raise OrderRejected(f"{what}: Schwab refused it ({answer.status}): {told(answer)}")
    if answer.status != 201:
        raise OutcomeUnknown(f"{what}: expected status 201, was {answer.status}: {told(answer)}")
    location = answer.header("location")
    if location is None:
        raise OutcomeUnknown(f"{what}: Schwab took an order and did not say which (no Location)", taken=True)
    found = _LOCATION.search(urlsplit(location).path)
    if found is None:
        raise OutcomeUnknown(f"{what}: expected the address of an order, was {location!r:.200}", taken=True)
    if found[1] != account_hash:
        raise OutcomeUnknown(
            f"{what}: expected the address of an order of our account, was another account's", taken=True
        )
    return BrokerOrderId(found[2])


def _whole(request: OrderRequest, shares: Decimal) -> int:
    if shares != shares.to_integral_value() or shares > _MOST_SHARES:
        raise OrderRejected(
            f"Schwab takes whole shares, at most {_MOST_SHARES}, and {request.client_order_id} asks for "
            f"{plain(shares)}: it was not sent"
        )
    return int(shares)


def _price(request: OrderRequest, price: Decimal) -> str:
    digits = _DIGITS if price >= 1 else _DIGITS_BELOW_ONE
    if -int(canonical(price).as_tuple().exponent) > digits:
        raise OrderRejected(
            f"Schwab takes limits with at most {digits} decimals, and {request.client_order_id} has one of "
            f"{plain(price)} USD: it was not sent"
        )
    return plain(price)
