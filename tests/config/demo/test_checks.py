"""The demo's checks: nothing is found in books that are right, and each thing that is wrong is found."""

import os
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from audit_trail.alerts.models import AlertChannel, AlertDelivery
from config import brokers
from config.demo import checks, operator_checks, oracle_checks, record_checks
from config.demo.account import move_in, opened
from config.demo.broker_books import books_of
from config.demo.chain import EmbeddedChain
from config.demo.checked import Checked, sentence_of
from config.demo.checks import CHECKS, check
from config.demo.market import Market
from config.demo.steps import Clear, ForeignPair, Several, Stranger, Take, dust
from config.demo.world import World
from config.environment import broker_settings, hedge_settings, ledger_settings
from config.wiring import wire
from trading.brokers.dry_run.models import DryRunOrder
from trading.brokers.http import BrokerHttp
from trading.conductor.inbox import QueuedLog
from trading.conductor.verbs.requests import Verb, ask
from trading.conductor.work import halt
from trading.ledger.backlog import BackloggedEvent
from trading.ledger.tables import OffchainTrade, OnchainTrade, TradeAccumulator, TradeExecutionLink
from trading.notices.models import Notice, open_notice
from trading.offchain_order.view import OffchainOrderView
from trading.position.view import PositionView
from trading.risk.controls import KillSwitch, RestrictedSymbol, RiskLimit, change, throw
from trading.risk.records import Denial
from trading.risk.scopes import Scope
from trading.values.arithmetic import add
from trading.values.sides import Side

STEPS = [
    Take("AAPL", Side.BUY, Decimal("1.25"), Decimal("271.49")),
    Clear("NVDA", Side.SELL, Decimal("2.374123456789012345"), Decimal("178.88")),
    Several(
        (Take("AAPL", Side.SELL, Decimal("0.125"), Decimal("271.5"), 4), Stranger("AAPL", Side.BUY, *[Decimal(1)] * 2))
    ),
    ForeignPair("AAPL", Side.BUY, Decimal("0.25"), Decimal("0.0931"), 4),
    dust("GME", Side.SELL, 4),
]


@pytest.fixture(scope="module")
def market():
    with EmbeddedChain() as chain:
        market = Market(chain)
        for step in STEPS:
            market.play(step)
        yield market


@pytest.fixture
def read(transactional_db, market, monkeypatch):
    """Let a conductor read the market into the books of a ledger mode, to the last order's end at a broker."""
    monkeypatch.setattr(os, "environ", os.environ.copy() | {"TOKEN_ENCRYPTION_KEYS": "ab" * 32})
    with ExitStack() as ending:

        def closed_in_the_end(**given):
            http = BrokerHttp(**given)
            ending.callback(http.close)
            return http

        monkeypatch.setattr(brokers, "BrokerHttp", closed_in_the_end)

        def read(ledger="dual", broker="dry_run", messages=()):
            venue = ending.enter_context(opened(broker, fill_seconds=Decimal(0)))
            wired = wire(
                hedge=hedge_settings(market.environment()),
                broker=broker_settings({"BROKER": broker, "DRY_RUN_FILL_SECONDS": "0"}),
                ledger=ledger_settings({"LEDGER": ledger}),
                poll_every=timedelta(microseconds=1),
            )
            ending.callback(wired.node.close)
            if venue is not None:
                move_in(venue, wired, None)
            conductor = wired.conductor()
            for _ in range(10):
                conductor.run_in_turn(now=timezone.now())
            return World(market, wired, books_of(venue), messages), venue

        yield read


@pytest.mark.parametrize(
    ("ledger", "broker"),
    [("legacy", "dry_run"), ("dual", "dry_run"), ("events", "dry_run"), ("dual", "alpaca"), ("dual", "schwab")],
)
def test_nothing_is_found_in_books_that_are_right(read, ledger, broker):
    world, _ = read(ledger, broker)

    assert TradeAccumulator.objects.count() == 3
    assert [(one.symbol, one.filled_shares) for one in world.broker.taken()] == [("NVDA", 2), ("AAPL", 1)]
    assert check(world) == [Checked(sentence_of(each), []) for each in CHECKS]


def test_every_check_says_what_must_hold():
    assert all(sentence_of(each).endswith(".") for each in CHECKS)


def an_unread_log():
    QueuedLog.objects.first().delete()


def a_log_that_is_not_on_chain():
    first = QueuedLog.objects.first()
    QueuedLog.objects.filter(pk=first.pk).update(tx_hash="0x" + "ab" * 32)


def a_log_in_another_block():
    QueuedLog.objects.filter(outcome="fill").update(block_hash="0x" + "cd" * 32)


def a_log_that_waits():
    QueuedLog.objects.filter(outcome="parked").update(outcome="", processed=False)


def a_fill_that_was_filtered():
    QueuedLog.objects.filter(outcome="fill").update(outcome="filtered")


def a_fill_of_a_little_more():
    OnchainTrade.objects.filter(base_symbol="NVDA").update(amount=Decimal("2.374123456789012346"))


