"""Pages of monitoring: whether the process lives, whether it does what it is for, and the figures for Prometheus.

That the process lives is told to anyone. The rest is told to whoever knows METRICS_TOKEN, or, where there is none, to
this machine alone.
"""

import secrets
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client.exposition import choose_encoder

from config.monitoring.collector import registry
from config.monitoring.health import Limits, reasons
from config.timing_environment import exposure_seconds
from config.web_environment import checkpoint_seconds, metrics_token

log = structlog.get_logger(__name__)

View = Callable[[HttpRequest], HttpResponse]
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via")
UNAVAILABLE = 503


def for_those_who_may_ask(view: View) -> View:
    """Let a page answer whoever has the token, or, without one, this machine."""

    def answered(request: HttpRequest) -> HttpResponse:
        token = metrics_token()
        if token and not _has(request, token):
            refused = HttpResponse("expected the token: Authorization: Bearer METRICS_TOKEN\n", "text/plain", 401)
            refused["WWW-Authenticate"] = "Bearer"
            return refused
        if not token and not _is_from_here(request):
            return HttpResponse("only this machine may ask; set METRICS_TOKEN for others\n", "text/plain", 403)
        return view(request)

    return answered


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """Tell that this process answers. It asks nothing else of anything."""
    return JsonResponse({"live": True})


@never_cache
@require_safe
@for_those_who_may_ask
def ready(request: HttpRequest) -> HttpResponse:
    """Tell whether fills are hedged, or days decided, as they should be: 200, or 503 with each reason why not."""
    try:
        found = [{"what": each.what.value, "text": each.text} for each in reasons(limits(), now=timezone.now())]
    except (DatabaseError, InterfaceError) as error:
        log.warning("Health can't be told", error=f"{type(error).__name__}: {error}")
        found = [{"what": "database", "text": "the database can't be asked; the log says why"}]
    return JsonResponse({"ready": not found, "reasons": found}, status=UNAVAILABLE if found else 200)


@never_cache
@require_safe
@for_those_who_may_ask
def metrics(request: HttpRequest) -> HttpResponse:
    """Tell Prometheus the figures, in whichever of its formats it asks for."""
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    try:
        return HttpResponse(encode(registry(limits(), now=timezone.now())), content_type)
    except (DatabaseError, InterfaceError) as error:
        log.warning("Metrics can't be told", error=f"{type(error).__name__}: {error}")
        return HttpResponse("the database can't be asked; the log says why\n", "text/plain", UNAVAILABLE)


def limits() -> Limits:
    """How old things may be, as the environment says."""
    return Limits(checkpoint=timedelta(seconds=checkpoint_seconds()), exposure=timedelta(seconds=exposure_seconds()[0]))


def _has(request: HttpRequest, token: str) -> bool:
    scheme, _, told = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and secrets.compare_digest(told.strip().encode(), token.encode())


def _is_from_here(request: HttpRequest) -> bool:
    """Whether nobody but this machine can have asked: what came through a proxy has the proxy's address."""
    if settings.PROXIES or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False  # A socket of this machine has no address, and whoever is behind it is not known.
