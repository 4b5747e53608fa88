"""One mode: a station does the same in each mode of the ledger, so the tests of its mutants run in one of the three.

A plugin of pytest's, like `migrated`. What the modes themselves do is the ledger's, and has tests of its own.
"""

from typing import Any

import pytest

ONE = "dual"
"""Both the rows and the events are written, and held against each other."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    others = [item for item in items if _modes(item) - {ONE}]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]


def _modes(item: pytest.Item) -> set[Any]:
    # Not before Django is set up, and plugins are imported sooner.
    from trading.ledger.mode import Mode

    callspec = getattr(item, "callspec", None)
    return {value for value in callspec.params.values() if isinstance(value, Mode)} if callspec else set()
