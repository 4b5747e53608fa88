"""Read-only admin: pages to look at rows, on which nothing can be changed, of tables that may be long."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, cast

import structlog
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.core.paginator import Paginator
from django.db import connections, models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin  # type: ignore[import-untyped]

from eventstore.cells import badge, page_link, shown
from eventstore.finding import matching
from eventstore.offers import Button, ListAction
from eventstore.unreadable import forgiving

if TYPE_CHECKING:
    _Paginator = Paginator[models.Model]
else:
    _Paginator = Paginator

log = structlog.get_logger(__name__)

MOST_COUNTED = 10_000


class Column:
    """A cell of each row, which never breaks the page: what can't be shown is said to be so."""

    def __init__(self, name: str, title: str, read: Callable[[Any], Any]) -> None:
        self.__name__ = name
        self.short_description = title
        self._read = read

    def __call__(self, row: models.Model) -> str:
        try:
            return shown(self._read(row))
        except Exception as error:  # noqa: BLE001  # one bad row hides no other
            return badge(f"unreadable: {error}"[:200], "danger")


class BoundedPaginator(_Paginator):
    """Counts so far that there are pages enough; how long a longer table is, the database estimates."""

    @cached_property
    def count(self) -> int:
        rows = cast(QuerySet[models.Model], self.object_list)
        counted = rows.order_by()[: MOST_COUNTED + 1].count()
        if counted <= MOST_COUNTED or rows.query.where:
            return counted
        return max(counted, estimated_rows(rows))


def estimated_rows(rows: QuerySet[Any]) -> int:
    """Estimate how many rows a table has, without counting them."""
    connection = connections[rows.db]
    table = connection.ops.quote_name(rows.model._meta.db_table)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # A table in partitions has as many rows as they have.
            cursor.execute(
                "SELECT sum(reltuples)::bigint FROM pg_class WHERE oid = %s::regclass AND relkind <> 'p'"
                " OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = %s::regclass)",
                [table, table],
            )
        else:
            cursor.execute(f"SELECT coalesce(max(rowid), 0) FROM {table}")  # noqa: S608  # a name of ours
        (estimate,) = cursor.fetchone()
    return int(estimate)


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]
    """Rows to look at, newest first.

    `search_fields` are looked up as they are, and those that start with ^ by how they begin. A column of a list or a
    page is a field's name, or a method's that takes the row.
    """

    actions: ClassVar[Sequence[ListAction] | None] = None
    """What a list offers for chosen rows: pages that it leads to, added by packages above."""
    further_buttons: ClassVar[Sequence[Callable[[HttpRequest, Any], list[Button]]]] = ()
    """What a row's page offers, likewise."""

    list_display: Sequence[str]
    fields: Sequence[str] | None
    fieldsets: Sequence[tuple[str | None, dict[str, Sequence[str]]]] | None
    search_fields: Sequence[str]

    ordering: Sequence[Any] = ("-pk",)
    sortable_by = ()
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    paginator = BoundedPaginator
    list_per_page = 50

    def headline(self, row: Any) -> str:
        """Name a row above its page."""
        return str(row)

    # Nothing can be changed.

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method not in ("GET", "HEAD") and not self._leads_elsewhere(request):
            raise PermissionDenied
        return cast(HttpResponse, super().changelist_view(request, extra_context))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {
            name: action
            for name, action in super().get_actions(request).items()
            if isinstance(action[0], ListAction) and action[0].is_for(request)
        }

    def _leads_elsewhere(self, request: HttpRequest) -> bool:
        chosen = {name for name in request.POST.getlist("action") if name}
        return bool(chosen) and chosen <= set(self.get_actions(request))

    # What is shown.

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return forgiving(super().get_queryset(request))

    def get_list_display(self, request: HttpRequest) -> list[Column]:
        return [self._column(name) for name in self.list_display]

    def get_fieldsets(self, request: HttpRequest, obj: models.Model | None = None) -> list[Any]:
        every = [field.name for field in self.model._meta.concrete_fields]
        sets = self.fieldsets or [(None, {"fields": self.fields or every})]
        return [
            (title, {**options, "fields": [self._column(name) for name in options["fields"]]})
            for title, options in sets
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> list[Any]:
        return list(flatten_fieldsets(self.get_fieldsets(request, obj)))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        row = kwargs.get("obj")
        if row is not None:
            titled = _Titled(row, self._headline(row))
            context |= {"original": titled, "subtitle": str(titled), "show_history": False}
            context["actions_detail"] = self._buttons(request, row)
        return cast(HttpResponse, super().render_change_form(request, context, **kwargs))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if search_term.strip():
            queryset = queryset.filter(matching(self.model, self.search_fields, search_term))
        return queryset, False

    def _buttons(self, request: HttpRequest, row: models.Model) -> list[dict[str, Any]]:
        try:
            return [button.shown() for offered in self.further_buttons for button in offered(request, row)]
        except Exception as error:  # noqa: BLE001  # nothing is offered for what can't be read; its page shows it still
            log.warning(
                "Nothing offered", row=f"{row._meta.label_lower} {row.pk}", error=f"{type(error).__name__}: {error}"
            )
            return []

    def _headline(self, row: models.Model) -> str:
        try:
            return self.headline(row)
        except Exception:  # noqa: BLE001  # its page says what is wrong with it
            return f"{row._meta.verbose_name} {row.pk}"

    def _column(self, name: str) -> Column:
        columns: dict[str, Column] = self.__dict__.setdefault("_columns", {})
        if name not in columns:
            columns[name] = self._new_column(name)
        return columns[name]

    def _new_column(self, name: str) -> Column:
        if method := getattr(self, name, None):
            return Column(name, getattr(method, "short_description", name.replace("_", " ")), method)
        try:
            field = self.model._meta.get_field(name)
        except FieldDoesNotExist:
            return Column(name, name.replace("_", " "), attrgetter(name))
        if isinstance(field, models.ForeignKey):
            target, key = field.related_model._meta.label_lower, attrgetter(field.attname)
            return Column(name, str(field.verbose_name), lambda row: page_link(target, key(row)))
        return Column(name, str(getattr(field, "verbose_name", name)), attrgetter(name))


class _Titled:
    """A row under another name."""

    def __init__(self, row: models.Model, title: str) -> None:
        self._row, self._title = row, title

    def __getattr__(self, name: str) -> Any:
        return getattr(self._row, name)

    def __str__(self) -> str:
        return self._title
