"""Locks: waiting for whoever else is about to append to a stream.

The expected version decides who wins; a lock only spares the loser its work. On SQLite a transaction that will write
is alone from its start, so there is nothing to wait for.
"""

import hashlib
from collections.abc import Collection

from django.db import connection


def lock_streams(aggregate_type: str, aggregate_ids: Collection[str]) -> None:
    """Wait until no other transaction holds one of these streams; hold them to the end of this one."""
    if connection.vendor != "postgresql" or not aggregate_ids:
        return
    keys = sorted(_key(f"{aggregate_type}-{aggregate_id}") for aggregate_id in aggregate_ids)
    with connection.cursor() as cursor:
        # Sorted, so that two that want several never wait for each other; unnest keeps the order.
        cursor.execute("SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS key", [keys])


def _key(stream: str) -> int:
    return int.from_bytes(hashlib.sha256(stream.encode()).digest()[:8], "big", signed=True)
