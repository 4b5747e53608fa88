"""Growth: sizes that nothing is counted for, rates since an earlier sample, and a disk that runs full."""

import json
from collections import namedtuple
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection
from django.utils import timezone

from config import housekeeping
from config.environment import SettingError, least_free_disk
from config.schedules import SCHEDULES
from eventstore.store import append
from tests.eventstore.samples import AT, deposits
from tests.support import factories as make
from tests.support.factories import NOON
from trading.growth import disk, samples
from trading.growth.disk import Disk, database_folder, disk_of, watch_disk
from trading.growth.samples import TableSample, table_growth, take_samples
from trading.growth.sizes import TableSize, database_bytes, table_sizes
from trading.notices.models import Notice

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def sized(monkeypatch):
    """Let the tables be as large as a test says."""

    def sized(**tables):
        found = [TableSize(table, *size) for table, size in tables.items()]
        monkeypatch.setattr(samples, "table_sizes", lambda: found)

    return sized


def test_every_table_has_a_size():
    append(deposits("A", *range(1, 301)), at=AT)

    found = {one.table: one for one in table_sizes()}

    assert set(connection.introspection.table_names()) - set(found) == set()
    if connection.vendor == "sqlite":
        assert found["events"].rows == 300
    assert found["events"].bytes >= 300 * 200
    assert found["events"].bytes < database_bytes()
    assert [one.bytes for one in table_sizes()] == sorted((one.bytes for one in table_sizes()), reverse=True)


def test_sizes_take_no_count(django_assert_num_queries):
    with django_assert_num_queries(200, exact=False) as queries:
        table_sizes()

    assert [query["sql"] for query in queries if "count(" in query["sql"].lower()] == []


def test_a_sqlite_that_cant_tell_of_space_tells_of_rows():
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL always tells")

    def refuse(execute, sql, *rest):
        if "dbstat" in sql:
            raise OperationalError("no such table: dbstat")
        return execute(sql, *rest)

    with connection.execute_wrapper(refuse):
        found = table_sizes()

    assert {one.bytes for one in found} == {None}
    assert found[0].rows > 0


def test_growth_is_a_days_and_measured_since_the_oldest_sample_of_a_week(sized):
    for days, rows in [(8, 0), (4, 1000), (2, 1200)]:
        sized(events=(rows, rows * 100), notices=(5, None))
        take_samples(at=NOON - days * DAY)
    sized(events=(1400, 140_001), notices=(3, 8192), fresh=(1, 1))

    since = NOON - 4 * DAY
    assert table_growth(now=NOON) == [
        ("events", 1400, 140_001, 100, 10_000, since),
        # What was not known then, or was not there, has no rate.
        ("notices", 3, 8192, -1, None, since),
        ("fresh", 1, 1, None, None, None),
    ]


def test_a_sample_of_this_very_moment_gives_no_rate(sized):
    sized(events=(1000, 1000))
    take_samples(at=NOON)

    assert table_growth(now=NOON + timedelta(minutes=9)) == [("events", 1000, 1000, None, None, None)]
    assert table_growth(now=NOON + timedelta(minutes=10))[0].rows_per_day == 0


def test_old_samples_are_forgotten(sized):
    sized(events=(1, 1))
    for days in (91, 90, 1):
        take_samples(at=NOON - days * DAY)
    take_samples(at=NOON)
    take_samples(at=NOON)

    kept = TableSample.objects.order_by("sampled_at").values_list("sampled_at", flat=True)
    assert list(kept) == [NOON - 90 * DAY, NOON - DAY, NOON]


def test_the_command_shows_tables_as_lines_and_as_json():
    make.table_sample(table="events", rows=0, bytes=0, sampled_at=timezone.now() - DAY)
    append(deposits("A", *range(1, 301)), at=AT)

    lines, told = StringIO(), StringIO()
    call_command("table_sizes", stdout=lines)
    call_command("table_sizes", "--json", stdout=told)

    table = {line.split("\t")[0]: line.split("\t")[1:] for line in lines.getvalue().splitlines()}
    assert table["table"] == ["rows", "bytes", "rows a day", "bytes a day"]
    assert table["notices"][2:] == ["unknown", "unknown"]
    told = json.loads(told.getvalue())
    events = next(one for one in told["tables"] if one["table"] == "events")
    assert events["bytes"] >= events["bytes_per_day"] > 0.9 * events["bytes"]
    assert told["database_bytes"] > events["bytes"]
    assert told["disk"]["total_bytes"] > 0


