"""Errors that no view answers for: problems under /api/, pages elsewhere."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.views import defaults

from eventstore.rest.problems import problem

API = "/api/"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """400: as an unknown host, or a request that can't be read."""
    if request.path.startswith(API):
        return problem(request, 400, code="bad_request", detail="the request can't be read as it was sent")
    return defaults.bad_request(request, exception)


def server_error(request: HttpRequest, *args: Any) -> HttpResponseBase:
    """500: it stands in the log."""
    if request.path.startswith(API):
        return problem(
            request, 500, code="server_error", detail="this is our fault, and nothing was changed; the log tells why"
        )
    return defaults.server_error(request)
