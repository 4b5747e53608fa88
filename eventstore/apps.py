from django.apps import AppConfig
from django.core import checks
from django.db import connections
from django.db.models.signals import post_migrate


class EventStoreConfig(AppConfig):
    name = "eventstore"
    verbose_name = "Event store"

    def ready(self) -> None:
        from django.db.models import Field

        from eventstore.among import Among
        from eventstore.checks import guards_are_there
        from eventstore.guards import install

        Field.register_lookup(Among)
        post_migrate.connect(lambda using, **_: install(connections[using]), sender=self, weak=False)
        checks.register(guards_are_there, checks.Tags.database)
