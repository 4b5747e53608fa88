"""The log over HTTP: which streams there are, their events as stored, and the state of one at a version or a time."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

import msgspec
from django.urls import path, reverse
from rest_framework.exceptions import APIException, NotFound, ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from eventstore import answers
from eventstore.aggregates import UnknownAggregateType, registered_aggregates
from eventstore.databases import Row
from eventstore.events import name_of
from eventstore.hashing import moment
from eventstore.history import (
    LARGEST_VERSION,
    CannotReplay,
    NoSuchState,
    NotATime,
    parsed_time,
    state_at,
    stream_ids,
    timeline,
)
from eventstore.integrity.archives import ArchiveUnreadable
from eventstore.reading import aggregate_types, head, stored_rows, time_of
from eventstore.rest.parameters import LIMIT, Parameter, limit, number
from eventstore.rest.views import ApiView

AFTER = Parameter({"type": "integer", "minimum": 0, "maximum": LARGEST_VERSION}, "the next_after of the page before")
STREAM = {"aggregate_type": "as Position", "aggregate_id": "as AAPL"}
EXAMPLE = {"type": "Position", "id": "AAPL"}
AT = "2026-03-02T14:30:02.104233Z"
FILLED = {"symbol": "AAPL", "side": "BUY", "shares": "1.5"}


class Unreplayable(APIException):
    """The stream is there, and this program can't replay it that far."""

    status_code = 500


class LogView(ApiView):
    """What is told of the log."""

    scope, right = "events", "eventstore.view_storedevent"


class StreamTypesView(LogView):
    """The types of aggregates, and whether there are streams of each."""

    answer = answers.TypesSerializer
    example = {
        "types": [
            {
                "type": "Position",
                "has_streams": True,
                "can_be_replayed": True,
                "streams": "https://hedge.example.com/api/v1/streams/Position/",
            }
        ]
    }

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


class StreamsView(LogView):
    """The streams of a type, by id; `after` is the last id of the page before."""

    answer = answers.StreamsSerializer
    path_texts = {"aggregate_type": STREAM["aggregate_type"]}
    example = {
        "type": "Position",
        "streams": [
            {
                "id": "AAPL",
                "version": 5,
                "events": "https://hedge.example.com/api/v1/streams/Position/AAPL/events/",
                "state": "https://hedge.example.com/api/v1/streams/Position/AAPL/state/",
            }
        ],
        "next_after": None,
    }

    def parameters(self) -> Mapping[str, Parameter]:
        after = Parameter({"type": "string", "minLength": 1}, "the next_after of the page before")
        return {"limit": LIMIT, "after": after}

    def get(self, request: Request, aggregate_type: str) -> Response:
        size, after = limit(request), request.query_params.get("after", "")
        _refuse_nul(aggregate_type, after)
        found = stream_ids(aggregate_type, after=after, limit=size)
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
                "next_after": found[-1].aggregate_id if len(found) == size else None,
            }
        )


class StreamEventsView(LogView):
    """The events of a stream as they are stored, be it in an archive, oldest first; `after` is the last page's end."""

    answer, path_texts = answers.EventsSerializer, STREAM
    example = {
        **EXAMPLE,
        "events": [
            {
                "version": 2,
                "number": 4711,
                "type": "PositionEvent::OnChainOrderFilled",
                "schema": 1,
                "data": FILLED,
                "metadata": {"actor": "processor"},
                "recorded_at": AT,
                "hash": "ab" * 32,
            }
        ],
        "next_after": None,
    }

    def parameters(self) -> Mapping[str, Parameter]:
        return {"limit": LIMIT, "after": AFTER}

    def get(self, request: Request, aggregate_type: str, aggregate_id: str) -> Response:
        size, after = limit(request), number(request, "after", least=0) or 0
        _refuse_nul(aggregate_type, aggregate_id)
        try:
            page = list(islice(stored_rows(aggregate_type, aggregate_id, after=after), size))
        except ArchiveUnreadable as error:
            raise Unreplayable(str(error)) from error
        if not page and not head(aggregate_type, aggregate_id):
            raise NotFound(f"{aggregate_type}-{aggregate_id} has no events")
        return Response(
            {
                "type": aggregate_type,
                "id": aggregate_id,
                "events": [_event(row) for row in page],
                "next_after": page[-1].version if len(page) == size else None,
            }
        )


