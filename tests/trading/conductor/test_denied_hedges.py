"""Hedges and the risk gate: what is denied is kept and told, and placed as soon as nothing stands against it."""

from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from structlog.testing import capture_logs

from tests.support.facts import account, asset, fresh_facts, holdings, market_clock, quote
from tests.support.made_chain import know_tokens, log_of, take
from tests.support.stations import MODES, Clock, Stations, notices
from tests.support.venue import Venue
from tests.trading.risk.asking import terms, usd
from tests.trading.risk.test_controls import restrict, set_limit
from trading.brokers.outcomes import BrokerUnavailable, OutcomeUnknown
from trading.conductor.outstanding import outstanding
from trading.conductor.work import SymbolWait, resume
from trading.notices.models import Notice
from trading.offchain_order.aggregate import OrderState
from trading.risk.controls import throw
from trading.risk.records import Denial, RiskCheck
from trading.risk.scopes import Scope
from trading.values.symbols import Symbol

pytestmark = pytest.mark.django_db

AAPL = Symbol("AAPL")


@pytest.fixture(autouse=True)
def tokens():
    know_tokens("tAAPL", "tMSFT", "tTSLA")


class Told:
    """Facts as fresh as the clock, but for what a test says differently of one symbol or of all."""

    def __init__(self, stations: Stations) -> None:
        self.stations = stations
        self.of_all: dict[str, object] = {}
        self.of: dict[str, dict[str, object]] = {}

    def __call__(self, broker, symbols):
        now = self.stations.clock()
        return {symbol: fresh_facts(symbol, now, **self.of_all | self.of.get(symbol, {})) for symbol in symbols}


def short_of(*symbols: str, shares: str = "2", **options) -> tuple[Stations, Told]:
    """Stations on which each symbol was sold on chain, so that a purchase of two shares is due."""
    stations = Stations(**options)
    told = Told(stations)
    stations.gate._facts = told
    stations.fill(
        *(log_of(take("SELL", shares, f"t{symbol}"), block=100 + n) for n, symbol in enumerate(symbols or ("AAPL",)))
    )
    return stations, told


def throw_it(stations: Stations, *, on: bool, scope=Scope.GLOBAL, subject="") -> None:
    throw(scope, subject, on=on, reason="a test", actor="operator", at=stations.clock())


def after(stations: Stations, seconds: float) -> list[str]:
    stations.forward(seconds)
    stations.run(stations.hedger)
    return stations.hedges()


def episodes() -> list[tuple[str, str, int]]:
    return [(row.symbol, row.rule, row.times) for row in Denial.objects.order_by("id")]


# What is placed.


@pytest.mark.parametrize("mode", MODES)
def test_beside_each_order_it_is_kept_why_it_was_let_through(mode):
    stations, _ = short_of(mode=mode)
    after(stations, 0)

    check, order = RiskCheck.objects.get(), stations.only_order()
    assert (check.order_id, check.client_order_id) == (order.order_id, order.client_order_id)
    assert (check.asked_shares, check.allowed_shares, check.price_usd, check.notional_usd) == (2, 2, 200, 400)
    assert (check.strategy, check.broker, check.side, check.checked_at) == ("hedge", "dry_run", "BUY", stations.clock())


def test_an_order_and_its_check_are_one_commit(monkeypatch):
    stations, _ = short_of()
    monkeypatch.setattr("trading.conductor.hedger.end_denials_of", lambda *symbol, **strategy: 1 / 0)

    stations.hedger._ready = lambda now: [AAPL]
    with pytest.raises(ZeroDivisionError):
        stations.hedger.run_once(now=stations.clock())

    assert stations.hedges() == []
    assert not RiskCheck.objects.exists()


def test_the_gate_costs_few_queries():
    stations, _ = short_of("AAPL", "MSFT")
    set_limit("100")
    place = stations.hedger._place
    place(AAPL, stations.clock())  # What is made once is made.

    with CaptureQueriesContext(connection) as captured:
        place(Symbol("MSFT"), stations.clock())

    gate = ("kill_switches", "risk_limits", "risk_checks", "broker_facts", "risk_denials")
    asked = [each["sql"] for each in captured if any(table in each["sql"] for table in gate)]
    # The lock; what is in force; the check that is kept; what stood against it. The test's own facts cost nothing.
    assert len(asked) == 4, asked


