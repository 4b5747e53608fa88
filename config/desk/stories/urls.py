from django.urls import path

from config.desk.stories import pages

urlpatterns = [
    path("symbols/<path:symbol>/", pages.symbol, name="desk-symbol"),
    path("orders/<int:number>/", pages.order, name="desk-order"),
    path("decisions/", pages.decisions, name="desk-decisions"),
    path("decisions/<uuid:decision>/", pages.decision, name="desk-decision"),
    path("failed/", pages.failed, name="desk-failed"),
]
