"""Access: who may see a page of the desk, and by which policy the browser shows it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config.policy import STRICT

UNAUTHORIZED = 401

View = Callable[..., HttpResponseBase]


def desk_page(*needed: str) -> Callable[[View], View]:
    """A page that changes nothing, for staff who signed in and have every permission that is `needed`."""

    def dressed(view: View) -> View:
        @wraps(view)
        def allowed(request: HttpRequest, *args: Any, **named: Any) -> HttpResponseBase:
            if not request.user.has_perms(needed):
                raise PermissionDenied
            return view(request, *args, **named)

        return admin.site.admin_view(STRICT(never_cache(require_safe(allowed))))

    return dressed


def desk_part(*needed: str) -> Callable[[View], View]:
    """A part that a page asks for by itself: who is not signed in any more is told so, and not shown a form."""

    def dressed(view: View) -> View:
        page = desk_page(*needed)(view)

        @wraps(view)
        def answered(request: HttpRequest, *args: Any, **named: Any) -> HttpResponseBase:
            if not admin.site.has_permission(request):
                return HttpResponse("expected somebody who is signed in\n", "text/plain", UNAUTHORIZED)
            return page(request, *args, **named)

        answered.is_part = True  # type: ignore[attr-defined]  # The door answers it likewise.
        return answered

    return dressed