def test_a_cut_hedge_is_placed_for_what_is_left_of_it_and_the_rest_is_denied():
    stations, told = short_of(fractional_digits=9, hedge_at="$10", terms=terms(shorting=False))
    stations.fill(log_of(take("BUY", "9.5", "tAAPL"), block=200))
    told.of_all["holdings"] = holdings(stations.clock(), AAPL="3.25")

    assert after(stations, 0) == ["SELL 3.25 AAPL"]
    check = RiskCheck.objects.get()
    assert (check.asked_shares, check.allowed_shares) == (Decimal("7.5"), Decimal("3.25"))

    told.of_all["holdings"] = holdings(stations.clock())
    stations.hedge()
    assert stations.hedges() == ["SELL 3.25 AAPL"]
    assert stations.net("AAPL") == Decimal("4.25")
    assert episodes() == [("AAPL", "holdings", 1)]
    assert notices() == [("order_denied", "AAPL (hedge)")]


def test_a_threshold_in_shares_is_hedged_in_whole_shares_however_it_is_cut():
    stations, told = short_of(fractional_digits=9, terms=terms(shorting=False))
    stations.fill(log_of(take("BUY", "9.5", "tAAPL"), block=200))
    told.of_all["holdings"] = holdings(stations.clock(), AAPL="3.25")
    assert after(stations, 0) == ["SELL 3 AAPL"]


# What is denied.


@pytest.mark.parametrize("mode", MODES)
def test_i10_no_hedge_is_placed_while_the_switch_is_on_and_all_are_as_soon_as_it_is_off(mode):
    stations, _ = short_of("AAPL", "MSFT", mode=mode)
    throw_it(stations, on=True)

    for seconds in (0, 1, 10, 100, 1000, 10_000):
        assert after(stations, seconds) == []
    assert episodes() == [("AAPL", "kill_switch", 6), ("MSFT", "kill_switch", 6)]
    assert notices() == [("kill_switch", "global")]
    assert not SymbolWait.objects.exists()

    throw_it(stations, on=False)
    assert after(stations, 1) == ["BUY 2 AAPL", "BUY 2 MSFT"]
    assert not Denial.objects.filter(ended_at=None).exists()
    assert notices() == []


@pytest.mark.parametrize(
    ("scope", "subject", "hedges"),
    [
        (Scope.SYMBOL, "AAPL", ["BUY 2 MSFT"]),
        (Scope.BROKER, "dry_run", []),
        (Scope.BROKER, "schwab", ["BUY 2 AAPL", "BUY 2 MSFT"]),
        (Scope.STRATEGY, "hedge", []),
        (Scope.STRATEGY, "congress", ["BUY 2 AAPL", "BUY 2 MSFT"]),
    ],
)
def test_a_switch_stops_what_it_reaches(scope, subject, hedges):
    stations, _ = short_of("AAPL", "MSFT")
    throw_it(stations, on=True, scope=scope, subject=subject)
    assert after(stations, 0) == hedges


def test_a_switch_that_is_thrown_after_the_look_still_stops_the_order():
    """The look places nothing: it is asked again in the transaction that would."""
    stations, _ = short_of()
    looked = stations.hedger._ready

    def throw_after_looking(now):
        ready = looked(now)
        throw_it(stations, on=True)
        return ready

    stations.hedger._ready = throw_after_looking
    assert stations.hedger.run_once(now=stations.clock()) is False
    assert stations.hedges() == []
    assert episodes() == [("AAPL", "kill_switch", 1)]


HEALS = {
    "session_closed": lambda now: {"clock": market_clock(now, is_open=False)},
    "quote_facts": lambda now: {"quote": None, "troubles": {"quote": "BrokerUnavailable: 503"}},
    "clock_facts": lambda now: {"clock": None, "troubles": {"clock": "BrokerUnavailable: 503"}},
    "buying_power": lambda now: {"account": account(now, buying_power_usd=usd("149.99"))},
    "account_blocked": lambda now: {"account": account(now, blocked="trading_blocked")},
    "account_expected": lambda now: {"account": account(now, paper=False)},
    "not_fractionable": lambda now: {"asset": asset("AAPL", now, fractionable=False)},
}


@pytest.mark.parametrize("rule", HEALS)
def test_what_heals_by_itself_halts_nothing_and_is_placed_as_soon_as_it_has(rule):
    """L10 for what is the account's; and a fact, a session or a price that comes back waits for no operator."""
    stations, told = short_of(shares="0.75", fractional_digits=9, hedge_at="$1")
    for seconds in (0, 1, 2, 4, 8, 16, 32, 64, 128):
        stations.forward(seconds)
        told.of_all = HEALS[rule](stations.clock())
        stations.run(stations.hedger)
    assert stations.hedges() == []
    assert episodes() == [("AAPL", rule, 9)]
    assert not SymbolWait.objects.exists()

    told.of_all = {}
    assert after(stations, 1) == ["BUY 0.75 AAPL"]
    assert notices() == []