def a_position_of_a_little_more():
    PositionView.objects.filter(symbol="AAPL").update(onchain_bought=Decimal("1.250000000000000001"))


def a_net_of_something_else():
    TradeAccumulator.objects.filter(symbol="AAPL").update(net_position=Decimal(7))


def a_symbol_that_is_halted():
    halt("AAPL", "somebody said so", now=timezone.now())


def a_net_past_its_threshold():
    TradeAccumulator.objects.filter(symbol="AAPL").update(accumulated_long=Decimal(9))


def a_position_that_waits_for_an_order_that_ended():
    position = TradeAccumulator.objects.get(symbol="NVDA")
    order = OffchainTrade.objects.get(symbol="NVDA")
    TradeAccumulator.objects.filter(pk=position.pk).update(pending_execution=order)


def an_order_made_twice():
    row = DryRunOrder.objects.first()
    row.pk, row.client_order_id = None, f"{row.client_order_id}-again"
    row.save(force_insert=True)


def an_order_that_the_broker_has_not():
    DryRunOrder.objects.first().delete()


def an_order_of_other_shares_at_the_broker():
    DryRunOrder.objects.filter(symbol="NVDA").update(shares=Decimal(3))


def a_fill_that_the_broker_did_not_report():
    OffchainOrderView.objects.filter(symbol="NVDA").update(filled_shares=Decimal(3))


def a_link_to_more_than_there_is():
    TradeExecutionLink.objects.update(contributed_shares=Decimal(5))


def a_view_that_is_not_its_stream():
    PositionView.objects.filter(symbol="AAPL").update(last_price_usdc=Decimal(1))


def an_event_on_the_backlog():
    BackloggedEvent.objects.create(
        aggregate_type="Position",
        aggregate_id="AAPL",
        version=99,
        type="x",
        schema=1,
        data="{}",
        metadata="{}",
        happened_at=timezone.now(),
        not_before=timezone.now(),
        last_error="x",
    )


def a_price_of_the_oracle_that_is_a_little_more():
    one = OnchainTrade.objects.filter(base_symbol="AAPL").first()
    OnchainTrade.objects.filter(pk=one.pk).update(pyth_price=add(one.pyth_price, Decimal("0.00001")))


def a_fill_without_the_price_that_it_read():
    OnchainTrade.objects.filter(base_symbol="NVDA").update(pyth_price=None)


def a_price_that_was_told_at_another_time():
    OnchainTrade.objects.filter(base_symbol="NVDA").update(pyth_publish_time=timezone.now())


def a_switch_that_is_on():
    throw(Scope.GLOBAL, "", on=True, reason="a test", actor="tests", at=timezone.now())


def a_symbol_that_is_restricted():
    change(RestrictedSymbol(symbol="AAPL"), reason="a test", actor="tests", at=timezone.now())


def a_denial_that_stands():
    now, asked = timezone.now(), {"broker": "dry_run", "strategy": "hedge", "symbol": "AAPL", "side": "BUY"}
    times = {"first_at": now, "last_at": now, "not_before": now}
    Denial.objects.create(**asked, **times, rule="kill_switch", shares=Decimal(1), text="it is on", figures="{}")


def a_limit_that_nobody_says_to_have_set():
    RiskLimit.objects.create(
        rule="max_order_shares", value=Decimal(1), reason="a test", actor="tests", at=timezone.now()
    )


def a_switch_that_is_not_as_it_was_left():
    throw(Scope.GLOBAL, "", on=False, reason="a test", actor="tests", at=timezone.now())
    KillSwitch.objects.update(reason="another")


def a_request_that_waits():
    ask(Verb.RECHECK_ORDER, 1, actor="tests", reason="a test", now=timezone.now())


def an_alert(state, **more):
    now, channel = timezone.now(), AlertChannel.objects.create(name="json-12345678", first_seen_at=timezone.now())
    AlertDelivery.objects.create(
        channel=channel,
        about="opened",
        notice=Notice.objects.get(),
        severity="critical",
        state=state,
        created_at=now,
        next_attempt_at=now,
        **more,
    )


def an_alert_that_was_not_sent():
    an_alert("failed", ended_at=timezone.now())


def an_alert_that_did_not_come():
    an_alert("sent", ended_at=timezone.now())


def a_notice_that_nobody_meant():
    open_notice("order_stuck", "order 1", "it is stuck", at=timezone.now())


def a_parked_log_that_nobody_is_told_of():
    Notice.objects.update(closed_at=timezone.now())


