"""Controls: what an operator has in force, as rows, and the one way in which each of them is changed.

A change is one commit: the row as it is from now on, and beside it what it was, who changed it, when and why. Whoever
places an order and whoever changes a control take the same lock first, so that one waits for the other: an order that
is not committed when a kill switch is thrown is not committed after it either, in whichever process.
"""

from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.lookups import GreaterThanOrEqual

from trading.fields import ExactDecimalField, Magnitude
from trading.notices.models import close_notice, open_notice
from trading.risk.rules import LimitRule
from trading.risk.scopes import LONGEST_SUBJECT, NotASubject, Scope
from trading.values.arithmetic import plain
from trading.values.sides import Side
from trading.values.symbols import NotASymbol, symbol

EVER = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_REASON = 2000
"""It stands on every page that tells of the control; what is longer belongs elsewhere."""

_NAMED = Q(scope="global", subject="") | (~Q(scope="global") & ~Q(subject=""))


class NoReason(ValueError):
    """A control is changed with a reason that can be read, by somebody. Nothing was changed."""


class Control(models.Model):
    """A row that an operator may change: who did last, when and why stands in it."""

    id = models.BigAutoField(primary_key=True)
    reason = models.TextField()
    actor = models.CharField(max_length=150)
    at = models.DateTimeField()

    kind: ClassVar[str]
    key: ClassVar[tuple[str, ...]]
    """What it is known by, which never changes."""

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.named()

    def named(self) -> str:
        """What it is about, in words."""
        raise NotImplementedError

    def standing(self) -> dict[str, Any]:
        """What it says, for the record of its changes."""
        raise NotImplementedError

    def tell(self, at: datetime) -> None:
        """Let the operator know what is in force, where that is to be known."""


class ScopedControl(Control):
    """A control of everything, or of one broker, symbol or strategy."""

    scope = models.CharField(max_length=10, choices=[(s.value, s.value) for s in Scope], default=Scope.GLOBAL.value)
    subject = models.CharField(
        max_length=LONGEST_SUBJECT, blank=True, default="", help_text="which broker, symbol or strategy; else empty"
    )

    class Meta:
        abstract = True

    def clean(self) -> None:
        try:
            self.subject = Scope(self.scope).subject(self.subject)
        except (NotASubject, NotASymbol, ValueError) as error:
            raise ValidationError({"subject": str(error)}) from error


class KillSwitch(ScopedControl):
    """While it is on, no order that it reaches is placed, and none that was not sent yet is sent."""

    kind = "kill_switch"
    key = ("scope", "subject")

    is_on = models.BooleanField()

    class Meta:
        db_table = "kill_switches"
        verbose_name_plural = "kill switches"
        constraints = [
            models.UniqueConstraint(fields=["scope", "subject"], name="kill_switches_once"),
            models.CheckConstraint(condition=_NAMED, name="kill_switches_subject"),
        ]

    def named(self) -> str:
        return Scope(self.scope).named(self.subject)

    def standing(self) -> dict[str, Any]:
        return {"is_on": self.is_on}

    def tell(self, at: datetime) -> None:
        if self.is_on:
            open_notice(
                self.kind,
                self.named(),
                f"the kill switch ({self.named()}) is on, thrown by {self.actor}: {self.reason}. No order is placed "
                "that it reaches, until it is off again",
                at=at,
            )
        else:
            close_notice(self.kind, self.named(), at=at)


class RestrictedSymbol(Control):
    """A symbol that is not traded, on one side or both, until a time or until further notice."""

    kind = "restriction"
    key = ("symbol", "side")

    symbol = models.CharField(max_length=32)
    side = models.CharField(
        max_length=4, blank=True, default="", choices=[(s.value, s.value) for s in Side], help_text="empty: both sides"
    )
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="empty: until further notice; a time that is past lifts the restriction"
    )

    class Meta:
        db_table = "restricted_symbols"
        constraints = [models.UniqueConstraint(fields=["symbol", "side"], name="restricted_symbols_once")]

    def clean(self) -> None:
        try:
            self.symbol = symbol(self.symbol)
        except NotASymbol as error:
            raise ValidationError({"symbol": str(error)}) from error

    def named(self) -> str:
        return f"{self.symbol} {self.side}".strip()

    def standing(self) -> dict[str, Any]:
        return {"expires_at": None if self.expires_at is None else self.expires_at.isoformat()}


