"""Each invariant of the hedge fires: on books that real stations made, broken in one way that only it is about."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from eventstore.store import Draft, Metadata, append, head
from tests.support.damage import guarded_again, names, sql, violations
from tests.support.emptying import empty_tables
from tests.support.factories import heartbeat
from tests.support.facts import holdings
from tests.support.made_chain import ORDERBOOK, STRANGER, block_hash, know_tokens, log_of, take
from tests.support.stations import Clock, Stations, fresh_books
from tests.trading.risk.test_controls import set_limit
from trading.conductor.checkpoints import take_lease
from trading.conductor.inbox import QueuedLog
from trading.conductor.reconciling.holding_checks import check_holdings
from trading.conductor.reversal import revert_blocks
from trading.invariants.every import OF_THE_HEDGE
from trading.ledger.mode import Mode
from trading.ledger.tables import OffchainTrade, OnchainTrade, TradeAccumulator
from trading.offchain_order.aggregate import OffchainOrder
from trading.offchain_order.events import LateFilled, PartiallyFilled
from trading.offchain_order.view import OffchainOrderView
from trading.risk.controls import RiskChange, throw
from trading.risk.scopes import Scope
from trading.values.arithmetic import add, plain
from trading.values.quantities import Shares

pytestmark = pytest.mark.django_db

OPENED = datetime(2026, 3, 2, 16, tzinfo=UTC)


def a_morning(mode: Mode) -> Stations:
    """Hedges of all fates: filled, cut short, refused, lost and found, open; a reorg, and logs that are not ours."""
    know_tokens("tAAPL", "tMSFT", "tTSLA", "tAMC", "tGME")
    stations = Stations(
        mode=mode,
        legacy_projection=mode is not Mode.EVENTS,
        clock=Clock(OPENED),
        fill_seconds="1",
        behaviours="fill,MSFT=partial,AMC=reject,GME=timeout_after_accept,TSLA=slow",
    )
    set_limit("100")
    for on in (True, False):
        throw(Scope.GLOBAL, "", on=on, reason="a rehearsal", actor="anna", at=stations.forward(600))
    stations.forward(600)
    take_lease(
        ORDERBOOK,
        holder="test:1",
        now=stations.clock(),
        lasts=timedelta(seconds=15),
        chain_id=8453,
        first_block=100,
        range_size=1000,
    )
    fills = [("BUY", "3", "tAAPL"), ("SELL", "4", "tMSFT"), ("BUY", "2", "tAMC"), ("SELL", "1.5", "tGME")]
    for block, (side, shares, symbol) in enumerate(fills, 101):
        stations.fill(log_of(take(side, shares, symbol), block=block))
    stations.fill(log_of(take("BUY", "9", "tAAPL", owner=STRANGER), block=120))
    stations.hedge()
    for _ in range(4):
        stations.forward(2)
        stations.hedge()
    stations.fill(log_of(take("BUY", "0.25", "tAAPL"), block=130), log_of(take("SELL", "2", "tTSLA"), block=131))
    revert_blocks(stations.ledger, [block_hash(130)], now=stations.clock())
    stations.hedge()
    for _ in range(2):
        positions = {position.symbol: position for position in stations.ledger.memory().positions()}
        held = {symbol: f"{plain(p.broker_bought - p.broker_sold)}" for symbol, p in positions.items()}
        check_holdings(
            stations.broker.name,
            holdings(stations.forward(1), **held),
            stations.ledger.memory(),
            (),
            now=stations.clock(),
        )
    return stations


def look(stations, *, later=0, since=None):
    ledger, now = stations.ledger, stations.clock() + timedelta(minutes=later)
    kept = ledger.legacy_projection
    return violations(OF_THE_HEDGE, mode=ledger.mode, now=now, since=since, legacy_projection=kept)


def order(symbol) -> OffchainTrade:
    return OffchainTrade.objects.filter(symbol=symbol).order_by("pk")[0]


@pytest.fixture(scope="module")
def books(django_db_setup, django_db_blocker):
    """The morning in the legacy tables alone: there one row says one thing, so one break is one violation."""
    with django_db_blocker.unblock(), fresh_books():
        yield a_morning(Mode.LEGACY)


@pytest.fixture
def stations(books):
    """The same for each test: what one does is taken back, with what was lifted for it."""
    yield books
    guarded_again()


# What is broken, by the one invariant that must tell.


def fill_is_one_trade(stations):
    sql("UPDATE event_queue SET outcome = 'fill', reason = NULL WHERE outcome = 'filtered'")


def trade_is_one_log(stations):
    log = QueuedLog.objects.get(block_number=101)
    sql("UPDATE event_queue SET outcome = 'filtered', reason = 'not ours' WHERE id = %s", log.pk)


def log_has_its_outcome(stations):
    sql("UPDATE event_queue SET processed_at = NULL WHERE outcome = 'filtered'")


def checkpoint_is_in_order(stations):
    sql("UPDATE chain_checkpoints SET reread_from = next_block + 5")


def net_is_what_was_filled(stations):
    row = TradeAccumulator.objects.get(symbol="AAPL")
    net, long = (plain(add(each, Decimal(1))) for each in (row.net_position, row.accumulated_long))
    sql("UPDATE trade_accumulators SET net_position = %s, accumulated_long = %s WHERE symbol = 'AAPL'", net, long)


def links_add_up(stations):
    trade = OnchainTrade.objects.get(base_symbol="TSLA")
    sql("UPDATE onchain_trades SET unlinked_shares = '0.5' WHERE id = %s", trade.pk)


def hedge_was_let_through(stations):
    sql("DELETE FROM risk_checks WHERE order_id = %s", order("AAPL").pk)


def limits_were_kept(stations):
    sql("""UPDATE risk_checks SET figures = replace(figures, '"100"', '"1"') WHERE order_id = %s""", order("AAPL").pk)


def nothing_is_placed_while_stopped(stations):
    off = RiskChange.objects.filter(control="kill_switch").order_by("-pk")[0]
    sql("UPDATE risk_changes SET at = %s WHERE id = %s", stations.clock() + timedelta(hours=1), off.pk)


def market_was_open(stations):
    sql("""UPDATE risk_checks SET figures = replace(figures, '"clock_open":"yes"', '"clock_open":"no"')""")


def one_open_order_a_symbol(stations):
    sql(
        "UPDATE trade_accumulators SET pending_execution_id = NULL, pending_side = NULL, pending_shares = NULL,"
        " pending_filled_shares = NULL WHERE symbol = 'TSLA'"
    )


def broker_order_is_one_intent(stations):
    theirs = order("AAPL").broker_order_id
    sql("UPDATE offchain_trades SET broker_order_id = %s, order_id = %s WHERE symbol = 'GME'", theirs, theirs)


def order_was_meant_before_it_was_sent(stations):
    sql("UPDATE offchain_trades SET sending_at = NULL WHERE symbol = 'AAPL'")


def state_has_its_facts(stations):
    sql("UPDATE offchain_trades SET executed_at = NULL WHERE symbol = 'AAPL'")


def unknown_is_failed_by_proof_alone(stations):
    sql("UPDATE offchain_trades SET detailed_status = 'failed', reason = 'it was old' WHERE symbol = 'AMC'")


def broker_holds_what_is_booked(stations):
    sql(
        "UPDATE holding_checks SET differs_since = %s, held_shares = '7' WHERE symbol = 'AAPL'",
        stations.clock() - timedelta(hours=1),
    )


def gate_ends_in_time(stations):
    sql("UPDATE symbol_waits SET not_before = %s", stations.clock() + timedelta(days=2))


BREAKS = (
    fill_is_one_trade,
    trade_is_one_log,
    log_has_its_outcome,
    checkpoint_is_in_order,
    net_is_what_was_filled,
    links_add_up,
    hedge_was_let_through,
    limits_were_kept,
    nothing_is_placed_while_stopped,
    market_was_open,
    one_open_order_a_symbol,
    broker_order_is_one_intent,
    order_was_meant_before_it_was_sent,
    state_has_its_facts,
    unknown_is_failed_by_proof_alone,
    broker_holds_what_is_booked,
    gate_ends_in_time,
)


def test_books_that_stations_made_break_nothing(stations):
    assert look(stations) == []


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.__name__)
def test_what_is_broken_in_one_way_is_told_by_the_one_invariant_that_is_about_it(stations, broken):
    broken(stations)

    found = look(stations)

    assert names(found) == {broken.__name__}
    assert all(each.expected and each.found and each.look_at for each in found)


# What the clock breaks, and what takes both memories.


def test_exposure_that_nobody_hedges_is_told(stations):
    stations.fill(log_of(take("SELL", "5", "tMSFT"), block=140))
    sql("DELETE FROM symbol_waits")

    assert look(stations, later=5) == []
    assert names(look(stations, later=12)) == {"open_exposure_is_told"}


def test_an_unknown_order_of_which_nobody_was_told_is_told(stations):
    sql("UPDATE offchain_trades SET detailed_status = 'unknown', reason = 'no answer' WHERE symbol = 'TSLA'")

    assert look(stations, later=20) == []
    assert names(look(stations, later=26)) == {"unknown_order_is_told"}


def test_work_that_a_station_passes_by_is_told(stations):
    sql("UPDATE order_work SET not_before = %s", stations.clock())
    heartbeat(station="poller", last_turn_at=stations.clock() + timedelta(minutes=9))
    assert look(stations, later=10) == []

    heartbeat(station="poller", last_turn_at=stations.clock() + timedelta(minutes=11))

    assert names(look(stations, later=12)) == {"due_work_is_not_passed_by"}


def test_a_halt_that_nobody_was_told_of_is_told(stations):
    sql("UPDATE symbol_waits SET halted_at = %s", stations.clock())

    assert names(look(stations)) == {"gate_ends_in_time"}


def test_memories_that_differ_are_told(stations):
    with fresh_books():
        both = anew(Mode.DUAL)
        sql("UPDATE position_view SET threshold = '5 shares' WHERE symbol = 'AAPL'")

        assert names(look(both)) == {"memories_agree"}
        assert names(look(both, since=OPENED)) == {"memories_agree"}


def test_an_event_that_was_changed_is_told(stations):
    with fresh_books():
        both = anew(Mode.DUAL)
        sql("""UPDATE events SET metadata = replace(metadata, '"hedger"', '"nobody"')""")

        assert names(look(both)) == {"log_is_as_recorded"}


def test_fills_that_shrink_and_grow_again_are_told_by_the_events(stations):
    with fresh_books():
        events = anew(Mode.EVENTS)
        order = order_in_view("AAPL")
        for shares in (order.filled_shares - 1, order.filled_shares):
            late = LateFilled(shares_filled=Shares(shares), average_price_usd=None, late_filled_at=events.clock())
            append_alone_to(order, late, at=events.clock())

        assert names(look(events)) == {"fills_only_grow"}


def test_an_end_that_was_none_is_told_by_the_events(stations):
    with fresh_books():
        events = anew(Mode.EVENTS)
        order = order_in_view("AAPL")
        again = PartiallyFilled(
            shares_filled=Shares(order.filled_shares), average_price_usd=None, partially_filled_at=events.clock()
        )
        append_alone_to(order, again, at=events.clock())

        assert "fills_only_grow" in names(look(events))


def anew(mode: Mode) -> Stations:
    """The same morning in another mode."""
    empty_tables()
    stations = a_morning(mode)
    assert look(stations) == []
    return stations


def order_in_view(symbol) -> OffchainOrderView:
    return OffchainOrderView.objects.filter(symbol=symbol).order_by("pk")[0]


def append_alone_to(order: OffchainOrderView, event, *, at):
    """Let something happen to an order that no rule of ours would decide."""
    kind, id = OffchainOrder.aggregate_type, str(order.pk)
    cause = Metadata(actor="nobody", correlation=f"order:{id}")
    append([Draft(kind, id, head(kind, id) + 1, event, cause)], at=at)
