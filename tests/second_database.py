"""Of a run on a second database the tests that ask for one: `python -m pytest -p tests.second_database`.

What asks for no database comes out the same on each, and ran on the first; where nothing that was chosen asks for one,
all of it runs again, since a run that runs nothing has shown nothing. Whether a test asks is told by its fixtures
and marks; one that asks in a way of its own says so with the mark `each_database`.
"""

import pytest

FIXTURES = frozenset({"db", "transactional_db", "django_db_setup", "live_server"})
MARKS = ("django_db", "each_database", "skipif")
"""Who skips on one database, runs on the other."""


def asks_for_a_database(item: pytest.Item) -> bool:
    fixtures: list[str] = getattr(item, "fixturenames", [])
    return not FIXTURES.isdisjoint(fixtures) or any(item.get_closest_marker(mark) for mark in MARKS)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    asking = [item for item in items if asks_for_a_database(item)]
    if asking and len(asking) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if not asks_for_a_database(item)])
        items[:] = asking