class StreamTimelineView(LogView):
    """The events of a stream as this program reads them, oldest first: what each changed, and the state after."""

    answer, path_texts = answers.TimelineSerializer, STREAM
    example = {
        **EXAMPLE,
        "moments": [
            {
                "version": 2,
                "type": "PositionEvent::OnChainOrderFilled",
                "recorded_at": AT,
                "data": FILLED,
                "changed": [{"field": "net", "before": "0", "after": "1.5"}],
                "state": {"symbol": "AAPL", "net": "1.5"},
            }
        ],
        "next_after": None,
    }

    def parameters(self) -> Mapping[str, Parameter]:
        return {"limit": LIMIT, "after": AFTER}

    def get(self, request: Request, aggregate_type: str, aggregate_id: str) -> Response:
        size, after = limit(request), number(request, "after", least=0, most=LARGEST_VERSION) or 0
        _refuse_nul(aggregate_type, aggregate_id)
        if not head(aggregate_type, aggregate_id):
            raise NotFound(f"{aggregate_type}-{aggregate_id} has no events")
        try:
            moments = timeline(aggregate_type, aggregate_id, after=after, limit=size)
        except UnknownAggregateType as error:
            raise NotFound(str(error)) from error
        except NoSuchState:
            moments = []  # The page after the last one.
        except CannotReplay as error:
            raise Unreplayable(str(error)) from error
        return Response(
            {
                "type": aggregate_type,
                "id": aggregate_id,
                "moments": [
                    {
                        "version": one.recorded.version,
                        "type": name_of(one.recorded.event),
                        "recorded_at": moment(one.recorded.recorded_at),
                        "data": one.data,
                        "changed": [change._asdict() for change in one.changed],
                        "state": one.state,
                    }
                    for one in moments
                ],
                "next_after": moments[-1].recorded.version if len(moments) == size else None,
            }
        )


class StreamStateView(LogView):
    """A stream's state as it stands, at a `version`, or at a time (`at`)."""

    answer, path_texts = answers.StateSerializer, STREAM
    example = {**EXAMPLE, "version": 5, "recorded_at": AT, "state": {"symbol": "AAPL", "net": "0.5"}}

    def parameters(self) -> Mapping[str, Parameter]:
        version = Parameter({"type": "integer", "minimum": 1, "maximum": LARGEST_VERSION}, "as it was after this event")
        at = Parameter({"type": "string", "format": "date-time"}, "as it was at this time; not beside `version`")
        return {"version": version, "at": at}

    def get(self, request: Request, aggregate_type: str, aggregate_id: str) -> Response:
        version, asked = number(request, "version", least=1, most=LARGEST_VERSION), request.query_params.get("at")
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
    path("", StreamTypesView.as_view(), name="stream-types"),
    path("<str:aggregate_type>/", StreamsView.as_view(), name="streams-of-type"),
    path("<str:aggregate_type>/<str:aggregate_id>/events/", StreamEventsView.as_view(), name="stream-events"),
    path("<str:aggregate_type>/<str:aggregate_id>/timeline/", StreamTimelineView.as_view(), name="stream-timeline"),
    path("<str:aggregate_type>/<str:aggregate_id>/state/", StreamStateView.as_view(), name="stream-state"),
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


def _refuse_nul(*texts: str) -> None:
    # PostgreSQL keeps no such text, so nothing can be found under it.
    if any("\0" in text for text in texts):
        raise NotFound("no stream has such a name")


def _url(request: Request, name: str, *args: str) -> str:
    return request.build_absolute_uri(reverse(name, args=args))
