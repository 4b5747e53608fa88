"""Mode: the one row that says which memory is read and which are written, beside what an installation is known by."""

import secrets
from enum import StrEnum

from django.db import connection, models, transaction
from django.db.models import F

from trading.values.identifiers import ClientOrderId, OrderId, client_order_id

THE_ROW = 1
# No vowels, so that no word comes out; no look-alikes.
_ALPHABET = "23456789bcdfghjkmnpqrstvwxz"


class Mode(StrEnum):
    """Which memory is the truth, and which are written."""

    LEGACY = "legacy"
    DUAL = "dual"
    EVENTS = "events"


class WrongMode(Exception):
    """This process was told of another ledger mode than the one in force. Nothing was done."""


class LedgerMode(models.Model):
    """The mode in force; changed by switch_ledger alone."""

    id = models.IntegerField(primary_key=True, default=THE_ROW)
    mode = models.CharField(max_length=10, choices=[(m, m) for m in Mode])

    class Meta:
        db_table = "ledger_mode"
        constraints = [models.CheckConstraint(condition=models.Q(id=THE_ROW), name="ledger_mode_one_row")]

    def __str__(self) -> str:
        return self.mode


class Installation(models.Model):
    """Our own mark in every client order id, so that no two installations at one broker share a name."""

    id = models.IntegerField(primary_key=True, default=THE_ROW)
    mark = models.CharField(max_length=12)
    last_order_number = models.BigIntegerField(default=0)

    class Meta:
        db_table = "installation"
        constraints = [models.CheckConstraint(condition=models.Q(id=THE_ROW), name="installation_one_row")]

    def __str__(self) -> str:
        return self.mark


def new_mark() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(8))


def ensure_installation() -> None:
    """Give a fresh database its mark: done at the first migrate."""
    Installation.objects.get_or_create(id=THE_ROW, defaults={"mark": new_mark()})


def renew_installation() -> str:
    """Take a new mark: after a restore, orders of the lost time may stand at the broker under the old one."""
    mark = new_mark()
    Installation.objects.update_or_create(id=THE_ROW, defaults={"mark": mark})
    return mark


def next_order() -> tuple[OrderId, ClientOrderId]:
    """Take the next order number, and the name under which the broker will know the order; inside a transaction."""
    # One statement, so that two who take a number wait for each other and never share one.
    if not Installation.objects.filter(id=THE_ROW).update(last_order_number=F("last_order_number") + 1):
        ensure_installation()
        return next_order()
    row = Installation.objects.get(id=THE_ROW)
    number = OrderId(row.last_order_number)
    return number, client_order_id(installation=row.mark, order=number, attempt=1)


def number_is_taken(number: OrderId) -> None:
    """Never give this number out again: an order that we did not know of has it."""
    Installation.objects.filter(id=THE_ROW, last_order_number__lt=number).update(last_order_number=number)


def mode_in_force(default: Mode) -> Mode:
    """Read the mode for one commit; on a fresh database the first process stores its own.

    The row is held, shared, to the end of the transaction, so that a switch waits for every step under way.
    """
    shared = " FOR SHARE" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT mode FROM ledger_mode WHERE id = %s{shared}", [THE_ROW])  # noqa: S608  # two constants
        row = cursor.fetchone()
    if row is None:
        LedgerMode.objects.get_or_create(id=THE_ROW, defaults={"mode": default})
        return mode_in_force(default)
    return Mode(row[0])


def mode_or_none() -> Mode | None:
    """The mode in force, or None on a fresh database."""
    row = LedgerMode.objects.filter(id=THE_ROW).first()
    return None if row is None else Mode(row.mode)


def check_mode(told: Mode) -> None:
    """Refuse to go on under another mode than the one in force. Raises WrongMode."""
    with transaction.atomic():
        in_force = mode_in_force(told)
    if in_force is not told:
        raise wrong_mode(told, in_force)


def wrong_mode(told: Mode, in_force: Mode) -> WrongMode:
    return WrongMode(
        f"LEDGER is {told}, but the ledger's mode in force is {in_force}: set LEDGER={in_force}, "
        f"or change the mode with `manage.py switch_ledger {told}`"
    )
