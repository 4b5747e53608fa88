"""Memories: both say the same, which is what the log says; each adds up; and the log is as it was recorded."""

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings

from eventstore.integrity.verifying import Verification
from eventstore.models import StoredEvent
from trading.invariants.looking import PAGE, Look
from trading.invariants.violations import Wrong, invariant
from trading.ledger.compare import Difference, behind, different_memories, different_rows, text
from trading.ledger.invariants import broken
from trading.ledger.mode import Mode
from trading.ledger.replay import KINDS, ROWLESS_KINDS


@invariant("I1", "I2")
def links_add_up(look: Look) -> Iterator[Wrong]:
    """Every share of a fill is open, covered or netted; every share of an order is covered or has a cause."""
    look.looked_at += look.trades().count() + look.orders().count()
    for each in broken(look.books, since=look.since):
        where = "manage.py rebuild_legacy, which shows what fills and orders make of it; compare_ledgers"
        yield Wrong(each.subject, f"{each.what}: {each.expected}", each.found, where)


@invariant("I8")
def memories_agree(look: Look) -> Iterator[Wrong]:
    """Legacy tables, views and replayed events say the same, cell by cell, less what waits on the backlog."""
    if look.mode is Mode.LEGACY:
        return  # There is one memory.
    kept = look.mode is Mode.DUAL or look.legacy_projection
    if look.since is None:
        look.looked_at += StoredEvent.objects.count()
        differences = different_memories(kept=kept)
    else:
        differences = _changed_since(look, look.since, kept=kept)
    for each in differences:
        yield _wrong(each)


def _changed_since(look: Look, since: datetime, *, kept: bool) -> Iterator[Difference]:
    """Hold those streams against their rows that had an event since a time."""
    waiting = behind()
    ids = _streams_since(since)
    for kind in (*KINDS, *ROWLESS_KINDS):
        ours = sorted(ids.get(kind.aggregate.aggregate_type, set()))
        look.looked_at += len(ours)
        for first in range(0, len(ours), PAGE):
            yield from different_rows(kind, ours[first : first + PAGE], waiting, kept=kept)


def _streams_since(since: datetime) -> dict[str, set[str]]:
    """Look back through the log, a page at a time, until a page is older than the time altogether."""
    found: dict[str, set[str]] = {}
    below: int | None = None
    while True:
        rows = StoredEvent.objects.all() if below is None else StoredEvent.objects.filter(number__lt=below)
        page = list(
            rows.order_by("-number").values_list("number", "aggregate_type", "aggregate_id", "recorded_at")[:PAGE]
        )
        late = [(kind, id) for _, kind, id, at in page if at >= since]
        for kind, id in late:
            found.setdefault(kind, set()).add(id)
        if not late:
            return found
        below = page[-1][0]


@invariant("I8", "I14")
def log_is_as_recorded(look: Look) -> Iterator[Wrong]:
    """Every event is as it was recorded: each fits the one before it in its stream, and its seal."""
    after = 0
    if look.since is not None:
        old = StoredEvent.objects.filter(recorded_at__lt=look.since).order_by("-number")
        after = old.values_list("number", flat=True).first() or 0
    folder = settings.SEAL_FOLDER
    exported = folder if folder and folder.is_dir() else None
    verification = Verification(after=after, exported=exported, complete_to=look.complete_to)
    for finding in verification.findings():
        subject = finding.stream or f"event {finding.number}"
        told = f"{finding.kind}: expected {finding.expected}"
        yield Wrong(f"{subject}, version {finding.version}", told, finding.found, "manage.py verify_log")
    look.looked_at += verification.counts()["events"]


def _wrong(each: Difference) -> Wrong:
    told = f"{each.what}: legacy {text(each.legacy)}, events {text(each.events)}"
    return Wrong(f"{each.kind} {each.subject}", "the same in both memories", told, "manage.py compare_ledgers")
