"""The legacy log: all there is while USE_AUDIT_TRAIL is off, and the same as the executions once it is on."""

from decimal import Decimal

import pytest
from django.db import connection

from audit_trail.decisions.models import TradeDecision
from audit_trail.executions.comparing import compare
from audit_trail.executions.legacy import AlpacaOrder
from audit_trail.executions.models import DecisionHolding, TradeExecution
from tests.audit_trail.decisions.drafts import TODAY, draft, why
from tests.audit_trail.executions.desk import Desk
from tests.audit_trail.executions.test_crashes import CRASHES, Killed, again
from tests.audit_trail.executions.test_executing import decide
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import BrokerUnavailable, OrderRejected, OutcomeUnknown
from trading.risk.controls import throw
from trading.risk.records import Denial, RiskCheck
from trading.risk.scopes import Scope
from trading.values.sides import Side

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk():
    return Desk()


def carry_out(desk, *drafts, audit_trail=False, day=TODAY):
    return desk.executor.carry_out(drafts, trading_day=day, audit_trail=audit_trail)


# USE_AUDIT_TRAIL is off.


def test_off_the_legacy_log_is_all_that_is_written(desk):
    (turn,) = carry_out(desk, draft(notional_usd=Decimal(800)))
    desk.venue.tell(OrderStatus.FILLED, "4", price="199.5")
    desk.poll()

    row = AlpacaOrder.objects.get()
    assert turn.state == "submitted"
    assert (row.status, row.alpaca_order_id, row.notional, row.qty) == ("filled", "V-1", 800, None)
    assert (row.filled_qty, row.filled_avg_price) == (4, Decimal("199.5"))
    assert (row.symbol, row.side, row.trading_mode, row.strategy_name) == ("AAPL", "BUY", "paper", "congressional")
    assert row.trade_decision_id is None
    assert not TradeDecision.objects.exists()
    assert not TradeExecution.objects.exists()
    assert DecisionHolding.objects.get().bought_shares == 4


def test_off_the_intent_still_comes_before_the_call_and_passes_the_gate(desk):
    seen, submit = [], desk.venue.submit

    def look_and_submit(request):
        seen.append((AlpacaOrder.objects.get().status, RiskCheck.objects.get().client_order_id))
        return submit(request)

    desk.venue.submit = look_and_submit
    carry_out(desk, draft())

    assert seen == [("pending_new", AlpacaOrder.objects.get().client_order_id)]
    assert seen[0][1].startswith("htd-")


def test_off_the_strongest_is_first_and_a_failure_stops_none(desk):
    desk.venue.fail("submit", OrderRejected("no"))
    drafts = [draft(f"S{n}", rationale=why(signal_strength=Decimal(n))) for n in (9, 7, 8, 6, 10)]

    assert [(turn.wanted.symbol, turn.state) for turn in carry_out(desk, *drafts)] == [
        ("S10", "rejected"),
        ("S9", "submitted"),
        ("S8", "submitted"),
        ("S7", "submitted"),
        ("S6", "submitted"),
    ]


def test_off_a_strategy_s_wish_of_a_day_is_ordered_once(desk):
    carry_out(desk, draft())

    assert carry_out(desk, draft(shares=Decimal(9)), draft("MSFT"))[0].wanted.symbol == "MSFT"
    assert AlpacaOrder.objects.count() == 2


def test_off_what_was_not_sent_may_be_sent_again_under_another_name(desk):
    desk.venue.fail("submit", BrokerUnavailable("down"))
    carry_out(desk, draft())
    carry_out(desk, draft())

    assert [row.status for row in AlpacaOrder.objects.order_by("id")] == ["unsent", "accepted"]
    assert [row.client_order_id[-2:] for row in AlpacaOrder.objects.order_by("id")] == ["-1", "-2"]


def test_off_the_gate_denies_as_ever(desk):
    throw(Scope.STRATEGY, "congressional", on=True, actor="ada", reason="a test", at=desk.clock())

    (turn,) = carry_out(desk, draft())

    assert (turn.state, Denial.objects.get().rule) == ("blocked", "kill_switch")
    assert not AlpacaOrder.objects.exists()


def test_off_silence_is_asked_about_and_nothing_is_sent_twice(desk):
    desk.venue.fail("submit", OutcomeUnknown("no answer"), taken=True)
    carry_out(desk, draft())
    assert AlpacaOrder.objects.get().status == "unknown"

    desk.poll(5)
    assert AlpacaOrder.objects.get().status == "accepted"
    assert len(desk.venue.submitted) == 1


@pytest.mark.parametrize("crash", ["after the intent, before anything", "after accept", "before booking"])
def test_off_a_crash_leaves_one_order(desk, monkeypatch, crash):
    with monkeypatch.context() as patched:
        CRASHES[crash](patched, desk)
        with pytest.raises(Killed):
            carry_out(desk, draft())

    assert carry_out(again(desk), draft()) == []
    assert AlpacaOrder.objects.get().status == "accepted"
    assert len(desk.venue.orders_taken) == 1


