"""Denials: what the gate tells whoever asks why nothing was placed, word for word, with the figures that it went by."""

from decimal import Decimal

import msgspec
import pytest

from tests.support.facts import account, asset, holdings, market_clock, quote
from tests.trading.risk.asking import (
    NOW,
    ago,
    answer,
    asked,
    intent,
    limit,
    order,
    placed,
    restriction,
    switch,
    terms,
    usd,
)

BUY, SELL = order("BUY", "10"), order("SELL", "10")
POOR = account(NOW, buying_power_usd=usd("1999.5"))
SINCE = "2026-03-02T15:58:59+00:00"  # A minute and a second before.
OLD = ago(61)
STALE = "and may be 60 seconds old"

# What was asked, what holds, and then: the rule, its text, and figures that stand beside what is usual.
DENIALS = {
    "a switch": (
        BUY,
        {"switches": [switch("symbol", "AAPL")]},
        "kill_switch",
        "the kill switch (symbol AAPL) is on: something is wrong",
        {"kill_switch": "symbol AAPL", "shares": "10"},
    ),
    "restricted": (
        BUY,
        {"restrictions": [restriction()]},
        "restricted_symbol",
        "AAPL is restricted until further notice: earnings",
        {"restricted": "both sides", "restricted_until": "further notice"},
    ),
    "restricted for a while": (
        BUY,
        {"restrictions": [restriction(side="BUY", expires_at=ago(-1))]},
        "restricted_symbol",
        "AAPL is restricted until 2026-03-02T16:00:01+00:00: earnings",
        {"restricted": "BUY", "restricted_until": "2026-03-02T16:00:01+00:00"},
    ),
    "no clock": (
        BUY,
        {"clock": None},
        "clock_facts",
        "the broker has not told of the clock yet; it is asked within a minute",
        {},
    ),
    "an old clock": (
        BUY,
        {"clock": market_clock(OLD)},
        "clock_facts",
        f"what the broker says of the clock is of {SINCE}, {STALE}",
        {"clock_as_of": SINCE, "clock_age_seconds": "60"},
    ),
    "closed": (
        BUY,
        {"clock": market_clock(NOW, is_open=False)},
        "session_closed",
        "the market is closed",
        {"clock_open": "no", "clock_as_of": NOW.isoformat()},
    ),
    "no calendar": (
        BUY,
        {"under": terms(calendar=True)},
        "calendar_facts",
        "the calendar does not tell whether the market is open",
        {"clock_open": "yes"},
    ),
    "open by the clock": (
        BUY,
        {"under": terms(calendar=True), "session_open": False},
        "session_disagrees",
        "the market is open by the broker's clock and closed by the calendar",
        {"clock_open": "yes", "calendar_open": "no"},
    ),
    "open by the calendar": (
        BUY,
        {"under": terms(calendar=True), "session_open": True, "clock": market_clock(NOW, is_open=False)},
        "session_disagrees",
        "the market is closed by the broker's clock and open by the calendar",
        {"clock_open": "no", "calendar_open": "yes"},
    ),
    "an old account": (
        BUY,
        {"account": account(OLD), "troubles": {"account": "503"}},
        "account_facts",
        f"what the broker says of the account is of {SINCE}, {STALE}. When last asked: 503",
        {"account_as_of": SINCE, "trouble": "503"},
    ),
    "live": (
        BUY,
        {"account": account(NOW, paper=False)},
        "account_expected",
        "expected a paper account, was live",
        {"account_paper": "no", "account_as_of": NOW.isoformat()},
    ),
    "paper": (
        BUY,
        {"under": terms(paper=False)},
        "account_expected",
        "expected a live account, was paper",
        {"account_paper": "yes"},
    ),
    "who knows": (
        BUY,
        {"account": account(NOW, paper=None)},
        "account_expected",
        "expected a paper account, was unknown",
        {},
    ),
    "another": (
        BUY,
        {"under": terms(account_number="98765")},
        "account_expected",
        "expected the account ending in 8765, was one ending in 1234",
        {},
    ),
    "blocked": (
        BUY,
        {"account": account(NOW, blocked="transfers")},
        "account_blocked",
        "the broker takes no orders for the account: transfers",
        {"account_blocked": "transfers"},
    ),
    "an old asset": (
        BUY,
        {"asset": asset("AAPL", ago(14_401))},
        "asset_facts",
        "what the broker says of the asset is of 2026-03-02T11:59:59+00:00, and may be 14400 seconds old",
        {"asset_as_of": "2026-03-02T11:59:59+00:00"},
    ),
    "not traded": (
        BUY,
        {"asset": asset("AAPL", NOW, tradable=False)},
        "not_tradable",
        "the broker does not trade AAPL",
        {"tradable": "no", "fractionable": "yes", "shortable": "yes", "asset_as_of": NOW.isoformat()},
    ),
    "too small": (
        order("BUY", "0.5"),
        {"asset": asset("AAPL", NOW, fractionable=False)},
        "not_fractionable",
        "nothing stays of 0.5 shares of AAPL to order",
        {"fractionable": "no", "shares": "0"},
    ),
    "an old quote": (
        BUY,
        {"quote": quote("AAPL", ago(31))},
        "quote_facts",
        "what the broker says of the quote is of 2026-03-02T15:59:29+00:00, and may be 30 seconds old",
        {"quote_as_of": "2026-03-02T15:59:29+00:00"},
    ),
    "an old price": (
        BUY,
        {"quote": quote("AAPL", NOW, quoted_at=ago(901))},
        "price_facts",
        "the latest price of AAPL is of 2026-03-02T15:44:59+00:00, older than 900 seconds",
        {"quoted_at": "2026-03-02T15:44:59+00:00", "last_usd": "200", "price_age_seconds": "900"},
    ),
    "no price": (
        BUY,
        {"quote": quote("AAPL", NOW, last=None)},
        "price_facts",
        "the quote of AAPL names no price",
        {"quote_as_of": NOW.isoformat()},
    ),
    "nothing to hold against the quote": (
        BUY,
        {"limits": [limit("price_collar_percent", "5")]},
        "price_collar",
        "there is no price to hold against the quote, and a collar is set",
        {},
    ),
    "outside the collar": (
        order("SELL", "10", reference_price_usd=usd("150")),
        {
            "quote": quote("AAPL", NOW, bid_usd=usd("100"), ask_usd=usd("151")),
            "limits": [limit("price_collar_percent", "5")],
        },
        "price_collar",
        "the quote of 100 is 33.333333333 percent away from 150, more than the 5 of global",
        {"reference_price_usd": "150", "price_collar_percent of global": "5", "bid_usd": "100", "ask_usd": "151"},
    ),
    "an order of the other side": (
        BUY,
        {"intents": (intent("BUY", "1"), intent("SELL", "1"))},
        "opposite_order",
        "an order to SELL AAPL is open (ht-test-1-1); this one waits",
        {"opposite_order": "ht-test-1-1"},
    ),
    "a stranger of the other side": (
        SELL,
        {"intents": (intent("BUY", "1", client_order_id=None),)},
        "opposite_order",
        "an order to BUY AAPL is open (without an id of ours); this one waits",
        {"opposite_order": "without an id of ours"},
    ),
    "old holdings": (
        SELL,
        {"holdings": holdings(OLD, AAPL="10")},
        "holdings_facts",
        f"what the broker says of the holdings is of {SINCE}, {STALE}",
        {"holdings_as_of": SINCE},
    ),
    "nothing to sell": (
        SELL,
        {
            "holdings": holdings(NOW, AAPL="3"),
            "asset": asset("AAPL", NOW, shortable=False),
            "intents": (intent("SELL", "4"),),
        },
        "holdings",
        "0 shares of AAPL are there to be sold, 10 are wanted",
        {
            "held_shares": "3",
            "being_sold_shares": "4",
            "holdings_as_of": NOW.isoformat(),
            "may_short": "no",
            "shares": "0",
        },
    ),
    "too many shares": (
        BUY,
        {"limits": [limit("max_order_shares", "9", "symbol", "AAPL")]},
        "max_order_shares",
        "the order is for 10 shares; the limit of symbol AAPL is 9",
        {"max_order_shares of symbol AAPL": "9"},
    ),
    "too many dollars": (
        BUY,
        {"limits": [limit("max_order_notional_usd", "1999")]},
        "max_order_notional",
        "the order is for 2000 USD; the limit of global is 1999",
        {"max_order_notional_usd of global": "1999"},
    ),
    "too many dollars a day": (
        BUY,
        {"limits": [limit("daily_notional_usd", "2500")], "placed": (placed("600"),)},
        "daily_notional",
        "600 USD were placed since midnight in New York, and this is for 2000; the limit of global is 2500",
        {"daily_notional_usd of global": "2500", "daily_notional_usd of global, used": "600"},
    ),
    "too many orders": (
        BUY,
        {"limits": [limit("orders_per_minute", "1")], "placed": (placed(),)},
        "order_rate",
        "1 orders were placed within the last minute; the limit of global is 1",
        {"orders_per_minute of global": "1", "orders_per_minute of global, used": "1"},
    ),
    "too little money": (
        BUY,
        {"account": POOR, "intents": (intent("BUY", "1"),)},
        "buying_power",
        "2000 USD are needed and 200 promised to open orders, of 1999.5 buying power",
        {"buying_power_usd": "1999.5", "open_orders_usd": "200"},
    ),
    "nobody knows how much": (
        BUY,
        {"account": POOR, "intents": (intent("BUY", "1", symbol="MSFT", price_usd=None),)},
        "buying_power",
        "what open orders need of the buying power is unknown: order ht-test-1-1 to buy MSFT has no price",
        {"buying_power_usd": "1999.5"},
    ),
}


