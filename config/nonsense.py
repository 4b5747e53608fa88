"""Nonsense: addresses of the admin that no database can look for are refused in words."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest

ADMIN, REPORTS = "/admin/", "/admin/reports/"
"""A report says itself what it found none of."""

NUL = "\0"
REFUSED = "expected an address without a NUL (%00) in it; PostgreSQL keeps none, so nothing has one"

Answer = Callable[[HttpRequest], HttpResponse]


def refuse_nul(answer: Answer) -> Answer:
    """Middleware: the admin's exact filters hand what they are given to the database, which has an error for it."""

    def answered(request: HttpRequest) -> HttpResponse:
        is_a_list = request.path.startswith(ADMIN) and not request.path.startswith(REPORTS)
        if is_a_list and any(NUL in each for _, values in request.GET.lists() for each in values):
            return HttpResponseBadRequest(REFUSED, content_type="text/plain; charset=utf-8")
        return answer(request)

    return answered