def test_off_opposite_orders_wait_too_and_another_day_is_not_today(desk):
    desk.venue.held["AAPL"] = Decimal(10)
    carry_out(desk, draft())
    (turn,) = carry_out(desk, draft(strategy="insider", side=Side.SELL))

    assert (turn.state, Denial.objects.get().rule) == ("blocked", "opposite_order")
    assert carry_out(desk, draft("MSFT"), day=TODAY.replace(day=3)) == []


# On: both.


def history(desk):
    """Orders that come to every end there is."""
    ends = {
        "A": (OrderStatus.FILLED, "4"),
        "B": (OrderStatus.CANCELLED, "1"),
        "C": (OrderStatus.EXPIRED, "0"),
        "D": (OrderStatus.PARTIALLY_FILLED, "2"),
    }
    for n, symbol in enumerate(ends):
        decide(symbol, strength=str(100 - n))
    decide("E", notional_usd=Decimal("100.5"), strength="9")
    desk.execute()
    for place, (status, filled) in enumerate(ends.values()):
        desk.venue.tell(status, filled, order=place, reason="so it goes")
    for error in (OrderRejected("no"), OutcomeUnknown("?"), BrokerUnavailable("down")):
        decide(f"X{type(error).__name__[:6].upper()}")
        desk.venue.fail("submit", error)
        desk.execute()
    desk.poll(2)


def test_on_both_are_written_and_equal(desk):
    history(desk)
    throw(Scope.SYMBOL, "Z", on=True, actor="ada", reason="a test", at=desk.clock())
    decide("Z")
    desk.execute()

    found = compare()
    assert found.differences == ()
    # What was not sent at first was, with the next run.
    assert (found.orders, found.legacy_alone) == (9, 0)
    assert sorted(AlpacaOrder.objects.values_list("status", flat=True)) == [
        "accepted",
        "accepted",
        "canceled",
        "expired",
        "filled",
        "partially_filled",
        "rejected",
        "unknown",
        "unsent",
    ]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("status", "filled"),
        ("filled_qty", 3),
        ("filled_avg_price", 1),
        ("alpaca_order_id", "V-9"),
        ("symbol", "MSFT"),
        ("side", "SELL"),
        ("qty", 5),
        ("limit_price", 5),
        ("account_number", "X"),
        ("reason", "x"),
        ("trade_decision", None),
    ],
)
def test_a_difference_is_found(desk, column, value):
    decide("A")
    desk.execute()
    AlpacaOrder.objects.update(**{column: value})

    assert any(line.startswith(AlpacaOrder.objects.get().client_order_id) for line in compare().differences)


def test_a_row_that_is_missing_on_either_side_is_found(desk):
    decide("A")
    decide("B")
    desk.execute()
    first, second = TradeExecution.objects.order_by("id")
    AlpacaOrder.objects.filter(client_order_id=first.client_order_id).delete()
    TradeExecution.objects.filter(pk=second.pk).update(client_order_id="htd-another-1")

    assert sorted(compare().differences) == sorted(
        [
            f"{first.client_order_id}: it has no row in alpaca_orders",
            "htd-another-1: it has no row in alpaca_orders",
            f"{second.client_order_id}: it has no row in trade_executions",
        ]
    )


def test_the_flag_may_be_turned_on_and_off_with_orders_under_way(desk):
    carry_out(desk, draft("A"))
    carry_out(desk, draft("B"), audit_trail=True)
    for place in (0, 1):
        desk.venue.tell(OrderStatus.FILLED, "4", order=place)
    desk.poll(5)

    assert sorted(AlpacaOrder.objects.values_list("symbol", "status")) == [("A", "filled"), ("B", "filled")]
    assert TradeDecision.objects.get().status == "executed"
    assert dict(desk.orders.holdings()) == {"A": 4, "B": 4}
    found = compare()
    assert (found.orders, found.legacy_alone, found.differences) == (1, 1, ())


def test_what_was_ordered_while_it_was_off_is_not_ordered_again_once_it_is_on(desk):
    carry_out(desk, draft("A"))

    assert carry_out(desk, draft("A"), audit_trail=True) == []
    row = TradeDecision.objects.get()
    assert row.status == "cancelled"
    assert f"ordered as {AlpacaOrder.objects.get().client_order_id} while USE_AUDIT_TRAIL was off" in str(row.reason)
    assert len(desk.venue.submitted) == 1


def test_what_was_ordered_while_it_was_on_is_not_ordered_again_once_it_is_off(desk):
    carry_out(desk, draft("A"), audit_trail=True)

    assert carry_out(desk, draft("A")) == []
    assert len(desk.venue.submitted) == 1


def test_comparing_takes_as_many_queries_for_many_as_for_few(desk, django_assert_max_num_queries):
    for n in range(12):
        decide(f"S{n}")
    desk.execute()

    with django_assert_max_num_queries(6, connection=connection):
        assert compare().differences == ()
