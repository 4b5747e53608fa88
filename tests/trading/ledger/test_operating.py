"""What an operator does to the books: set_position, compare_ledgers --watch, drain_backlog --list."""

from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from config.ledger_watch import compare_once
from config.management.commands import compare_ledgers
from config.schedules import SCHEDULES
from config.verbs import who
from eventstore.models import StoredEvent
from tests.support.commands import refused, run
from tests.trading.ledger.faults import Faults
from tests.trading.ledger.steps import AT, Steps
from trading.conductor.verbs.requests import OperatorRequest, RequestState
from trading.ledger.backlog import BackloggedEvent
from trading.ledger.book import Ledger
from trading.ledger.compare import compare
from trading.ledger.mode import Mode
from trading.ledger.tables import OffchainTrade, TradeAccumulator
from trading.ledger.watching import look
from trading.notices.models import Notice, open_notices
from trading.position.view import PositionView

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("LEDGER", "LEGACY_PROJECTION", "HEDGE_THRESHOLD"):
        monkeypatch.delenv(name, raising=False)


# set_position


@pytest.mark.parametrize("mode", list(Mode))
def test_a_position_is_set_and_hedged_by_an_order_that_no_fill_covers(mode, monkeypatch):
    monkeypatch.setenv("LEDGER", mode)
    steps = Steps(mode)
    steps.fill("BUY", "0.5")

    printed = run("set_position", "aapl", "3.5", "--reason", "counted at the broker")

    assert printed == "AAPL: net 3.5 from now on (0.5 before)\n"
    assert steps.position().net == Decimal("3.5")
    request = OperatorRequest.objects.get()
    assert (request.verb, request.actor, request.outcome) == ("set_position", who(), printed.strip())
    order = steps.hedge()
    row = OffchainTrade.objects.get(pk=order)
    assert (row.shares, row.unallocated_shares, row.unallocated_cause) == (3, Decimal("2.5"), "set")
    steps.submit(order)
    steps.complete(order, "3")
    steps.fill("SELL", "2")
    steps.hedge()
    assert list(compare(mode)) == []
    if mode is not Mode.LEGACY:
        event = StoredEvent.objects.get(type="PositionEvent::PositionSet")
        assert '"previous_net":"0.5","target_net":"3.5","reason":"counted at the broker"' in event.data
        assert f'"actor":"{who()}"' in event.metadata
        assert '"reason":"counted at the broker"' in event.metadata


@pytest.mark.parametrize("net", ["-3", "-0.5", "-.5", "0", "1e1"])
def test_a_net_may_be_short(net):
    Steps(Mode.DUAL).fill("BUY", "2")

    run("set_position", "AAPL", net, "--reason", "counted")

    assert TradeAccumulator.objects.get().net_position == PositionView.objects.get().net_position == Decimal(net)
    assert list(compare(Mode.DUAL)) == []


def test_a_symbol_that_is_new_is_followed_from_then_on():
    run("set_position", "BRK.B", "-0.25", "--reason", "we begin")

    position = Steps(Mode.DUAL).position("BRK.B")
    assert (position.net, str(position.threshold)) == (Decimal("-0.25"), "1 share")


def test_the_net_that_it_is_already_changes_nothing():
    Steps(Mode.DUAL).fill("BUY", "2")
    count = StoredEvent.objects.count()

    run("set_position", "AAPL", "2.0", "--reason", "counted")

    assert StoredEvent.objects.count() == count


def test_an_order_under_way_comes_first():
    steps = Steps(Mode.DUAL)
    steps.fill("BUY", "2")
    order = steps.hedge()

    _, error = refused("set_position", "AAPL", "0", "--reason", "counted")

    assert error == (
        f"set_position AAPL was refused: nothing was changed: order {order} is under way, which may change the net. "
        "Wait for its end"
    )
    assert steps.position().net == 2
    assert OperatorRequest.objects.get().state == RequestState.REFUSED


@pytest.mark.parametrize(
    ("name", "net", "reason", "said"),
    [
        ("AAPL", "many", "x", "expected a number of shares, was 'many'"),
        ("AAPL", "NaN", "x", "expected a number of shares, was 'NaN'"),
        ("A B", "1", "x", "expected a stock symbol such as AAPL or BRK.B, was 'A B'"),
        ("AAPL", "1", " ", "expected a reason, was empty"),
    ],
)
def test_what_cannot_be_set(name, net, reason, said):
    assert said in refused("set_position", name, net, f"--reason={reason}")[1]
    assert not TradeAccumulator.objects.exists()


def test_another_mode_than_the_one_in_force_is_refused(monkeypatch):
    Steps(Mode.DUAL).fill("BUY", "2")
    monkeypatch.setenv("LEDGER", "events")

    assert "the ledger's mode in force is dual" in refused("set_position", "AAPL", "0", "--reason", "x")[1]


# compare_ledgers --watch


def differ():
    Steps(Mode.DUAL).fill("BUY", "2")
    TradeAccumulator.objects.update(threshold="2 shares")


