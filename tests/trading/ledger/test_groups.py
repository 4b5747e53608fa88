"""Groups: what a step reads for them, what it keeps of each, and in which order they may stand."""

from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import pytest

from eventstore.models import StoredEvent
from tests.trading.ledger.steps import AT, Steps, block_hash, tx_hash
from trading.ledger.mode import Mode
from trading.ledger.step import OutOfOrder
from trading.offchain_order.aggregate import OffchainOrder
from trading.offchain_order.commands import Place
from trading.onchain_trade.aggregate import OnChainTrade
from trading.onchain_trade.commands import Enrich, Reorg, Witness
from trading.onchain_trade.events import Gas
from trading.position.aggregate import Position
from trading.position.commands import UpdateThreshold
from trading.values.identifiers import TradeId
from trading.values.sides import Side
from trading.values.thresholds import threshold

pytestmark = pytest.mark.django_db

TRADE = TradeId(tx_hash("a fill"), 0)


@pytest.fixture
def steps():
    return begun(Mode.LEGACY)


def begun(mode):
    """Positions in AAPL and TSLA, each with its threshold of one share."""
    steps = Steps(mode)
    for token in ("tAAPL", "tTSLA"):
        steps.fill("BUY", "0.5", token)
    return steps


@contextmanager
def dying_group(step):
    """A group that is taken back at its end."""
    with pytest.raises(KeyError), step.group("it dies"):  # noqa: PT012
        yield
        raise KeyError("the group died")


def place(step, number, symbol="AAPL"):
    name = f"x{number}"
    order = Place(
        symbol=symbol, shares=1, side=Side.SELL, broker="dry_run", client_order_id=name, attempt=1, placed_at=step.at
    )
    step.handle(OffchainOrder, number, order)


def witness(step, trade=TRADE):
    seen = Witness(
        symbol="AAPL",
        token_symbol="tAAPL",
        side=Side.BUY,
        amount=Decimal(1),
        usdc=Decimal(100),
        price_usdc=Decimal(100),
        amount_raw="1",
        usdc_raw="1",
        block_number=7,
        block_hash=block_hash(7),
        block_timestamp=AT + timedelta(seconds=14),
    )
    step.handle(OnChainTrade, trade, seen)


def change(step, shares, symbol="AAPL"):
    step.handle(Position, symbol, UpdateThreshold(threshold=threshold(f"{shares} shares"), reason="a test"))


# Reading


def test_what_a_step_will_change_is_read_once_a_kind(steps, django_assert_num_queries):
    trades = [steps.fill("BUY", "0.5", token) for token in ("tAAPL", "tTSLA")]
    orders = [steps.hedge(symbol) for symbol in ("AAPL", "TSLA")]

    with steps.step() as step:
        with django_assert_num_queries(3):
            step.load(symbols=["TSLA", "AAPL", "TSLA"], orders=orders, trades=trades)
        with django_assert_num_queries(0):
            assert [step.position(symbol).pending.order_id for symbol in ("AAPL", "TSLA")] == orders
            assert [step.order(order).symbol for order in orders] == ["AAPL", "TSLA"]
            assert [step.trade(trade).fill.symbol for trade in trades] == ["AAPL", "TSLA"]
            step.load(symbols=["AAPL"], orders=orders[:1], trades=trades)


def test_what_is_read_again_is_as_the_step_has_it_by_now(steps):
    with steps.step() as step:
        with step.group("a threshold"):
            change(step, 2)
        step.load(symbols=["AAPL", "TSLA"])

        assert step.position("AAPL").threshold == threshold("2 shares")


# What belongs together


def test_each_group_has_a_number_of_its_own_and_each_event_the_next_version(steps):
    with steps.step() as step:
        for token in ("tMSFT", "tMSFT", "tGME"):
            steps.fill_in(step, "BUY", "1", token)

        positions = [(e.group, e.id, e.version) for e in step.entries if e.aggregate is Position]
    assert positions == [(1, "MSFT", 1), (1, "MSFT", 2), (2, "MSFT", 3), (3, "GME", 1), (3, "GME", 2)]


def test_an_operators_reason_goes_with_the_events_of_its_group_alone():
    steps = begun(Mode.DUAL)
    with steps.step() as step:
        for shares, said in ((2, {"reason": "by hand"}), (3, {})):
            with step.group("a threshold", **said):
                change(step, shares)

    plain = '{"actor":"tests","correlation":"a threshold","causation":null'
    told = [event.metadata for event in StoredEvent.objects.filter(version__gt=2).order_by("version")]
    assert told == [f'{plain},"reason":"by hand"}}', f"{plain}}}"]


def test_a_group_that_dies_leaves_the_state_of_before_it_however_often_it_changed_that(steps):
    with steps.step() as step:
        with step.group("a threshold"):
            change(step, 2)
        with dying_group(step):
            change(step, 3)
            change(step, 4)
            change(step, 3, "TSLA")

        assert step.position("AAPL").threshold == threshold("2 shares")
        assert step.position("TSLA").threshold == threshold("1 share")
        assert len(step.entries) == 1


def test_what_is_out_of_a_group_or_in_two_is_refused_in_so_many_words(steps):
    with steps.step() as step:
        with pytest.raises(RuntimeError, match=r"^commands are handled inside a group$"):
            change(step, 2)
        with step.group("outer"), pytest.raises(RuntimeError, match=r"^a group holds no other group$"):
            step.group("inner").__enter__()


# The order of groups


def test_a_fill_whose_group_died_may_be_taken_in_again_in_the_same_step(steps):
    with steps.step() as step:
        with dying_group(step):
            witness(step)
        with step.group("again"):
            witness(step)

        assert [entry.id for entry in step.entries] == [str(TRADE)]


def test_a_fill_that_was_taken_in_is_not_reorged_though_another_group_died_meanwhile(steps):
    with steps.step() as step:
        with step.group("a threshold"):
            change(step, 2)
            witness(step)
        with dying_group(step):
            witness(step, TradeId(tx_hash("another"), 0))
        with step.group("reorg"), pytest.raises(OutOfOrder) as refused:
            step.handle(OnChainTrade, TRADE, Reorg(block_hash=block_hash(7)))

    assert str(refused.value) == f"trade {TRADE} is filled and reorged in one step; commit one before the other"


def test_a_fill_comes_before_the_first_order_though_another_orders_group_died(steps):
    with steps.step() as step:
        with step.group("an order"):
            place(step, 1)
        with dying_group(step):
            place(step, 2, "TSLA")
        with step.group("a fill"), pytest.raises(OutOfOrder) as refused:
            witness(step)

    assert str(refused.value) == f"trade {TRADE} comes after an order in one step; take fills in before orders"


def test_what_is_read_of_a_fill_later_may_come_after_an_order(steps):
    trade = steps.fill("BUY", "1")
    with steps.step() as step:
        with step.group("an order"):
            place(step, 1)
        with step.group("enrich"):
            step.handle(OnChainTrade, trade, Enrich(gas=Gas(gas_used=21_000)))

    assert steps.ledger.memory().trade(trade).gas == Gas(gas_used=21_000)
