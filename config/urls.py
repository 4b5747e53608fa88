from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config.monitoring import pages

urlpatterns = [
    path("admin/reports/", include("audit_trail.reports.pages")),
    path("admin/", admin.site.urls),
    path("api/v1/streams/", include("eventstore.api")),
    path("api/v1/calls/", include("audit_trail.payloads.api")),
    path("api/v1/kill-switch/", include("trading.risk.api")),
    path("api/v1/profits/", include("trading.pnl.api")),
    path("api/v1/reports/", include("audit_trail.reports.api")),
    path("health/live", pages.live),
    path("health/ready", pages.ready),
    path("metrics", pages.metrics),
    path("", RedirectView.as_view(pattern_name="admin:index")),
]
