"""The door: whose session is over, or was begun without the code that is due, is nobody; who owes an authenticator
is led to the page on which it is set up, and no further.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone

from config.signing.devices import device_of
from config.signing.sessions import is_over, note_seen, went_through
from eventstore.access.authentication import brings_token
from eventstore.rest.problems import problem

OPEN = frozenset({"health-live", "health-ready", "metrics"})
"""They answer whoever it is, and the first asks nothing of the database."""

SETTING_UP = frozenset({"second-factor", "admin:logout"})
API, PAGE_OF_API = "/api/", "api-docs"
UNAUTHORIZED, FORBIDDEN = 401, 403


class Door:
    """Stands before every page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, named: Any) -> HttpResponseBase | None:
        """Answer in a view's place, or leave it to the view."""
        match = request.resolver_match
        place = match.view_name if match else ""
        if place in OPEN or not request.user.is_authenticated:
            return None
        now, device = timezone.now(), device_of(request.user)
        if is_over(request.session, now) or (device is not None and not went_through(request.session, device)):
            logout(request)
            return None  # The view answers as it does a stranger.
        note_seen(request.session, now)
        if device is not None or not settings.REQUIRE_TOTP or place in SETTING_UP:
            return None
        return self._to_the_setting_up(request, view, place)

    def _to_the_setting_up(self, request: HttpRequest, view: Any, place: str) -> HttpResponseBase | None:
        if request.path.startswith(API) and place != PAGE_OF_API:
            if brings_token(request):
                return None  # A token asks for itself, whoever is signed in beside it.
            return problem(
                request,
                FORBIDDEN,
                code="second_factor_missing",
                detail="expected a user with a second factor, which this installation requires of everybody; set one "
                "up in the admin under `Second factor`, or ask with a token",
            )
        if getattr(view, "is_part", False):
            return HttpResponse("expected somebody with a second factor\n", "text/plain", UNAUTHORIZED)
        return redirect("second-factor")
