from django.urls import path

from config.desk import pages

urlpatterns = [
    path("", pages.board, name="desk"),
]
