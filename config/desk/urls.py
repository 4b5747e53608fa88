from django.urls import include, path

from config.desk import pages

urlpatterns = [
    path("", pages.board, name="desk"),
    path("live", pages.live, name="desk-live"),
    path("pace", pages.pace, name="desk-pace"),
    path("charts", pages.charts, name="desk-charts"),
    path("", include("config.desk.stories.urls")),
]
