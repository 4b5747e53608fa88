from django.apps import AppConfig


class EventStoreConfig(AppConfig):
    name = "eventstore"
    verbose_name = "Event store"

    def ready(self) -> None:
        from django.db.models import Field

        from eventstore.among import Among

        Field.register_lookup(Among)
