"""Decisions: fresh stories of trading days, and the judge against a pipeline with a guarantee less."""

import json
import random
import subprocess
import sys

import pytest
from django.db import connection

from tests.simulation.runs import PROJECT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="it plays on SQLite in memory, whatever else is tested"),
]

FRESH = 4
"""Each takes two seconds of a processor, or three: this number says how long it takes in CI."""
# Where the first violation of each breakage is met, and what the judge says of it.
FOUND_AT = {
    "bad_rows_are_thrown_away": (17, "I14: run "),
    "rows_are_counted_and_not_listed": (2, "I9, I14: run_did_what_it_counts"),
    "answers_are_not_kept": (2, "has no end, and nobody died over it"),
    "calls_are_recorded_when_they_ended": (2, "I15: call_is_kept_whole"),
    "bodies_are_tidied": (2, "I14, I15: payload_is_as_it_was"),
    "a_day_tells_less_than_was_left_out": (2, "I16: day_says_what_it_meant"),
    "strengths_are_rounded": (2, "I14: decision_says_why"),
    "decided_afterwards": (2, "I5: decided_before_it_was_executed"),
    "the_weakest_goes_first": (2, "which is stronger"),
    "filled_is_not_executed": (2, "I13: decision_stands_as_its_executions"),
    "orders_have_no_number_of_their_attempt": (2, "I4, I13: execution_is_one_order"),
    "checks_are_not_kept": (2, "I11: execution_was_let_through"),
    "late_fills_are_no_fills": (2, "I6: execution_fills_add_up"),
    "holdings_are_not_counted": (2, "I1: decisions hold 0"),
    "the_legacy_log_stands_still": (2, "I8: legacy_orders_agree"),
    "versions_begin_anew": (330004, "I9, I14: run_did_what_it_counts"),
    "versions_do_not_meet": (330004, "I14: versions_follow_each_other"),
    "the_dead_are_left": (330004, "I16: a clean day fetched no"),
    "guards_let_everything_through": (330015, "I14, I16: lineage_was_known"),
    "what_is_in_doubt_is_placed_anew": (330004, "I4: "),
    "silence_is_no_order": (330023, "is held to be never there"),
    "nobody_is_told_of_the_unknown": (330004, "V2: "),
    "others_orders_are_cancelled": (330004, "I12: only_our_own_is_cancelled"),
    "unknown_words_end_the_day": (330053, "raised UnknownStatus"),
    "switches_are_not_read": (330015, "was about to be sent while a kill switch is on"),
    "who_cancels_sends": (330004, "was about to be sent by who was asked to cancel it"),
}
_NAMES = sorted(FOUND_AT)
# Several in one process: to begin one takes longer than a story does.
PARTS = [_NAMES[begin : begin + 6] for begin in range(0, len(_NAMES), 6)]


def played(module, *arguments):
    asked = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.run(asked, cwd=PROJECT, capture_output=True, text=True, check=False)


def test_fresh_days_end_with_one_order_a_decision_and_everything_on_record():
    first = random.SystemRandom().randrange(10**6, 10**9)

    ended = played(
        "tests.simulation", "--world", "decisions", "--broker", "alpaca", "--schedules", FRESH, "--first-seed", first
    )

    # What was violated is printed with the command that plays it again.
    assert ended.returncode == 0, ended.stdout + ended.stderr
    counted = dict(line.rsplit(maxsplit=1) for line in ended.stdout.splitlines()[1:])
    assert (counted["schedules"], counted["violations"]) == (str(FRESH), "0")
    assert int(counted["ingestion runs"]) > 0


@pytest.mark.parametrize("breakages", PARTS)
def test_the_judge_finds_a_guarantee_of_the_audit_trail_that_is_gone(breakages):
    asked = [f"{name}:{FOUND_AT[name][0]}" for name in breakages]

    ended = played("tests.simulation.breakages_of_decisions", "--each", *asked)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = dict(json.loads(line) for line in ended.stdout.splitlines())
    missed = {name: told[name] for name in breakages if FOUND_AT[name][1] not in told[name]}
    assert missed == {}
