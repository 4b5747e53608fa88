"""Outbox: what happened to a login, stored in the commit of its tokens, until it has become an event.

Tokens are stored in a commit of their own, which nothing that goes wrong afterwards takes back. The event is another
commit; this row stands between the two, so that none is lost and none is told twice.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from django.db import models

from trading.broker_auth.commands import SchwabAuthCommand

_DECODER = msgspec.json.Decoder(SchwabAuthCommand)


class AuthNote(models.Model):
    """What happened to a login, and is no event yet. There is no token in it."""

    id = models.BigAutoField(primary_key=True)
    broker = models.CharField(max_length=20)
    command = models.TextField(help_text="what the login will be told")
    noted_at = models.DateTimeField()

    class Meta:
        db_table = "broker_auth_outbox"
        verbose_name = "login note"

    def __str__(self) -> str:
        return f"note {self.id} of the login at {self.broker}"


def note(broker: str, command: SchwabAuthCommand, *, at: datetime) -> None:
    """Note what happened, in the transaction in which it is stored."""
    AuthNote.objects.create(broker=broker, command=msgspec.json.encode(command).decode(), noted_at=at)


def take_notes(broker: str) -> Sequence[SchwabAuthCommand]:
    """Take what waits, oldest first, in the transaction that makes events of it; who else would take it waits."""
    rows = list(AuthNote.objects.select_for_update().filter(broker=broker).order_by("id"))
    AuthNote.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return [_DECODER.decode(row.command) for row in rows]


def has_notes(broker: str) -> bool:
    return AuthNote.objects.filter(broker=broker).exists()
