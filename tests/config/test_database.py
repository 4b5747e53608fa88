"""The database: what its URL says, and what each backend is asked to keep."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from config import environment
from config.environment import SettingError
from tests.architecture.source import PROJECT

FOLDER = Path("/srv/hedgetrail")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("", "/srv/hedgetrail/hedgetrail.sqlite3"),
        ("sqlite:///hedge.sqlite3", "/srv/hedgetrail/hedge.sqlite3"),
        ("sqlite:///data/hedge.sqlite3", "/srv/hedgetrail/data/hedge.sqlite3"),
        ("sqlite:////var/lib/hedge.sqlite3", "/var/lib/hedge.sqlite3"),
        ("sqlite:////var/lib/hedge%20trail.sqlite3", "/var/lib/hedge trail.sqlite3"),
    ],
)
def test_where_an_sqlite_file_lies(url, name):
    database = environment.database(FOLDER, {"DATABASE_URL": url})
    assert (database["ENGINE"], database["NAME"]) == ("django.db.backends.sqlite3", name)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("postgres://me@db/hedge", ("me", "", "db", "", "hedge")),
        ("postgresql://me:p%40ss@db:6432/hedge", ("me", "p@ss", "db", "6432", "hedge")),
        # Over a socket, in the two ways that libpq has.
        ("postgres:///hedge?host=/run/postgresql", ("", "", "/run/postgresql", "", "hedge")),
        ("postgres://me@%2Frun%2Fpostgresql/hedge", ("me", "", "/run/postgresql", "", "hedge")),
        ("postgres:///hedge", ("", "", "", "", "hedge")),
        ("postgres://me@[::1]:5432/hedge", ("me", "", "::1", "5432", "hedge")),
    ],
)
def test_where_a_postgresql_database_is(url, parts):
    database = environment.database(FOLDER, {"DATABASE_URL": url})

    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert tuple(database[name] for name in ("USER", "PASSWORD", "HOST", "PORT", "NAME")) == parts
    assert (database["CONN_MAX_AGE"], database["CONN_HEALTH_CHECKS"]) == (60, True)


def test_options_of_postgresql_are_passed_on():
    url = "postgres://me@db/hedge?sslmode=require&connect_timeout=3"
    assert environment.database(FOLDER, {"DATABASE_URL": url})["OPTIONS"] == {
        "sslmode": "require",
        "connect_timeout": "3",
    }


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:hunter2@db/hedge",
        "me:hunter2@db/hedge",
        "me:hunter2@postgres://db/hedge",
        "postgres://me:hunter2@db",
        "postgres://me:hunter2@db/hedge?nonsense=1",
        "sqlite://hedge.sqlite3",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://:memory:",
        "sqlite:///hedge.sqlite3?timeout=5",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_being_shown(url):
    with pytest.raises(SettingError, match=r"^DATABASE_URL is not valid") as raised:
        environment.database(FOLDER, {"DATABASE_URL": url})
    assert "hunter2" not in str(raised.value)


@pytest.mark.django_db(transaction=True)
def test_an_sqlite_commit_is_on_the_disk_and_writers_wait_for_each_other():
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL does so by itself")

    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 2  # FULL
    assert pragma("busy_timeout") == 20_000
    assert pragma("foreign_keys") == 1
    assert pragma("recursive_triggers") == 1
    assert connection.transaction_mode == "IMMEDIATE"


@pytest.mark.django_db(transaction=True)
def test_the_test_database_can_be_opened_by_a_child_process(database_url):
    script = (
        "import django; django.setup();"
        "from django.db import connection;"
        "print(connection.vendor, 'django_migrations' in connection.introspection.table_names())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=PROJECT,
        env={"PATH": "", "DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [connection.vendor, "True"], done.stderr


@pytest.mark.each_database
def test_the_database_that_was_asked_for_is_the_one_that_is_used():
    asked = "postgresql" if os.environ.get("DATABASE_URL", "").startswith("postgres") else "sqlite"
    assert connection.vendor == asked


def test_processes_that_open_a_new_sqlite_file_at_once_all_succeed(tmp_path):
    script = (
        "import django; django.setup();"
        "from django.db import connection;"
        "connection.cursor().execute('CREATE TABLE IF NOT EXISTS t (x)')"
    )
    environ = {
        "PATH": "",
        "DATABASE_URL": f"sqlite:///{tmp_path}/new.sqlite3",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    children = [
        subprocess.Popen([sys.executable, "-c", script], cwd=PROJECT, env=environ, stderr=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    assert [(child.communicate(timeout=60)[1], child.returncode) for child in children] == [("", 0)] * 6


def pragma(name):
    with connection.cursor() as cursor:
        return cursor.execute(f"PRAGMA {name}").fetchone()[0]