@pytest.mark.parametrize(
    ("wrong", "found_by"),
    [
        (an_unread_log, checks.every_log_is_accounted_for),
        (a_log_that_is_not_on_chain, checks.every_log_is_accounted_for),
        (a_log_in_another_block, checks.every_log_is_accounted_for),
        (a_log_that_waits, checks.every_log_is_accounted_for),
        (a_fill_that_was_filtered, checks.every_log_became_what_it_is),
        (a_fill_of_a_little_more, checks.every_fill_is_booked_once),
        (a_position_of_a_little_more, checks.positions_are_what_was_traded_on_chain),
        (a_net_of_something_else, checks.net_is_chain_and_broker),
        (a_symbol_that_is_halted, checks.nothing_is_left_to_hedge),
        (a_net_past_its_threshold, checks.nothing_is_left_to_hedge),
        (a_position_that_waits_for_an_order_that_ended, checks.one_order_a_symbol),
        (an_order_made_twice, checks.every_order_is_one_at_the_broker),
        (an_order_that_the_broker_has_not, checks.every_order_is_one_at_the_broker),
        (an_order_of_other_shares_at_the_broker, checks.every_order_is_one_at_the_broker),
        (a_fill_that_the_broker_did_not_report, checks.fills_are_the_brokers),
        (a_link_to_more_than_there_is, checks.every_share_is_linked),
        (a_view_that_is_not_its_stream, checks.both_memories_are_the_same),
        (an_event_on_the_backlog, checks.both_memories_are_the_same),
        (a_price_of_the_oracle_that_is_a_little_more, oracle_checks.every_fill_has_the_price_that_its_transaction_read),
        (a_fill_without_the_price_that_it_read, oracle_checks.every_fill_has_the_price_that_its_transaction_read),
        (a_price_that_was_told_at_another_time, oracle_checks.every_fill_has_the_price_that_its_transaction_read),
        (a_switch_that_is_on, operator_checks.nothing_is_forbidden_any_more),
        (a_symbol_that_is_restricted, operator_checks.nothing_is_forbidden_any_more),
        (a_denial_that_stands, operator_checks.nothing_is_forbidden_any_more),
        (a_limit_that_nobody_says_to_have_set, operator_checks.every_change_is_on_record),
        (a_switch_that_is_not_as_it_was_left, operator_checks.every_change_is_on_record),
        (a_request_that_waits, operator_checks.every_request_was_answered),
        (an_alert_that_was_not_sent, operator_checks.every_alert_came),
        (an_alert_that_did_not_come, operator_checks.every_alert_came),
        (a_notice_that_nobody_meant, record_checks.operators_are_told_of_what_is_meant),
        (a_parked_log_that_nobody_is_told_of, record_checks.operators_are_told_of_what_is_meant),
    ],
)
def test_what_is_wrong_is_found(read, wrong, found_by):
    world, _ = read()
    assert list(found_by(world)) == []

    wrong()

    assert list(found_by(world)) != []


def test_a_message_that_was_not_sent_is_found(read):
    world, _ = read(messages=["warning: order_denied GME\nsince 2026-11-26 17:51 UTC [abcdefgh-1]"])

    assert list(operator_checks.every_alert_came(world)) == ["alert [abcdefgh-1] came and was not sent"]


def a_second_order_at_the_venue(venue):
    ask = venue.exchange.orders[0].ask
    venue.exchange.place(replace(ask, client_id=None))


def a_fill_that_was_not_booked(venue):
    venue.exchange.fill(venue.exchange.orders[0], 1)


def an_order_of_ours_under_no_name(venue):
    OffchainTrade.objects.filter(symbol="NVDA").update(broker_order_id="somebody's")


def two_hedges_of_one_order(venue):
    OffchainTrade.objects.update(broker_order_id=venue.name_of(venue.exchange.orders[0]))


def a_call_that_is_not_on_record(venue):
    venue.requests.append(venue.asked("submit")[0])


def a_call_that_nobody_received(venue):
    venue.requests.remove(venue.asked("submit")[0])


def an_order_without_its_request(venue):
    OffchainTrade.objects.filter(symbol="NVDA").update(client_order_id="ht-another-9-1")


@pytest.mark.parametrize(
    ("broker", "wrong", "found_by"),
    [
        # One knows our ids, the other does not.
        ("alpaca", a_second_order_at_the_venue, checks.every_order_is_one_at_the_broker),
        ("schwab", a_second_order_at_the_venue, checks.every_order_is_one_at_the_broker),
        ("alpaca", a_fill_that_was_not_booked, checks.fills_are_the_brokers),
        ("schwab", a_fill_that_was_not_booked, checks.fills_are_the_brokers),
        ("schwab", an_order_of_ours_under_no_name, checks.every_order_is_one_at_the_broker),
        ("schwab", two_hedges_of_one_order, checks.every_order_is_one_at_the_broker),
        ("alpaca", a_call_that_is_not_on_record, record_checks.every_call_is_on_record),
        ("alpaca", a_call_that_nobody_received, record_checks.every_call_is_on_record),
        ("alpaca", an_order_without_its_request, record_checks.every_order_has_its_request_and_answer),
    ],
)
def test_what_is_wrong_at_a_venue_is_found(read, broker, wrong, found_by):
    world, venue = read(broker=broker)
    assert list(found_by(world)) == []

    wrong(venue)

    assert list(found_by(world)) != []
