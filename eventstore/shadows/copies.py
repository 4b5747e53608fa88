"""Copies: models of shadow tables, with the fields of the live ones, that no migration and no admin knows of."""

from typing import TypeVar

from django.apps.registry import Apps
from django.db import models

from eventstore.shadows.naming import shadow_of

M = TypeVar("M", bound=models.Model)


def shadow_model(model: type[M]) -> type[M]:
    """Return a model like this one, over its shadow table."""
    options = {
        "app_label": model._meta.app_label,
        "db_table": shadow_of(model._meta.db_table),
        "managed": False,
        "apps": Apps(),  # A registry of its own, so that it is no model of the project.
    }
    attributes = {
        "__module__": model.__module__,
        "__qualname__": f"Rebuilt{model.__qualname__}",
        "__str__": model.__str__,
        "Meta": type("Meta", (), options),
        **{field.name: field.clone() for field in model._meta.local_concrete_fields},
    }
    return type(f"Rebuilt{model.__name__}", model.__bases__, attributes)
