"""Database URL: what DATABASE_URL may say, as Django's settings of the database."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote


def parsed(text: str, folder: Path) -> dict[str, Any]:
    """Return Django's settings of the database that a URL names. Raises ValueError, which never holds the URL."""
    scheme = text.partition("://")[0].lower()
    if scheme == "sqlite":
        return _sqlite(text, folder)
    if scheme in ("postgres", "postgresql"):
        return _postgresql(text)
    # What is no scheme may be a part of the address with a password in it.
    told = "://" in text and re.fullmatch(r"[a-z][a-z0-9+.-]{0,19}", scheme)
    raise ValueError(f"found the scheme {scheme!r}" if told else "found no scheme")


def _sqlite(text: str, folder: Path) -> dict[str, Any]:
    found = re.fullmatch(r"sqlite:///(?P<file>[^?#]+)", text, re.IGNORECASE)
    if found is None:
        raise ValueError("found no file: three slashes come before a file within the project, four before a folder")
    file = unquote(found["file"])
    if ":memory:" in file:
        raise ValueError("a database in memory is gone with its process, and a trade must not be")
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(folder / file),
        "OPTIONS": {
            # The default takes the write lock at the first write: of two that have read and go on to write, one fails.
            "transaction_mode": "IMMEDIATE",
            # Waits for a lock this long: it is SQLite's busy_timeout.
            "timeout": 20,
            "init_command": (
                "PRAGMA journal_mode=WAL;"
                # A commit is on the disk when it returns: a fill that was booked stays booked when the power goes.
                "PRAGMA synchronous=FULL;"
                # INSERT OR REPLACE fires delete triggers only so, and events are protected by those.
                "PRAGMA recursive_triggers=ON;"
            ),
        },
    }


def _postgresql(text: str) -> dict[str, Any]:
    # libpq reads the URL itself, so whatever psql accepts is accepted: sockets, sslmode, several hosts.
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        found = conninfo_to_dict(text)
    except psycopg.Error:
        raise ValueError("it can't be read as a PostgreSQL URL") from None
    if not found.get("dbname"):
        raise ValueError("it names no database")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": str(found.pop("dbname")),
        "USER": str(found.pop("user", "")),
        "PASSWORD": str(found.pop("password", "")),
        "HOST": str(found.pop("host", "")),
        "PORT": str(found.pop("port", "")),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 10, **found},
    }
