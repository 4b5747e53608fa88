from typing import Any

from django_q.management.commands.qcluster import Command as QCluster

from config import environment


class Command(QCluster):  # type: ignore[misc]  # django-q has no types.
    def handle(self, *args: Any, **options: Any) -> None:
        environment.secret_key()
        super().handle(*args, **options)
