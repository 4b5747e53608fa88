"""The gate: every rule from both of its sides, and what is missing is a denial, never a guess."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.support.facts import account, asset, holdings, market_clock, quote
from tests.trading.risk.asking import (
    MINUTE,
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
from trading.brokers.market import Holding, Holdings
from trading.risk.gate import Allowed, Denied
from trading.risk.reading import day_began
from trading.risk.rules import DEFAULTS, Rule
from trading.values.quantities import Shares
from trading.values.symbols import Symbol

BUY, SELL = order("BUY", "10"), order("SELL", "10")


def held(shares: str, available: str | None = None, as_of: datetime = NOW) -> Holdings:
    return Holdings(
        held=(
            Holding(
                symbol=Symbol("AAPL"),
                net_shares=Shares(Decimal(shares)),
                available_shares=None if available is None else Shares(Decimal(available)),
            ),
        ),
        as_of=as_of,
    )


def test_what_nothing_stands_against_is_allowed_and_every_figure_is_written_down():
    verdict = asked(order("BUY", "2.5"), limits=[limit("max_order_shares", "100")])

    assert isinstance(verdict, Allowed)
    assert (verdict.shares, verdict.price_usd, verdict.notional_usd) == (Decimal("2.5"), 200, 500)
    assert verdict.figures == {
        "asked_shares": "2.5",
        "clock_age_seconds": "60",
        "clock_open": "yes",
        "clock_as_of": "2026-03-02T16:00:00+00:00",
        "account_age_seconds": "60",
        "account_paper": "yes",
        "account_as_of": "2026-03-02T16:00:00+00:00",
        "asset_age_seconds": "14400",
        "tradable": "yes",
        "fractionable": "yes",
        "shortable": "yes",
        "asset_as_of": "2026-03-02T16:00:00+00:00",
        "quote_age_seconds": "30",
        "last_usd": "200",
        "quoted_at": "2026-03-02T16:00:00+00:00",
        "quote_as_of": "2026-03-02T16:00:00+00:00",
        "price_age_seconds": "900",
        "price_usd": "200",
        "max_order_shares of global": "100",
        "shares": "2.5",
        "notional_usd": "500",
    }


# What an operator set.


@pytest.mark.parametrize(
    ("scope", "subject", "reaches"),
    [
        ("global", "", True),
        ("broker", "alpaca", True),
        ("broker", "schwab", False),
        ("symbol", "AAPL", True),
        ("symbol", "MSFT", False),
        ("strategy", "hedge", True),
        ("strategy", "congress", False),
    ],
)
def test_a_kill_switch_stops_what_it_reaches_and_nothing_else(scope, subject, reaches):
    assert answer(asked(switches=[switch(scope, subject)])) == ("kill_switch" if reaches else "10")
    assert answer(asked(limits=[limit("max_order_shares", "0", scope, subject)])) == (
        "max_order_shares" if reaches else "10"
    )


def test_a_kill_switch_comes_before_everything_else():
    verdict = asked(switches=[switch("symbol", "AAPL")], restrictions=[restriction()], clock=None, account=None)

    assert isinstance(verdict, Denied)
    assert verdict.rule is Rule.KILL_SWITCH
    assert verdict.text == "the kill switch (symbol AAPL) is on: something is wrong"


@pytest.mark.parametrize(
    ("request_", "restricted", "comes_to"),
    [
        (BUY, restriction(), "restricted_symbol"),
        (SELL, restriction(), "restricted_symbol"),
        (BUY, restriction(side="BUY"), "restricted_symbol"),
        (SELL, restriction(side="BUY"), "10"),
        (BUY, restriction("MSFT"), "10"),
        (BUY, restriction(expires_at=NOW + timedelta(microseconds=1)), "restricted_symbol"),
        # It ends at its time, not after it.
        (BUY, restriction(expires_at=NOW), "10"),
        (BUY, restriction(expires_at=ago(1)), "10"),
    ],
)
def test_a_restricted_symbol_is_not_traded_until_its_time(request_, restricted, comes_to):
    assert answer(asked(request_, restrictions=[restricted])) == comes_to


# The market.


@pytest.mark.parametrize(
    ("is_open", "next_close_at", "comes_to"),
    [
        (True, None, "10"),
        (False, None, "session_closed"),
        # An answer from before the close says nothing of the time after it.
        (True, NOW + timedelta(seconds=1), "10"),
        (True, NOW, "session_closed"),
        (False, NOW + timedelta(hours=1), "session_closed"),
    ],
)
def test_i12_no_order_while_the_session_is_closed(is_open, next_close_at, comes_to):
    clock = market_clock(NOW, is_open=is_open, next_close_at=next_close_at)
    assert answer(asked(clock=clock)) == comes_to


@pytest.mark.parametrize(
    ("by_the_clock", "by_the_calendar", "comes_to"),
    [
        (True, True, "10"),
        (False, False, "session_closed"),
        (True, False, "session_disagrees"),
        (False, True, "session_disagrees"),
        (True, None, "calendar_facts"),
        (False, None, "calendar_facts"),
    ],
)
def test_the_clock_and_the_calendar_must_say_the_same(by_the_clock, by_the_calendar, comes_to):
    clock = market_clock(NOW, is_open=by_the_clock)
    assert answer(asked(under=terms(calendar=True), clock=clock, session_open=by_the_calendar)) == comes_to


def test_a_calendar_that_nobody_asked_for_is_not_missed():
    assert answer(asked(under=terms(calendar=False), session_open=None)) == "10"
    assert answer(asked(under=terms(calendar=False), session_open=False)) == "10"


# The account.


@pytest.mark.parametrize(
    ("expected", "is_paper", "comes_to"),
    [
        (True, True, "10"),
        (True, False, "account_expected"),
        (False, False, "10"),
        (False, True, "account_expected"),
        # Where the broker does not say, it is not what was expected.
        (True, None, "account_expected"),
        (False, None, "account_expected"),
        (None, True, "10"),
        (None, False, "10"),
        (None, None, "10"),
    ],
)
def test_q1_no_order_where_paper_was_expected_and_the_account_is_live_or_the_other_way_round(
    expected, is_paper, comes_to
):
    assert answer(asked(under=terms(paper=expected), account=account(NOW, paper=is_paper))) == comes_to


@pytest.mark.parametrize(
    ("expected", "comes_to"), [(None, "10"), ("1234", "10"), ("TEST-1234", "10"), ("4321", "account_expected")]
)
def test_q1_the_account_is_the_one_that_was_named(expected, comes_to):
    assert answer(asked(under=terms(account_number=expected))) == comes_to


def test_an_accounts_number_is_not_told_in_full():
    verdict = asked(under=terms(account_number="00004321"), account=account(NOW, number="99991234"))
    assert verdict.text == "expected the account ending in 4321, was one ending in 1234"
    assert not any("9999" in figure for figure in verdict.figures.values())


@pytest.mark.parametrize(("blocked", "comes_to"), [(None, "10"), ("trading_blocked", "account_blocked")])
def test_a_blocked_account_places_nothing(blocked, comes_to):
    assert answer(asked(account=account(NOW, blocked=blocked))) == comes_to


# Facts.


@pytest.mark.parametrize(
    ("fact", "made", "rule", "oldest"),
    [
        ("clock", market_clock, "clock_facts", 60),
        ("account", account, "account_facts", 60),
        ("asset", lambda as_of: asset("AAPL", as_of), "asset_facts", 14_400),
        ("quote", lambda as_of: quote("AAPL", as_of, quoted_at=NOW), "quote_facts", 30),
        ("holdings", lambda as_of: holdings(as_of, AAPL="100"), "holdings_facts", 60),
    ],
)
def test_what_is_missing_or_stale_is_a_denial_and_never_a_guess(fact, made, rule, oldest):
    """G3-34: the quote's freshness; and everything else's too."""
    age = limit(f"{fact}_age_seconds", "5")

    assert answer(asked(SELL, **{fact: None})) == rule
    assert answer(asked(SELL, **{fact: made(ago(oldest))})) == "10"
    assert answer(asked(SELL, **{fact: made(ago(oldest + 0.001))})) == rule
    # What an operator set holds in place of what is usual.
    assert answer(asked(SELL, limits=[age], **{fact: made(ago(5.001))})) == rule
    assert answer(asked(SELL, limits=[limit(f"{fact}_age_seconds", "90000")], **{fact: made(ago(80_000))})) == "10"
    # A clock that runs ahead by more than clocks do.
    assert answer(asked(SELL, **{fact: made(NOW + MINUTE)})) == "10"
    assert answer(asked(SELL, **{fact: made(NOW + MINUTE * 1.01)})) == rule


def test_a_denial_for_a_missing_fact_says_why_it_is_missing():
    verdict = asked(quote=None, troubles={"quote": "BrokerUnavailable: 503", "asset": "of no matter here"})

    assert verdict.text == (
        "the broker has not told of the quote yet; it is asked within a minute. When last asked: BrokerUnavailable: 503"
    )
    assert verdict.figures["trouble"] == "BrokerUnavailable: 503"


def test_a_price_that_was_true_long_ago_is_stale_however_lately_it_was_asked_for():
    """G3-34: the last trade of the day, asked for after the close."""
    assert answer(asked(quote=quote("AAPL", NOW, quoted_at=ago(900)))) == "10"
    assert answer(asked(quote=quote("AAPL", NOW, quoted_at=ago(901)))) == "price_facts"
    relaxed = [limit("price_age_seconds", "3600")]
    assert answer(asked(quote=quote("AAPL", NOW, quoted_at=ago(901)), limits=relaxed)) == "10"


@pytest.mark.parametrize(
    ("side", "bid", "ask", "last", "price"),
    [
        ("BUY", "199", "201", "200", "201"),
        ("SELL", "199", "201", "200", "199"),
        ("BUY", "199", None, "200", "200"),
        ("SELL", None, "201", "200", "200"),
        ("BUY", "199", None, None, "199"),
        ("SELL", None, "201", None, "201"),
        ("BUY", "199", "0", "0", "199"),
        ("BUY", None, None, None, None),
        ("SELL", "0", None, None, None),
    ],
)
def test_a_share_is_reckoned_at_what_the_other_side_asks(side, bid, ask, last, price):
    bid, ask = (None if text is None else usd(text) for text in (bid, ask))
    verdict = asked(order(side, "10"), quote=quote("AAPL", NOW, last=last, bid_usd=bid, ask_usd=ask))

    if price is None:
        assert answer(verdict) == "price_facts"
    else:
        assert verdict.price_usd == Decimal(price)


def test_an_order_with_a_limit_is_reckoned_at_the_most_that_it_may_come_to():
    assert asked(order("BUY", "10", limit_price_usd=usd("205"))).price_usd == 205
    assert asked(order("SELL", "10", limit_price_usd=usd("195"))).price_usd == 200
    assert asked(order("SELL", "10", limit_price_usd=usd("205"))).price_usd == 205


@pytest.mark.parametrize(("tradable", "comes_to"), [(True, "10"), (False, "not_tradable")])
def test_what_the_broker_does_not_trade_is_denied(tradable, comes_to):
    assert answer(asked(asset=asset("AAPL", NOW, tradable=tradable))) == comes_to


@pytest.mark.parametrize(
    ("shares", "broker_digits", "fractionable", "own_digits", "comes_to"),
    [
        ("10.123456789123", 9, True, None, "10.123456789"),
        ("10.123456789123", 9, False, None, "10"),
        ("10.123456789123", None, True, None, "10"),
        ("10.123456789123", 0, True, None, "10"),
        ("10.123456789123", 9, True, 2, "10.12"),
        ("10.123456789123", 2, True, 9, "10.12"),
        ("0.9", 9, False, None, "not_fractionable"),
        ("0.0000000001", 9, True, None, "not_fractionable"),
    ],
)
def test_shares_are_cut_to_what_can_be_ordered(shares, broker_digits, fractionable, own_digits, comes_to):
    """Q5: whether an asset is fractionable is looked at before it is ordered."""
    verdict = asked(
        order("BUY", shares, fractional_digits=own_digits),
        under=terms(fractional_digits=broker_digits),
        asset=asset("AAPL", NOW, fractionable=fractionable),
    )
    assert answer(verdict) == comes_to


# The collar.


@pytest.mark.parametrize(
    ("reference", "last", "comes_to"),
    [
        ("200", "210", "10"),
        ("200", "210.0000000000000000000001", "price_collar"),
        ("200", "190", "10"),
        ("200", "189.99", "price_collar"),
        (None, "200", "price_collar"),
        ("0", "200", "price_collar"),
    ],
)
def test_a_quote_far_from_the_price_that_was_decided_on_is_outside_the_collar(reference, last, comes_to):
    request = order("BUY", "10", reference_price_usd=None if reference is None else usd(reference))
    collar = [limit("price_collar_percent", "5")]

    assert answer(asked(request, limits=collar, quote=quote("AAPL", NOW, last=last))) == comes_to
    assert answer(asked(request, quote=quote("AAPL", NOW, last=last))) == "10"


def test_a_limit_price_is_what_the_collar_is_held_against():
    request = order("BUY", "10", reference_price_usd=usd("200"), limit_price_usd=usd("220"))
    assert answer(asked(request, limits=[limit("price_collar_percent", "5")])) == "price_collar"


# What there is to sell.


@pytest.mark.parametrize(
    ("wanted", "there", "broker", "account_", "asset_", "comes_to"),
    [
        # As much as is there, and no more.
        ("10", "10", True, True, True, "10"),
        ("9.5", "10", False, False, False, "9.5"),
        ("10", "3.4", False, True, True, "3.4"),
        ("10", "3.4", True, False, True, "3.4"),
        ("10", "3.4", True, True, False, "3.4"),
        ("10", "0", False, False, False, "holdings"),
        ("10", "-5", False, False, False, "holdings"),
        # Short in whole shares, where broker, account and asset all allow it.
        ("10.7", "3.4", True, True, True, "10"),
        ("10.7", "0", True, True, True, "10"),
        # What is held may be more than the whole shares of it.
        ("3.7", "3.4", True, True, True, "3.4"),
        ("0.7", "0.4", True, True, True, "0.4"),
        ("0.7", "0", True, True, True, "holdings"),
    ],
)
def test_a_sale_beyond_holdings_is_cut_to_them_or_to_whole_shares_where_shorting_is_allowed(
    wanted, there, broker, account_, asset_, comes_to
):
    """Q8: shorts only where each of the three says yes."""
    verdict = asked(
        order("SELL", wanted),
        under=terms(shorting=broker),
        holdings=held(there),
        account=account(NOW, shorting=account_),
        asset=asset("AAPL", NOW, shortable=asset_),
    )
    assert answer(verdict) == comes_to


@pytest.mark.parametrize(("fractional", "comes_to"), [(True, "10.7"), (False, "10")])
def test_fractions_are_sold_short_only_where_the_broker_takes_them(fractional, comes_to):
    verdict = asked(order("SELL", "10.7"), under=terms(fractional_shorting=fractional), holdings=held("0"))
    assert answer(verdict) == comes_to


def test_a_cut_respects_the_precision_that_was_asked_for():
    verdict = asked(order("SELL", "10", fractional_digits=0), under=terms(shorting=False), holdings=held("3.4"))
    assert answer(verdict) == "3"


def test_g3_39_who_is_absent_from_a_complete_list_holds_none():
    none_at_all = holdings(NOW, MSFT="100")
    assert answer(asked(SELL, under=terms(shorting=False), holdings=none_at_all)) == "holdings"


@pytest.mark.parametrize(
    ("intents", "there", "comes_to"),
    [
        ([intent("SELL", "4")], held("12"), "8"),
        ([intent("SELL", "4"), intent("SELL", "5")], held("12"), "3"),
        ([intent("SELL", "12")], held("12"), "holdings"),
        # Other sides, symbols and brokers are no matter here.
        ([intent("BUY", "4", ended_at=ago(1))], held("12"), "10"),
        ([intent("SELL", "4", symbol="MSFT")], held("12"), "10"),
        ([intent("SELL", "4", broker="schwab")], held("12"), "10"),
        # What the broker holds back for it is not taken off twice, once it surely had it.
        ([intent("SELL", "4", submitted_at=ago(60))], held("12", "8"), "8"),
        ([intent("SELL", "4", submitted_at=ago(59))], held("12", "8"), "4"),
        ([intent("SELL", "4", submitted_at=ago(60))], held("12"), "8"),
        # An order that ended just now may be missing from the list; one that ended before is in it.
        ([intent("SELL", "4", filled_shares=Shares(Decimal(3)), ended_at=ago(59))], held("12"), "9"),
        ([intent("SELL", "4", filled_shares=Shares(Decimal(3)), ended_at=ago(60))], held("12"), "10"),
    ],
)
def test_g3_36_what_is_being_sold_is_not_there_to_be_sold_again(intents, there, comes_to):
    verdict = asked(SELL, under=terms(shorting=False), holdings=there, intents=tuple(intents))
    assert answer(verdict) == comes_to


@pytest.mark.parametrize(
    ("wanted", "under_way", "comes_to"),
    [
        (BUY, intent("SELL", "1"), "opposite_order"),
        (BUY, intent("SELL", "1", submitted_at=ago(3600), filled_shares=Shares(Decimal("0.5"))), "opposite_order"),
        (SELL, intent("BUY", "1", client_order_id=None), "opposite_order"),
        (BUY, intent("SELL", "1", ended_at=ago(0)), "10"),
        (BUY, intent("SELL", "1", symbol="MSFT"), "10"),
        (BUY, intent("SELL", "1", broker="schwab"), "10"),
        (BUY, intent("BUY", "1"), "10"),
    ],
)
def test_an_open_order_of_the_other_side_is_waited_for_whichever_pipeline_placed_it(wanted, under_way, comes_to):
    assert answer(asked(wanted, holdings=held("100"), intents=(under_way,))) == comes_to


def test_to_buy_nothing_need_be_held():
    assert answer(asked(BUY, under=terms(shorting=False), holdings=None)) == "10"


# Limits.


@pytest.mark.parametrize(
    ("rule", "value", "comes_to"),
    [
        ("max_order_shares", "10", "10"),
        ("max_order_shares", "9.999999999999999999", "max_order_shares"),
        ("max_order_notional_usd", "2000", "10"),
        ("max_order_notional_usd", "1999.99", "max_order_notional"),
        ("daily_notional_usd", "2000", "10"),
        ("daily_notional_usd", "1999.99", "daily_notional"),
        ("orders_per_minute", "1", "10"),
        ("orders_per_minute", "0", "order_rate"),
    ],
)
def test_a_limit_is_reached_at_it_and_exceeded_past_it(rule, value, comes_to):
    assert answer(asked(limits=[limit(rule, value)])) == comes_to


def test_of_several_limits_each_holds():
    wide, narrow = limit("max_order_shares", "100"), limit("max_order_shares", "5", "symbol", "AAPL")
    assert answer(asked(limits=[wide, narrow])) == "max_order_shares"
    assert answer(asked(limits=[narrow, wide])) == "max_order_shares"
    assert asked(limits=[wide, narrow]).text == "the order is for 10 shares; the limit of symbol AAPL is 5"


def test_a_limit_is_held_against_what_would_be_ordered_and_not_what_was_asked():
    cut_to_three = {"under": terms(shorting=False), "holdings": held("3")}
    assert answer(asked(SELL, limits=[limit("max_order_shares", "3")], **cut_to_three)) == "3"
    assert answer(asked(SELL, limits=[limit("max_order_notional_usd", "600")], **cut_to_three)) == "3"


@pytest.mark.parametrize(
    ("scope", "subject", "orders", "comes_to"),
    [
        ("global", "", [placed("1000")], "10"),
        ("global", "", [placed("1000"), placed("0.01", broker="schwab", symbol="MSFT")], "daily_notional"),
        ("broker", "alpaca", [placed("1000.01", broker="schwab")], "10"),
        ("broker", "alpaca", [placed("1000.01", symbol="MSFT")], "daily_notional"),
        ("symbol", "AAPL", [placed("1000.01", symbol="MSFT")], "10"),
        ("symbol", "AAPL", [placed("1000.01", broker="schwab")], "daily_notional"),
        ("strategy", "hedge", [placed("1000.01", strategy="congress")], "10"),
        ("strategy", "hedge", [placed("1000.01", symbol="MSFT")], "daily_notional"),
        # Of the day before, by the market's own clock: midnight in New York was at 05:00 UTC.
        ("global", "", [placed("1000.01", seconds_ago=11 * 3600)], "daily_notional"),
        ("global", "", [placed("1000.01", seconds_ago=11 * 3600 + 1)], "10"),
    ],
)
def test_a_daily_limit_adds_up_what_it_reaches_since_midnight_in_new_york(scope, subject, orders, comes_to):
    verdict = asked(limits=[limit("daily_notional_usd", "3000", scope, subject)], placed=tuple(orders))
    assert answer(verdict) == comes_to


def test_the_markets_day_begins_at_its_own_midnight_on_the_days_of_the_clock_change_too():
    assert day_began(datetime(2026, 3, 9, 3, 59, tzinfo=UTC)) == datetime(2026, 3, 8, 5, tzinfo=UTC)
    assert day_began(datetime(2026, 3, 9, 4, 0, tzinfo=UTC)) == datetime(2026, 3, 9, 4, tzinfo=UTC)
    assert day_began(datetime(2026, 11, 2, 4, 59, tzinfo=UTC)) == datetime(2026, 11, 1, 4, tzinfo=UTC)
    assert day_began(datetime(2026, 11, 2, 5, 0, tzinfo=UTC)) == datetime(2026, 11, 2, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "comes_to"),
    [([1, 2], "10"), ([1, 2, 3], "order_rate"), ([1, 2, 60], "10"), ([1, 2, 59.9], "order_rate")],
)
def test_so_many_orders_a_minute_and_no_more(seconds, comes_to):
    orders = tuple(placed(seconds_ago=each) for each in seconds)
    assert answer(asked(limits=[limit("orders_per_minute", "3")], placed=orders)) == comes_to
    elsewhere = limit("orders_per_minute", "3", "broker", "schwab")
    assert answer(asked(limits=[elsewhere], placed=orders)) == "10"


# Buying power.


@pytest.mark.parametrize(
    ("side", "power", "intents", "comes_to"),
    [
        ("BUY", None, [intent()], "10"),
        ("BUY", "2000", [], "10"),
        ("BUY", "1999.99", [], "buying_power"),
        ("BUY", "0", [], "buying_power"),
        ("SELL", "0", [intent(ended_at=ago(1))], "10"),
        ("BUY", "2000", [intent("BUY", "0.001")], "buying_power"),
        ("BUY", "3000", [intent("BUY", "4"), intent("BUY", "1", symbol="MSFT")], "10"),
        ("BUY", "3000", [intent("BUY", "4"), intent("BUY", "1.01", symbol="MSFT")], "buying_power"),
        ("BUY", "2000", [intent("SELL", "50", symbol="MSFT"), intent("BUY", "50", broker="schwab")], "10"),
        # The broker had it a minute before it was asked, so it counts it itself.
        ("BUY", "2000", [intent("BUY", "50", submitted_at=ago(60))], "10"),
        ("BUY", "2000", [intent("BUY", "50", submitted_at=ago(59))], "buying_power"),
        # It ended: what it bought is paid for by then, or may be not.
        ("BUY", "2000", [intent("BUY", "50", filled_shares=Shares(Decimal(50)), ended_at=ago(60))], "10"),
        ("BUY", "2000", [intent("BUY", "50", filled_shares=Shares(Decimal(50)), ended_at=ago(59))], "buying_power"),
        ("BUY", "2000", [intent("BUY", "50", ended_at=ago(59))], "10"),
    ],
)
def test_g3_36_buying_power_is_net_of_what_open_orders_need(side, power, intents, comes_to):
    money = account(NOW, buying_power_usd=None if power is None else usd(power))
    verdict = asked(order(side, "10"), account=money, intents=tuple(intents), holdings=held("100"))
    assert answer(verdict) == comes_to


def test_an_open_order_of_which_nobody_knows_the_price_is_not_guessed():
    money = account(NOW, buying_power_usd=usd("1000000"))
    unpriced = intent("BUY", "1", symbol="MSFT", price_usd=None)

    assert answer(asked(account=money, intents=(unpriced,))) == "buying_power"
    # Of the same symbol, the price is known.
    assert answer(asked(account=money, intents=(intent("BUY", "1", price_usd=None),))) == "10"


def test_g3_35_buying_power_is_the_only_one_of_the_accounts_figures_that_is_held_against_an_order():
    money = account(NOW, buying_power_usd=usd("35000"), cash_usd=usd("0"), equity_usd=usd("0"))
    assert answer(asked(account=money)) == "10"


# What the rules are.


def test_l10_what_is_the_accounts_fault_halts_no_symbol():
    assert [rule for rule in Rule if rule.is_of_the_account and rule.halts] == []
    assert Rule.BUYING_POWER.is_of_the_account


def test_what_heals_by_itself_halts_no_symbol():
    for rule in (Rule.KILL_SWITCH, Rule.SESSION_CLOSED, Rule.RESTRICTED_SYMBOL, Rule.HOLDINGS, Rule.PRICE_COLLAR):
        assert not rule.halts
    assert not any(rule.halts for rule in Rule if rule.is_of_facts)
    assert [rule for rule in Rule if rule.halts and not rule.needs_an_operator] == []


def test_by_default_there_is_no_limit_on_orders_and_every_fact_has_its_age():
    assert {rule.value for rule in DEFAULTS} == {
        f"{name}_age_seconds" for name in ("account", "holdings", "clock", "quote", "price", "asset")
    }
