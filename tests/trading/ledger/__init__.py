import pytest

pytest.register_assert_rewrite("tests.trading.ledger.agreement", "tests.trading.ledger.history")
