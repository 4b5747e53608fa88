"""Checks of what is on record: the calls to the broker with their answers, and what an operator was told."""

from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

from audit_trail.payloads.models import ApiCallLog
from config.demo.steps import Outcome
from config.demo.world import World, rows
from trading.notices.models import open_notices

LOGIN = "authorize"
"""What the operator's browser asks, and not we."""


def every_call_is_on_record(world: World) -> Iterator[str]:
    """Every call that reached the broker is on record, and no call is that did not."""
    there = Counter((one.method, one.path) for one in world.broker.requests() if one.call != LOGIN)
    here = Counter(
        (row.method, urlsplit(row.endpoint).path) for row in ApiCallLog.objects.filter(source=world.broker.name)
    )
    for method, path in sorted(there.keys() | here.keys()):
        if there[method, path] != here[method, path]:
            yield f"{method} {path}: {there[method, path]} reached the broker, {here[method, path]} are on record"


def every_order_has_its_request_and_answer(world: World) -> Iterator[str]:
    """Every hedge that was sent over the network has its request on record, with the answer, or why none came."""
    if not world.broker.requests():
        return
    for memory, books in world.memories().items():
        for order in rows(books.links.orders).exclude(broker_order_id=None):
            calls = ApiCallLog.objects.filter(reference=order.client_order_id, purpose="submit", method="POST")
            if not calls:
                yield f"{memory}, order {order.pk} has no request on record"
            for call in calls:
                if call.ended_at is None or (call.response_payload is None and not call.error):
                    yield f"{memory}, order {order.pk}: call {call.pk} has no answer, and no word why"
            if sum(call.http_status_code in (200, 201) for call in calls) > 1:
                yield f"{memory}, order {order.pk} was taken more than once"


def operators_are_told_of_what_is_meant(world: World) -> Iterator[str]:
    """The open notices are of what the market did on purpose, and of nothing else."""
    meant = {
        ("parked_log", f"{one.tx_hash}:{one.log_index}")
        for one in world.market.expected()
        if one.outcome is Outcome.PARKED
    }
    found = {(notice.kind, notice.subject): notice for notice in open_notices()}
    for kind, subject in sorted(meant - found.keys()):
        yield f"expected a notice {kind} of {subject}, was none"
    for name in sorted(found.keys() - meant):
        yield f"{found[name]}: {found[name].text}"


RECORD_CHECKS = (
    every_call_is_on_record,
    every_order_has_its_request_and_answer,
    operators_are_told_of_what_is_meant,
)
