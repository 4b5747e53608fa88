"""How much is ordered for what is wanted."""

from decimal import Decimal

import msgspec
import pytest

from audit_trail.executions.sizing import Size, fitting, size_of
from audit_trail.executions.wanted import Wanted
from tests.audit_trail.decisions.drafts import ACCOUNT, AT, TODAY
from tests.support.facts import asset, fresh_facts, holdings, quote
from trading.brokers.port import Capabilities
from trading.risk.gate import Denied
from trading.risk.rules import Rule
from trading.values.sides import Side

ALPACA = Capabilities(fractional_digits=9, client_order_id=True, notional=True)
SCHWAB = Capabilities(fractional_digits=None, client_order_id=False)
DRY_RUN = Capabilities(fractional_digits=9, client_order_id=True)


def wanted(side="BUY", **changes):
    given = {
        "decision_id": "5f6f9d0c-6d2b-4c52-9f5d-0a3b7d1c2e4f",
        "strategy": "congressional",
        "account": ACCOUNT,
        "trading_day": TODAY,
        "symbol": "AAPL",
        "side": Side(side),
        "shares": None,
        "notional_usd": None,
        "closes_position": False,
        "may_short": False,
        "limit_price_usd": None,
        "reference_price_usd": None,
        "signal_strength": Decimal(1),
    }
    amounts = {
        name: Decimal(value) if name.endswith(("shares", "usd")) and isinstance(value, str) else value
        for name, value in changes.items()
    }
    return Wanted(**{**given, **amounts})


def sized(each, *, broker=ALPACA, price="200", fractionable=True, held="0", not_ours="0", **changes):
    facts = fresh_facts(
        "AAPL",
        AT,
        quote=quote("AAPL", AT, last=price),
        asset=asset("AAPL", AT, fractionable=fractionable),
        holdings=holdings(AT, AAPL=held),
    )
    facts = msgspec.structs.replace(facts, **changes)
    return size_of(each, capabilities=broker, facts=facts, not_ours=Decimal(not_ours))


def told(size):
    """As in `5`, `5 for $1000`, or the rule that denies it."""
    match size:
        case Denied(rule=rule):
            return rule.value
        case Size(shares=shares, notional_usd=None):
            return f"{shares:f}"
        case Size(shares=shares, notional_usd=dollars):
            return f"{shares:f} for ${dollars:f}"
    return "not known"


@pytest.mark.parametrize(
    ("each", "circumstances", "comes_to"),
    [
        (wanted(shares="4.5"), {}, "4.5"),
        # Dollars, where the broker takes them and the asset is divided.
        (wanted(notional_usd="1000"), {}, "5 for $1000"),
        (wanted(notional_usd="1000"), {"price": "3"}, "333.333333333 for $1000"),
        # Else as many shares as they buy.
        (wanted(notional_usd="1000"), {"fractionable": False}, "5"),
        (wanted(notional_usd="999.99"), {"fractionable": False}, "4"),
        (wanted(notional_usd="199.99"), {"fractionable": False}, "not_fractionable"),
        (wanted(notional_usd="1000"), {"broker": SCHWAB, "price": "300"}, "3"),
        (wanted(notional_usd="1000"), {"broker": DRY_RUN, "price": "3"}, "333.333333333"),
        # A limit is the price, and an order with one is for shares.
        (wanted(notional_usd="1000", limit_price_usd="250"), {}, "4"),
        # What is not known is asked for by the gate.
        (wanted(notional_usd="1000"), {"quote": None}, "not known"),
        (wanted(notional_usd="1000"), {"asset": None}, "not known"),
        (wanted("SELL", shares="1"), {"holdings": None}, "not known"),
        (wanted("SELL", notional_usd="1000"), {"quote": None, "held": "10"}, "not known"),
        (wanted("SELL", notional_usd="199.99"), {"fractionable": False, "held": "10"}, "not_fractionable"),
        (wanted("SELL", closes_position=True), {"holdings": None}, "not known"),
    ],
)
def test_q5_how_much_is_ordered_for_dollars(each, circumstances, comes_to):
    assert told(sized(each, **circumstances)) == comes_to


@pytest.mark.parametrize(
    ("each", "circumstances", "comes_to"),
    [
        (wanted("SELL", shares="4"), {"held": "10"}, "4"),
        (wanted("SELL", shares="14"), {"held": "10"}, "10"),
        (wanted("SELL", shares="4"), {}, "holdings"),
        # What hedges hold, or an operator put aside, is not ours to sell.
        (wanted("SELL", shares="10"), {"held": "10", "not_ours": "7"}, "3"),
        (wanted("SELL", shares="10"), {"held": "10", "not_ours": "10"}, "holdings"),
        (wanted("SELL", shares="10"), {"held": "10", "not_ours": "12"}, "holdings"),
        # A hedge that is short has sold what decisions hold.
        (wanted("SELL", shares="10"), {"held": "6", "not_ours": "-4"}, "10"),
        # Who may sell short is not cut.
        (wanted("SELL", shares="4", may_short=True), {}, "4"),
        (wanted("SELL", notional_usd="1000"), {"held": "10"}, "5 for $1000"),
        (wanted("SELL", notional_usd="1000"), {"held": "4.5"}, "4.5"),
        # Dollars for the very last share might come to more than there is.
        (wanted("SELL", notional_usd="1000"), {"held": "5"}, "5"),
        # Q6: all there is, to the last digit, from what the broker says is held.
        (wanted("SELL", closes_position=True), {"held": "10.123456789"}, "10.123456789"),
        (wanted("SELL", closes_position=True), {"held": "0.000000001"}, "0.000000001"),
        (wanted("SELL", closes_position=True), {"held": "10", "not_ours": "4"}, "6"),
        (wanted("SELL", closes_position=True), {}, "holdings"),
        (wanted("SELL", closes_position=True, may_short=True), {"held": "2"}, "2"),
    ],
)
def test_no_more_is_sold_than_is_ours(each, circumstances, comes_to):
    assert told(sized(each, **circumstances)) == comes_to


@pytest.mark.parametrize(("side", "comes_to"), [("BUY", "4 for $1000"), ("SELL", "10 for $1000")])
def test_dollars_are_reckoned_at_what_the_other_side_asks_or_bids(side, comes_to):
    both = quote("AAPL", AT, bid_usd=Decimal(100), ask_usd=Decimal(250))

    assert told(sized(wanted(side, notional_usd="1000"), held="99", quote=both)) == comes_to


def test_a_denial_tells_its_figures():
    denied = sized(wanted(notional_usd="199.99"), fractionable=False)

    assert isinstance(denied, Denied)
    assert denied.rule is Rule.NOT_FRACTIONABLE
    assert denied.figures == {"notional_usd": "199.99", "price_usd": "200", "shares": "0"}
    assert denied.text == "199.99 USD buy less than can be ordered of AAPL at 200: 0 decimals of a share"

    denied = sized(wanted("SELL", shares="10"), held="10", not_ours="12.5")

    assert isinstance(denied, Denied)
    assert denied.figures == {"held_shares": "10", "not_ours_shares": "12.5"}
    assert denied.text == (
        "nothing of AAPL is there to be sold: 10 shares are held, of which 12.5 are hedges' or put aside"
    )


def test_what_the_gate_cuts_is_ordered_in_shares():
    size = Size(Decimal(5), Decimal(1000))

    assert fitting(size, Decimal(5)) == size
    assert fitting(size, Decimal(3)) == Size(Decimal(3))
