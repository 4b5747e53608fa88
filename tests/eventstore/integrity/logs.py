"""A small log to tamper with, and the ways in which whoever owns the database can."""

from datetime import timedelta

import msgspec
from django.db import connection

from eventstore.following import rows_between
from eventstore.guards import KEPT
from eventstore.integrity.chains import exact, fitting_hash
from eventstore.integrity.exports import export
from eventstore.integrity.sealing import seal_next, seals
from eventstore.integrity.seals import Seal, hash_of, sealed
from eventstore.integrity.verifying import Verification
from eventstore.models import StoredSeal
from eventstore.reading import stored_rows
from eventstore.store import append
from tests.eventstore.samples import AT, deposits

COLUMNS = "number, aggregate_type, aggregate_id, version, type, schema, data, metadata, recorded_at, hash"


def log_of_three_seals():
    """A: 1–4 in seal 1, 5 and 6 in seal 2, 7 in seal 3. B: 1 and 2 in seal 1, 3 in seal 2. C: 1 in seal 2."""
    first = [*deposits("A", 1, 2), *deposits("B", 1), *deposits("A", 3, 4), *deposits("B", 2)]
    second = [*deposits("A", 5), *deposits("C", 1), *deposits("B", 3), *deposits("A", 6)]
    for minutes, drafts in enumerate([first, second, deposits("A", 7)]):
        append(drafts, at=AT)
        seal_next(now=AT + timedelta(minutes=minutes))
    return seals(limit=10)


def tail():
    """Events that no seal covers yet: A 8 to 10, B 4."""
    return append([*deposits("A", 8, 9), *deposits("B", 4), *deposits("A", 10)], at=AT)


def exported(folder):
    for seal in seals(limit=1000):
        export(folder, seal)
    return folder


def sql(statement, *parameters):
    """Do as whoever owns the database can do, who is held back by no trigger."""
    switch_guards_off()
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def stored_seals(**which):
    """Seals, for whoever owns the database to change or take out."""
    switch_guards_off()
    return StoredSeal.objects.filter(**which)


def switch_guards_off():
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for table in KEPT:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in cursor.fetchall():
                cursor.execute(f'DROP TRIGGER "{name}"')


def change(assignment, identity, version, *parameters):
    sql(f"UPDATE events SET {assignment} WHERE aggregate_id = %s AND version = %s", *parameters, identity, version)  # noqa: S608


def take_out(identity, *versions):
    for version in versions:
        sql("DELETE FROM events WHERE aggregate_id = %s AND version = %s", identity, version)


def number_of(identity, version):
    (row,) = [row for row in stored_rows("Account", identity) if row.version == version]
    return row.number


def free_number():
    """Make a gap in the numbers, as a rolled back append does. Return the number that nothing has."""
    (recorded,) = append(deposits("gone", 1), at=AT)
    take_out("gone", 1)
    return recorded.number


def put_in(number, identity, version, *, previous=None):
    """Insert an event by hand, with a hash that fits what stands before it."""
    if previous is None:
        previous = next((row.hash for row in stored_rows("Account", identity) if row.version == version - 1), "")
    template = rows_between(0, 10**9, limit=1)[0]
    row = template._replace(number=number, aggregate_id=identity, version=version)
    row = row._replace(hash=fitting_hash(previous, row))
    marks = ", ".join(["%s"] * 10)
    moment = exact(row).recorded_at
    if connection.vendor == "sqlite":
        moment = moment.removesuffix("Z").replace("T", " ")
    sql(f"INSERT INTO events ({COLUMNS}) VALUES ({marks})", *row[:8], moment, row.hash)  # noqa: S608


def rechain(identity, version=1):
    """Compute the hashes of a stream anew, from a version on, so that they fit."""
    previous = ""
    for row in list(stored_rows("Account", identity)):
        if row.version >= version:
            row = row._replace(hash=fitting_hash(previous, row))
            change("hash = %s", identity, row.version, row.hash)
        previous = row.hash


def reseal(first=1):
    """Make all seals anew from one on, each over the same range, so that they fit what the table says now."""
    previous = None
    for seal in seals(limit=1000):
        if seal.number >= first:
            rows = rows_between(seal.after_number, seal.up_to_number)
            made = sealed(rows, previous=previous, at=AT)
            made = signed(made, up_to_number=seal.up_to_number, sealed_at=seal.sealed_at)
            stored_seals(number=seal.number).update(**msgspec.structs.asdict(made))
            seal = made
        previous = seal


def rechain_seals():
    """Let each seal fit what it says, and the seal before it, and nothing else."""
    before = ""
    for seal in seals(limit=1000):
        made = signed(seal, previous=before)
        stored_seals(number=seal.number).update(previous=before, hash=made.hash)
        before = made.hash


def signed(seal: Seal, **changes) -> Seal:
    """Change what a seal says, and let its hash fit that."""
    changed = msgspec.structs.replace(seal, **changes)
    return msgspec.structs.replace(changed, hash=hash_of(changed))


def found(folder=None, **which):
    """What verifying finds: kind, stream, version, number and seal of each."""
    return [(f.kind, f.stream, f.version, f.number, f.seal) for f in Verification(exported=folder, **which).findings()]