def test_one_symbols_denial_is_no_others():
    """G3-34."""
    stations, told = short_of("AAPL", "MSFT", "TSLA")
    told.of["AAPL"] = {"quote": None, "troubles": {"quote": "UnusableAnswer: no price"}}
    told.of["TSLA"] = {"asset": asset("TSLA", stations.clock(), tradable=False)}
    assert after(stations, 0) == ["BUY 2 MSFT"]
    assert episodes() == [("AAPL", "quote_facts", 1), ("TSLA", "not_tradable", 1)]


@pytest.mark.parametrize(
    ("rule", "hinder", "mend"),
    [
        ("max_order_shares", lambda told, now: set_limit("1"), lambda told: set_limit("2")),
        (
            "max_order_notional",
            lambda told, now: set_limit("399.99", rule="max_order_notional_usd"),
            lambda told: set_limit(None, rule="max_order_notional_usd"),
        ),
        (
            "not_tradable",
            lambda told, now: told.of_all.update(asset=asset("AAPL", now, tradable=False)),
            lambda told: told.of_all.clear(),
        ),
    ],
)
def test_five_alike_that_only_an_operator_can_change_halt_the_symbol(rule, hinder, mend):
    stations, told = short_of()
    hinder(told, stations.clock())
    for seconds in (0, 1, 2, 4):
        assert after(stations, seconds) == []
    assert not SymbolWait.objects.exists()
    assert after(stations, 8) == []

    assert SymbolWait.objects.get().halted_at == stations.clock()
    assert episodes() == [("AAPL", rule, 5)]
    assert notices() == [("symbol_halted", "AAPL")]
    assert "manage.py resume_symbol AAPL" in Notice.objects.get(kind="symbol_halted").text
    mend(told)
    assert after(stations, 10_000) == []

    resume(AAPL, now=stations.clock())
    assert after(stations, 1) == ["BUY 2 AAPL"]


def test_after_it_is_resumed_five_more_halt_it_again():
    stations, _ = short_of()
    set_limit("1")
    for lap in (1, 2):
        for seconds in (1, 1, 2, 4, 8):
            after(stations, seconds)
        assert SymbolWait.objects.get().halted_at is not None
        assert [times for _, _, times in episodes()] == [5] * lap
        resume(AAPL, now=stations.clock())


def test_a_denial_is_written_down_now_and_then_and_looked_at_every_second():
    stations, _ = short_of()
    throw_it(stations, on=True)
    after(stations, 0)
    with CaptureQueriesContext(connection) as captured:
        stations.hedger.run_once(now=stations.forward(0.5))
    assert [each["sql"] for each in captured if "risk_limits" in each["sql"]] == []
    with CaptureQueriesContext(connection) as captured:
        stations.hedger.run_once(now=stations.forward(0.49))
        stations.hedger.run_once(now=stations.forward(0.01))
    assert len([each["sql"] for each in captured if "risk_limits" in each["sql"]]) == 1

    assert episodes() == [("AAPL", "kill_switch", 2)]
    for _ in range(100):
        stations.hedger.run_once(now=stations.forward(1))
    assert episodes() == [("AAPL", "kill_switch", 7)]


def test_two_turns_at_one_moment_look_once():
    stations, _ = short_of()
    throw_it(stations, on=True)
    stations.hedger.run_once(now=stations.clock())
    with CaptureQueriesContext(connection) as captured:
        stations.hedger.run_once(now=stations.clock())
    assert [each["sql"] for each in captured if "risk_limits" in each["sql"]] == []


def test_a_denial_is_a_commit_of_its_own():
    """In a transaction of somebody else's it could be taken back, and nobody would know why nothing was placed."""
    stations, _ = short_of()
    throw_it(stations, on=True)
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        stations.hedger.run_once(now=stations.clock())


