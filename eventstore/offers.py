"""Offers: buttons on a row's page and actions of a list, which lead to a page where something is asked for."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.enums import ActionVariant  # type: ignore[import-untyped]

MOST_AT_ONCE = 50


class Button(NamedTuple):
    """A link above a row's page."""

    title: str
    path: str
    colour: str = "default"
    """default, primary, success, info, warning or danger"""

    def shown(self) -> dict[str, Any]:
        """The button as the pages of the admin draw it."""
        return {"title": self.title, "path": self.path, "variant": ActionVariant(self.colour), "attrs": {}}


class ListAction:
    """Leads from the chosen rows of a list to a page; it changes nothing by itself."""

    def __init__(
        self,
        name: str,
        title: str,
        *,
        leads_to: Callable[[list[str]], str],
        key: Callable[[Any], str],
        is_for: Callable[[HttpRequest], bool],
    ) -> None:
        """`key` names a row to the page, `is_for` tells who is offered the action."""
        self.__name__ = name
        self.short_description = title
        self.is_for = is_for
        self._leads_to, self._key = leads_to, key

    def __call__(self, shown_by: Any, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        keys = [self._key(row) for row in rows[: MOST_AT_ONCE + 1]]
        if len(keys) > MOST_AT_ONCE:
            messages.error(request, f"expected at most {MOST_AT_ONCE} rows at once, were more; nothing was asked for")
            return None
        return HttpResponseRedirect(self._leads_to(keys))
