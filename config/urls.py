from django.contrib import admin
from django.urls import include, path

from config.monitoring import pages
from config.signing import pages as signing

urlpatterns = [
    path("admin/reports/", include("audit_trail.reports.pages")),
    # Before the admin's own, which ask for no code.
    path("admin/login/", signing.sign_in, name="sign-in"),
    path("admin/login/code/", signing.sign_in_code, name="sign-in-code"),
    path("admin/second-factor/", signing.second_factor, name="second-factor"),
    path("admin/", admin.site.urls),
    path("api/", include("config.api")),
    path("health/live", pages.live, name="health-live"),
    path("health/ready", pages.ready, name="health-ready"),
    path("metrics", pages.metrics, name="metrics"),
    path("", include("config.desk.urls")),
]

handler400 = "config.problem_pages.bad_request"
handler500 = "config.problem_pages.server_error"