def test_the_first_difference_opens_a_notice_and_its_end_closes_it():
    differ()

    for minutes in range(3):
        look(Mode.DUAL, legacy_projection=True, now=AT + timedelta(minutes=minutes))

    (notice,) = open_notices()
    assert (notice.kind, notice.subject, notice.times, notice.opened_at) == ("ledger_difference", "ledgers", 3, AT)
    assert notice.text.startswith(
        "1 differences: position AAPL, threshold: legacy 2 shares, events 1 share. One of the memories is wrong in each"
    )
    TradeAccumulator.objects.update(threshold="1 share")
    look(Mode.DUAL, legacy_projection=True, now=AT + timedelta(minutes=9))
    assert Notice.objects.get().closed_at == AT + timedelta(minutes=9)


def test_of_many_differences_the_first_are_told_and_all_are_counted():
    steps = Steps(Mode.DUAL)
    for symbol in "ABCDEFGH":
        steps.fill("BUY", "0.5", f"t{symbol}")
    TradeAccumulator.objects.update(threshold="2 shares")

    looked = look(Mode.DUAL, legacy_projection=True, now=AT)

    assert (looked.differences, len(looked.first)) == (8, 5)
    assert str(looked).endswith("position E, threshold: legacy 2 shares, events 1 share; and 3 more")


@pytest.mark.parametrize(("mode", "found"), [("legacy", "no difference"), ("dual", "1 differences: position AAPL")])
def test_the_scheduled_look_goes_by_the_mode_in_force(mode, found, monkeypatch):
    monkeypatch.setenv("LEDGER", mode)
    Steps(Mode(mode)).fill("BUY", "2")
    TradeAccumulator.objects.update(threshold="2 shares")

    assert compare_once().startswith(found)
    (scheduled,) = (one for one in SCHEDULES if one.function == "config.ledger_watch.compare_once")
    assert scheduled.crontab == "*/10 * * * *"


class Looks:
    """Lets a watch look so many times, and does something before each further look."""

    def __init__(self, *between):
        self.between = list(between)
        self.waited = []

    def set(self):
        raise AssertionError("nobody told it to stop")

    def wait(self, seconds):
        self.waited.append(seconds)
        if not self.between:
            return True
        self.between.pop(0)()
        return False


def watch(looks, *arguments):
    command, out = compare_ledgers.Command(), StringIO()
    command.stopping = looks
    code = 0
    try:
        call_command(command, "--watch", *arguments, stdout=out)
    except SystemExit as ended:
        code = ended.code
    return code, [line[20:] for line in out.getvalue().splitlines()]


def test_a_watch_tells_what_is_new_and_ends_as_the_last_look_was():
    Steps(Mode.DUAL).fill("BUY", "2")

    def spoil():
        TradeAccumulator.objects.update(threshold="2 shares")

    def mend():
        TradeAccumulator.objects.update(threshold="1 share")

    told = "1 differences: position AAPL, threshold: legacy 2 shares, events 1 share"
    looks = Looks(lambda: None, spoil, lambda: None, mend)
    assert watch(looks, "5") == (0, ["no difference", told, "no difference"])
    assert looks.waited == [5.0] * 5
    assert watch(Looks(spoil)) == (1, ["no difference", told])
    assert [notice.kind for notice in open_notices()] == ["ledger_difference"]


@pytest.mark.parametrize("pause", ["0", "-1", "soon", "1e9"])
def test_a_pause_that_cannot_be(pause):
    assert "--watch" in refused("compare_ledgers", f"--watch={pause}")[1]


# drain_backlog --list


def test_an_empty_backlog_is_said_to_be():
    assert run("drain_backlog", "--list") == "nothing waits\n"


def test_what_waits_is_listed_in_its_order_and_nothing_is_appended(monkeypatch):
    steps = Steps(Mode.DUAL)
    with monkeypatch.context() as patched:
        Faults(patched).fail("before")
        trade = steps.fill("BUY", "2")
        steps.fill("SELL", "1", "tTSLA")
    first = BackloggedEvent.objects.order_by("id").first().id

    lines = run("drain_backlog", "--list").splitlines()

    assert lines[0] == "group\tid\tstream\tversion\ttype\thappened_at\ttries\tnot_before\terror"
    assert len(lines) == 7
    assert lines[1] == (
        f"{first}\t{first}\tOnChainTrade-{trade}\t1\tOnChainTradeEvent::Filled\t2025-11-03T14:30:01+00:00\t0\t"
        "2025-11-03T14:30:01+00:00\tStoreFailed: the event store is out of order"
    )
    assert not StoredEvent.objects.exists()


# The reason of an operator


def test_a_station_gives_no_reason_and_stores_no_field_for_one():
    with Ledger(Mode.DUAL).step(at=timezone.now(), actor="tests") as step:
        Steps(Mode.DUAL).fill_in(step, "BUY", "1")

    assert '"reason"' not in StoredEvent.objects.first().metadata
