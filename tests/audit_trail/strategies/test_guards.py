"""Guards: when nothing is decided at all. Rows: Q1, Q2, Q12, L12; B-str-7, B-str-8."""

from datetime import timedelta

import pytest

from audit_trail.strategies.guards import (
    ExpectedAccount,
    RefusalKind,
    Stance,
    check_account,
    check_positions,
    check_sources,
    stance,
)
from audit_trail.strategies.parameters import Environment, OnEmpty
from audit_trail.strategies.records import RunState
from tests.audit_trail.strategies.situations import NOW, account, parameters, position, run, safety

EXPECTED = ExpectedAccount(broker="alpaca", number="PA12345678", paper=True)
HOUR = timedelta(hours=1)


def of_sources(*runs, **given):
    found = check_sources(["quiver_congress"], runs, as_of=NOW, safety=safety(**given))
    return [refusal.kind for refusal in found]


def congress_run(**given):
    return run("quiver_congress", given.pop("run_id", 1), **given)


@pytest.mark.parametrize(
    ("runs", "refused"),
    [
        ([congress_run()], []),
        ([], [RefusalKind.NO_RUN]),
        ([run("quiver_insiders", 2)], [RefusalKind.NO_RUN]),
        # The edge is fresh.
        ([congress_run(started_at=NOW - 25 * HOUR, ended_at=NOW - 24 * HOUR)], []),
        ([congress_run(started_at=NOW - 26 * HOUR, ended_at=NOW - 25 * HOUR)], [RefusalKind.STALE_DATA]),
        ([congress_run(state=RunState.FAILED)], [RefusalKind.RUN_FAILED]),
        ([congress_run(state=RunState.RUNNING, ended_at=None)], [RefusalKind.RUN_UNFINISHED]),
        ([congress_run(records_fetched=0)], [RefusalKind.NO_RECORDS]),
        # What it came to later was not known then, be it good or bad.
        ([congress_run(ended_at=NOW + HOUR)], [RefusalKind.RUN_UNFINISHED]),
        ([congress_run(state=RunState.FAILED, ended_at=NOW + HOUR)], [RefusalKind.RUN_UNFINISHED]),
        # The newest counts: a good one before a failed one does not make up for it, nor the other way round.
        (
            [congress_run(started_at=NOW - 5 * HOUR), congress_run(run_id=2, state=RunState.FAILED)],
            [RefusalKind.RUN_FAILED],
        ),
        ([congress_run(started_at=NOW - 5 * HOUR, state=RunState.FAILED), congress_run(run_id=2)], []),
        # One that began after the moment of deciding was not there.
        ([congress_run(), congress_run(run_id=2, started_at=NOW + HOUR, state=RunState.RUNNING)], []),
    ],
)
def test_a_source_is_decided_on_when_its_newest_run_is_complete_and_fresh(runs, refused):
    assert of_sources(*runs) == refused


def test_each_source_is_looked_at():
    found = check_sources(["b", "a", "b"], [run("a", 1), run("b", 2, records_fetched=0)], as_of=NOW, safety=safety())

    assert [(one.kind, "of b" in one.text) for one in found] == [(RefusalKind.NO_RECORDS, True)]


def test_how_old_data_may_be_is_a_parameter():
    old = congress_run(started_at=NOW - 6 * HOUR, ended_at=NOW - 5 * HOUR)

    assert of_sources(old) == []
    assert of_sources(old, max_data_age_hours=4) == [RefusalKind.STALE_DATA]


@pytest.mark.parametrize(
    ("found", "environment", "refused"),
    [
        (account(), Environment.PAPER, []),
        (account(), Environment.TEST, []),
        (account(), Environment.DEVELOPMENT, []),
        (account(None), Environment.PAPER, [RefusalKind.EQUITY_UNKNOWN]),
        (account(0), Environment.PAPER, [RefusalKind.NO_EQUITY]),
        (account(-5), Environment.PAPER, [RefusalKind.NO_EQUITY]),
        (account("NaN"), Environment.PAPER, [RefusalKind.EQUITY_UNKNOWN]),
        # Sized for one account and traded in another.
        (account(number="PA99999999"), Environment.PAPER, [RefusalKind.OTHER_ACCOUNT]),
        (account(broker="schwab"), Environment.PAPER, [RefusalKind.OTHER_ACCOUNT]),
        (account(paper=False), Environment.LIVE, [RefusalKind.OTHER_ACCOUNT]),
        (account(paper=False), Environment.PAPER, [RefusalKind.OTHER_ACCOUNT, RefusalKind.OTHER_ENVIRONMENT]),
        (account(), Environment.LIVE, [RefusalKind.OTHER_ENVIRONMENT]),
        (account(known_at=NOW - timedelta(minutes=15)), Environment.PAPER, []),
        (account(known_at=NOW - timedelta(minutes=16)), Environment.PAPER, [RefusalKind.STALE_ACCOUNT]),
        (account(known_at=NOW + timedelta(seconds=1)), Environment.PAPER, [RefusalKind.STALE_ACCOUNT]),
    ],
)
def test_the_account_is_the_one_that_is_meant_and_worth_what_is_told(found, environment, refused):
    safe = safety(on_empty_target=OnEmpty.KEEP)
    refusals = check_account(found, EXPECTED, as_of=NOW, parameters=parameters(environment=environment, safety=safe))

    assert [refusal.kind for refusal in refusals] == refused


def test_no_message_shows_a_whole_account_number():
    refusals = check_account(account(0, number="PA99999999"), EXPECTED, as_of=NOW, parameters=parameters())

    assert len(refusals) == 2
    assert not any("PA" in refusal.text for refusal in refusals)


@pytest.mark.parametrize(
    ("positions", "refused"),
    [
        ((), []),
        ((position("AAPL", 100),), []),
        (None, [RefusalKind.POSITIONS_UNKNOWN]),
        ((position("AAPL", 100, known_at=NOW - HOUR),), [RefusalKind.STALE_POSITIONS]),
        ((position("AAPL", 100, known_at=NOW + HOUR),), [RefusalKind.STALE_POSITIONS]),
    ],
)
def test_what_is_held_is_known_and_lately(positions, refused):
    found = check_positions(positions, as_of=NOW, safety=safety())

    assert [refusal.kind for refusal in found] == refused


@pytest.mark.parametrize(
    ("targets", "environment", "on_empty", "expected"),
    [
        (1, Environment.LIVE, OnEmpty.KEEP, Stance.REBALANCE),
        (1, Environment.PAPER, OnEmpty.LIQUIDATE, Stance.REBALANCE),
        (0, Environment.PAPER, OnEmpty.LIQUIDATE, Stance.LIQUIDATE),
        (0, Environment.PAPER, OnEmpty.KEEP, Stance.KEEP),
        (0, Environment.LIVE, OnEmpty.KEEP, Stance.KEEP),
        # Whatever is set: live, nothing is sold for want of a signal.
        (0, Environment.LIVE, OnEmpty.LIQUIDATE, Stance.KEEP),
    ],
)
def test_what_an_empty_target_does(targets, environment, on_empty, expected):
    given = parameters(environment=environment, safety=safety(on_empty_target=on_empty))

    assert stance(targets=targets, parameters=given) is expected
