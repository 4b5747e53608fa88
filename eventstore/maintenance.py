"""Maintenance: the one way to change or remove what is stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction


@contextmanager
def maintenance(*, actor: str, reason: str, at: datetime) -> Iterator[None]:
    """Let events be changed or removed in the block, which is one transaction."""
    with transaction.atomic():
        yield
