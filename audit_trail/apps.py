from django.apps import AppConfig
from django.core import checks
from django.db import connections
from django.db.models.signals import post_migrate


class AuditTrailConfig(AppConfig):
    name = "audit_trail"
    verbose_name = "Decisions"

    def ready(self) -> None:
        from audit_trail.guards import guards_are_there, install_all

        post_migrate.connect(lambda using, **_: install_all(connections[using]), sender=self, weak=False)
        checks.register(guards_are_there, checks.Tags.database)
