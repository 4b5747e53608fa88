"""Facts as rows: exact, each with its own time, and never half of a list."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support.facts import account, asset, holdings, market_clock, quote
from tests.trading.risk.asking import NOW, usd
from trading.brokers.market import Holding, Holdings
from trading.risk.facts import CLAIMED_FOR, BrokerFact, FactKind, claim, ensure, hold_back, known, note_trouble, store
from trading.risk.situation import Facts
from trading.values.quantities import Shares
from trading.values.symbols import Symbol

pytestmark = pytest.mark.django_db

AAPL, MSFT = Symbol("AAPL"), Symbol("MSFT")
SECOND = timedelta(seconds=1)


def row(kind=FactKind.QUOTE, subject="AAPL", broker="alpaca") -> BrokerFact:
    (found,) = ensure(broker, [(kind, subject)], now=NOW)
    return found


def keep(answer, kind, subject="", broker="alpaca"):
    store(row(kind, subject, broker), answer, again_at=NOW)


def test_every_answer_comes_back_as_it_was_to_the_last_digit():
    price = usd("200.000000000000000000000000000000000000000000000000000000000000001")
    told = {
        FactKind.ACCOUNT: account(NOW, buying_power_usd=price, paper=None, blocked="closed only"),
        FactKind.CLOCK: market_clock(NOW, next_close_at=NOW + SECOND),
        FactKind.HOLDINGS: Holdings(
            held=(Holding(symbol=AAPL, net_shares=Shares(Decimal("-1E-18")), average_entry_price_usd=price),),
            as_of=NOW,
        ),
        FactKind.QUOTE: quote("AAPL", NOW, bid_usd=price),
        FactKind.ASSET: asset("AAPL", NOW, shortable=False),
    }
    for kind, answer in told.items():
        keep(answer, kind, "AAPL" if kind in (FactKind.QUOTE, FactKind.ASSET) else "")

    assert known("alpaca", [AAPL]) == {
        AAPL: Facts(
            account=told[FactKind.ACCOUNT],
            clock=told[FactKind.CLOCK],
            holdings=told[FactKind.HOLDINGS],
            quote=told[FactKind.QUOTE],
            asset=told[FactKind.ASSET],
        )
    }


def test_what_is_known_of_many_symbols_takes_one_query():
    keep(quote("AAPL", NOW), FactKind.QUOTE, "AAPL")
    keep(quote("MSFT", NOW, last="400"), FactKind.QUOTE, "MSFT")
    keep(quote("AAPL", NOW, last="1"), FactKind.QUOTE, "AAPL", broker="schwab")

    with CaptureQueriesContext(connection) as captured:
        facts = known("alpaca", [AAPL, MSFT, Symbol("TSLA")])

    assert len(captured) == 1
    assert {symbol: each.quote and each.quote.last_usd for symbol, each in facts.items()} == {
        "AAPL": 200,
        "MSFT": 400,
        "TSLA": None,
    }


def test_g3_39_a_later_list_without_a_symbol_says_that_none_is_held_and_a_failure_says_nothing():
    keep(holdings(NOW, AAPL="5", MSFT="2"), FactKind.HOLDINGS)
    note_trouble(row(FactKind.HOLDINGS, ""), "BrokerUnavailable: no list", again_at=NOW)
    assert known("alpaca", [AAPL])[AAPL].holdings == holdings(NOW, AAPL="5", MSFT="2")

    keep(holdings(NOW + SECOND, MSFT="2"), FactKind.HOLDINGS)

    kept = known("alpaca", [AAPL])[AAPL]
    assert kept.holdings.of(AAPL).net_shares == 0
    assert kept.troubles == {}


def test_an_answer_that_comes_late_does_not_replace_a_newer_one():
    keep(quote("AAPL", NOW), FactKind.QUOTE, "AAPL")
    keep(quote("AAPL", NOW - SECOND, last="1"), FactKind.QUOTE, "AAPL")
    keep(quote("AAPL", NOW, last="2"), FactKind.QUOTE, "AAPL")

    assert known("alpaca", [AAPL])[AAPL].quote.last_usd == 200


@pytest.mark.parametrize("body", ["{", "{}", "null", '{"symbol":"AAPL","tradable":"yes"}'])
def test_an_answer_that_somebody_broke_is_none_and_takes_no_other_with_it(body):
    keep(account(NOW), FactKind.ACCOUNT)
    keep(asset("AAPL", NOW), FactKind.ASSET, "AAPL")
    BrokerFact.objects.filter(kind="asset").update(body=body)

    facts = known("alpaca", [AAPL])[AAPL]

    assert (facts.account, facts.asset) == (account(NOW), None)
    assert facts.troubles["asset"].startswith("the stored answer can't be read")
    assert row(FactKind.ASSET).readable() is None


def test_a_fact_is_asked_for_by_one_process_at_a_time():
    first, second = row(), row()
    assert claim(first, now=NOW)
    assert not claim(second, now=NOW)

    # Who asked and died is not waited for longer than an answer may take.
    assert row().not_before == NOW + CLAIMED_FOR
    assert claim(row(), now=NOW + CLAIMED_FOR)


def test_a_trouble_is_counted_until_there_is_an_answer():
    assert note_trouble(row(), "no", again_at=NOW + SECOND) == 1
    assert note_trouble(row(), "no again", again_at=NOW + SECOND) == 2
    assert (row().trouble, row().tries, row().not_before) == ("no again", 2, NOW + SECOND)

    keep(quote("AAPL", NOW), FactKind.QUOTE, "AAPL")

    assert (row().trouble, row().tries) == (None, 0)


def test_a_broker_that_has_had_enough_is_asked_nothing_and_another_goes_on():
    later, much_later = NOW + SECOND, NOW + 9 * SECOND
    ensure("alpaca", [(FactKind.QUOTE, "AAPL"), (FactKind.ACCOUNT, "")], now=NOW)
    ensure("schwab", [(FactKind.ACCOUNT, "")], now=NOW)
    store(row(FactKind.ASSET), asset("AAPL", NOW), again_at=much_later)

    hold_back("alpaca", until=later)

    due = {(each.broker, each.kind): each.not_before for each in BrokerFact.objects.all()}
    assert due == {
        ("alpaca", "quote"): later,
        ("alpaca", "account"): later,
        ("alpaca", "asset"): much_later,
        ("schwab", "account"): NOW,
    }
