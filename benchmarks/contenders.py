"""The floor and ours: the same events in the same table, by SQL made by hand and through the event store."""

import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
from django.db import transaction

from benchmarks.payloads import AT, CAUSE, NAME, Book, Filled, Kept, filled, folded
from benchmarks.scratch import Scratch, SQLiteFiles
from eventstore.aggregates import register_aggregate
from eventstore.codec import encode, encode_value
from eventstore.following import follow
from eventstore.handling import load
from eventstore.replaying import Replay
from eventstore.snapshots import register_snapshots
from eventstore.store import Draft, append, append_alone

LOADED, REPLAYED, PAGE = 1_000, 50_000, 1_000
HASH = "0" * 64


class Floor:
    """What one would write without an event store: no version is looked at, nothing is hashed, no view follows."""

    def __init__(self, databases: Scratch) -> None:
        self._raw: Any
        if isinstance(databases, SQLiteFiles):
            self._raw = sqlite3.connect(databases.path("floor"), isolation_level=None)
            self._raw.execute("PRAGMA journal_mode=WAL")
            self._raw.execute("PRAGMA synchronous=FULL")
            self._mark, self._at, number = "?", "2026-03-02 15:00:00.250000", "NULL"
        else:
            self._raw = psycopg.connect(databases.url("floor"), autocommit=True)
            self._mark, self._at, number = "%s", "2026-03-02 15:00:00.250000+00", "nextval('events_number_seq')"
        self._values = f"({number}, {', '.join([self._mark] * 9)})"
        self._cause = encode_value(CAUSE)

    def append(self, stream: str, version: int, size: int) -> None:
        rows = [x for place in range(size) for x in self._row(stream, version + place)]
        columns = "number, aggregate_type, aggregate_id, version, type, schema, data, metadata, recorded_at, hash"
        self._raw.execute(f"INSERT INTO events ({columns}) VALUES {', '.join([self._values] * size)}", rows)  # noqa: S608

    def append_in_transaction(self, stream: str, version: int, size: int) -> None:
        self._raw.execute("BEGIN IMMEDIATE" if self._mark == "?" else "BEGIN")
        self.append(stream, version, size)
        self._raw.execute("COMMIT")

    def fill(self) -> None:
        self._raw.execute("BEGIN")
        for stream, count in streams():
            for version in range(1, count + 1, 50):
                self.append(stream, version, min(50, count + 1 - version))
        self._raw.execute("COMMIT")
        self._raw.execute("ANALYZE")

    def load(self) -> None:
        query = f"SELECT data FROM events WHERE aggregate_type = {self._mark} AND aggregate_id = {self._mark}"  # noqa: S608
        net = Decimal(0)
        for (data,) in self._raw.execute(f"{query} ORDER BY version", ("Benchmark", "loaded")).fetchall():
            net = folded(net, data)

    def replay(self) -> None:
        after, net = 0, Decimal(0)
        query = f"SELECT number, type, data FROM events WHERE number > {self._mark} ORDER BY number LIMIT {PAGE}"  # noqa: S608
        while rows := self._raw.execute(query, (after,)).fetchall():
            for after, _, data in rows:  # noqa: B007  # the last one's is where the next page begins
                net = folded(net, data)

    def _row(self, stream: str, version: int) -> tuple[Any, ...]:
        return "Benchmark", stream, version, NAME, 1, encode(filled(version)), self._cause, self._at, HASH


class Ours:
    """The event store."""

    def __init__(self) -> None:
        register_aggregate(Book)
        register_snapshots(Kept)

    def append(self, stream: str, version: int, size: int) -> None:
        append_alone(drafts("Benchmark", stream, version, size), at=AT)

    def append_in_transaction(self, stream: str, version: int, size: int) -> None:
        with transaction.atomic(durable=True):
            append(drafts("Benchmark", stream, version, size), at=AT)

    def fill(self) -> None:
        with transaction.atomic():
            for stream, count in streams():
                for version in range(1, count + 1, 50):
                    append(drafts("Benchmark", stream, version, min(50, count + 1 - version)), at=AT)
        for version in range(1, LOADED + 1):
            append_alone(drafts("BenchmarkKept", "loaded", version, 1), at=AT)
        with transaction.atomic():
            from django.db import connection

            connection.cursor().execute("ANALYZE")

    def load(self) -> None:
        load(Book, "loaded")

    def load_kept(self) -> None:
        load(Kept, "loaded")

    def replay(self) -> None:
        run = Replay(kinds=["Benchmark"])
        if list(run.broken()) or run.events != REPLAYED:
            raise RuntimeError(f"expected {REPLAYED} events that replay, found {run.events}")

    def follow(self) -> None:
        """Read what `replay` does not: times, metadata and hashes, by number."""
        book = Book("all")
        for page in follow(aggregate_types=["Benchmark"]):
            for recorded in page:
                if isinstance(recorded.event, Filled):
                    book = book.evolve(recorded.event)


def streams() -> Iterator[tuple[str, int]]:
    yield "loaded", LOADED
    for place in range((REPLAYED - LOADED) // 500):
        yield f"replayed-{place}", 500


def drafts(kind: str, stream: str, version: int, size: int) -> list[Draft]:
    return [Draft(kind, stream, version + place, filled(version + place), CAUSE) for place in range(size)]
