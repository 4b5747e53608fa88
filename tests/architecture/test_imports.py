"""The architecture: one list, in the order in which data flows. A part imports only what comes before it."""

from itertools import permutations, product
from pathlib import Path

from tests.architecture.source import APPS, PROJECT, files, imports_of, module_of

PARTS = [
    "eventstore",
    "trading.values",
    "trading.fields",
    "trading.answers",
    "trading.market_hours",
    "trading.onchain_trade",
    "trading.position",
    "trading.offchain_order",
    "trading.broker_auth",
    "trading.chain",
    "trading.brokers",
    "trading.notices",
    "trading.risk",
    "trading.submission",
    "trading.growth",
    "trading.ledger",
    "trading.conductor",
    "trading.pnl",
    "trading.invariants",
    "trading.cutover",
    "trading",  # What is left of it: models, admin, management.
    "audit_trail.payloads",
    "audit_trail.ingestion",
    "audit_trail.sources",
    "audit_trail.strategies",
    "audit_trail.decisions",
    "audit_trail.executions",
    "audit_trail.days",
    "audit_trail.reports",
    "audit_trail.alerts",
    "audit_trail.invariants",
    "audit_trail",  # Likewise.
    "config.venues",
    "config",
]

AGGREGATES = ["trading.onchain_trade", "trading.position", "trading.offchain_order", "trading.broker_auth"]
ADAPTERS = ["trading.chain", "trading.brokers"]

# Parts that know nothing of each other, whatever their places in the list.
STRANGERS = {
    *permutations(AGGREGATES, 2),
    *permutations(ADAPTERS, 2),
    *product(ADAPTERS, AGGREGATES),
    # A venue and the adapter that calls it are written from the same facts, so that each checks the other.
    ("config.venues", "trading.brokers"),
    ("config.venues", "audit_trail.sources"),
    # A strategy decides on plain records; whoever gathers them from tables comes after it.
    *product(["audit_trail.strategies"], ["audit_trail.payloads", "audit_trail.ingestion", "audit_trail.sources"]),
}

# Files that decide: they can be read, tested and replayed without Django.
PURE = ("events.py", "commands.py", "aggregate.py", "gate.py")
PURE_PARTS = ("audit_trail.strategies",)


def test_a_part_imports_only_what_comes_before_it():
    assert forbidden_imports(PROJECT) == []


def test_every_import_that_is_forbidden_is_found(tmp_path):
    write(tmp_path, "eventstore/store.py", "import json\nimport trading.values")
    write(tmp_path, "trading/__init__.py", "")
    write(tmp_path, "trading/values/__init__.py", "from trading.position import Position")
    write(tmp_path, "trading/position/__init__.py", "from ..values import Shares")
    write(tmp_path, "trading/position/aggregate.py", "from django.db import models\nfrom .. import onchain_trade")
    write(tmp_path, "trading/position/view.py", "from django.db import models\nimport eventstore.store")
    write(tmp_path, "trading/onchain_trade/__init__.py", "")
    write(tmp_path, "trading/brokers/__init__.py", "def late():\n    from trading import chain, values")
    write(tmp_path, "trading/chain/__init__.py", "from trading.position.events import Initialized")
    write(tmp_path, "trading/conductor/hedger.py", "from trading.models import Row")
    write(tmp_path, "trading/models.py", "from trading.conductor import hedger")
    write(
        tmp_path,
        "trading/admin.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from audit_trail import decisions",
    )
    write(tmp_path, "trading/migrations/0001_initial.py", "import config.settings")
    write(tmp_path, "audit_trail/pages.py", "import config.settings\nimport trading.models")
    write(tmp_path, "audit_trail/payloads/__init__.py", "")
    write(tmp_path, "audit_trail/strategies/mine.py", "import django.db\nfrom audit_trail.payloads import models")
    write(tmp_path, "config/settings.py", "import audit_trail.pages")

    assert forbidden_imports(tmp_path) == [
        "audit_trail/pages.py:1 imports config.settings",
        "audit_trail/strategies/mine.py:1 imports django.db",
        "audit_trail/strategies/mine.py:2 imports audit_trail.payloads",
        "eventstore/store.py:2 imports trading.values",
        "trading/admin.py:3 imports audit_trail",
        "trading/brokers/__init__.py:2 imports trading.chain",
        "trading/chain/__init__.py:1 imports trading.position.events",
        "trading/conductor/hedger.py:1 imports trading.models",
        "trading/position/aggregate.py:1 imports django.db",
        "trading/position/aggregate.py:2 imports trading.onchain_trade",
        "trading/values/__init__.py:1 imports trading.position",
    ]


def forbidden_imports(root: Path) -> list[str]:
    return [
        f"{path.relative_to(root)}:{line} imports {name}"
        for path in files(root)
        for line, name in imports_of(path, root)
        if forbidden(path, module_of(path, root), name)
    ]


def forbidden(path: Path, importer: str, imported: str) -> bool:
    top = imported.partition(".")[0]
    if top == "django":
        return path.name in PURE or part_of(importer) in PURE_PARTS
    if top not in APPS or imported == importer.partition(".")[0]:
        return False  # A library; or the bare package around the importer, which holds nothing.
    mine, theirs = part_of(importer), part_of(imported)
    return PARTS.index(theirs) > PARTS.index(mine) or (mine, theirs) in STRANGERS


def part_of(module: str) -> str:
    """Return the longest part that the module lies in."""
    return max((part for part in PARTS if module == part or module.startswith(f"{part}.")), key=len)


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
