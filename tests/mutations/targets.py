"""Targets: the modules whose rules are broken on purpose, each with the tests that hold it: the fewest and fastest."""

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
        "tests/trading/conductor/test_dispatcher.py",
        "tests/trading/conductor/test_unnamed_orders.py",
        "tests/trading/conductor/test_telling.py",
    ],
    "trading/conductor/poller.py": [
        "tests/trading/conductor/test_poller.py",
        "tests/trading/conductor/test_poll_times.py",
        "tests/trading/conductor/test_telling.py",
    ],
    "trading/ledger/book.py": [
        "tests/trading/ledger/test_step.py",
        "tests/trading/ledger/test_backlog.py",
        "tests/trading/ledger/test_rowless.py::test_a_login_beside_fills_and_orders_changes_no_row_of_theirs",
        "tests/trading/ledger/test_rowless.py::test_what_the_event_store_refuses_waits_and_is_counted_in",
    ],
    "trading/ledger/step.py": ["tests/trading/ledger/test_step.py"],
    "trading/ledger/legacy.py": [
        "tests/trading/ledger/test_questions.py",
        "tests/trading/ledger/test_step.py",
        "tests/trading/ledger/test_links.py",
        "tests/trading/ledger/test_rowless.py::test_what_the_event_store_refuses_waits_and_is_counted_in",
    ],
    "trading/ledger/stream.py": [
        "tests/trading/ledger/test_questions.py",
        "tests/trading/ledger/test_rowless.py::test_what_the_event_store_refuses_waits_and_is_counted_in",
    ],
    "audit_trail/executions/sizing.py": ["tests/audit_trail/executions/test_sizing.py"],
    "audit_trail/executions/executor.py": [
        "tests/audit_trail/executions/test_executing.py",
        "tests/audit_trail/executions/test_between_pipelines.py",
        "tests/audit_trail/executions/test_legacy.py",
    ],
    "audit_trail/executions/carrier.py": [
        "tests/audit_trail/executions/test_executing.py",
        "tests/audit_trail/executions/test_late.py",
        "tests/audit_trail/executions/test_crashes.py",
    ],
}
