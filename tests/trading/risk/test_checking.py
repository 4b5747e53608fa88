"""Checking: the gate asks its rows, in few queries, and keeps what came of it."""

from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.support.facts import account, fresh_facts, holdings
from tests.support.stations import notices
from tests.trading.risk.asking import NOW, ago, answer, intent, order, terms, usd
from tests.trading.risk.test_controls import restrict, set_limit
from trading.notices.models import Notice
from trading.risk.checking import Gate
from trading.risk.gate import Denied
from trading.risk.records import Denial, RiskCheck, end_denials, keep_check, keep_denial, standing_denials
from trading.risk.rules import Rule
from trading.values.identifiers import ClientOrderId, OrderId

pytestmark = pytest.mark.django_db


def gate(intents=(), session_open=None, **facts) -> Gate:
    return Gate(
        broker="alpaca",
        terms=terms(shorting=False),
        intents=[lambda since: intents],
        session_open=session_open,
        facts=lambda broker, symbols: {symbol: fresh_facts(symbol, NOW, **facts) for symbol in symbols},
    )


def check(asking: Gate, request, *, name: str | None = None, at: datetime = NOW):
    with transaction.atomic():
        verdict = asking.check(request, now=at)
        if name is not None:
            keep_check(request, verdict, client_order_id=ClientOrderId(name), order_id=None, now=at)
    return verdict


def deny(rule=Rule.PRICE_COLLAR, request=None, at=NOW) -> Denial:
    return keep_denial(request or order(), Denied(rule=rule, text="no", figures={"a": "1.10"}), now=at)


# Asking.


def test_an_order_is_checked_in_few_queries():
    restrict("MSFT")
    set_limit("100")
    check(gate(), order())

    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        gate().check(order(), now=NOW)
    # The lock, and everything that is in force; a broker's facts are a third where they are rows.
    assert len(captured) == 2

    set_limit("100000", rule="daily_notional_usd")
    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        gate(intents=[intent()]).check(order(), now=NOW)
    assert len(captured) == 3


def test_what_was_let_through_counts_from_then_on():
    set_limit("5000", rule="daily_notional_usd")
    set_limit("2", rule="orders_per_minute", scope="symbol", subject="MSFT")

    assert answer(check(gate(), order("BUY", "10"), name="ht-test-1-1")) == "10"
    assert answer(check(gate(), order("BUY", "15.01"))) == "daily_notional"
    assert answer(check(gate(), order("BUY", "5", symbol="MSFT"), name="ht-test-2-1")) == "5"
    assert answer(check(gate(), order("BUY", "5", symbol="MSFT"), name="ht-test-3-1")) == "5"
    assert answer(check(gate(), order("BUY", "1", symbol="MSFT"))) == "order_rate"
    assert answer(check(gate(), order("BUY", "5"), name="ht-test-4-1")) == "5"
    assert answer(check(gate(), order("BUY", "0.000000001"))) == "daily_notional"
    set_limit("1000000", rule="daily_notional_usd")
    assert answer(check(gate(), order("BUY", "1", symbol="MSFT"))) == "order_rate"
    assert answer(check(gate(), order("BUY", "1", symbol="MSFT"), at=NOW + timedelta(minutes=1))) == "quote_facts"
    assert answer(check(gate(), order("BUY", "1"), at=NOW + timedelta(seconds=30))) == "1"


def test_an_open_order_is_reckoned_at_the_price_that_it_was_let_through_at():
    """G3-36: each order sees what the others need."""
    power = {"account": account(NOW, buying_power_usd=usd("3000"))}
    check(gate(**power), order("BUY", "5", symbol="MSFT"), name="ht-test-1-1")
    RiskCheck.objects.update(price_usd=Decimal("400"))
    under_way = intent("BUY", "5", symbol="MSFT", price_usd=None)

    assert answer(check(gate([under_way], **power), order("BUY", "5"))) == "5"
    assert answer(check(gate([under_way], **power), order("BUY", "5.01"))) == "buying_power"
    unknown = intent("BUY", "5", symbol="TSLA", price_usd=None, client_order_id=ClientOrderId("ht-test-9-1"))
    assert answer(check(gate([unknown], **power), order("BUY", "1"))) == "buying_power"


def test_orders_of_every_pipeline_are_counted_and_asked_for_back_to_the_oldest_figure():
    asked_since: list[datetime] = []

    def decisions(since: datetime):
        asked_since.append(since)
        return [intent("SELL", "3")]

    def facts(broker, symbols):
        return {symbol: fresh_facts(symbol, NOW, holdings=holdings(ago(40), AAPL="12")) for symbol in symbols}

    asking = Gate(
        broker="alpaca",
        terms=terms(shorting=False),
        intents=[lambda since: [intent("SELL", "4")], decisions],
        facts=facts,
    )

    assert answer(check(asking, order("SELL", "10"))) == "5"
    assert asked_since == [ago(40 + 60)]


