"""Calls over HTTP: those of an order or a run in the order in which they were made, and one with all that was said."""

import json
from typing import Any
from uuid import UUID

from django.urls import path, reverse
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit_trail.payloads.models import ApiCallLog, ApiPayload
from audit_trail.payloads.queries import Calls, calls, of_reference, of_run
from eventstore.hashing import moment

FEWEST, MOST, USUAL = 1, 1000, 100
LARGEST = 2**63 - 1


class MayLookAtCalls(IsAuthenticated):
    """Whoever may look at calls in the admin may read them here."""

    right = "audit_trail.view_apicalllog"

    def has_permission(self, request: Request, view: APIView) -> bool:
        return super().has_permission(request, view) and request.user.has_perm(self.right)


class MayLookAtPayloads(MayLookAtCalls):
    """Whoever may look at payloads."""

    right = "audit_trail.view_apipayload"


class CallsView(APIView):
    """The calls that were made for a `reference` or a `run`; `after` is the last id of the page before."""

    permission_classes = [MayLookAtCalls]

    def get(self, request: Request) -> Response:
        limit, after = _limit(request), _number(request, "after", least=0) or 0
        page = list(_asked_for(request).filter(id__gt=after)[:limit])
        return Response(
            {
                "calls": [_call(request, row) for row in page],
                "next_after": page[-1].id if len(page) == limit else None,
            }
        )


class CallView(APIView):
    """A call with its payloads, headers and bodies and all."""

    permission_classes = [MayLookAtCalls, MayLookAtPayloads]

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


def _limit(request: Request) -> int:
    limit = _number(request, "limit", least=FEWEST)
    if limit is None:
        return USUAL
    if limit > MOST:
        raise ParseError(f"limit: expected a whole number from {FEWEST} to {MOST}, was {limit}")
    return limit


def _number(request: Request, name: str, *, least: int) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 19 and least <= int(text) <= LARGEST:
        return int(text)
    raise ParseError(f"{name}: expected a whole number from {least}, was {text[:80]!r}")
