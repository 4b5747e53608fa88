"""Schema: what OpenAPI tells of each view, taken from what the view itself goes by, so that it can't say otherwise."""

import re
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from eventstore.rest import problems, spreadsheets
from eventstore.rest.problems import ProblemSerializer

REFUSALS = {
    400: "The query, or what was sent, is not as it must be",
    401: "No token and no session, or a token that opens nothing",
    403: "The token lacks a scope, or its user a permission",
    404: "There is no such thing",
    405: "Only the methods that `Allow` names",
    406: "Only the formats that are listed here",
    429: "Too many requests in a minute; `Retry-After` tells when to go on",
}


class DescribedView(AutoSchema):
    """Reads a view's scope, parameters, serializer and example."""

    view: Any

    def get_tags(self) -> list[str]:
        return [str(self.view.scope).replace("_", " ")]

    def get_operation_id(self) -> str:
        return f"{self._verb()}_{self.view.name_in_schema()}"

    def get_summary(self) -> str | None:
        return re.split(r"[.:;](?: |$)", " ".join((self.view.__doc__ or "").split()))[0]

    def get_description(self) -> str:  # type: ignore[override]
        verb = "write" if self.method == "POST" else "read"
        told = " ".join((self.view.__doc__ or "").split())
        needs = " and ".join(f"`{scope}:{verb}`" for scope, _ in self.view.needs(verb))
        return f"{told}\n\nA token needs {needs}."

    def get_override_parameters(self) -> list[Any]:
        in_path = [
            OpenApiParameter(name, type=schema_of(name), location=OpenApiParameter.PATH, description=text)
            for name, text in self.view.path_texts.items()
        ]
        if self.method != "GET":
            return in_path
        return in_path + [
            OpenApiParameter(
                name,
                type=dict(one.schema),
                location=OpenApiParameter.QUERY,
                description=one.text,
                required=one.required,
            )
            for name, one in self.view.parameters().items()
        ]

    def get_filter_backends(self) -> list[Any]:
        return []

    def _get_format_parameters(self) -> list[Any]:
        return []  # Where there are several formats, the view's own parameters tell them.

    def get_request_serializer(self) -> Any:
        return getattr(self.view, "asked", None)

    def get_response_serializers(self) -> Any:
        refusals = {
            (status, problems.MEDIA_TYPE): OpenApiResponse(ProblemSerializer, description=text)
            for status, text in REFUSALS.items()
        }
        return {**self._answers(), **refusals}

    def get_examples(self) -> list[OpenApiExample]:
        if self.view.example is None:
            return []
        return [OpenApiExample("as it is answered", value=self.view.example, response_only=True, status_codes=["200"])]

    def _answers(self) -> dict[Any, Any]:
        rows = getattr(self.view, "serializer_class", None)
        if not hasattr(self.view, "orders"):
            whole: dict[Any, Any] = {(200, "application/json"): OpenApiResponse(rows or self.view.answer)}
            if any(one.format == "csv" for one in self.view.renderer_classes):
                whole[(200, spreadsheets.MEDIA_TYPE)] = OpenApiResponse({"type": "string"})
            return whole
        return {
            (200, "application/json"): OpenApiResponse(_page_of(rows), description="A page of rows"),
            (200, spreadsheets.MEDIA_TYPE): OpenApiResponse({"type": "string"}, description="All rows"),
        }

    def _verb(self) -> str:
        return {"GET": "list" if hasattr(self.view, "orders") else "get", "POST": "post"}[self.method]


def schema_of(name: str) -> dict[str, Any]:
    """How a part of a path is written, by its name."""
    if name in ("id", "call", "order"):
        return {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
    return {"type": "string", "minLength": 1}


_pages: dict[Any, Any] = {}


def _page_of(rows: Any) -> Any:
    """The form of a page of rows."""
    if rows not in _pages:
        name = rows.__name__.removesuffix("Serializer")
        _pages[rows] = type(
            f"{name}PageSerializer",
            (serializers.Serializer,),
            {
                "__doc__": "A page of rows.",
                "results": rows(many=True),
                "next_cursor": serializers.CharField(
                    allow_null=True, help_text="ask with `cursor` for the rows after these; null: these are the last"
                ),
                "next": serializers.URLField(allow_null=True, help_text="the same, as a whole URL"),
            },
        )
    return _pages[rows]