@pytest.mark.parametrize("name", DENIALS)
def test_a_denial_says_which_rule_why_and_by_which_figures(name):
    request, situation, rule, text, figures = DENIALS[name]
    denied = asked(request, **situation)

    assert (answer(denied), denied.text) == (rule, text)
    assert figures.items() <= denied.figures.items()
    assert denied.figures["asked_shares"] == str(request.shares)


def test_what_is_available_is_written_down_beside_what_is_held():
    available = holdings(NOW, AAPL="12").held[0]
    told = asked(SELL, holdings=holdings(NOW, AAPL="12"))
    assert told.figures["held_shares"] == "12"
    assert "available_shares" not in told.figures

    less = msgspec.structs.replace(available, available_shares=Decimal(4))
    cut = asked(
        SELL, holdings=msgspec.structs.replace(holdings(NOW), held=(less,)), asset=asset("AAPL", NOW, shortable=None)
    )
    assert answer(cut) == "4"
    assert (cut.figures["available_shares"], cut.figures["may_short"]) == ("4", "no")


def test_whether_it_may_be_short_is_asked_only_of_more_than_is_there():
    assert "may_short" not in asked(SELL, holdings=holdings(NOW, AAPL="10")).figures
    assert asked(SELL, holdings=holdings(NOW, AAPL="9")).figures["may_short"] == "yes"


