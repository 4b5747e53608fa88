from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Configuration"

    def ready(self) -> None:
        from config import deploy_checks  # noqa: F401  # which registers its checks
        from config.signing import sessions  # noqa: F401  # which notes when one begins

        # The signal passes over apps without models, as this one is: it comes once, with the schedules' own app.
        post_migrate.connect(_after_migrate, sender=apps.get_app_config("django_q"))


def _after_migrate(**_: Any) -> None:
    from django.core.management.base import CommandError

    from config.environment import event_partitions
    from config.roles import sync_roles
    from config.schedules import sync_schedules
    from eventstore.partitions import CannotPartition, ensure_partitions

    sync_schedules()
    sync_roles()
    if (count := event_partitions()) is not None:
        try:
            ensure_partitions(count)
        except CannotPartition as error:
            raise CommandError(str(error), returncode=2) from error
