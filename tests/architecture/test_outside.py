"""Time, chance and names come from outside: what reads a clock or draws a number by itself can't be played again."""

import ast
from pathlib import Path

from tests.architecture.source import PROJECT, files

# Whose answer is another each time.
DRAWN = (
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"),
    *("uuid.uuid1", "uuid.uuid4", "os.urandom", "get_random_bytes", "get_random_string"),
)
MODULES = ("random", "secrets")
NOW = ("timezone.now", "timezone.localdate", "timezone.localtime")

# The seams: what is drawn there goes into nothing that a decision rests on, or can be given by whoever calls.
SEAMS = {
    "trading/chain/transports.py": {"time.time"},  # A Retry-After that is a date, counted from the socket's own time.
    "trading/chain/node.py": {"random.random"},  # The default of a retry policy's jitter.
    "trading/conductor/poller.py": {"random.random"},  # The default of its jitter.
    "trading/conductor/processes.py": {"secrets.token_hex"},  # The name of a process.
    "trading/conductor/verbs/forms.py": {"secrets.token_urlsafe"},  # The name of a request of a page.
    "trading/ledger/mode.py": {"secrets.choice"},  # The installation's mark, drawn once.
    "trading/broker_auth/keys.py": {"get_random_bytes"},  # What a token is sealed with.
    "eventstore/access/tokens.py": {"secrets.choice", "secrets.token_urlsafe"},  # The tokens of the API.
    # The names of rows, which nothing is decided by.
    "audit_trail/days/models.py": {"uuid.uuid4"},
    "audit_trail/decisions/models.py": {"uuid.uuid4"},
    "audit_trail/executions/models.py": {"uuid.uuid4"},
    "audit_trail/ingestion/models.py": {"uuid.uuid4"},
    # What compares or makes secrets of the web's own.
    "config/monitoring/pages.py": {"secrets.compare_digest"},
    "config/management/commands/broker_auth.py": {"secrets.token_urlsafe"},
    # Stand-ins: the secrets of a demonstration, and what is drawn by a number that is given, as by a real clock or one.
    "config/demo/account.py": {"secrets.token_urlsafe"},
    "config/demo/evm.py": {"time.time"},
    "config/demo/installation.py": {"secrets.token_urlsafe", "secrets.token_hex"},
    "config/demo/oracle.py": {"random.Random"},
    "config/demo/scenarios.py": {"random.Random"},
    "config/demo/serve.py": {"secrets.token_urlsafe"},
    "config/venues/clock.py": {"datetime.now"},
    "config/venues/faults.py": {"random.Random"},
    # A stand-in's own series of names, told apart by when it began.
    "config/management/commands/venue.py": {"datetime.now"},
}
# The edges: where a person, a schedule or a page asks, the time is read once, and handed down.
EDGES = (
    *("config/", "/management/commands/"),
    *("admin.py", "api.py", "pages.py", "authentication.py"),
    "audit_trail/ingestion/running.py",  # The default of a clock that is given.
)


def drawn_in(path: Path) -> list[tuple[int, str]]:
    """The lines at which something is named that is another each time."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        name = ast.unparse(node) if isinstance(node, ast.Attribute | ast.Name) else ""
        if any(name == each or name.endswith(f".{each}") for each in (*DRAWN, *NOW)) or (
            name.startswith(tuple(f"{module}." for module in MODULES)) and isinstance(node, ast.Attribute)
        ):
            found.append((node.lineno, name))
        if isinstance(node, ast.ImportFrom) and (
            node.module in MODULES or (node.module == "uuid" and any(n.name in ("uuid1", "uuid4") for n in node.names))
        ):
            found.append((node.lineno, f"from {node.module}"))
    return found


def refused(path: Path, root: Path = PROJECT) -> list[str]:
    place = path.relative_to(root).as_posix()
    at_an_edge = place.startswith(EDGES[0]) or any(edge in f"/{place}" for edge in EDGES[1:])
    return [
        f"{place}:{line} reads {name}"
        for line, name in drawn_in(path)
        if name not in SEAMS.get(place, set()) and not (at_an_edge and name.endswith(NOW))
    ]


def test_nothing_reads_a_clock_or_draws_by_itself_but_the_named_seams():
    assert [line for path in files() for line in refused(path)] == []


def test_every_seam_is_still_one():
    read = {path.relative_to(PROJECT).as_posix(): {name for _, name in drawn_in(path)} for path in files()}

    assert {
        place: names - read.get(place, set()) for place, names in SEAMS.items() if names - read.get(place, set())
    } == {}


def test_what_draws_by_itself_is_found(tmp_path):
    source = tmp_path / "trading" / "drawing.py"
    source.parent.mkdir()
    source.write_text(
        "import random, time, uuid\nfrom secrets import token_hex\nfrom django.utils import timezone\n"
        "def f(at=timezone.now):\n    return random.choice([time.time(), uuid.uuid4()])\n"
    )

    assert refused(source, tmp_path) == [
        f"trading/drawing.py:{line} reads {name}"
        for line, name in [
            *((2, "from secrets"), (4, "timezone.now"), (5, "random.choice"), (5, "time.time"), (5, "uuid.uuid4")),
        ]
    ]
