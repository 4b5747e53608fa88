"""A PostgreSQL server of our own, to be stopped and started under load. As root it runs as `nobody`."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import psycopg

INSTALLED = Path("/usr/lib/postgresql")
# Little is kept ahead of what is needed, so that a full disk is noticed soon.
OPTIONS = "-c listen_addresses=127.0.0.1 -c min_wal_size=2MB -c max_wal_size=16MB -c synchronous_commit=on -F"


class NoPostgres(Exception):
    """The programs of a PostgreSQL server are not installed."""


class Cluster:
    """A server, with its data in a folder."""

    def __init__(self, folder: Path) -> None:
        self._programs, self._folder = programs(), folder
        self._owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self.port = _free_port()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/hedgetrail"

    def make(self) -> None:
        """Make the cluster, start it, and make an empty database."""
        self._folder.mkdir(mode=0o700)
        if self._owner is not None:
            os.chown(self._folder, self._owner.pw_uid, self._owner.pw_gid)
        how = ("--auth=trust", "--encoding=utf8", "--locale=C", "--username=postgres", "--no-sync", "--wal-segsize=1")
        self._run("initdb", *how)
        self.start()
        with psycopg.connect(self.url.replace("/hedgetrail", "/postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE hedgetrail")

    def start(self) -> None:
        options = f"-p {self.port} -k '' {OPTIONS}"
        self._run("pg_ctl", "start", "--wait", "--silent", "-l", str(self._folder / "log"), "-o", options)

    def stop(self, mode: Literal["fast", "immediate"]) -> None:
        """Stop it in order, or as a crash would."""
        self._run("pg_ctl", "stop", "--wait", "--silent", "-m", mode)

    def is_running(self) -> bool:
        return self._run("pg_ctl", "status", check=False) == 0

    def said(self, words: str) -> int:
        """How often it said so in its log."""
        return (self._folder / "log").read_text(errors="replace").count(words)

    def _run(self, program: str, *arguments: str, check: bool = True) -> int:
        done = subprocess.run(
            [str(self._programs / program), "-D", str(self._folder), *arguments],
            stdin=subprocess.DEVNULL,
            # The server inherits it: a pipe would stay open as long as the server runs.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=120,
            user=self._owner.pw_uid if self._owner else None,
            group=self._owner.pw_gid if self._owner else None,
            extra_groups=[] if self._owner else None,
            cwd="/",
            check=check,
        )
        return done.returncode


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Make one in a folder that is not there yet; it is stopped at the end. Raises NoPostgres."""
    made = Cluster(folder)
    try:
        made.make()
        yield made
    finally:
        if made.is_running():
            made.stop("immediate")


def programs() -> Path:
    """Where the server's programs are. Raises NoPostgres."""
    newest = sorted(INSTALLED.glob("*/bin/pg_ctl"), key=lambda each: int(each.parent.parent.name), reverse=True)
    found = str(newest[0]) if newest else shutil.which("pg_ctl")
    if found is None:
        raise NoPostgres(f"there is no pg_ctl under {INSTALLED}, and none on the PATH")
    return Path(found).parent


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
