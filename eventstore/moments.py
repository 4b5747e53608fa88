"""Moments: reading many rows of many tables as they were at one of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def one_moment(*, kept_in_place: Sequence[str] = ()) -> Iterator[None]:
    """Read all as of one moment, beside commits under way, and hold none of them up; nothing can be written.

    `kept_in_place` are tables that another process might swap for others meanwhile. A transaction of the caller's is
    left as it is: whoever opened it knows what it holds.
    """
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            if kept_in_place:
                # Before the moment begins: a view that is swapped in after it would seem to be empty.
                tables = ", ".join(map(connection.ops.quote_name, kept_in_place))
                cursor.execute(f"LOCK TABLE {tables} IN ACCESS SHARE MODE")
            yield
    else:
        with connection.cursor() as cursor:
            # Django would begin with the write lock.
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
