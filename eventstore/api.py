"""The log over HTTP: which streams there are, their events as stored, and the state of one at a version or a time."""

from itertools import islice
from typing import Any

import msgspec
from django.urls import path, reverse
from rest_framework.exceptions import APIException, NotFound, ParseError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from eventstore.aggregates import UnknownAggregateType, registered_aggregates
from eventstore.databases import Row
from eventstore.hashing import moment
from eventstore.history import (
    LARGEST_VERSION,
    CannotReplay,
    NoSuchState,
    NotATime,
    parsed_time,
    state_at,
    stream_ids,
)
from eventstore.integrity.archives import ArchiveUnreadable
from eventstore.reading import aggregate_types, head, stored_rows, time_of

FEWEST, MOST, USUAL = 1, 1000, 100


class Unreplayable(APIException):
    """The stream is there, and this program can't replay it that far."""

    status_code = 500


class MayLookAtEvents(IsAuthenticated):
    """Whoever may look at events in the admin may read them here."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return super().has_permission(request, view) and request.user.has_perm("eventstore.view_storedevent")


class LogView(APIView):
    """What is told of the log."""

    permission_classes = [MayLookAtEvents]


class Types(LogView):
    """The types of aggregates, and whether there are streams of each."""

    def get(self, request: Request) -> Response:
        stored = set(aggregate_types())
        kinds = sorted(stored | set(registered_aggregates()))
        return Response(
            {
                "types": [
                    {
                        "type": kind,
                        "has_streams": kind in stored,
                        "can_be_replayed": kind in registered_aggregates(),
                        "streams": _url(request, "streams-of-type", kind),
                    }
                    for kind in kinds
                ]
            }
        )


class Streams(LogView):
    """The streams of a type, by id; `after` is the last id of the page before."""

    def get(self, request: Request, aggregate_type: str) -> Response:
        limit, after = _limit(request), request.query_params.get("after", "")
        _refuse_nul(aggregate_type, after)
        found = stream_ids(aggregate_type, after=after, limit=limit)
        if not found and aggregate_type not in registered_aggregates() and aggregate_type not in aggregate_types():
            raise NotFound(f"no stream is of the type {aggregate_type!r}")
        return Response(
            {
                "type": aggregate_type,
                "streams": [
                    {
                        "id": one.aggregate_id,
                        "version": one.version,
                        "events": _url(request, "stream-events", aggregate_type, one.aggregate_id),
                        "state": _url(request, "stream-state", aggregate_type, one.aggregate_id),
                    }
                    for one in found
                ],
                "next_after": found[-1].aggregate_id if len(found) == limit else None,
            }
        )


class Events(LogView):
    """The events of a stream as they are stored, be it in an archive, oldest first; `after` is the last page's end."""

    def get(self, request: Request, aggregate_type: str, aggregate_id: str) -> Response:
        limit, after = _limit(request), _number(request, "after", least=0) or 0
        _refuse_nul(aggregate_type, aggregate_id)
        try:
            page = list(islice(stored_rows(aggregate_type, aggregate_id, after=after), limit))
        except ArchiveUnreadable as error:
            raise Unreplayable(str(error)) from error
        if not page and not head(aggregate_type, aggregate_id):
            raise NotFound(f"{aggregate_type}-{aggregate_id} has no events")
        return Response(
            {
                "type": aggregate_type,
                "id": aggregate_id,
                "events": [_event(row) for row in page],
                "next_after": page[-1].version if len(page) == limit else None,
            }
        )


class State(LogView):
    """A stream's state as it stands, at a `version`, or at a time (`at`)."""

    def get(self, request: Request, aggregate_type: str, aggregate_id: str) -> Response:
        version, asked = _number(request, "version", least=1), request.query_params.get("at")
        if version is not None and asked is not None:
            raise ParseError("expected `version` or `at`, found both")
        _refuse_nul(aggregate_type, aggregate_id)
        try:
            at = None if asked is None else parsed_time(asked)
            found = state_at(aggregate_type, aggregate_id, version=version, at=at)
        except NotATime as error:
            raise ParseError(f"at: {error}") from error
        except (UnknownAggregateType, NoSuchState) as error:
            raise NotFound(str(error)) from error
        except CannotReplay as error:
            raise Unreplayable(str(error)) from error
        return Response(
            {
                "type": aggregate_type,
                "id": aggregate_id,
                "version": found.version,
                "recorded_at": moment(found.recorded_at),
                "state": found.state,
            }
        )


urlpatterns = [
    path("", Types.as_view(), name="stream-types"),
    path("<str:aggregate_type>/", Streams.as_view(), name="streams-of-type"),
    path("<str:aggregate_type>/<str:aggregate_id>/events/", Events.as_view(), name="stream-events"),
    path("<str:aggregate_type>/<str:aggregate_id>/state/", State.as_view(), name="stream-state"),
]


def _event(row: Row) -> dict[str, Any]:
    return {
        "version": row.version,
        "number": row.number,
        "type": row.type,
        "schema": row.schema,
        "data": _as_stored(row.data),
        "metadata": _as_stored(row.metadata),
        "recorded_at": moment(time_of(row.recorded_at)),
        "hash": row.hash,
    }


def _as_stored(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text  # A row that someone broke is told as it is.


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
    # As many digits as the largest has, at most: int() takes its time over more.
    if text.isascii() and text.isdigit() and len(text) <= 19 and least <= int(text) <= LARGEST_VERSION:
        return int(text)
    raise ParseError(f"{name}: expected a whole number from {least}, was {text[:80]!r}")


def _refuse_nul(*texts: str) -> None:
    # PostgreSQL keeps no such text, so nothing can be found under it.
    if any("\0" in text for text in texts):
        raise NotFound("no stream has such a name")


def _url(request: Request, name: str, *args: str) -> str:
    return request.build_absolute_uri(reverse(name, args=args))
