"""Table samples: how large each table was at a time, so that a rate of growth is known."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import models

from trading.growth.sizes import table_sizes

WINDOW = timedelta(days=7)
"""Growth is measured against the oldest sample of this last while."""

SHORTEST = timedelta(minutes=10)
"""What grew in less is no rate."""

KEPT = timedelta(days=90)


class TableSample(models.Model):
    """A table as large as it was at a time."""

    id = models.BigAutoField(primary_key=True)
    table = models.CharField(max_length=63, db_column="table_name")
    rows = models.BigIntegerField(null=True, help_text="estimated")
    bytes = models.BigIntegerField(null=True, help_text="with its indexes")
    sampled_at = models.DateTimeField()

    class Meta:
        db_table = "table_samples"
        verbose_name = "table sample"
        constraints = [models.UniqueConstraint(fields=["sampled_at", "table"], name="table_samples_once")]

    def __str__(self) -> str:
        return f"{self.table} at {self.sampled_at}"


class TableGrowth(NamedTuple):
    """A table as large as it is now, and how much it grows in a day: none where there is no sample to measure by."""

    table: str
    rows: int | None
    bytes: int | None
    rows_per_day: int | None
    bytes_per_day: int | None
    since: datetime | None


def take_samples(*, at: datetime) -> int:
    """Note how large each table is, and forget what is older than is kept. Return how many tables there are."""
    found = table_sizes()
    TableSample.objects.bulk_create(
        [TableSample(table=one.table, rows=one.rows, bytes=one.bytes, sampled_at=at) for one in found],
        ignore_conflicts=True,  # Another process may take samples at the same moment.
    )
    TableSample.objects.filter(sampled_at__lt=at - KEPT).delete()
    return len(found)


def table_growth(*, now: datetime) -> list[TableGrowth]:
    """Tell how large each table is, the largest first, and how fast it grows."""
    samples = TableSample.objects.filter(sampled_at__gte=now - WINDOW, sampled_at__lte=now - SHORTEST)
    since = samples.order_by("sampled_at").values_list("sampled_at", flat=True).first()
    then = {} if since is None else {one.table: one for one in TableSample.objects.filter(sampled_at=since)}
    growth = []
    for size in table_sizes():
        before = then.get(size.table)
        if since is None or before is None:
            growth.append(TableGrowth(size.table, size.rows, size.bytes, None, None, None))
            continue
        elapsed = now - since
        rows, space = _per_day(before.rows, size.rows, elapsed), _per_day(before.bytes, size.bytes, elapsed)
        growth.append(TableGrowth(size.table, size.rows, size.bytes, rows, space, since))
    return growth


def _per_day(before: int | None, now: int | None, elapsed: timedelta) -> int | None:
    return None if before is None or now is None else (now - before) * timedelta(days=1) // elapsed
