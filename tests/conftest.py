"""What every test stands on: a database of its own for each run and worker, on whichever server DATABASE_URL names."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.conf import settings

# What they hold is said in full when it does not.
pytest.register_assert_rewrite("tests.support", "tests.contracts", "tests.trading.ledger")

# Children of tests read it from the environment; the settings were loaded before this file.
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 40)
settings.SECRET_KEY = os.environ["SECRET_KEY"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give each process a test database that other runs don't know, and on SQLite one in a file.

    A database in memory has other locks than one in a file, and no child process can open it.
    """
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        name = str(tmp_path_factory.mktemp("database") / "test.sqlite3")
    else:
        name = f"test_{database['NAME']}_{os.getpid()}"
    database["TEST"]["NAME"] = name


@pytest.fixture
def database_url(transactional_db: None) -> str:
    """The DATABASE_URL under which a child process finds the test database. Use it with real transactions."""
    return url_of(settings.DATABASES["default"])


def url_of(database: dict[str, Any]) -> str:
    if str(database["ENGINE"]).endswith("sqlite3"):
        return f"sqlite:///{Path(str(database['NAME']))}"
    user, password, host = (quote(str(database[part]), safe="") for part in ("USER", "PASSWORD", "HOST"))
    port = f":{database['PORT']}" if database["PORT"] else ""
    options = urlencode(database["OPTIONS"])
    return f"postgresql://{user}{password and ':'}{password}@{host}{port}/{database['NAME']}?{options}"


@pytest.fixture(scope="session", autouse=True)
def _clearing_goes_through_the_switch() -> None:
    """Let Django empty the tables between tests by the one way that the log allows; its record can't be emptied."""
    from django.db import connection
    from django.utils import timezone

    from eventstore.maintenance import maintenance

    ops, record = connection.ops, "event_maintenance"
    flush, execute = ops.sql_flush, ops.execute_sql_flush

    def all_but_the_record(style: Any, tables: Sequence[str], **options: Any) -> list[str]:
        return list(flush(style, [table for table in tables if table != record], **options))

    def by_the_switch(statements: Sequence[str]) -> None:
        with maintenance(actor="tests", reason="the next test begins with an empty log", at=timezone.now()):
            execute(statements)

    ops.sql_flush, ops.execute_sql_flush = all_but_the_record, by_the_switch


def pytest_report_header() -> str:
    from django.db import connection

    return f"database: {connection.vendor}"
