"""The ledger's commands: what they print, what they change, and how they end."""

import os
import subprocess
import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from eventstore.models import StoredEvent
from tests.architecture.source import PROJECT
from tests.trading.ledger.faults import Faults
from tests.trading.ledger.steps import AT, Steps
from trading.conductor import work
from trading.ledger.backlog import BackloggedEvent
from trading.ledger.mode import Installation, LedgerMode, Mode
from trading.ledger.tables import TradeAccumulator
from trading.notices.models import Notice, open_notice, open_notices
from trading.values.thresholds import threshold

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("LEDGER", "LEGACY_PROJECTION", "HEDGE_THRESHOLD"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments):
    """Return what a command prints that ends well."""
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=out)
    return out.getvalue()


def refused(*arguments):
    """Return what a command prints that ends in an error, and what it says of the error."""
    out, errors = StringIO(), StringIO()
    with pytest.raises((CommandError, SystemExit)) as error:
        call_command(*arguments, stdout=out, stderr=errors)
    if isinstance(error.value, SystemExit):
        assert error.value.code == 1
        return out.getvalue(), errors.getvalue()
    return out.getvalue(), f"{errors.getvalue()}{error.value}"


# compare_ledgers


def test_ledgers_that_are_alike():
    Steps(Mode.DUAL).fill("BUY", "2")

    assert run("compare_ledgers") == "no difference\n"


def test_in_legacy_mode_there_is_nothing_to_compare_unless_for_a_switch():
    Steps(Mode.LEGACY).fill("BUY", "2")

    assert run("compare_ledgers") == "the ledger's mode is legacy: there are no events to compare with\n"
    assert "position\tAAPL\tstream\ta row at version 2\tnone\n" in refused("compare_ledgers", "--as-dual")[0]


def test_the_mode_in_force_counts_and_not_the_one_this_process_was_told_of(monkeypatch):
    monkeypatch.setenv("LEDGER", "legacy")
    monkeypatch.setenv("LEGACY_PROJECTION", "off")
    Steps(Mode.EVENTS, legacy_projection=False).fill("BUY", "2")

    assert run("compare_ledgers") == "no difference\n"
    assert "position\tAAPL\trow\t0\t1, at version 2\n" in refused("compare_ledgers", "--as-dual")[0]


def test_each_difference_is_a_row_and_the_end_is_an_error():
    Steps(Mode.DUAL).fill("BUY", "2")
    TradeAccumulator.objects.update(threshold="2 shares", last_updated=AT)

    printed, error = refused("compare_ledgers")

    assert printed.splitlines() == [
        "kind\tsubject\twhat\tlegacy\tevents",
        "position\tAAPL\tthreshold\t2 shares\t1 share",
        "position\tAAPL\tlast_updated\t2025-11-03T14:30:00+00:00\t2025-11-03T14:30:01+00:00",
    ]
    assert error.startswith("expected no difference, found 2: one of the memories is wrong in each row")


def test_the_backlog_is_shown_and_is_no_difference(monkeypatch):
    steps = Steps(Mode.DUAL)
    with monkeypatch.context() as patched:
        Faults(patched).fail("before")
        steps.fill("BUY", "2")

    assert run("compare_ledgers").splitlines() == [
        (
            "on the backlog: 3 events of 2 streams, compared as if they were stored; "
            "the links of AAPL are not compared until `manage.py drain_backlog`"
        ),
        "no difference",
    ]


@pytest.mark.django_db(transaction=True)
def test_exit_codes_are_what_a_shell_sees(database_url):
    Steps(Mode.DUAL).fill("BUY", "2")
    manage = [sys.executable, "manage.py"]
    environ = {"PATH": os.environ["PATH"], "DATABASE_URL": database_url}

    def code(*arguments):
        done = subprocess.run([*manage, *arguments], cwd=PROJECT, env=environ, capture_output=True, check=False)
        return done.returncode, done.stdout + done.stderr

    assert code("compare_ledgers")[0] == 0
    assert code("drain_backlog")[0] == 0
    TradeAccumulator.objects.update(threshold="2 shares")
    assert code("compare_ledgers")[0] == 1
    ended, printed = code("switch_ledger", "events")
    assert ended == 1
    assert b"in the way: position AAPL: threshold is 2 shares in the legacy tables, 1 share in the events" in printed
    assert b"Traceback" not in printed
    assert code("set_threshold", "AAPL", "many", "--reason", "x")[0] == 2


# switch_ledger


def test_a_switch_says_what_to_do_next():
    Steps(Mode.DUAL).fill("BUY", "2")

    assert run("switch_ledger", "events") == "the mode was dual, and is events now: start conduct with LEDGER=events\n"
    assert run("switch_ledger", "events") == "the mode is events already\n"
    assert LedgerMode.objects.get().mode == "events"


def test_a_switch_that_is_refused_lists_what_is_in_the_way():
    Steps(Mode.LEGACY).fill("BUY", "2")

    _, error = refused("switch_ledger", "dual")

    assert "in the way: position AAPL has a legacy row and no stream: `manage.py migrate_to_events`\n" in error
    assert error.endswith("the mode stays as it is; 2 things are in the way")
    assert LedgerMode.objects.get().mode == "legacy"


def test_a_mode_that_there_is_not_is_refused():
    assert "invalid choice: 'both' (choose from" in refused("switch_ledger", "both")[1]


# set_threshold


