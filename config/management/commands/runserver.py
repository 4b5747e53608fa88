from typing import Any

from django.contrib.staticfiles.management.commands.runserver import Command as RunServer

from config import environment


class Command(RunServer):
    def handle(self, *args: Any, **options: Any) -> None:
        environment.secret_key()
        super().handle(*args, **options)
