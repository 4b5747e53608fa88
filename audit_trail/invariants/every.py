"""Every invariant of the audit trail, in the order in which what they are of comes about."""

from audit_trail.invariants.calls import (
    call_is_kept_whole,
    nothing_is_sent_unmeant,
    only_our_own_is_cancelled,
    order_was_taken_once,
    payload_is_as_it_was,
)
from audit_trail.invariants.decisions import (
    day_says_what_it_meant,
    decision_says_why,
    decision_stands_as_its_executions,
    lineage_was_known,
    unknown_decision_is_told,
)
from audit_trail.invariants.executions import (
    decided_before_it_was_executed,
    decisions_hold_what_was_filled,
    execution_fills_add_up,
    execution_is_one_order,
    execution_was_let_through,
    legacy_orders_agree,
    strongest_is_executed_first,
)
from audit_trail.invariants.ingestion import record_has_its_run, run_did_what_it_counts, versions_follow_each_other

OF_THE_AUDIT_TRAIL = (
    call_is_kept_whole,
    payload_is_as_it_was,
    nothing_is_sent_unmeant,
    order_was_taken_once,
    only_our_own_is_cancelled,
    run_did_what_it_counts,
    record_has_its_run,
    versions_follow_each_other,
    day_says_what_it_meant,
    decision_says_why,
    lineage_was_known,
    decision_stands_as_its_executions,
    unknown_decision_is_told,
    execution_is_one_order,
    execution_was_let_through,
    decided_before_it_was_executed,
    strongest_is_executed_first,
    execution_fills_add_up,
    decisions_hold_what_was_filled,
    legacy_orders_agree,
)
