"""Breakages: without a guarantee the judge finds that it is gone.

Which of its questions are seen to fire so, and which on broken rows alone, is told in docs/simulation.md.
"""

import json
import subprocess
import sys

import pytest
from django.db import connection

from audit_trail.invariants.every import OF_THE_AUDIT_TRAIL
from tests.simulation import (
    breakages,
    breakages_of_books,
    breakages_of_decisions,
    breakages_of_promises,
    breakages_of_the_trail,
    breakages_of_the_whole,
)
from tests.simulation.runs import PROJECT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="it plays on SQLite in memory, whatever else is tested"),
]

# Where each is met: the broker, the seed, and what the judge says of it.
ORDERS = {
    "no_intent_is_committed": ("alpaca", 1, "I5: ht-simulate-1-1 was about to be sent without a committed intent"),
    "what_is_in_doubt_is_sent_again": ("schwab", 5, "stands for no order of ours"),
    "nothing_says_what_is_being_sent": ("schwab", 5, "C9: ht-simulate-"),
    "the_broker_is_asked_within_a_transaction": ("alpaca", 34, "was about to be sent inside a transaction"),
    "switches_are_not_read": ("alpaca", 34, "was placed while a kill switch was on"),
    "late_fills_are_dropped": ("schwab", 2, "I6: order 1 has 1 booked"),
    "nobody_leaves_orders_to_others": ("alpaca", 5108, "was about to be sent after it ended as failed"),
    "reorged_fills_stay_counted": ("schwab", 89, "I1, I2: net_is_what_was_filled"),
    "reorged_logs_stay": ("schwab", 89, "I2, I9: fill_is_one_trade"),
    "cancelled_orders_stay_under_way": ("schwab", 159, "I3: one_open_order_a_symbol"),
    "silence_is_failure": ("schwab", 72, "I7: unknown_is_failed_by_proof_alone"),
    "views_are_not_kept": ("alpaca", 151, "I8: memories_agree"),
    "logs_have_no_outcome": ("alpaca", 151, "I9: log_has_its_outcome"),
    "checks_are_not_kept": ("alpaca", 151, "I11: hedge_was_let_through"),
    "buying_power_is_no_limit": ("schwab", 23, "I11: limits_were_kept"),
    "a_closed_market_is_no_reason": ("schwab", 13, "I12: market_was_open"),
    "a_symbol_is_forgotten": ("alpaca", 151, "V1: not quiet after 300 rounds"),
    "unknown_orders_are_left": ("alpaca", 154, "V2: order 2 is unknown"),
    "refusals_are_waited_out_for_ever": ("alpaca", 154, "V4: gate_ends_in_time"),
}
BOOKS = {
    "the_position_alone_is_told_of_a_reorg": ("schwab", 89, "I2: trade_is_one_log"),
    "what_did_not_fill_is_not_given_back": ("alpaca", 18, "I1, I2: links_add_up"),
    "switches_stop_who_sends_alone": ("alpaca", 18, "I10: nothing_is_placed_while_stopped"),
    "orders_that_are_known_are_taken_again": ("schwab", 46, "I4: broker_order_is_one_intent"),
    "orders_are_sent_as_of_when_the_turn_began": ("alpaca", 4067, "I5: order_was_meant_before_it_was_sent"),
    "what_filled_has_no_time_of_its_end": ("alpaca", 18, "I6: state_has_its_facts"),
    "what_expired_filled_nothing": ("alpaca", 32, "I6: fills_only_grow"),
    "nothing_is_put_aside": ("alpaca", 18, "I6: broker_holds_what_is_booked"),
    "events_stand_alone": ("alpaca", 18, "I8, I14: log_is_as_recorded"),
}
WHOLE = {
    "reorgs_are_not_looked_for": ("alpaca", 1, "stands, which the chain has not"),
    "logs_and_checkpoint_are_two_commits": ("alpaca", 34, "which must be fill, is not in the inbox"),
    "the_checkpoint_goes_back": ("alpaca", 1, "the checkpoint went back from "),
    "the_cutoff_is_not_read": ("alpaca", 4, "I9: read up to "),
    "the_lease_has_no_end": ("alpaca", 4, "I9: checkpoint_is_in_order"),
    "nobody_looks_for_amounts": ("alpaca", 92, "is filtered, must be fill"),
}
PROMISES = {
    "what_is_short_is_not_listed": ("alpaca", 158, "V1: open_exposure_is_told"),
    "what_was_sent_is_the_pollers": ("schwab", 13, "V2: unknown_order_is_told"),
    "a_clerk_begins_at_the_end": ("alpaca", 11, "V3: due_work_is_not_passed_by"),
    "no_answer_is_a_no": ("schwab", 13, "I3: 2 orders of GME are open at the venue"),
    "each_report_is_of_new_fills": ("alpaca", 3, "I6: order 3 had 2 filled, now 1"),
    "what_fills_late_is_filled": ("schwab", 2, "I6: order 1 had ended as cancelled and is filled"),
    "notices_of_exposure_stay": ("alpaca", 152, "a notice is open, exposure_aging: AAPL"),
}
DECISIONS = {
    "bad_rows_are_thrown_away": ("alpaca", 17, "I14: run "),
    "rows_are_counted_and_not_listed": ("alpaca", 2, "I9, I14: run_did_what_it_counts"),
    "answers_are_not_kept": ("alpaca", 2, "has no end, and nobody died over it"),
    "calls_are_recorded_when_they_ended": ("alpaca", 2, "I15: call_is_kept_whole"),
    "bodies_are_tidied": ("alpaca", 2, "I14, I15: payload_is_as_it_was"),
    "a_day_tells_less_than_was_left_out": ("alpaca", 2, "I16: day_says_what_it_meant"),
    "strengths_are_rounded": ("alpaca", 2, "I14: decision_says_why"),
    "decided_afterwards": ("alpaca", 2, "I5: decided_before_it_was_executed"),
    "the_weakest_goes_first": ("alpaca", 2, "which is stronger"),
    "filled_is_not_executed": ("alpaca", 2, "I13: decision_stands_as_its_executions"),
    "orders_have_no_number_of_their_attempt": ("alpaca", 2, "I4, I13: execution_is_one_order"),
    "checks_are_not_kept": ("alpaca", 2, "I11: execution_was_let_through"),
    "late_fills_are_no_fills": ("alpaca", 2, "I6: execution_fills_add_up"),
    "holdings_are_not_counted": ("alpaca", 2, "I1: decisions_hold_what_was_filled"),
    "the_legacy_log_stands_still": ("alpaca", 2, "I8: legacy_orders_agree"),
    "versions_begin_anew": ("alpaca", 330004, "I9, I14: run_did_what_it_counts"),
    "versions_do_not_meet": ("alpaca", 330004, "I14: versions_follow_each_other"),
    "the_dead_are_left": ("alpaca", 330004, "I16: a clean day fetched no"),
    "guards_let_everything_through": ("alpaca", 330015, "I14, I16: lineage_was_known"),
    "what_is_in_doubt_is_placed_anew": ("alpaca", 330004, "I4, I7: order_was_taken_once"),
    "silence_is_no_order": ("alpaca", 330023, "is held to be never there"),
    "nobody_is_told_of_the_unknown": ("alpaca", 330004, "V2: "),
    "others_orders_are_cancelled": ("alpaca", 330004, "I12: only_our_own_is_cancelled"),
    "unknown_words_end_the_day": ("alpaca", 330053, "raised UnknownStatus"),
    "switches_are_not_read": ("alpaca", 330015, "was about to be sent while a kill switch is on"),
    "who_cancels_sends": ("alpaca", 330004, "was about to be sent by who was asked to cancel it"),
}
# Each by the name of the invariant, whatever the judge finds before.
TRAIL = {
    "orders_bear_the_time_of_the_next_look": ("alpaca", 2, "I5, I10: nothing_is_sent_unmeant"),
    "the_switch_of_everything_is_not_read": ("alpaca", 330015, "I5, I10: nothing_is_sent_unmeant"),
    "what_can_not_be_read_is_a_refusal": ("alpaca", 330004, "I4, I7: order_was_taken_once"),
    "what_is_as_before_was_updated": ("alpaca", 2, "I14: record_has_its_run"),
    "unknown_orders_are_left": ("alpaca", 330004, "V2: unknown_decision_is_told"),
    "decisions_go_by_their_symbols": ("alpaca", 2, "I13: strongest_is_executed_first"),
    "each_report_is_held_anew": ("alpaca", 2, "I1: decisions_hold_what_was_filled"),
}
FOUND_AT = {
    breakages: ORDERS,
    breakages_of_promises: PROMISES,
    breakages_of_books: BOOKS,
    breakages_of_the_whole: WHOLE,
    breakages_of_decisions: DECISIONS,
    breakages_of_the_trail: TRAIL,
}
# Several in one process: to begin one takes longer than most stories do.
TOGETHER = 9
PARTS = [
    (module, sorted(found)[begin : begin + TOGETHER])
    for module, found in FOUND_AT.items()
    for begin in range(0, len(found), TOGETHER)
]


@pytest.mark.parametrize("module", FOUND_AT)
def test_each_breakage_is_looked_for(module):
    assert set(FOUND_AT[module]) == set(module.BREAKAGES)


def test_each_invariant_of_the_audit_trail_tells_by_its_own_name():
    named = " ".join(what for found in (DECISIONS, TRAIL) for _, _, what in found.values()).split()

    assert {each.name for each in OF_THE_AUDIT_TRAIL} - set(named) == set()


@pytest.mark.parametrize(("module", "names"), PARTS)
def test_the_judge_finds_a_guarantee_that_is_gone(module, names):
    found = FOUND_AT[module]
    asked = [f"{name}:{broker}:{seed}:{what}" for name in names for broker, seed, what in [found[name]]]

    ended = subprocess.run(
        [sys.executable, "-m", module.__name__, "--each", *asked],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = dict(json.loads(line) for line in ended.stdout.splitlines())
    assert {name: told[name] for name in names if found[name][2] not in told[name]} == {}
