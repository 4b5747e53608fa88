"""Alerts in the admin: what was told where, what waits, and a button by which something is sent once more."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextareaWidget  # type: ignore[import-untyped]

from audit_trail.alerts.again import NotSendable, send_again, why_not
from audit_trail.alerts.models import About, AlertChannel, AlertDelivery, DeliveryState
from audit_trail.alerts.severity import Severity
from eventstore.cells import badge, list_link, page_link, short, shown
from eventstore.finding import choices_filter
from eventstore.offers import Button
from eventstore.read_only import ReadOnlyAdmin
from trading.notices.admin import NoticeAdmin
from trading.notices.models import Notice

COLOURS = {
    DeliveryState.PENDING: "info",
    DeliveryState.SENT: "success",
    DeliveryState.FAILED: "danger",
    DeliveryState.SKIPPED: "",
}


def may_send(request: HttpRequest) -> bool:
    """Tell whether somebody may have something sent again."""
    return request.user.has_perm("audit_trail.change_alertdelivery")


def again_button(request: HttpRequest, row: AlertDelivery) -> list[Button]:
    """The button by which a delivery is sent again, where it can be."""
    if not may_send(request) or why_not(row) is not None:
        return []
    return [Button("Send again", reverse("admin:audit_trail_alertdelivery_again", args=[row.pk]), "primary")]


class AgainForm(forms.Form):
    """Asks why."""

    reason = forms.CharField(
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "required": True}),
        help_text="Why, in your own words. It is kept with the delivery, with your name and the time.",
    )


@admin.register(AlertDelivery)
class AlertDeliveryAdmin(ReadOnlyAdmin):
    """What was told, or is to be, newest first."""

    list_display = (
        *("id", "created_at", "channel", "about", "matter", "hurry", "what_became", "attempts", "ended_at"),
        "why",
    )
    list_filter = (
        choices_filter("state", {state.value: Q(state=state) for state in DeliveryState}),
        choices_filter("about", {about.value: Q(about=about) for about in About}),
    )
    fields = (
        *("channel", "about", "matter", "hurry", "turn", "what_became", "attempts", "last_error", "said_over"),
        *("created_at", "next_attempt_at", "ended_at", "held_by", "held_until", "asked_by", "reason"),
    )
    search_fields = ("id", "channel")
    search_help_text = "A number, as it stands in a message, or a channel"
    further_buttons = (again_button,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).select_related("notice")
        return rows

    def get_urls(self) -> list[URLPattern]:
        page = path(
            "<int:delivery>/again/", self.admin_site.admin_view(self.again_view), name="audit_trail_alertdelivery_again"
        )
        urls: list[URLPattern] = super().get_urls()
        return [page, *urls]

    def headline(self, row: AlertDelivery) -> str:
        return f"{row.pk} {row.about}: {row.subject}"

    def matter(self, row: AlertDelivery) -> str:
        return row.subject if row.notice_id is None else page_link("trading.notice", row.notice_id, row.subject)

    @admin.display(description="severity")
    def hurry(self, row: AlertDelivery) -> str:
        return badge(row.severity, "danger" if row.severity == Severity.CRITICAL else "warning")

    @admin.display(description="state")
    def what_became(self, row: AlertDelivery) -> str:
        return badge(row.state, COLOURS.get(DeliveryState(row.state), ""))

    @admin.display(description="last error")
    def why(self, row: AlertDelivery) -> str:
        return short(row.last_error)

    def again_view(self, request: HttpRequest, delivery: int) -> HttpResponse:
        """Ask why something is to be sent again; sent, store it and go on to its page."""
        if not may_send(request):
            raise PermissionDenied
        row = AlertDelivery.objects.select_related("notice").filter(pk=delivery).first()
        if row is None:
            raise Http404(f"there is no delivery {delivery}")
        form = AgainForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                new = send_again(
                    row, actor=request.user.get_username(), reason=form.cleaned_data["reason"], at=timezone.now()
                )
            except NotSendable as error:
                form.add_error(None, f"{error}; nothing was asked for")
            else:
                messages.info(request, "It is sent with the next round, within a minute.")
                return HttpResponseRedirect(reverse("admin:audit_trail_alertdelivery_change", args=[new.pk]))
        return self._asked(request, row, form)

    def _asked(self, request: HttpRequest, row: AlertDelivery, form: AgainForm) -> HttpResponse:
        refusal = why_not(row)
        cells = (row.pk, row.channel_id, row.about, row.subject, row.state, row.attempts, row.ended_at)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": "Send again",
            "words": {
                "what_happens": "The channel is told once more of the matter as it stands then.",
                "button": "Send again",
            },
            "subjects": [page_link("audit_trail.alertdelivery", row.pk, f"delivery {row.pk}")],
            "table": {
                "headers": ["number", "channel", "about", "matter", "state", "attempts", "ended"],
                "rows": [[shown(cell) for cell in cells]],
            },
            "in_the_way": [] if refusal is None else [refusal],
            "form": form,
            "opts": AlertDelivery._meta,
        }
        return TemplateResponse(request, "admin/trading/ask.html", context)


@admin.register(AlertChannel)
class AlertChannelAdmin(ReadOnlyAdmin):
    """Every channel that was ever told something, or tried to be."""

    list_display = ("name", "state", "first_seen_at", "last_sent_at", "failures", "why", "told")
    fields = ("name", "state", "first_seen_at", "last_sent_at", "failures", "last_error", "told")
    search_fields = ("^name",)
    search_help_text = "A channel, or its beginning"
    ordering = ("name",)

    def state(self, row: AlertChannel) -> str:
        return badge("failing", "danger") if row.failures else badge("fine", "success")

    @admin.display(description="last error")
    def why(self, row: AlertChannel) -> str:
        return short(row.last_error)

    def told(self, row: AlertChannel) -> str:
        return list_link("audit_trail.alertdelivery", "deliveries", channel__exact=row.pk)


def deliveries_of(notice: Notice) -> str:
    """Link from a notice to where it was told."""
    return list_link("audit_trail.alertdelivery", "deliveries", notice__exact=notice.pk)


# A notice's page is below this package, and knows nothing of it.
NoticeAdmin.further_trails.append(deliveries_of)
