"""Calls over HTTP: those of an order or a run in the order in which they were made, and one with all that was said."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.urls import path, reverse
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from audit_trail.payloads.answers import CALL, WHOLE_CALL, CallsSerializer, WholeCallSerializer
from audit_trail.payloads.models import ApiCallLog, ApiPayload
from audit_trail.payloads.queries import Calls, calls, of_reference, of_run
from eventstore.hashing import moment
from eventstore.rest.parameters import LARGEST, LIMIT, Parameter, limit, number
from eventstore.rest.views import ApiView


class CallsView(ApiView):
    """The calls that were made for a `reference` or a `run`; `after` is the last id of the page before."""

    scope, right = "calls", "audit_trail.view_apicalllog"
    answer, example = CallsSerializer, {"calls": [CALL], "next_after": None}

    def parameters(self) -> Mapping[str, Parameter]:
        return {
            "reference": Parameter({"type": "string", "minLength": 1}, "our id of an order, or a purpose"),
            "run": Parameter({"type": "string", "format": "uuid"}, "an ingestion run; either this or `reference`"),
            "limit": LIMIT,
            "after": Parameter({"type": "integer", "minimum": 0, "maximum": LARGEST}, "the next_after before"),
        }

    def get(self, request: Request) -> Response:
        size, after = limit(request), number(request, "after", least=0) or 0
        page = list(_asked_for(request).filter(id__gt=after)[:size])
        return Response(
            {
                "calls": [_call(request, row) for row in page],
                "next_after": page[-1].id if len(page) == size else None,
            }
        )


class CallView(ApiView):
    """A call with its payloads, headers and bodies and all, secrets taken out."""

    scope, right = "calls", "audit_trail.view_apicalllog"
    more_needs = [("payloads", "audit_trail.view_apipayload")]
    answer, example, path_texts = WholeCallSerializer, WHOLE_CALL, {"call": "its id"}

    def get(self, request: Request, call: int) -> Response:
        row = calls().defer(None).filter(id=call).first() if call <= LARGEST else None
        if row is None:
            raise NotFound(f"there is no call {call}")
        return Response(_call(request, row, whole=True))


urlpatterns = [
    path("", CallsView.as_view(), name="calls"),
    path("<int:call>/", CallView.as_view(), name="call"),
]


def _asked_for(request: Request) -> Calls:
    reference, run = request.query_params.get("reference"), request.query_params.get("run")
    if (reference is None) == (run is None):
        raise ParseError("expected `reference` (our id of an order, or a purpose) or `run`, found both or none")
    if run is not None:
        try:
            return of_run(run=UUID(run))
        except ValueError:
            raise ParseError(f"run: expected a UUID, was {run[:80]!r}") from None
    if "\0" in (reference or ""):
        raise NotFound("no call has such a reference")  # PostgreSQL keeps no such text.
    return of_reference(reference=reference or "")


def _call(request: Request, row: ApiCallLog, *, whole: bool = False) -> dict[str, Any]:
    return {
        "id": row.id,
        "source": row.source,
        "method": row.method,
        "endpoint": row.endpoint,
        "reference": row.reference,
        "purpose": row.purpose,
        "run": None if row.run_id is None else str(row.run_id),
        "sent_at": moment(row.sent_at),
        "ended_at": None if row.ended_at is None else moment(row.ended_at),
        "http_status_code": row.http_status_code,
        "duration_ms": row.duration_ms,
        "rate_limit_remaining": row.rate_limit_remaining,
        "correlation_id": row.correlation_id,
        "error": row.error,
        "request": _payload(row.request_payload, whole=whole),
        "response": None if row.response_payload is None else _payload(row.response_payload, whole=whole),
        "url": request.build_absolute_uri(reverse("call", args=[row.id])),
    }


def _payload(row: ApiPayload, *, whole: bool) -> dict[str, Any]:
    told = {
        "id": row.id,
        "captured_at": moment(row.captured_at),
        "size_bytes": row.size_bytes,
        "secrets": row.secrets,
        "truncated": row.truncated,
        "sha256": row.sha256,
        "purged_at": None if row.purged_at is None else moment(row.purged_at),
    }
    # The body is text, as JSON it would lose how its numbers were written.
    if not whole:
        return told
    return told | {"headers": json.loads(row.headers), "encoding": row.text_encoding, "body": row.text}
