"""The desk: what a page of the desk, a list of the admin and a page of the API cost, beside the same on few rows.

    python -m benchmarks.desk [--fills 1000000] [--decisions 1000000]

Each page is asked of the whole application, as a server would ask it, by somebody who is signed in, on PostgreSQL: once
with a thousand fills, and once with all of them, ten events to each. What is told is the median and the 95th percentile
of the server's time in milliseconds, and how many times the median has grown.
"""

import argparse
import os
import secrets
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from benchmarks.figures import say
from benchmarks.scratch import SERVER, Scratch, scratch, use
from benchmarks.stopwatch import slowness

HEAD = "| page | aim | ms | p95 | queries | times as with few rows |\n| --- | ---: | ---: | ---: | ---: | ---: |"
FEW, FEW_DECISIONS = 1_000, 20_000
ASKED_BESIDE = {"/api/v1/calls/": "&reference=submit"}
AIMS = {"desk": 300, "update": 50, "admin": 150, "api": 50}


class Page(NamedTuple):
    kind: str
    name: str
    address: str


class Took(NamedTuple):
    median: float
    p95: float
    queries: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fills", type=int, default=1_000_000, help="as many orders, and ten times as many events")
    parser.add_argument("--decisions", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=15)
    parser.add_argument("--server", default=SERVER, help="a PostgreSQL server that lets us create databases")
    options = parser.parse_args()
    os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(50))
    with scratch("postgresql", options.server) as databases:
        few = measured(databases, FEW, FEW_DECISIONS, options.times, "few")
        began = time.perf_counter()
        many = measured(databases, options.fills, options.decisions, options.times, "many")
        took = time.perf_counter() - began
        late = tell(few, many)
        rows = f"{options.fills * 10:,} events, {options.fills:,} orders, {options.decisions:,} decisions"
        say(f"\n{rows}; {took:,.0f} s. A thread that only computes took {slowness():.1f} times as long as alone.")
    sys.exit(1 if late else 0)


def measured(databases: Scratch, fills: int, decisions: int, times: int, name: str) -> dict[Page, Took]:
    databases.copy("empty", name)
    use(databases, name)
    from benchmarks import decision_rows, desk_rows

    desk_rows.fill(fills)
    decision_rows.fill(decisions)
    databases.settle()
    client = _signed_in()
    return {page: _asked(client, page, times) for page in pages()}


def pages() -> Iterator[Page]:
    """Every page of the desk that is one for all, every list of the admin, and every list of the API."""
    from django.apps import apps
    from django.contrib import admin
    from django.urls import reverse

    yield Page("desk", "the desk, first", "/")
    yield Page("desk", "failed trades", "/failed/")
    yield Page("desk", "decisions to look at", "/decisions/")
    yield Page("desk", "the story of a symbol", "/symbols/S5/")
    yield Page("desk", "the story of an order", "/orders/101/")
    yield Page("update", "the desk, an update", "/live")
    yield Page("update", "its pace", "/pace")
    yield Page("update", "its charts", "/charts")
    for model in sorted(admin.site._registry, key=lambda model: model._meta.label):
        if model._meta.app_label in ("trading", "audit_trail", "eventstore"):
            meta = apps.get_model(model._meta.label)._meta
            address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
            yield Page("admin", f"admin: {meta.verbose_name_plural}", address)
    yield from (Page("api", f"API: {path}", path) for path in _lists_of_the_api())


def _lists_of_the_api() -> list[str]:
    from drf_spectacular.generators import SchemaGenerator

    found = []
    for path, operations in SchemaGenerator().get_schema(request=None, public=True)["paths"].items():
        parameters = {each["name"]: each for each in operations.get("get", {}).get("parameters", [])}
        if "/reports/" in path:
            continue  # They are measured by benchmarks.decisions.
        if "limit" in parameters and not any(each["in"] == "path" for each in parameters.values()):
            found.append(f"{path}?limit=100{ASKED_BESIDE.get(path, '')}")
    return sorted(found)


def _signed_in() -> Any:
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client(HTTP_HOST="localhost")
    client.force_login(get_user_model()._default_manager.create_superuser("bench"))
    return client


def _asked(client: Any, page: Page, times: int) -> Took:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as asked:  # Also the first time, which fills what is kept.
        answer = client.get(page.address)
        if answer.status_code != 200:
            found = f"{answer.status_code}: {answer.getvalue()[:200]!r}"
            raise SystemExit(f"expected {page.address} to be answered with 200, found {found}")
        queries = len(asked)
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        client.get(page.address).getvalue()
        seconds.append(time.perf_counter() - began)
    return Took(1000 * statistics.median(seconds), 1000 * statistics.quantiles(seconds, n=20)[-1], queries)


def tell(few: dict[Page, Took], many: dict[Page, Took]) -> list[Page]:
    """Write the table, the slowest of each kind first, and return what took longer than its aim."""
    say(HEAD)
    order = list(AIMS)
    late = []
    for page, took in sorted(many.items(), key=lambda item: (order.index(item[0].kind), -item[1].median)):
        aim, times = AIMS[page.kind], took.median / few[page].median
        say(f"| {page.name} | {aim} | {took.median:,.1f} | {took.p95:,.1f} | {took.queries} | {times:.1f} |")
        if took.median > aim:
            late.append(page)
    return late


if __name__ == "__main__":
    main()
