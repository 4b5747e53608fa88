from django.contrib import admin
from django.urls import include, path

from config.monitoring import pages

urlpatterns = [
    path("admin/reports/", include("audit_trail.reports.pages")),
    path("admin/", admin.site.urls),
    path("api/", include("config.api")),
    path("health/live", pages.live),
    path("health/ready", pages.ready),
    path("metrics", pages.metrics),
    path("", include("config.desk.urls")),
]

handler400 = "config.problem_pages.bad_request"
handler500 = "config.problem_pages.server_error"
