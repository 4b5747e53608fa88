"""The API's paths: each part's own, the schema that tells of them, and a page to try them on."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.auth.decorators import login_required
from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config.policy import SWAGGER
from eventstore.access.tokens import EVERYTHING
from eventstore.rest.views import ApiView, NoSuchPath

parts: list[URLPattern | URLResolver] = [
    path("", include("trading.ledger.api")),
    path("", include("trading.conductor.api")),
    path("", include("audit_trail.decisions.api")),
    path("", include("audit_trail.executions.api")),
    path("", include("audit_trail.ingestion.api")),
    path("notices/", include("trading.notices.api")),
    path("streams/", include("eventstore.api")),
    path("calls/", include("audit_trail.payloads.api")),
    path("kill-switch/", include("trading.risk.api")),
    path("risk/", include("trading.risk.rows_api")),
    path("reports/", include("audit_trail.reports.api")),
    path("profits/", include("trading.pnl.api")),
]

urlpatterns = [
    path("v1/", include(parts)),
    path("v1/schema/", SpectacularAPIView.as_view(), name="schema"),
    path(
        "v1/docs/",
        SWAGGER(login_required(SpectacularSwaggerSplitView.as_view(url_name="schema"), login_url="admin:login")),
        name="api-docs",
    ),
    # Whatever else it is: a converter would not take a line's end.
    re_path(r"^", NoSuchPath.as_view()),
]


def scopes() -> list[str]:
    """Every scope that a token can have."""
    found = {EVERYTHING}
    for view in _views(parts):
        found |= {f"{scope}:read" for scope in (view.scope, *(scope for scope, _ in view.more_needs))}
        if view.write_right is not None:
            found.add(f"{view.scope}:write")
    return sorted(found)


def _views(patterns: Iterable[Any]) -> Iterator[type[ApiView]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _views(pattern.url_patterns)
        else:
            yield pattern.callback.cls
