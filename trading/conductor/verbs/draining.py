"""Draining: the whole backlog is tried at once, since an operator asked for it."""

from datetime import datetime

from trading.conductor.verbs.refusal import Refused
from trading.ledger.backlog import BackloggedEvent, drain


def drain_now(*, now: datetime) -> str:
    """Append what the event store takes, and return what came of it. Raises Refused where any event stays."""
    drained = drain(now=now, regardless=True)
    told = f"{drained.groups} groups of events were appended, {drained.left} events stay"
    first = BackloggedEvent.objects.order_by("group", "id").first()
    if first is not None:
        raise Refused(f"{told}. The first is {first}: {first.last_error}")
    return told