@pytest.mark.parametrize(("says", "comes_to"), [(True, "10"), (False, "session_disagrees"), (None, "calendar_facts")])
def test_a_calendar_is_asked_where_there_is_one(says, comes_to):
    assert answer(check(gate(session_open=lambda now: says), order())) == comes_to


def test_looking_asks_for_many_symbols_at_once_and_takes_no_lock():
    set_limit("5", scope="symbol", subject="MSFT")
    requests = [order("BUY", "10", symbol=symbol) for symbol in ("AAPL", "MSFT", "TSLA")]

    with CaptureQueriesContext(connection) as captured:
        verdicts = gate().look(requests, now=NOW)

    assert {symbol: answer(each) for symbol, each in verdicts.items()} == {
        "AAPL": "10",
        "MSFT": "max_order_shares",
        "TSLA": "10",
    }
    assert len(captured) == 1
    assert gate().look([], now=NOW) == {}


def test_a_gate_is_for_the_orders_of_one_broker():
    with pytest.raises(ValueError, match="expected orders at alpaca, was schwab"):
        gate().look([order(broker="schwab")], now=NOW)


# Keeping.


def test_an_auditor_sees_what_was_asked_what_was_allowed_and_on_which_figures():
    request = order("SELL", "10")
    asking = gate(holdings=holdings(ago(5), AAPL="3.25"))
    with transaction.atomic():
        verdict = asking.check(request, now=NOW)
        keep_check(request, verdict, client_order_id=ClientOrderId("ht-test-7-1"), order_id=OrderId(7), now=NOW)

    row = RiskCheck.objects.get(order_id=7)
    assert (row.client_order_id, row.broker, row.strategy, row.symbol, row.side) == (
        "ht-test-7-1",
        "alpaca",
        "hedge",
        "AAPL",
        "SELL",
    )
    assert (row.asked_shares, row.allowed_shares, row.price_usd, row.notional_usd) == (
        10,
        Decimal("3.25"),
        200,
        650,
    )
    figures = msgspec.json.decode(row.figures)
    assert figures["held_shares"] == "3.25"
    assert figures["holdings_as_of"] == ago(5).isoformat()
    assert figures == verdict.figures


def test_an_episode_is_one_row_with_a_count_and_waits_that_double():
    waits = []
    for times in range(1, 13):
        denial = deny(at=NOW + timedelta(hours=times))
        waits.append((denial.not_before - denial.last_at) // timedelta(seconds=1))

    row = Denial.objects.get()
    assert (row.times, row.first_at, row.last_at) == (12, NOW + timedelta(hours=1), NOW + timedelta(hours=12))
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    assert (row.symbol, row.rule, row.side, row.shares, row.text) == ("AAPL", "price_collar", "BUY", 10, "no")
    assert msgspec.json.decode(row.figures) == {"a": "1.10"}


def test_another_rule_symbol_or_strategy_is_an_episode_of_its_own_and_so_is_one_after_the_end():
    first = deny()
    deny(Rule.SESSION_CLOSED)
    deny(request=order(symbol="MSFT"))
    deny(request=order(strategy="congress"))
    assert standing_denials(broker="alpaca", strategy="hedge")[0] == first
    assert len(standing_denials(broker="alpaca", strategy="hedge")) == 3

    end_denials(standing_denials(broker="alpaca", strategy="hedge"), now=NOW)
    assert deny().pk != first.pk

    assert Denial.objects.count() == 5
    assert Denial.objects.filter(ended_at=NOW).count() == 3


@pytest.mark.parametrize("rule", list(Rule))
def test_g3_35_a_denial_is_told_and_how_soon_depends_on_whether_it_heals(rule):
    told = []
    for _ in range(6):
        deny(rule)
        told.append(notices() != [])

    quiet = {Rule.KILL_SWITCH, Rule.SESSION_CLOSED, Rule.NOT_FRACTIONABLE}
    soon = {rule for rule in Rule if rule.is_of_facts}
    soon |= {Rule.PRICE_FACTS, Rule.SESSION_DISAGREES, Rule.ORDER_RATE, Rule.OPPOSITE_ORDER}
    first = None if rule in quiet else 5 if rule in soon else 1
    assert told == [first is not None and times >= first for times in range(1, 7)]


def test_a_symbols_notice_names_it_and_an_accounts_is_one_for_all_symbols():
    """L10: what the account lacks is told once, and blocks no symbol."""
    deny(Rule.BUYING_POWER)
    deny(Rule.BUYING_POWER, order(symbol="MSFT"))
    deny(Rule.PRICE_COLLAR)
    assert notices() == [("order_denied", "alpaca"), ("order_denied", "AAPL (hedge)")]
    assert Notice.objects.get(subject="AAPL (hedge)").text == (
        "BUY 10 AAPL is not placed (hedge), price_collar: no. "
        "It is asked for again by itself as soon as that has changed"
    )

    standing = standing_denials(broker="alpaca", strategy="hedge")
    end_denials([each for each in standing if each.symbol == "AAPL"], now=NOW)
    assert notices() == [("order_denied", "alpaca")]

    end_denials([each for each in standing if each.symbol == "MSFT"], now=NOW)
    assert notices() == []
