"""Step: one commit's worth of decisions, in groups that happen as a whole or not at all."""

import threading
from decimal import Decimal

import pytest
from django.db import connection, transaction

from eventstore.models import StoredEvent
from tests.trading.ledger import agreement
from tests.trading.ledger.steps import Steps, block_hash
from trading.ledger.mode import (
    Installation,
    LedgerMode,
    Mode,
    WrongMode,
    check_mode,
    ensure_installation,
    next_order,
    renew_installation,
)
from trading.ledger.step import OutOfOrder
from trading.ledger.tables import OffchainTrade, OnchainTrade
from trading.offchain_order.aggregate import OffchainOrder
from trading.offchain_order.commands import MarkUnknown, Place
from trading.onchain_trade.aggregate import AlreadyFilled, OnChainTrade
from trading.onchain_trade.commands import Reorg
from trading.position.aggregate import NoPendingExecution, PendingExecution, Position
from trading.position.commands import CompleteOffChainOrder, UpdateThreshold
from trading.values.thresholds import threshold

pytestmark = pytest.mark.django_db


@pytest.fixture(params=list(Mode))
def steps(request):
    return Steps(request.param)


def test_a_group_that_is_refused_half_way_leaves_nothing_and_the_others_stay(steps):
    steps.fill("BUY", "1")

    with steps.step() as step:
        steps.fill_in(step, "BUY", "0.25")
        with pytest.raises(NoPendingExecution):
            refused(step)
        steps.fill_in(step, "BUY", "0.5", "tTSLA")

    assert (steps.position().net, steps.position("TSLA").net) == (Decimal("1.25"), Decimal("0.5"))
    # What the group had changed before it was refused is as before.
    assert steps.position().threshold == threshold("1 share")
    agreement.hold_states(steps.ledger)


def refused(step):
    with step.group("threshold, then the end of an order that is not there"):
        step.handle(Position, "AAPL", UpdateThreshold(threshold=threshold("9 shares"), reason="a test"))
        end = CompleteOffChainOrder(
            order_id=7,
            side="SELL",
            shares_filled=1,
            broker_order_id="B-7",
            average_price_usd=None,
            broker_timestamp=step.at,
        )
        step.handle(Position, "AAPL", end)


def test_an_error_in_the_body_takes_the_whole_step_back(steps):
    with pytest.raises(KeyError), steps.step() as step:
        fill_and_die(steps, step)

    assert not any(agreement.dump([*agreement.LEGACY_TABLES, *agreement.VIEW_TABLES, "events"]).values())


def fill_and_die(steps, step):
    steps.fill_in(step, "BUY", "1")
    raise KeyError("the station died")


def test_a_step_that_decides_nothing_writes_nothing(steps):
    steps.fill("BUY", "1")
    before = agreement.dump([*agreement.LEGACY_TABLES, "events"])

    steps.position()
    with steps.step() as step, step.group("the same threshold again"):
        assert step.handle(Position, "AAPL", UpdateThreshold(threshold=threshold("1 share"), reason="a test")) == []

    assert agreement.dump([*agreement.LEGACY_TABLES, "events"]) == before


def test_commands_are_handled_in_one_group_at_a_time(steps):
    with steps.step() as step:
        with pytest.raises(RuntimeError, match="inside a group"):
            step.handle(OffchainOrder, 1, MarkUnknown(reason="a test"))
        with step.group("outer"), pytest.raises(RuntimeError, match="no other group"), step.group("inner"):
            pass


def test_what_one_group_decided_the_next_one_sees(steps):
    with steps.step() as step:
        steps.fill_in(step, "BUY", "0.5")
        steps.fill_in(step, "BUY", "0.75")
        assert steps.hedge_in(step) is not None
        assert step.position("AAPL").pending.shares == 1

    assert OffchainTrade.objects.count() == (0 if not agreement.keeps_rows(steps.ledger) else 1)


def test_an_order_before_a_fill_is_refused_since_links_would_depend_on_it(steps):
    steps.fill("BUY", "1")
    with pytest.raises(OutOfOrder, match="comes after an order"), steps.step() as step:
        order_then_fill(steps, step)

    # A group that is taken back leaves the way free.
    with steps.step() as step:
        with pytest.raises(KeyError):
            order_that_fails(step)
        steps.fill_in(step, "BUY", "1")


