"""Databases of older installations, whatever their cells hold: books with the unreadable rows told, or NotReadable."""

import sqlite3
from contextlib import closing, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzing.bounds import ends_well, fuzzed
from tests.fuzzing.mutated import NUMBERS, TEXTS
from tests.support.factories import tx_hash
from tests.support.foreign import SHAPES, Foreign
from trading.cutover.foreign_books import keep_books
from trading.cutover.foreign_file import NotReadable, open_foreign
from trading.cutover.foreign_rows import LINKS, QUEUE, read
from trading.cutover.login import foreign_login
from trading.values.thresholds import ONE_SHARE

CELLS = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.sampled_from((5e-324, 1.7e308, -0.0, 1e100, 1e-100, 0.1, 2**53 + 1.0)),
    st.binary(max_size=20),
    st.sampled_from(TEXTS),
    st.sampled_from(NUMBERS),
    st.sampled_from(("BUY", "SELL", "FILLED", "PENDING", "FAILED", "AAPL0x", "tAAPL", "AAPL", "alpaca", tx_hash(1))),
    st.text(max_size=20).filter(lambda text: text.isascii() or max(text) < "\ud800" or max(text) > "\udfff"),
)


def filled(path, shape):
    old = Foreign(path, shape)
    one, two = old.trade("BUY", 0.5, n=1), old.trade("SELL", 1.25, n=2)
    order = old.order("SELL", 1, status="FILLED")
    old.order("BUY", 2, status="PENDING")
    old.position(long=0.25, short=1.0)
    for table in shape.besides:
        if f"TABLE {LINKS}" in table:
            old.link(one, order, 0.5)
            old.link(two, order, 0.25)
        if f"TABLE {QUEUE}" in table:
            old.queued(1, block=7)
    return old


def columns(path):
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [
            (table, column[1])
            for table in tables
            if not table.startswith("sqlite_")
            for column in connection.execute(f"PRAGMA table_info({table})")
        ]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A file of each shape, as bytes, with what columns it has."""
    folder = tmp_path_factory.mktemp("legacy")
    made = {}
    for name, shape in SHAPES.items():
        old = filled(folder / f"{name}.sqlite3", shape)
        with closing(sqlite3.connect(old.path)) as connection:
            # What a column holds, SQLite lets be anything; its checks are not ours.
            connection.execute("PRAGMA writable_schema = ON")
        made[name] = (old.path, columns(old.path))
    return made


@fuzzed(150)
@given(data=st.data(), name=st.sampled_from(sorted(SHAPES)))
def test_whatever_is_in_the_cells_of_an_older_file_its_books_are_kept(tmp_path_factory, files, data, name):
    path, there = files[name]
    changed = tmp_path_factory.mktemp("changed") / "old.sqlite3"
    with closing(sqlite3.connect(path)) as made, closing(sqlite3.connect(changed)) as copy:
        made.backup(copy)
        copy.execute("PRAGMA ignore_check_constraints = ON")
        for _ in range(data.draw(st.integers(1, 4))):
            table, column = there[data.draw(st.integers(0, len(there) - 1))]
            which = data.draw(st.sampled_from(("1 = 1", "rowid = 1", "rowid = 2")))
            with suppress(sqlite3.IntegrityError):  # Two rows of one key, or nothing where there must be something.
                copy.execute(f"UPDATE {table} SET {column} = ? WHERE {which}", [data.draw(CELLS)])  # noqa: S608
        copy.commit()

    ends_well(lambda: told(changed), NotReadable)
    changed.unlink()


@fuzzed(60)
@given(data=st.data(), name=st.sampled_from(sorted(SHAPES)))
def test_a_file_whose_bytes_are_damaged_is_read_or_not_readable(tmp_path_factory, files, data, name):
    with open(files[name][0], "rb") as file:
        whole = bytearray(file.read())
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + 4] = data.draw(st.binary(min_size=1, max_size=4))
    damaged = tmp_path_factory.mktemp("damaged") / "old.sqlite3"
    damaged.write_bytes(whole[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else whole)

    ends_well(lambda: told(damaged), NotReadable)
    damaged.unlink()


def told(path):
    with open_foreign(str(path)) as file:
        books, login = keep_books(read(file, broker="alpaca"), ONE_SHARE), foreign_login(file)
    return [*books.trades, *books.orders, *books.positions, *books.links, *books.bad, *books.corrections, *books.notes,
            login]  # fmt: skip
