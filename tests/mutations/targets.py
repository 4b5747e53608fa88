"""Targets: the modules whose rules are broken on purpose, each with the tests that hold it: the fewest and fastest."""

# Of these some tests alone, since the others take long.
STEP = "tests/trading/ledger/test_step.py"
LINKS = "tests/trading/ledger/test_links.py"
QUEUEING = "tests/trading/ledger/test_queueing.py"
ROWLESS = "tests/trading/ledger/test_rowless.py"
BETWEEN = "tests/audit_trail/executions/test_between_pipelines.py"
CRASHES = "tests/audit_trail/executions/test_crashes.py"
OFF = "tests/audit_trail/executions/test_legacy.py"

TARGETS: dict[str, list[str]] = {
    "trading/position/aggregate.py": ["tests/trading/position"],
    "trading/position/remainders.py": ["tests/trading/position"],
    "trading/offchain_order/aggregate.py": [
        "tests/trading/offchain_order/test_aggregate.py",
        "tests/trading/offchain_order/test_refusals.py",
    ],
    "trading/onchain_trade/aggregate.py": ["tests/trading/onchain_trade"],
    "trading/values/arithmetic.py": ["tests/trading/values/test_arithmetic.py"],
    "trading/values/thresholds.py": ["tests/trading/values/test_thresholds.py", "tests/trading/position"],
    "trading/values/quantities.py": ["tests/trading/values/test_quantities.py"],
    "trading/ledger/allocation.py": ["tests/trading/ledger/test_allocation.py"],
    "trading/pnl/fifo.py": ["tests/trading/pnl/test_fifo.py"],
    "trading/risk/gate.py": ["tests/trading/risk/test_gate.py", "tests/trading/risk/test_denials.py"],
    "trading/conductor/hedger.py": [
        "tests/trading/conductor/test_hedger.py",
        "tests/trading/conductor/test_denied_hedges.py",
        "tests/trading/conductor/test_refresher.py",
    ],
    "trading/conductor/dispatcher.py": [
        "tests/trading/conductor/test_dispatching.py",
        "tests/trading/conductor/test_dispatcher.py",
        "tests/trading/conductor/test_unnamed_orders.py",
        "tests/trading/conductor/test_beside_decisions.py",
        "tests/trading/conductor/test_telling.py",
    ],
    "trading/conductor/poller.py": [
        "tests/trading/conductor/test_polling.py",
        "tests/trading/conductor/test_poller.py",
        "tests/trading/conductor/test_poll_times.py",
        "tests/trading/conductor/test_telling.py",
    ],
    "trading/conductor/postponing.py": [
        "tests/trading/conductor/test_postponing.py",
        "tests/trading/conductor/test_telling.py",
        "tests/trading/conductor/test_dispatcher.py",
        "tests/trading/conductor/test_poller.py",
        "tests/flows/test_notices_and_lost_commits.py",
    ],
    "trading/ledger/book.py": [
        "tests/trading/ledger/test_book.py",
        QUEUEING,
        f"{STEP}::test_an_error_in_the_body_takes_the_whole_step_back",
        f"{STEP}::test_a_step_that_decides_nothing_writes_nothing",
        f"{STEP}::test_what_one_group_decided_the_next_one_sees",
        f"{STEP}::test_the_first_process_stores_its_mode_and_another_mode_is_refused",
        "tests/trading/ledger/test_backlog.py",
        f"{ROWLESS}::test_a_login_beside_fills_and_orders_changes_no_row_of_theirs",
        f"{ROWLESS}::test_what_the_event_store_refuses_waits_and_is_counted_in",
    ],
    "trading/ledger/step.py": [
        "tests/trading/ledger/test_groups.py",
        f"{STEP}::test_a_group_that_is_refused_half_way_leaves_nothing_and_the_others_stay",
        f"{STEP}::test_every_event_says_who_caused_it_and_in_the_course_of_what",
        f"{STEP}::test_an_order_before_a_fill_is_refused_since_links_would_depend_on_it",
    ],
    "trading/ledger/legacy.py": [
        "tests/trading/ledger/test_questions.py",
        "tests/trading/ledger/test_legacy_rows.py",
        f"{STEP}::test_a_group_that_is_refused_half_way_leaves_nothing_and_the_others_stay",
        f"{LINKS}::test_links_of_a_reorged_fill_stay_marked_and_the_next_hedge_takes_the_exposure_back",
        f"{LINKS}::test_a_fill_that_comes_back_can_be_linked_to_its_order_a_second_time",
        f"{LINKS}::test_an_order_may_end_and_the_next_be_placed_in_one_step",
        f"{ROWLESS}::test_what_the_event_store_refuses_waits_and_is_counted_in",
    ],
    "trading/ledger/stream.py": [
        "tests/trading/ledger/test_questions.py",
        f"{QUEUEING}::test_an_event_that_is_drained_between_the_look_at_the_backlog_and_at_the_stream_is_counted_once",
        f"{ROWLESS}::test_what_the_event_store_refuses_waits_and_is_counted_in",
    ],
    "audit_trail/executions/sizing.py": ["tests/audit_trail/executions/test_sizing.py"],
    "audit_trail/executions/executor.py": [
        "tests/audit_trail/executions/test_executing.py",
        "tests/audit_trail/executions/test_telling.py",
        "tests/audit_trail/executions/test_runs.py",
        "tests/audit_trail/executions/test_own_account.py",
        f"{BETWEEN}::test_closing_sells_what_is_held_less_hedges_and_what_was_put_aside",
        f"{CRASHES}::test_an_order_that_is_being_sent_is_left_to_the_process_that_sends_it",
        f"{OFF}::test_off_the_legacy_log_is_all_that_is_written",
        f"{OFF}::test_off_a_crash_leaves_one_order",
        f"{OFF}::test_off_opposite_orders_wait_too_and_another_day_is_not_today",
    ],
    "audit_trail/executions/carrier.py": [
        "tests/audit_trail/executions/test_executing.py",
        "tests/audit_trail/executions/test_telling.py",
        "tests/audit_trail/executions/test_carrying.py",
        "tests/audit_trail/executions/test_carried.py",
        "tests/audit_trail/executions/test_late.py",
        "tests/audit_trail/executions/test_own_account.py",
        f"{CRASHES}::test_i7_silence_becomes_no_failure_by_time_alone",
        f"{CRASHES}::test_an_order_that_was_taken_into_silence_is_found_and_adopted_once",
        f"{CRASHES}::test_a_rejection_that_is_heard_after_the_order_was_found_changes_nothing",
        f"{CRASHES}::test_a_rejection_ends_its_way",
        f"{BETWEEN}::test_c9_two_alike_are_never_on_their_way_at_once",
    ],
}