def order_then_fill(steps, step):
    steps.hedge_in(step)
    steps.fill_in(step, "BUY", "1")


def order_that_fails(step):
    with step.group("an order"):
        place = Place(
            symbol="AAPL",
            shares=1,
            side="SELL",
            broker="dry_run",
            client_order_id="x",
            attempt=1,
            placed_at=step.at,
        )
        step.handle(OffchainOrder, 99, place)
        raise KeyError("the group died")


def test_a_fill_is_not_reorged_in_the_step_that_took_it_in(steps):
    with pytest.raises(OutOfOrder, match="filled and reorged"), steps.step() as step:
        fill_then_reorg(steps, step)


def fill_then_reorg(steps, step):
    trade = steps.fill_in(step, "BUY", "1", block=77)
    with step.group("reorg"):
        step.handle(OnChainTrade, trade, Reorg(block_hash=block_hash(77)))


def test_every_event_says_who_caused_it_and_in_the_course_of_what():
    steps = Steps(Mode.DUAL)
    trade = steps.fill("BUY", "1")

    metadata = {(e.aggregate_type, e.version): e.metadata for e in StoredEvent.objects.all()}

    cause = f'{{"actor":"tests","correlation":"{trade}","causation":null}}'
    assert metadata == dict.fromkeys([("OnChainTrade", 1), ("Position", 1), ("Position", 2)], cause)


# Modes


def test_the_first_process_stores_its_mode_and_another_mode_is_refused():
    Steps(Mode.LEGACY).fill("BUY", "1")

    assert LedgerMode.objects.get().mode == "legacy"
    with pytest.raises(WrongMode, match="LEDGER is dual, but the ledger's mode in force is legacy"):
        Steps(Mode.DUAL).fill("SELL", "1")
    with pytest.raises(WrongMode, match=r"set LEDGER=legacy, or .* `manage.py switch_ledger dual`"):
        check_mode(Mode.DUAL)
    assert OnchainTrade.objects.count() == 1


# Order numbers


def test_order_numbers_go_up_by_one_and_name_the_order_at_the_broker():
    mark = Installation.objects.get().mark
    with transaction.atomic():
        assert [next_order() for _ in range(2)] == [(1, f"ht-{mark}-1-1"), (2, f"ht-{mark}-2-1")]


def test_a_renewed_installation_goes_on_counting_under_another_mark():
    old = Installation.objects.get().mark
    with transaction.atomic():
        next_order()

    new = renew_installation()
    ensure_installation()

    assert new != old
    with transaction.atomic():
        assert next_order() == (2, f"ht-{new}-2-1")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", list(Mode))
def test_two_who_hedge_a_symbol_at_once_place_one_order(mode):
    steps = Steps(mode)
    steps.fill("BUY", "3")
    numbers = at_once(4, lambda: Steps(mode).hedge())

    assert len([number for number in numbers if number is not None]) == 1
    assert steps.position().pending.shares == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", list(Mode))
def test_two_fills_of_a_symbol_at_once_are_both_counted(mode):
    steps = Steps(mode)
    steps.fill("BUY", "1")

    at_once(4, lambda index: Steps(mode).fill("BUY", "0.8", block=500 + index))

    assert steps.position().net == Decimal("4.2")
    agreement.hold_states(steps.ledger)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", list(Mode))
def test_a_fill_that_two_see_at_once_is_counted_once(mode):
    steps = Steps(mode)

    at_once(4, lambda: Steps(mode).fill("BUY", "1", block=500))

    assert steps.position().net == 1
    agreement.hold_states(steps.ledger)


def at_once(count, act):
    """Let several do it at once, each trying again as a station would; return what each came to."""
    found = []
    start = threading.Barrier(count)

    def run(index):
        start.wait(10)
        for _ in range(20):
            try:
                found.append(act(index) if act.__code__.co_argcount else act())
                break
            except (AlreadyFilled, PendingExecution):
                break
            except Exception as error:  # noqa: BLE001
                last = error
        else:
            raise last
        connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found
