"""Disk: how much of the file system that holds the database is free, and a notice while that is too little."""

import shutil
from datetime import datetime
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import structlog
from django.conf import settings
from django.db import connection

from trading.notices.models import close_notice, open_notice

log = structlog.get_logger(__name__)

KIND = "disk_space"


class Disk(NamedTuple):
    """A file system, by a folder on it."""

    folder: str
    total_bytes: int
    free_bytes: int

    def has_free(self, percent: Decimal) -> bool:
        return self.free_bytes * 100 >= percent * self.total_bytes

    @property
    def free_percent(self) -> Decimal:
        """Rounded down to a tenth."""
        return Decimal(self.free_bytes * 1000 // max(self.total_bytes, 1)).scaleb(-1)


def watch_disk(*, least_percent: Decimal, at: datetime) -> Disk:
    """Look how much is free where the database lies; tell the operator while that is less than a share of it."""
    disk = disk_of(database_folder())
    if disk.has_free(least_percent):
        close_notice(KIND, disk.folder[-120:], at=at)
        return disk
    log.warning("Disk space is short", folder=disk.folder, free_percent=str(disk.free_percent))
    open_notice(
        KIND,
        disk.folder[-120:],
        f"expected at least {least_percent}% of the disk under {disk.folder} to be free, found {disk.free_percent}% "
        f"({disk.free_bytes // 2**20} MiB of {disk.total_bytes // 2**20}). Nothing can be booked once it is full: "
        "make room, or move the database to a larger disk; `manage.py table_sizes` tells what grows",
        at=at,
    )
    return disk


def disk_of(folder: Path) -> Disk:
    usage = shutil.disk_usage(folder)
    return Disk(str(folder), usage.total, usage.free)


def database_folder() -> Path:
    """The folder of the SQLite file, or of PostgreSQL's data where that is on this machine and it says so.

    Else it is the project's own, whose disk is the only one that can be looked at from here.
    """
    if connection.vendor == "sqlite":
        return Path(str(connection.settings_dict["NAME"])).resolve().parent
    found = _postgresql_folder()
    return found if found is not None and _is_there(found) else Path(settings.BASE_DIR)


def _postgresql_folder() -> Path | None:
    with connection.cursor() as cursor:
        # The view leaves the row out for users who may not see it, where SHOW would raise an error.
        cursor.execute(
            "SELECT host(inet_server_addr()), (SELECT setting FROM pg_settings WHERE name = 'data_directory')"
        )
        address, folder = cursor.fetchone()
    is_here = address is None or ip_address(address).is_loopback
    return Path(folder) if is_here and folder else None


def _is_there(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except OSError:
        return False  # A folder that we may not look into.