class RiskLimit(ScopedControl):
    """A number that no order, or no sum of orders, may exceed; without one the limit is lifted."""

    kind = "limit"
    key = ("rule", "scope", "subject")

    rule = models.CharField(max_length=30, choices=[(r.value, r.value) for r in LimitRule])
    value = ExactDecimalField(null=True, blank=True, help_text="empty: the limit is lifted")

    class Meta:
        db_table = "risk_limits"
        constraints = [
            models.UniqueConstraint(fields=["rule", "scope", "subject"], name="risk_limits_once"),
            models.CheckConstraint(condition=_NAMED, name="risk_limits_subject"),
            models.CheckConstraint(
                condition=Q(value=None) | Q(GreaterThanOrEqual(Magnitude(F("value")), 0)), name="risk_limits_value"
            ),
        ]

    def clean(self) -> None:
        super().clean()
        if self.value is not None and self.value < 0:
            raise ValidationError({"value": f"expected zero or more, was {plain(self.value)}"})

    def named(self) -> str:
        return f"{self.rule}, {Scope(self.scope).named(self.subject)}"

    def standing(self) -> dict[str, Any]:
        return {"value": None if self.value is None else plain(self.value)}


class RiskChange(models.Model):
    """What was changed of a control, by whom and why; rows are only ever added."""

    id = models.BigAutoField(primary_key=True)
    control = models.CharField(max_length=20)
    subject = models.CharField(max_length=120)
    before = models.TextField(null=True, help_text="JSON; empty where the control is new")
    after = models.TextField(help_text="JSON")
    reason = models.TextField()
    actor = models.CharField(max_length=150)
    at = models.DateTimeField()

    class Meta:
        db_table = "risk_changes"
        verbose_name = "risk change"
        indexes = [models.Index(fields=["control", "subject"], name="risk_changes_subject")]

    def __str__(self) -> str:
        return f"{self.control} {self.subject} by {self.actor}"


def lock_controls() -> None:
    """Wait for whoever places an order or changes a control, and hold the others off to the end of this transaction.

    It is the row of the global kill switch that is locked, which is always there. On SQLite, which has one writer, the
    transaction itself is the lock.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("controls are locked in the transaction that they are read or changed in")
    rows = KillSwitch.objects.filter(scope=Scope.GLOBAL, subject="")
    if rows.select_for_update().values_list("pk", flat=True).first() is None:
        first = KillSwitch(is_on=False, reason="as installed", actor="installation", at=EVER)
        # Of two that find none, one waits for the other.
        KillSwitch.objects.bulk_create([first], ignore_conflicts=True)
        rows.select_for_update().values_list("pk", flat=True).first()


def change(control: Control, *, reason: str, actor: str, at: datetime) -> None:
    """Let a control be from now on as it is given, effective for the very next order in every process."""
    control.reason, control.actor, control.at = reason.strip(), actor.strip(), at
    if not control.reason or not control.actor:
        raise NoReason(f"expected a reason and who changes {control.named()}, was {reason!r} by {actor!r}")
    if len(control.reason) > LONGEST_REASON:
        raise NoReason(f"expected a reason of at most {LONGEST_REASON} letters, was one of {len(control.reason)}")
    with transaction.atomic():
        lock_controls()
        known = {name: getattr(control, name) for name in control.key}
        before = type(control)._default_manager.filter(**known).first()
        control.pk = None if before is None else before.pk
        control.save(force_insert=before is None, force_update=before is not None)
        RiskChange.objects.create(
            control=control.kind,
            subject=control.named(),
            before=None if before is None else _text(before.standing()),
            after=_text(control.standing()),
            reason=control.reason,
            actor=control.actor,
            at=at,
        )
        control.tell(at)


def throw(scope: Scope, subject: str, *, on: bool, reason: str, actor: str, at: datetime) -> KillSwitch:
    """Turn a kill switch on or off. Raises NotASubject, NotASymbol, NoReason."""
    if on is not True and on is not False:
        raise TypeError(f"expected on as True or False, was {on!r}")
    switch = KillSwitch(scope=scope, subject=scope.subject(subject), is_on=on)
    change(switch, reason=reason, actor=actor, at=at)
    return switch


def standing_switch(*, broker: str, symbol: str, strategy: str) -> KillSwitch | None:
    """A kill switch that is on and reaches such an order, as read inside the caller's transaction."""
    reaching = (
        Q(scope=Scope.GLOBAL)
        | Q(scope=Scope.BROKER, subject=broker)
        | Q(scope=Scope.SYMBOL, subject=symbol)
        | Q(scope=Scope.STRATEGY, subject=strategy)
    )
    return KillSwitch.objects.filter(reaching, is_on=True).order_by("id").first()


def _text(standing: dict[str, Any]) -> str:
    return msgspec.json.encode(standing).decode()
