"""Calls and payloads in the admin: what was asked of outside services, and what they answered."""

import json
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from audit_trail.payloads.bodies import told_body
from audit_trail.payloads.models import SOURCES, ApiCallLog, ApiPayload
from eventstore.cells import badge, lines, list_link, page_link, preformatted, short, shown
from eventstore.finding import choices_filter
from eventstore.read_only import ReadOnlyAdmin
from trading.offchain_order.admin import OrderAdmin
from trading.offchain_order.view import OrderColumns

ENDS = {
    "unanswered": Q(ended_at=None),
    "no_answer_came": Q(ended_at__isnull=False, http_status_code=None),
    **{f"{first}xx": Q(http_status_code__gte=first * 100, http_status_code__lt=first * 100 + 100) for first in (2, 3)},
    "4xx_and_above": Q(http_status_code__gte=400),
}


@admin.register(ApiCallLog)
class ApiCallLogAdmin(ReadOnlyAdmin):
    """Every call, newest first."""

    list_display = ("id", "sent_at", "source", "method", "address", "referred", "purpose", "end", "duration_ms", "why")
    list_filter = (
        choices_filter("source", {source: Q(source=source) for source in SOURCES}),
        choices_filter("end", ENDS),
    )
    search_fields = ("reference", "correlation_id")
    search_help_text = "A client order id, a purpose as a whole, or what the service calls the call"
    fieldsets = (
        (None, {"fields": ("source", "method", "endpoint", "purpose", "referred", "run")}),
        ("End", {"fields": ("end", "error", "rate_limit_remaining", "correlation_id")}),
        ("Times", {"fields": ("sent_at", "ended_at", "duration_ms")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        sets = super().get_fieldsets(request, obj)
        if request.user.has_perm("audit_trail.view_apipayload"):
            sets += [
                (title, {"fields": [self._column(name) for name in (f"{side}_headers", f"{side}_body")]})
                for title, side in (("Request", "request"), ("Response", "response"))
            ]
        return sets

    def headline(self, row: ApiCallLog) -> str:
        return f"{row.pk} {row.method} {row.purpose}"

    @admin.display(description="endpoint")
    def address(self, row: ApiCallLog) -> str:
        return short(row.endpoint)

    @admin.display(description="reference")
    def referred(self, row: ApiCallLog) -> str:
        if not row.reference:
            return shown(None)
        return list_link("audit_trail.apicalllog", row.reference, reference__exact=row.reference)

    def run(self, row: ApiCallLog) -> str:
        if row.run_id is None:
            return shown(None)
        return list_link("audit_trail.dataingestionrun", str(row.run_id), run_id__exact=row.run_id)

    @admin.display(description="end")
    def end(self, row: ApiCallLog) -> str:
        if row.ended_at is None:
            return badge("unanswered", "warning")
        if row.http_status_code is None:
            return badge("no answer came", "danger")
        return badge(str(row.http_status_code), "success" if 200 <= row.http_status_code < 300 else "danger")

    @admin.display(description="error")
    def why(self, row: ApiCallLog) -> str:
        return short(row.error)

    @admin.display(description="headers")
    def request_headers(self, row: ApiCallLog) -> str:
        return headers_of(row.request_payload)

    @admin.display(description="body")
    def request_body(self, row: ApiCallLog) -> str:
        return body_of(row.request_payload)

    @admin.display(description="headers")
    def response_headers(self, row: ApiCallLog) -> str:
        return shown(None) if row.response_payload is None else headers_of(row.response_payload)

    @admin.display(description="body")
    def response_body(self, row: ApiCallLog) -> str:
        return shown(None) if row.response_payload is None else body_of(row.response_payload)


@admin.register(ApiPayload)
class ApiPayloadAdmin(ReadOnlyAdmin):
    """Every request and response, newest first."""

    list_display = ("id", "captured_at", "source", "type", "size_bytes", "secrets", "truncated", "purged_at", "sha256")
    list_filter = (
        choices_filter("source", {source: Q(source=source) for source in SOURCES}),
        choices_filter("type", {kind.value: Q(type=kind) for kind in ApiPayload.Type}),
        choices_filter("body", {"kept": Q(purged_at=None), "purged": Q(purged_at__isnull=False)}),
    )
    search_fields = ("id",)
    search_help_text = "A payload's number"
    fields = (
        *("source", "type", "captured_at", "call", "size_bytes", "secrets", "truncated", "encoding", "sha256"),
        *("purged_at", "sent_headers", "sent_body"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).defer("headers", "body")
        return rows

    def get_urls(self) -> list[URLPattern]:
        page = path(
            "<int:payload>/body/", self.admin_site.admin_view(self.body_view), name="audit_trail_apipayload_body"
        )
        urls: list[URLPattern] = super().get_urls()
        return [page, *urls]

    def body_view(self, request: HttpRequest, payload: int) -> HttpResponse:
        """All that is kept of a body, as plain text: whatever a service sent, no browser runs it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = ApiPayload.objects.filter(pk=payload).first()
        body = None if row is None else row.text
        if body is None:
            raise Http404("there is no such payload, or its body was purged")
        return HttpResponse(
            body, content_type="text/plain; charset=utf-8", headers={"X-Content-Type-Options": "nosniff"}
        )

    def call(self, row: ApiPayload) -> str:
        side = "request_payload" if row.type == ApiPayload.Type.REQUEST else "response_payload"
        key = ApiCallLog.objects.filter(**{side: row.pk}).values_list("pk", flat=True).first()
        return page_link("audit_trail.apicalllog", key)

    @admin.display(description="headers")
    def sent_headers(self, row: ApiPayload) -> str:
        return headers_of(row)

    @admin.display(description="body")
    def sent_body(self, row: ApiPayload) -> str:
        return body_of(row)


def headers_of(payload: ApiPayload) -> str:
    return preformatted("\n".join(f"{name}: {value}" for name, value in json.loads(payload.headers)))


def body_of(payload: ApiPayload) -> str:
    """Show the body, JSON indented, and say in words whatever is not as it was."""
    number = page_link("audit_trail.apipayload", payload.pk, f"payload {payload.pk}")
    told = told_body(payload)
    remarks = [number, *(badge(text, "warning") if is_warning else text for text, is_warning in told.remarks)]
    if told.text is None:
        return lines(remarks)
    if told.is_cut:
        url = reverse("admin:audit_trail_apipayload_body", args=[payload.pk])
        remarks.append(format_html('<a href="{}" class="text-link">{}</a>', url, "all of it"))
    return lines([*remarks, preformatted(told.text)])


def calls_of(order: OrderColumns) -> str:
    """Link from an order to what was said with the broker about it."""
    if not order.client_order_id:
        return shown(None)
    return list_link("audit_trail.apicalllog", "calls to the broker", reference__exact=order.client_order_id)


# An order's page is below this package, and knows nothing of it.
OrderAdmin.further_trails.append(calls_of)