@pytest.mark.parametrize("mode", list(Mode))
def test_a_threshold_is_changed_with_its_reason(mode, monkeypatch):
    monkeypatch.setenv("LEDGER", str(mode))
    steps = Steps(mode)
    steps.fill("BUY", "2")

    printed = run("set_threshold", "aapl", "$250.50", "--reason", "the spread is wide")

    assert printed == "AAPL: hedged at $250.5 from now on (1 share before)\n"
    assert steps.position().threshold == threshold("$250.5")
    if mode is not Mode.LEGACY:
        event = StoredEvent.objects.get(type="PositionEvent::ThresholdUpdated")
        assert '"reason":"the spread is wide"' in event.data
        assert '"actor":"operator"' in event.metadata


def test_a_new_symbol_gets_a_position_with_the_threshold():
    printed = run("set_threshold", "BRK.B", "0.5 shares", "--reason", "we begin")

    assert printed == "BRK.B: hedged at 0.5 shares from now on (not followed yet)\n"
    steps = Steps(Mode.DUAL)
    steps.fill("BUY", "0.25", "tBRK.B")
    assert steps.position("BRK.B").threshold == threshold("0.5 shares")


def test_the_same_threshold_again_changes_nothing():
    run("set_threshold", "AAPL", "2 shares", "--reason", "we begin")
    run("set_threshold", "AAPL", "2.0 shares", "--reason", "again")

    assert StoredEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "value", "reason", "said"),
    [
        ("AAPL", "0 shares", "x", "expected a threshold above zero, was 0"),
        ("AAPL", "$0.00", "x", "expected a threshold above zero, was 0"),
        ("AAPL", "5", "x", "expected a threshold such as '1 share', '2.5 shares' or '$100', was '5'"),
        ("AAPL", "-1 shares", "x", "was '-1 shares'"),
        ("AAPL", "1e3 shares", "x", "was '1e3 shares'"),
        ("AAPL", "٣ shares", "x", "was '٣ shares'"),
        ("A B", "5 shares", "x", "expected a stock symbol such as AAPL or BRK.B, was 'A B'"),
        ("", "5 shares", "x", "expected a stock symbol such as AAPL or BRK.B, was ''"),
        ("AAPL", "5 shares", "  ", "expected a reason, was empty"),
    ],
)
def test_a_value_that_cannot_be_is_refused(name, value, reason, said):
    _, error = refused("set_threshold", name, value, f"--reason={reason}")

    assert said in error
    assert not TradeAccumulator.objects.exists()


def test_a_reason_is_required():
    assert "--reason" in refused("set_threshold", "AAPL", "5 shares")[1]


def test_another_mode_than_the_one_in_force_is_refused_and_the_way_out_named():
    Steps(Mode.LEGACY).fill("BUY", "2")

    _, error = refused("set_threshold", "AAPL", "5 shares", "--reason", "x")

    assert error.startswith("LEDGER is dual, but the ledger's mode in force is legacy: set LEDGER=legacy, or")
    assert TradeAccumulator.objects.get().threshold == "1 share"


# drain_backlog


def test_an_empty_backlog():
    assert run("drain_backlog") == "0 groups of events were appended, 0 events stay\n"


def test_a_backlog_is_drained_without_waiting(monkeypatch):
    steps = Steps(Mode.DUAL)
    with monkeypatch.context() as patched:
        Faults(patched).fail("before")
        steps.fill("BUY", "2")
        BackloggedEvent.objects.update(not_before="2100-01-01T00:00:00Z")

    assert run("drain_backlog") == "1 groups of events were appended, 0 events stay\n"
    assert StoredEvent.objects.count() == 3


def test_what_is_left_is_shown_with_its_reason(monkeypatch):
    steps = Steps(Mode.DUAL)
    Faults(monkeypatch).fail("before")
    steps.fill("BUY", "2")

    printed, error = refused("drain_backlog")

    assert printed == "0 groups of events were appended, 3 events stay\n"
    assert error.splitlines()[2] == (
        "PositionEvent::OnChainOrderFilled (Position-AAPL, version 2): StoreFailed: the event store is out of order"
    )


# resume


def test_a_halted_symbol_goes_on_and_its_notice_is_closed():
    work.halt("AAPL", "an order that is not ours", now=AT)
    open_notice("symbol_halted", "AAPL", "look into it", at=AT)
    open_notice("symbol_halted", "TSLA", "look into it", at=AT)

    assert run("resume_symbol", "aapl", "--reason", "looked into it") == "AAPL is hedged again\n"

    assert work.waits() == {}
    assert [notice.subject for notice in open_notices()] == ["TSLA"]
    assert Notice.objects.get(subject="AAPL").closed_at is not None


def test_a_symbol_that_was_not_halted():
    assert run("resume_symbol", "AAPL", "--reason", "x") == "AAPL was neither halted nor waiting\n"


def test_resuming_needs_a_symbol_and_a_reason():
    work.halt("AAPL", "an order that is not ours", now=AT)

    assert "expected a stock symbol" in refused("resume_symbol", "A B", "--reason=x")[1]
    assert "--reason" in refused("resume_symbol", "AAPL")[1]
    assert set(work.waits()) == {"AAPL"}


# renew_installation


def test_an_installation_is_renewed_only_when_it_is_meant():
    old = Installation.objects.get().mark

    assert refused("renew_installation")[1] == "nothing was changed: stop every conductor, then add --yes"

    assert Installation.objects.get().mark == old


def test_a_renewed_installation_shows_both_marks():
    old = Installation.objects.get().mark

    printed = run("renew_installation", "--yes")

    new = Installation.objects.get().mark
    assert new != old
    assert printed.startswith(f"orders are named ht-{old}-…. After a restore, orders of the lost time may stand")
    assert printed.endswith(f"orders are named ht-{new}-… from now on\n")
