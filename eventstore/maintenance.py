"""Maintenance: the one way to change or take out events, which leaves a row that says who, when and why."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import structlog
from django.db import transaction

from eventstore.models import Maintenance

logger = structlog.get_logger(__name__)


class ReasonNeeded(ValueError):
    """Whoever touches the log says who they are, and why. Nothing was done."""


@contextmanager
def maintenance(*, actor: str, reason: str, at: datetime) -> Iterator[None]:
    """Let events be changed or taken out until the block ends, in one transaction with the record of it.

    The open record is seen by this transaction alone, so nobody else gets through meanwhile; an error takes back all,
    the record included. Raises ReasonNeeded.
    """
    if not actor.strip() or not reason.strip():
        raise ReasonNeeded(f"expected an actor and a reason, was {actor!r} and {reason!r}")
    with transaction.atomic():
        record = Maintenance.objects.create(actor=actor, reason=reason, opened_at=at)
        logger.warning("Log opened for maintenance", actor=actor, reason=reason, maintenance=record.pk)
        yield
        Maintenance.objects.filter(pk=record.pk).update(closed_at=at)
