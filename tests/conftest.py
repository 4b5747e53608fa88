"""What every test stands on: a database of its own for each run and worker, on whichever server DATABASE_URL names."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.conf import settings
from hypothesis import HealthCheck
from hypothesis import settings as drawn
from pytest_django import DjangoDbBlocker

# What they hold is said in full when it does not.
pytest.register_assert_rewrite("tests.support", "tests.contracts", "tests.trading.ledger")

# How long an example takes says how busy the machine is, and nothing of the code.
drawn.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
drawn.load_profile("unhurried")

# Children of tests read it from the environment; the settings were loaded before this file.
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 40)
settings.SECRET_KEY = os.environ["SECRET_KEY"]
# Tests ask more often than anybody may.
settings.API_REQUESTS_PER_MINUTE = 1_000_000

# One that nobody can guess by trying takes a second for each password.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Of servers that tests run, each request would be a line, written when what it is written to may be closed.
logging.getLogger("werkzeug").setLevel(logging.ERROR)


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


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Make the test database, and have its tables emptied between tests in a way of our own."""
    from django.db import connection

    from tests.support.emptying import emptied_after_each_test

    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            # What tests write need not outlive a crash of the server. Children of tests see it too.
            with connection.cursor() as cursor:
                cursor.execute(f'ALTER DATABASE "{connection.settings_dict["NAME"]}" SET synchronous_commit = off')
            connection.close()
        with emptied_after_each_test():
            yield


def pytest_report_header() -> str:
    from django.db import connection

    return f"database: {connection.vendor}"
