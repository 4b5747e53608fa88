"""Catch-up projections: events a second into a simple table, and how near that is to hand-made SQL.

Run `python -m benchmarks.projections`. A projection adds deposits up, one row an account, in batches that commit with
their checkpoint. The floor does the same with hand-made SQL, json.loads and decimals, in the same batches; the two take
turns, and must come to the same rows.
"""

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from benchmarks.catch_up import say
from benchmarks.scratch import SERVER, Scratch, scratch, use

AT = datetime(2026, 1, 2, 14, 30, 0, 250_000, tzinfo=UTC)
TABLE = "benchmark_balances"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="postgresql")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--accounts", type=int, default=1_000)
    parser.add_argument("--batch", type=int, action="append", help="events in one commit; may be given again")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--server", default=SERVER)
    options = parser.parse_args()
    with scratch(options.database, options.server) as databases:
        use(databases, "empty")
        fill(options.events, options.accounts)
        say("| database | events in a commit | events/s | floor, events/s | ratio |")
        say("| --- | ---: | ---: | ---: | ---: |")
        for batch in options.batch or [500, 2000, 5000]:
            rounds = [measured(databases, options.events, batch) for _ in range(options.rounds)]
            ours, floor = (statistics.median(options.events / each[place] for each in rounds) for place in (0, 1))
            ratio = statistics.median(each[1] / each[0] for each in rounds)
            say(f"| {options.database} | {batch:,} | {ours:,.0f} | {floor:,.0f} | {ratio:.2f} |")


def fill(events: int, accounts: int) -> None:
    """Store so many deposits, spread over the accounts."""
    from django.db import connection, transaction

    from eventstore.store import Draft, Metadata, append

    deposited = _deposited()
    metadata = Metadata(actor="benchmark", correlation="a benchmark")
    versions: dict[int, int] = {}
    for start in range(0, events, 5000):
        drafts = []
        for n in range(start, min(start + 5000, events)):
            account = n * 7919 % accounts
            versions[account] = versions.get(account, 0) + 1
            event = deposited(amount=Decimal(n % 1000), memo=f"deposit {n} of a benchmark", paid_at=AT)
            drafts.append(Draft("Benchmark", f"A-{account:05}", versions[account], event, metadata))
        with transaction.atomic():
            append(drafts, at=AT)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def measured(databases: Scratch, events: int, batch: int) -> tuple[float, float]:
    """Return the seconds that ours and the floor took; both must have come to the same."""
    from django.db import connection

    from eventstore.catching_up import catch_up

    found = []
    seconds = []
    for work in (lambda: catch_up(Balances(), now=AT, batch=batch), lambda: by_hand(batch)):
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM projections")
            cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")
            kind = "numeric" if connection.vendor == "postgresql" else "text"
            cursor.execute(
                f"CREATE TABLE {TABLE} (id text PRIMARY KEY, balance {kind} NOT NULL, version bigint NOT NULL)"
            )
        databases.settle()
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT id, balance, version FROM {TABLE} ORDER BY id")  # noqa: S608
            found.append([(id, Decimal(balance), version) for id, balance, version in cursor.fetchall()])
    if found[0] != found[1] or sum(version for *_, version in found[0]) < events:
        raise AssertionError("ours and the floor did not come to the same balances")
    return seconds[0], seconds[1]


class Balances:
    """A row an account, with what was deposited."""

    name, version = "benchmark_balances", 1
    aggregate_types = ("Benchmark",)

    def project(self, batch: Sequence[Any]) -> None:
        from eventstore.rows import upsert_rows

        model = _balance_model()
        changed = {event.aggregate_id for event in batch}
        rows = dict(model.objects.filter(id__among=changed).values_list("id", "balance"))
        versions = {}
        for event in batch:
            id = event.aggregate_id
            rows[id] = rows.get(id, 0) + event.event.amount
            versions[id] = event.version
        upsert_rows(model, [{"id": id, "balance": rows[id], "version": versions[id]} for id in versions], key="id")


def by_hand(batch: int) -> None:
    """Do the same with nothing in between."""
    from django.db import connection, transaction

    checkpoint = 0
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO projections (name, version, checkpoint, status, attempts, events_done, updated_at)"
            " VALUES ('floor', 1, 0, 'booting', 0, 0, CURRENT_TIMESTAMP)"
        )
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT number, aggregate_id, version, data FROM events"
                " WHERE number > %s AND aggregate_type = 'Benchmark' ORDER BY number LIMIT %s",
                [checkpoint, batch],
            )
            events = cursor.fetchall()
            if not events:
                return
            ids = json.dumps(sorted({id for _, id, _, _ in events}))
            known = (
                "SELECT value FROM json_array_elements_text(%s::json)"
                if connection.vendor == "postgresql"
                else "SELECT value FROM json_each(%s)"
            )
            cursor.execute(f"SELECT id, balance FROM {TABLE} WHERE id IN ({known})", [ids])  # noqa: S608
            rows = {id: Decimal(balance) for id, balance in cursor.fetchall()}
            versions = {}
            for _, id, version, data in events:
                rows[id] = rows.get(id, 0) + Decimal(json.loads(data)["amount"])
                versions[id] = version
            tail = "ON CONFLICT (id) DO UPDATE SET balance = excluded.balance, version = excluded.version"
            if connection.vendor == "postgresql":
                cursor.execute(
                    f"INSERT INTO {TABLE} SELECT * FROM unnest(%s::text[], %s::numeric[], %s::bigint[]) {tail}",  # noqa: S608
                    [list(versions), [rows[id] for id in versions], list(versions.values())],
                )
            else:
                cursor.executemany(
                    f"INSERT INTO {TABLE} (id, balance, version) VALUES (%s, %s, %s) {tail}",  # noqa: S608
                    [(id, str(rows[id]), version) for id, version in versions.items()],
                )
            cursor.execute(
                "UPDATE projections SET checkpoint = %s WHERE name = 'floor' AND checkpoint = %s",
                [events[-1][0], checkpoint],
            )
            checkpoint = events[-1][0]


_MADE: dict[str, Any] = {}


def _deposited() -> Any:
    from eventstore.events import Event, event

    if "event" not in _MADE:

        @event("BenchmarkEvent::Deposited")
        class Deposited(Event):
            amount: Decimal
            memo: str
            paid_at: datetime

        _MADE["event"] = Deposited
    return _MADE["event"]


def _balance_model() -> Any:
    from django.db import models

    from trading.fields import ExactDecimalField

    if "model" not in _MADE:

        class Balance(models.Model):
            id = models.TextField(primary_key=True)
            balance = ExactDecimalField()
            version = models.BigIntegerField()

            class Meta:
                app_label = "eventstore"
                db_table = TABLE
                managed = False

            def __str__(self) -> str:
                return f"{self.id} {self.balance}"

        _MADE["model"] = Balance
    return _MADE["model"]


if __name__ == "__main__":
    main()
