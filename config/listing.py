"""Listing: rows with a header, a line each and tabs between, for eyes and for `cut`."""

from collections.abc import Iterable, Sequence

from django.core.management.base import OutputWrapper


def list_rows(out: OutputWrapper, header: Sequence[str], rows: Iterable[Sequence[str | None]]) -> int:
    """Write the rows, and a header above them if there is any. Return how many there were."""
    count = 0
    for row in rows:
        if not count:
            out.write("\t".join(header))
        out.write("\t".join("none" if cell is None else str(cell) for cell in row))
        count += 1
    return count
