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
}
