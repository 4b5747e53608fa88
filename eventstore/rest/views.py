"""Views: what every answer of the API has in common, and the two usual kinds, a list of rows and one row."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.decorators import method_decorator
from django.views.decorators.http import conditional_page
from django_filters.rest_framework import FilterSet
from rest_framework.exceptions import NotAcceptable, NotFound, ParseError, ValidationError
from rest_framework.parsers import JSONParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from eventstore.access.rights import MayAsk
from eventstore.rest import paging, spreadsheets
from eventstore.rest.parameters import FORMAT, LIMIT, Parameter, limit, parameters_of, refuse_others
from eventstore.rest.schema import DescribedView

Need = tuple[str, str]


@method_decorator(conditional_page, name="dispatch")
class ApiView(APIView):
    """What is told over the API. An answer that is as the client has it already is not sent again (ETag)."""

    scope: ClassVar[str]
    """The word for it in the scopes of tokens: `trades` is read with `trades:read`."""

    right: ClassVar[str]
    """The permission of the admin for it, as `trading.view_onchaintrade`."""

    write_right: ClassVar[str | None] = None
    more_needs: ClassVar[Sequence[Need]] = ()
    """Further pairs of a scope and a permission, where what is told is guarded twice."""

    exact_fields: ClassVar[Sequence[str]] = ()
    """Names of exact numbers, of which one hears why they can't be asked for."""

    answer: ClassVar[type[Serializer[Any]] | None] = None
    """The form of the answer, for the schema."""

    example: ClassVar[Any] = None
    path_texts: ClassVar[Mapping[str, str]] = {}
    """What the parts of the path are, for the schema."""

    permission_classes = [MayAsk]
    renderer_classes: Sequence[type[BaseRenderer]] = [JSONRenderer]
    parser_classes = [JSONParser]
    schema = DescribedView()

    def needs(self, verb: str) -> Sequence[Need]:
        """What must be given to whoever asks to read, or to write."""
        right = (self.write_right if verb == "write" else None) or self.right
        return [(self.scope, right), *self.more_needs]

    def parameters(self) -> Mapping[str, Parameter]:
        """What may stand in the query."""
        return {}

    def name_in_schema(self) -> str:
        """The name under which generated clients have it."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(self).__name__.removesuffix("View")).lower()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method != "OPTIONS":
            refuse_others(request, self.parameters(), self.exact_fields)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        final: HttpResponseBase = super().finalize_response(request, response, *args, **kwargs)
        patch_vary_headers(final, ["Authorization", "Cookie"])
        if not final.has_header("Cache-Control"):
            patch_cache_control(final, private=True, no_cache=True)
        return final


class RowsView(ApiView):
    """Rows: picked by filters, in an order that an index holds, page by page, or all of them as CSV."""

    renderer_classes = [JSONRenderer, spreadsheets.CsvRenderer]
    serializer_class: ClassVar[type[Serializer[Any]]]
    filters: ClassVar[type[FilterSet] | None] = None
    orders: ClassVar[Mapping[str, paging.Order]]
    """Each order under its name; the first is the usual one."""

    def rows(self) -> QuerySet[Any]:
        """All rows, with what their answers need beside them."""
        raise NotImplementedError

    def parameters(self) -> Mapping[str, Parameter]:
        names = list(self.orders)
        cursor = Parameter({"type": "string", "pattern": r"^[A-Za-z0-9_:.-]+$"}, "the next_cursor of the page before")
        order = Parameter(
            {"type": "string", "enum": names, "default": names[0]}, "the order of the rows; a - before it: descending"
        )
        picked = {} if self.filters is None else parameters_of(self.filters)
        return {**picked, "ordering": order, "limit": LIMIT, "cursor": cursor, "format": FORMAT}

    def get(self, request: Request) -> HttpResponseBase:
        order, size, rows = self._order(request), limit(request), self._picked(request)
        if request.accepted_renderer.format == "csv":
            if "cursor" in request.query_params:
                raise ParseError("cursor: as CSV all rows come at once; leave it out", code="parameter_invalid")
            return self._spreadsheet(request, rows, order)
        page = paging.page_of(rows, order, limit=size, cursor=request.query_params.get("cursor"))
        return Response(
            {
                "results": self.told(page.rows),
                "next_cursor": page.next_cursor,
                "next": None if page.next_cursor is None else _with_cursor(request, page.next_cursor),
            }
        )

    def told(self, rows: Sequence[Any]) -> list[dict[str, Any]]:
        """Rows as they are answered."""
        return [dict(each) for each in self.serializer_class(rows, many=True, context={"request": self.request}).data]

    def _picked(self, request: Request) -> QuerySet[Any]:
        if self.filters is None:
            return self.rows()
        picked = self.filters(request.query_params, queryset=self.rows(), request=request)
        if not picked.is_valid():
            raise ValidationError({name: list(texts) for name, texts in picked.errors.items()})
        found: QuerySet[Any] = picked.qs
        return found

    def _order(self, request: Request) -> paging.Order:
        name = request.query_params.get("ordering", next(iter(self.orders)))
        if name not in self.orders:
            raise ParseError(
                f"ordering: expected one of {', '.join(self.orders)}, was {name[:80]!r}", code="parameter_invalid"
            )
        return self.orders[name]

    def _spreadsheet(self, request: Request, rows: QuerySet[Any], order: paging.Order) -> HttpResponseBase:
        columns = list(self.serializer_class().fields)
        response: HttpResponseBase
        if request.method == "HEAD":
            response = HttpResponse()
        else:
            response = StreamingHttpResponse(spreadsheets.lines(columns, self._all(rows, order)))
        response["Content-Type"] = f"{spreadsheets.MEDIA_TYPE}; charset=utf-8"
        response["Content-Disposition"] = f'attachment; filename="{self.scope}.csv"'
        return response

    def _all(self, rows: QuerySet[Any], order: paging.Order) -> Iterator[dict[str, Any]]:
        for chunk in paging.all_of(rows, order):
            yield from self.told(chunk)


class RowView(ApiView):
    """One row."""

    serializer_class: ClassVar[type[Serializer[Any]]]

    def row(self, **key: Any) -> Model:
        """The row. Raises NotFound."""
        raise NotImplementedError

    def get(self, request: Request, **key: Any) -> Response:
        row = self.row(**key)
        return Response(self.serializer_class(row, context={"request": request}).data)


class NoSuchPath(APIView):
    """Any path of the API that leads nowhere."""

    permission_classes = []
    authentication_classes = []
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        with suppress(NotAcceptable):
            super().initial(request, *args, **kwargs)
        hint = "" if request.path.endswith("/") else "; paths end with a slash"
        raise NotFound(f"nothing is at {request.path[:200]}{hint}: /api/v1/schema/ tells what there is")


def one(rows: QuerySet[Any], missing: str, **key: Any) -> Any:
    """Return the one row with a key. Raises NotFound with a text that says what is missing."""
    too_large = any(isinstance(value, int) and value > 2**63 - 1 for value in key.values())
    found = None if too_large else rows.filter(**key).first()
    if found is None:
        raise NotFound(missing)
    return found


def _with_cursor(request: Request, cursor: str) -> str:
    query = request.query_params.copy()
    query["cursor"] = cursor
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