def test_a_penny_stock_has_a_collar_too():
    penny = order("BUY", "10", reference_price_usd=usd("0.5"))
    collar = [limit("price_collar_percent", "5")]

    assert answer(asked(penny, quote=quote("AAPL", NOW, last="0.525"), limits=collar)) == "10"
    assert answer(asked(penny, quote=quote("AAPL", NOW, last="0.526"), limits=collar)) == "price_collar"


def test_a_limit_that_is_used_but_not_used_up_is_written_down():
    allowed = asked(BUY, limits=[limit("daily_notional_usd", "2600")], placed=(placed("600"),))

    assert allowed.figures["daily_notional_usd of global, used"] == "600"
    assert allowed.figures["daily_notional_usd of global"] == "2600"


def test_what_restricts_another_symbol_hides_no_restriction_of_this_one():
    others = [restriction("MSFT"), restriction(side="SELL"), restriction(expires_at=NOW)]

    assert answer(asked(BUY, restrictions=others)) == "10"
    assert answer(asked(BUY, restrictions=[*others, restriction()])) == "restricted_symbol"


def test_a_purchase_below_the_quote_costs_its_limit_and_a_sale_there_brings_the_quote():
    assert asked(order("BUY", "10", limit_price_usd=usd("190"))).price_usd == 190
    assert asked(order("SELL", "10", limit_price_usd=usd("190")), holdings=holdings(NOW, AAPL="10")).price_usd == 200


@pytest.mark.parametrize(("side", "quoted"), [("BUY", "151"), ("SELL", "100")])
def test_a_collar_is_held_against_what_the_other_side_asks(side, quoted):
    denied = asked(
        order(side, "10", reference_price_usd=usd("120")),
        quote=quote("AAPL", NOW, bid_usd=usd("100"), ask_usd=usd("151")),
        limits=[limit("price_collar_percent", "5")],
    )

    assert denied.text.startswith(f"the quote of {quoted} is ")
