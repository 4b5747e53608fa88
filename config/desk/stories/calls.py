"""Calls: what was said with a broker about an order, request and response side by side, as it is stored."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from audit_trail.payloads.bodies import Body, told_body
from audit_trail.payloads.models import ApiCallLog, ApiPayload
from config.desk.stories.entries import BAD, WARN, Entry, Link, model_link, row_link, sentence

SHOWN_FIRST = SHOWN_LAST = 10
BY_THEIR_ID = ("report", "cancel", "report of a replacement")
"""What is asked for under the broker's id of an order alone, so that its address tells which order it is about."""

LOOKED_THROUGH = 2000
"""So many calls of these purposes are looked through after an order was sent; later ones about it are in the admin."""
REFUSED, NOT_FOUND = 400, 404


class Said(NamedTuple):
    """A payload as it is shown."""

    link: Link
    body: Body


class Call(NamedTuple):
    row: ApiCallLog
    link: Link
    request: Said
    response: Said | None

    @property
    def is_bad(self) -> bool:
        """It was refused or had no answer; that something is not there when it is looked for is neither."""
        status = self.row.http_status_code or 0
        found_none = self.row.method == "GET" and status == NOT_FOUND
        return self.row.error is not None or (status >= REFUSED and not found_none)

    @property
    def outcome(self) -> str:
        return outcome_of(self.row)


class Calls(NamedTuple):
    """The first and the last calls: an order that waits for long is asked about often."""

    shown: Sequence[Call]
    left_out: int
    """How many there are in between; all of them are in the admin."""


def calls_about(references: Iterable[str], broker_orders: Collection[str] = ()) -> Calls:
    """The calls that were made for orders, under our ids of them or the broker's, with their bodies; few statements."""
    rows = ApiCallLog.objects.filter(reference__in=sorted(references))
    first, last = list(rows.order_by("pk").values_list("pk", flat=True)[: SHOWN_FIRST + SHOWN_LAST + 1]), []
    named = len(first)
    if named > SHOWN_FIRST + SHOWN_LAST:
        last, named = list(rows.order_by("-pk").values_list("pk", flat=True)[:SHOWN_LAST]), rows.count()
    theirs = _under_their_ids(broker_orders, since=first[0]) if first and broker_orders else []
    keys, total = sorted({*first, *last, *theirs}), named + len(theirs)
    if total > SHOWN_FIRST + SHOWN_LAST:
        keys = [*keys[:SHOWN_FIRST], *keys[-SHOWN_LAST:]]
    whole = ApiCallLog.objects.filter(pk__in=keys).select_related("request_payload", "response_payload")
    return Calls([_call(row) for row in whole.order_by("pk")], total - len(keys))


def _under_their_ids(broker_orders: Collection[str], *, since: int) -> list[int]:
    """The calls whose address ends with one of the broker's ids, of those that were made after an order was sent."""
    ends = tuple(f"/{name}" for name in broker_orders)
    rows = ApiCallLog.objects.filter(reference__in=BY_THEIR_ID, pk__gt=since).order_by("pk")
    return [key for key, endpoint in rows.values_list("pk", "endpoint")[:LOOKED_THROUGH] if endpoint.endswith(ends)]


def made(calls: Calls, *, with_bodies: bool) -> list[Entry]:
    """Each call as an entry, which leads to what was said."""
    return [
        Entry(
            at=call.row.sent_at,
            kind="call",
            sentence=f"We called {call.row.source} ({call.row.purpose}): {sentence(told_call(call.row))}",
            links=(Link("what was said", f"#call-{call.row.pk}"), call.link) if with_bodies else (call.link,),
            tone=WARN if call.row.http_status_code is not None and call.is_bad else BAD if call.is_bad else "",
        )
        for call in calls.shown
    ]


def refusal_in(calls: Calls | None) -> Call | None:
    """The last call that was refused or had no answer, of those that asked for more than a look if there are any."""
    bad = [call for call in calls.shown if call.is_bad] if calls is not None else []
    asking = [call for call in bad if call.row.method != "GET"]
    return next(reversed(asking or bad), None)


def told_call(row: ApiCallLog) -> str:
    return f"{row.method} {row.endpoint} {outcome_of(row)}"


def outcome_of(row: ApiCallLog) -> str:
    if row.ended_at is None:
        return "has no end: it is under way, or we died while it was"
    if row.error is not None:
        return f"had no answer: {row.error}"
    took = "" if row.duration_ms is None else f" in {row.duration_ms} ms"
    return f"was answered with HTTP {row.http_status_code}{took}"


def payload_link(key: object) -> Link:
    return model_link("audit_trail.apipayload", key, f"payload {key}")


def _call(row: ApiCallLog) -> Call:
    response = row.response_payload
    return Call(
        row=row,
        link=row_link(row, f"call {row.pk}"),
        request=_said(row.request_payload),
        response=None if response is None else _said(response),
    )


def _said(payload: ApiPayload) -> Said:
    return Said(payload_link(payload.pk), told_body(payload))