def test_a_turn_in_which_one_was_placed_and_the_next_one_denied_has_placed():
    stations, _ = short_of("AAPL", "MSFT")
    looked = stations.hedger._ready

    def throw_after_looking(now):
        ready = looked(now)
        throw_it(stations, on=True, scope=Scope.SYMBOL, subject="MSFT")
        return ready

    stations.hedger._ready = throw_after_looking
    assert stations.hedger.run_once(now=stations.clock()) is True
    assert stations.hedges() == ["BUY 2 AAPL"]
    assert episodes() == [("MSFT", "kill_switch", 1)]


def test_the_quote_is_held_against_the_price_of_the_last_fill():
    stations, told = short_of()
    assert stations.position("AAPL").last_price.price_usdc == 50
    set_limit("10", rule="price_collar_percent")
    told.of_all["quote"] = quote("AAPL", stations.clock(), last="55.01")
    assert after(stations, 0) == []
    assert episodes() == [("AAPL", "price_collar", 1)]

    told.of_all["quote"] = quote("AAPL", stations.clock(), last="55")
    assert after(stations, 1) == ["BUY 2 AAPL"]


def test_a_denial_ends_in_the_commit_that_places_the_order():
    stations, told = short_of()
    told.of_all["clock"] = market_clock(stations.clock(), is_open=False)
    after(stations, 0)

    told.of_all = {}
    stations.hedger.run_once(now=stations.forward(1))

    assert stations.hedges() == ["BUY 2 AAPL"]
    assert Denial.objects.get().ended_at == stations.clock()


def test_a_denial_is_a_line_of_the_log():
    stations, _ = short_of()
    throw_it(stations, on=True)
    with capture_logs() as lines:
        after(stations, 0)
    assert lines == [
        {
            "event": "Hedge denied",
            "log_level": "warning",
            "symbol": "AAPL",
            "rule": "kill_switch",
            "reason": Denial.objects.get().text,
            "times": 1,
        }
    ]


def test_a_denial_ends_when_nothing_is_to_be_hedged_any_more():
    stations, _ = short_of()
    restrict("AAPL")
    after(stations, 0)
    assert notices() == [("order_denied", "AAPL (hedge)")]

    stations.fill(log_of(take("BUY", "2", "tAAPL"), block=200))
    after(stations, 1)

    assert Denial.objects.get().ended_at == stations.clock()
    assert notices() == []


def test_a_new_fill_does_not_get_past_a_denial():
    stations, _ = short_of()
    restrict("AAPL")
    after(stations, 0)
    stations.fill(log_of(take("SELL", "5", "tAAPL"), block=200))
    assert after(stations, 1) == []
    assert Denial.objects.get().shares == 7


def test_two_rules_in_turn_are_two_episodes_and_no_more():
    stations, told = short_of()
    for lap in range(20):
        told.of_all = (
            {"clock": market_clock(stations.clock(), is_open=False)}
            if lap % 2
            else {"quote": quote("AAPL", stations.clock(), last=None)}
        )
        after(stations, 1)
    assert {row.rule for row in Denial.objects.all()} == {"session_closed", "price_facts"}
    assert Denial.objects.count() == 2


# What is not known yet.


def test_what_the_refresher_is_about_to_bring_is_no_denial():
    stations = Stations(broker=(venue := Venue(Clock())), clock=venue.now, refreshed=True)
    stations.fill(log_of(take("SELL", "2", "tAAPL"), block=100))

    assert after(stations, 0) == []
    assert not Denial.objects.exists()
    stations.refresher.run_once(now=stations.clock())
    assert after(stations, 0.2) == ["BUY 2 AAPL"]
    assert not Denial.objects.exists()


def test_what_nobody_brings_is_a_denial_after_a_while():
    """A refresher that does not run is no reason to be silent."""
    stations = Stations(broker=(venue := Venue(Clock())), clock=venue.now, refreshed=True)
    stations.fill(log_of(take("SELL", "2", "tAAPL"), block=100))

    for seconds in (0, 2, 2.9):
        assert after(stations, seconds) == []
    assert not Denial.objects.exists()
    after(stations, 0.1)
    assert episodes() == [("AAPL", "clock_facts", 1)]
    assert venue.asked == []


def test_what_was_asked_in_vain_is_a_denial_at_once_and_told_when_it_lasts():
    stations = Stations(broker=(venue := Venue(Clock())), clock=venue.now, refreshed=True)
    stations.fill(log_of(take("SELL", "2", "tAAPL"), block=100))
    venue.fail("quote", BrokerUnavailable("503"), times=6)

    for seconds in (0, 1, 2, 4, 8):
        stations.forward(seconds)
        stations.refresher.run_once(now=stations.clock())
        stations.run(stations.hedger)
    assert episodes() == [("AAPL", "quote_facts", 5)]
    assert notices() == [("order_denied", "AAPL (hedge)")]
    assert "BrokerUnavailable: 503" in Notice.objects.get().text

    for seconds in (16, 32):
        stations.forward(seconds)
        stations.refresher.run_once(now=stations.clock())
    assert after(stations, 0) == ["BUY 2 AAPL"]
    assert notices() == []


