"""The pages of the admin that a run of the demo leaves without rows, each with the reason."""

import contextlib
import sqlite3
from pathlib import Path

from django.urls import resolve

from config.admin_site import UNFOLD

WITHOUT_ROWS = {
    "trading.SchwabAuthView": "only Schwab has logins, and hedges go to the dry run: see demo --broker schwab",
    "trading.BrokerLogin": "only Schwab has logins, and hedges go to the dry run: see demo --broker schwab",
    "trading.BrokerToken": "only Schwab has tokens, and hedges go to the dry run: see demo --broker schwab",
    "trading.Sending": "only at Schwab an order on its way is a row, since it knows no ids of ours",
    "trading.BrokerPause": "no broker asks for fewer calls: see demo --broker alpaca --faults 7:0.1",
    "trading.AuthNote": "notes of logins wait for the event store, which took all at once",
    "trading.BackloggedEvent": "events wait here for an event store that does not take them, and it takes all",
    "eventstore.Projection": "every view is written with its events: none catches up with the log",
    "eventstore.EventArchive": "a day is too young to be archived",
    "django_q.OrmQ": "the demo does what is scheduled by itself, without qcluster",
    "django_q.Success": "the demo does what is scheduled by itself, without qcluster",
    "django_q.Failure": "the demo does what is scheduled by itself, without qcluster",
    "axes.AccessLog": "nobody has logged in, until somebody looks at the pages",
    "axes.AccessAttempt": "nobody has mistaken a password",
}
AT_TIMES = {
    "trading.Exposure": "stands here until it is hedged, and in the end all is",
    "trading.SymbolLock": "a symbol is locked while its order is under way",
    "trading.SymbolWait": "a symbol waits from a refusal of the broker's to its next fill",
    "trading.Absence": "stands here while an order that went into silence is looked for",
    "trading.MovedFill": "a fill stands here until its profit is computed",
    "trading.HoldingCheck": "holdings are looked at once a minute, and a run may be shorter",
}


def pages_without_rows(file: Path) -> set[str]:
    """Look into a database for the tables of the sidebar's pages, and name those that are empty."""
    tables = {}
    for group in UNFOLD["SIDEBAR"]["navigation"]:
        for item in group["items"]:
            if model_admin := getattr(resolve(str(item["link"])).func, "model_admin", None):
                tables[model_admin.model._meta.label] = model_admin.model._meta.db_table
    with contextlib.closing(sqlite3.connect(file)) as books:
        return {
            label
            for label, table in tables.items()
            if not books.execute(f'SELECT 1 FROM "{table}" LIMIT 1').fetchone()  # noqa: S608 (names of ours)
        }
