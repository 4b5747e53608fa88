"""Logins: from where one is tried, and what is said to whoever has tried too often.

An address is told by the connection. Behind proxies of ours (PROXIES) it is told by the one that is the farthest out:
each adds at the end of X-Forwarded-For whom it was asked by, so what stands before that came from the asker, and is
not believed.
"""

from datetime import timedelta
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

TOO_MANY = 429


def client_address(request: HttpRequest) -> str:
    """Tell from which address a request came, as far as it can be believed."""
    direct = str(request.META.get("REMOTE_ADDR", ""))
    proxies: int = settings.PROXIES
    if not proxies:
        return direct
    told = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    farthest = told[-proxies] if len(told) >= proxies else ""
    try:
        return str(ip_address(farthest))
    except ValueError:
        return direct  # It came past the proxies, or one of them adds nothing.


def locked_out(request: HttpRequest, response: Any, credentials: Any) -> HttpResponse:
    """Say that this name can't log in from this address for now, whether or not there is such a user."""
    wait: timedelta = settings.AXES_COOLOFF_TIME
    minutes = int(wait / timedelta(minutes=1))
    told = {**admin.site.each_context(request), "minutes": minutes, "title": "Too many tries"}
    page = render(request, "admin/locked_out.html", told, status=TOO_MANY)
    page["Retry-After"] = str(int(wait.total_seconds()))
    return page