def test_the_command_shows_a_table_on_a_terminal():
    class Terminal(StringIO):
        def isatty(self):
            return True

    out = Terminal()
    call_command("table_sizes", stdout=out)

    assert "not known yet" in out.getvalue()
    assert "is free under" in out.getvalue()


@pytest.mark.parametrize(
    ("free", "least", "enough"),
    [
        (100, "10", True),  # At the share there is enough.
        (99, "10", False),
        (0, "0.1", False),
        (999, "99.9", True),
    ],
)
def test_when_free_space_is_enough(free, least, enough):
    assert Disk("/data", 1000, free).has_free(Decimal(least)) is enough


@pytest.fixture
def full(monkeypatch):
    def full(free):
        usage = namedtuple("usage", "total used free")
        monkeypatch.setattr(disk.shutil, "disk_usage", lambda folder: usage(1000 * 2**20, 0, free * 2**20))

    return full


def test_a_disk_that_runs_full_is_a_notice_until_it_has_room_again(full):
    full(99)
    for minutes in (0, 5):
        watch_disk(least_percent=Decimal(10), at=NOON + timedelta(minutes=minutes))

    notice = Notice.objects.get()
    assert (notice.kind, notice.times, notice.closed_at) == ("disk_space", 2, None)
    assert notice.subject == str(database_folder())[-120:]
    assert f"expected at least 10% of the disk under {database_folder()} to be free, found 9.9% (99 MiB of 1000)" in (
        notice.text
    )

    full(100)
    watch_disk(least_percent=Decimal(10), at=NOON + timedelta(hours=1))

    notice.refresh_from_db()
    assert notice.closed_at == NOON + timedelta(hours=1)


def test_a_disk_with_room_is_no_notice(full):
    full(500)

    assert watch_disk(least_percent=Decimal(10), at=NOON).free_percent == Decimal(50)
    assert not Notice.objects.exists()


def test_the_disk_of_the_database_is_looked_at():
    folder = database_folder()

    assert disk_of(folder).total_bytes > disk_of(folder).free_bytes > 0
    if connection.vendor == "sqlite":
        assert folder == Path(connection.settings_dict["NAME"]).parent


@pytest.mark.parametrize("elsewhere", [None, Path("/no/such/folder")])
def test_where_the_data_of_a_server_cant_be_seen_it_is_our_own_disk(elsewhere, monkeypatch):
    if connection.vendor != "postgresql":
        pytest.skip("a SQLite file is always here")
    monkeypatch.setattr(disk, "_postgresql_folder", lambda: elsewhere)

    assert database_folder() == settings.BASE_DIR


@pytest.mark.parametrize("text", ["10", "0%", "100%", "-1%", "ten%", "1.2345%"])
def test_a_share_that_is_none_is_refused(text):
    with pytest.raises(SettingError, match="LEAST_FREE_DISK is not valid"):
        least_free_disk({"LEAST_FREE_DISK": text})


def test_a_share_is_read():
    assert least_free_disk({}) == Decimal(10)
    assert least_free_disk({"LEAST_FREE_DISK": "2.5%"}) == Decimal("2.5")


def test_the_schedules_call_what_is_there(full):
    full(1)
    functions = {one.name: one.function for one in SCHEDULES}

    assert functions["table_samples"] == "config.housekeeping.sample_tables"
    assert functions["disk_space"] == "config.housekeeping.look_at_disk"
    assert housekeeping.sample_tables() == TableSample.objects.count() > 30
    assert housekeeping.look_at_disk().startswith("0.1% free under ")
    assert Notice.objects.get().kind == "disk_space"
