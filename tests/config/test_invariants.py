"""All invariants: by command, by schedule, and in the document that tells an operator what each means."""

import json
import re
import threading
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.utils import timezone

from config import invariants
from config.invariants import EVERY, check, check_on_schedule, watch
from tests.architecture.source import PROJECT
from tests.support.commands import refused, run
from tests.support.damage import guarded_again, sql
from tests.support.made_chain import know_tokens, log_of, take
from tests.support.stations import Stations, notices
from trading.conductor.inbox import QueuedLog
from trading.invariants import looking
from trading.invariants.violations import Violation
from trading.notices.models import Notice

DOCUMENT = (PROJECT / "docs" / "invariants.md").read_text()
ROWS = [*(f"I{number}" for number in range(1, 17)), *(f"V{number}" for number in range(1, 5))]


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("LEDGER", "LEGACY_PROJECTION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def stations(db):
    know_tokens("tAAPL")
    made = Stations()
    made.fill(*(log_of(take("BUY", "3", "tAAPL"), block=block) for block in range(101, 106)))
    made.hedge()
    yield made
    guarded_again()


def breaking() -> None:
    sql("UPDATE event_queue SET processed_at = NULL WHERE block_number = 103")


def left_with_1(*arguments):
    out, errors = StringIO(), StringIO()
    with pytest.raises(SystemExit) as left:
        call_command("check_invariants", *arguments, stdout=out, stderr=errors)
    assert left.value.code == 1
    return out.getvalue(), errors.getvalue()


# The command.


def test_where_all_holds_each_says_how_much_it_looked_at(stations):
    told = run("check_invariants").splitlines()

    assert [line.partition(":")[0] for line in told[:-1]] == list(EVERY)
    assert "log_has_its_outcome: 5 rows" in told
    assert "only_our_own_is_cancelled: nothing to look at" in told
    assert told[-1] == f"{len(EVERY)} invariants, no violation"


@pytest.mark.django_db(transaction=True)
def test_all_is_looked_at_in_a_snapshot_of_its_own(transactional_db):
    """Within a test's transaction there is none, and what a snapshot forbids is allowed."""
    know_tokens("tAAPL")
    Stations().fill(log_of(take("BUY", "3", "tAAPL"), block=101))

    assert run("check_invariants").splitlines()[-1] == f"{len(EVERY)} invariants, no violation"


def test_a_violation_is_a_row_and_ends_with_1(stations):
    breaking()
    log = QueuedLog.objects.get(block_number=103)

    out, errors = left_with_1()

    header, row, *told = out.splitlines()
    assert header.split("\t") == ["invariant", "subject", "expected", "found", "look at"]
    assert row.split("\t")[:2] == ["log_has_its_outcome", f"log {log}"]
    assert "log_has_its_outcome: 5 rows, 1 VIOLATIONS" in told
    assert errors.startswith(f"expected no violation of {len(EVERY)} invariants, found 1: nothing was changed")


def test_it_tells_the_same_as_json(stations):
    breaking()

    out, _ = left_with_1("--json", "log_has_its_outcome", "fill_is_one_trade")

    violation, *counted, summary = map(json.loads, out.splitlines())
    assert (violation["invariant"], violation["expected"][:9]) == ("log_has_its_outcome", "processed")
    assert [(each["invariant"], each["rows"], each["violations"]) for each in counted] == [
        ("log_has_its_outcome", 5, 1),
        ("fill_is_one_trade", 5, 0),
    ]
    assert summary == {"invariants": 2, "rows": 10, "violations": 1}


def test_what_began_before_is_left_out_if_that_is_asked_for(stations):
    breaking()
    after = (stations.clock() + timedelta(hours=1)).isoformat()

    assert "log_has_its_outcome: nothing to look at" in run("check_invariants", "--since", after)


def test_a_name_that_is_none_is_refused():
    _, told = refused("check_invariants", "all_is_well")

    assert told.startswith("expected names of invariants, was all_is_well; there are checkpoint_is_in_order, ")


def test_long_tables_are_read_page_by_page(stations, monkeypatch):
    breaking()
    monkeypatch.setattr(looking, "PAGE", 2)
    pages = []
    monkeypatch.setattr(looking.Look, "pages", counting(looking.Look.pages, pages))

    found = [each for each in check(["log_has_its_outcome"], now=stations.clock()) if isinstance(each, Violation)]

    assert [each.invariant for each in found] == ["log_has_its_outcome"]
    assert pages == [2, 2, 1]


def counting(read, pages):
    def counted(self, rows):
        for page in read(self, rows):
            pages.append(len(page))
            yield page

    return counted


@pytest.mark.django_db(transaction=True)
def test_all_is_looked_at_as_of_one_moment_and_nobody_is_held_up():
    know_tokens("tAAPL")
    stations = Stations()
    stations.fill(log_of(take("BUY", "3", "tAAPL"), block=101))
    looked = check(["log_has_its_outcome", "net_is_what_was_filled"], now=stations.clock())
    first = next(looked)

    def fill_meanwhile():
        stations.fill(log_of(take("BUY", "2", "tAAPL"), block=102))
        connections.close_all()

    writer = threading.Thread(target=fill_meanwhile)
    writer.start()
    writer.join(timeout=20)
    assert not writer.is_alive()

    assert [(each.invariant, each.rows) for each in (first, *looked)] == [
        ("log_has_its_outcome", 1),
        ("net_is_what_was_filled", 2),
    ]
    assert QueuedLog.objects.count() == 2
    assert not connection.in_atomic_block


# The schedule.


def test_a_violation_is_told_once_and_closed_by_a_look_at_everything(stations):
    now = timezone.now()
    assert watch(now=now, since=None) == "no violation"
    breaking()

    told = watch(now=now, since=None)
    assert told.startswith("1 violations: log_has_its_outcome, log 0x")
    watch(now=now, since=None)
    assert notices() == [("invariant_violated", "invariants")]
    assert Notice.objects.get().times == 2

    sql("UPDATE event_queue SET processed_at = created_at")
    watch(now=now, since=now)
    assert notices() == [("invariant_violated", "invariants")]
    watch(now=now, since=None)
    assert notices() == []


@pytest.mark.parametrize(
    ("now", "known", "whole"),
    [
        (datetime(2026, 3, 3, 6, 40, tzinfo=UTC), False, False),  # A Tuesday.
        (datetime(2026, 3, 3, 6, 40, tzinfo=UTC), True, True),
        (datetime(2026, 3, 8, 6, 40, tzinfo=UTC), False, True),  # A Sunday.
    ],
)
def test_everything_is_looked_at_on_sundays_and_while_something_is_violated(stations, monkeypatch, now, known, whole):
    if known:
        Notice.objects.create(kind="invariant_violated", subject="invariants", text="", opened_at=now, last_met_at=now)
    monkeypatch.setattr(invariants.timezone, "now", lambda: now)
    asked = []
    monkeypatch.setattr(invariants, "watch", lambda *, now, since: asked.append(since))

    check_on_schedule()

    assert asked == [None if whole else now - timedelta(days=2)]


# The document.


def test_the_document_says_of_each_what_it_means_and_what_to_do():
    told = re.findall(r"^\| `(\w+)` \| ([IV0-9, ]+) \| ([^|]+) \| [^|]+ \| ([^|]+) \|$", DOCUMENT, re.M)

    assert [(name, of, means) for name, of, means, _ in told] == [
        (each.name, ", ".join(each.rows), each.means) for each in EVERY.values()
    ]
    assert all(len(do) > 20 for *_, do in told)


def test_each_row_of_the_list_has_an_invariant():
    assert {row for each in EVERY.values() for row in each.rows} == set(ROWS)