# The calendar.


def test_i12_a_calendar_that_disagrees_with_the_broker_keeps_orders_back():
    says: list[bool | None] = [False]
    stations, _ = short_of(session_open=lambda now: says[0])
    assert after(stations, 0) == []
    says[0] = None
    assert after(stations, 6) == []
    says[0] = True
    assert after(stations, 1) == ["BUY 2 AAPL"]
    assert episodes()[0] == ("AAPL", "session_disagrees", 1)


# What is left.


def test_what_is_denied_is_left_or_stuck_and_says_why():
    stations, told = short_of("AAPL", "MSFT")
    restrict("AAPL")
    told.of["MSFT"] = {"clock": market_clock(stations.clock(), is_open=False)}
    after(stations, 0)

    found = outstanding(
        ledger=stations.ledger,
        hedger=stations.hedger,
        enricher=None,
        orderbook=stations.orderbook,
        head=101,
        now=stations.clock(),
    )
    assert [line for line in found.left if "MSFT" in line] == [
        "MSFT is past its threshold with a net of -2, and denied (session_closed): the market is closed"
    ]
    (stuck,) = found.stuck
    assert stuck == (
        "AAPL is past its threshold with a net of -2, and denied (restricted_symbol): "
        "AAPL is restricted until further notice: something is wrong"
    )


def test_a_hedge_is_net_of_what_other_hedges_need():
    """G3-36: two purchases do not both see the whole of the buying power."""
    stations, told = short_of("AAPL", "MSFT")
    told.of_all["account"] = account(stations.clock(), buying_power_usd=usd("799.99"))

    assert after(stations, 0) == ["BUY 2 AAPL"]
    assert episodes() == [("MSFT", "buying_power", 1)]

    stations.run(stations.dispatcher)
    stations.run(stations.poller)
    assert stations.only_order().state is OrderState.FILLED
    # Filled, but the figure of the account is older than that.
    assert after(stations, 1) == ["BUY 2 AAPL"]
    told.of_all["account"] = account(stations.forward(61), buying_power_usd=usd("400"))
    assert after(stations, 1) == ["BUY 2 AAPL", "BUY 2 MSFT"]


# What was placed before the switch was thrown.


def test_i10_an_order_that_was_not_sent_before_the_switch_is_not_sent_while_it_is_on():
    venue = Venue(Clock())
    stations, _ = short_of(broker=venue, clock=venue.now)
    after(stations, 0)
    throw_it(stations, on=True)
    for seconds in (0, 1, 10, 100):
        stations.forward(seconds)
        stations.run(stations.dispatcher)
    assert venue.submitted == []

    throw_it(stations, on=False)
    stations.forward(60)
    stations.run(stations.dispatcher)

    assert [request.client_order_id for request in venue.submitted] == [stations.only_order().client_order_id]
    assert stations.only_order().state is OrderState.SUBMITTED


def test_an_order_that_may_be_at_the_broker_is_still_asked_for_while_the_switch_is_on():
    venue = Venue(Clock())
    stations, _ = short_of(broker=venue, clock=venue.now)
    after(stations, 0)
    venue.fail("submit", OutcomeUnknown("no answer"), taken=True)
    stations.run(stations.dispatcher)
    assert stations.only_order().state is OrderState.UNKNOWN

    throw_it(stations, on=True)
    stations.forward(60)
    stations.run(stations.dispatcher)

    assert stations.only_order().state is OrderState.SUBMITTED
    assert len(venue.submitted) == 1


@pytest.mark.parametrize(("subject", "sent"), [("AAPL", ["MSFT"]), ("TSLA", ["AAPL", "MSFT"])])
def test_a_symbols_switch_holds_back_that_symbols_orders(subject, sent):
    venue = Venue(Clock())
    stations, _ = short_of("AAPL", "MSFT", broker=venue, clock=venue.now)
    after(stations, 0)
    throw_it(stations, on=True, scope=Scope.SYMBOL, subject=subject)
    stations.run(stations.dispatcher)
    assert [request.symbol for request in venue.submitted] == sent
