"""Risk in the admin: controls, which an operator changes with a reason, and what came of them, which nobody changes."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin  # type: ignore[import-untyped]
from unfold.widgets import UnfoldAdminTextareaWidget  # type: ignore[import-untyped]

from eventstore.cells import badge, list_link, page_link, pretty_json, short
from eventstore.finding import choices_filter
from eventstore.read_only import ReadOnlyAdmin
from trading.risk.controls import LONGEST_REASON, Control, KillSwitch, RestrictedSymbol, RiskChange, RiskLimit, change
from trading.risk.facts import BrokerFact, FactKind
from trading.risk.records import Denial, RiskCheck, never_met
from trading.risk.rules import LimitRule, Rule
from trading.risk.scopes import Scope
from trading.values.arithmetic import plain
from trading.values.sides import Side

SCOPES = choices_filter("scope", {scope.value: Q(scope=scope.value) for scope in Scope})


class ControlForm(forms.ModelForm):  # type: ignore[type-arg]
    """Asks for a reason each time: the one of the last change is no reason for this one."""

    reason = forms.CharField(
        max_length=LONGEST_REASON,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="why it is changed; kept with the change",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.pop("reason", None)


class SwitchForm(ControlForm):
    """A switch that is there already is thrown again by the same form: who is in a hurry need not look for it."""

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if self.instance.pk is None and (there := self._there(given)) is not None:
            self.instance = there
        return given

    @staticmethod
    def _there(given: dict[str, Any]) -> KillSwitch | None:
        try:
            scope = Scope(given.get("scope", ""))
            return KillSwitch.objects.filter(scope=scope, subject=scope.subject(given.get("subject", ""))).first()
        except ValueError:
            return None  # The model says what is wrong.


class ControlAdmin(ReadOnlyAdmin):
    """A control. It is changed with a reason and never deleted; who may only look sees it as it is."""

    form = ControlForm
    key: ClassVar[tuple[str, ...]]
    """What it is known by: given when it is made, and not changed after."""

    settings: ClassVar[tuple[str, ...]]
    """What an operator may change."""

    trail: ClassVar[tuple[str, ...]] = ("actor", "at", "changes")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(ModelAdmin.has_add_permission(self, request))

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return bool(ModelAdmin.has_change_permission(self, request, obj))

    def get_fieldsets(self, request: HttpRequest, obj: models.Model | None = None) -> list[Any]:
        if obj is None:
            return [(None, {"fields": [*self.key, *self.settings, "reason"]})]
        if not self.has_change_permission(request, obj):
            return super().get_fieldsets(request, obj)
        shown = [self._column(name) for name in self.key]
        last = [self._column(name) for name in ("last_reason", *self.trail)]
        return [
            (None, {"fields": [*shown, *self.settings, "reason"]}),
            ("Last change", {"fields": last}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> list[Any]:
        if obj is None:
            return []
        if not self.has_change_permission(request, obj):
            return super().get_readonly_fields(request, obj)
        return [self._column(name) for name in (*self.key, "last_reason", *self.trail)]

    def save_model(self, request: HttpRequest, obj: Control, form: forms.ModelForm, change: bool) -> None:  # type: ignore[type-arg]
        _change(obj, reason=form.cleaned_data["reason"], actor=request.user.get_username(), at=timezone.now())

    def headline(self, row: Control) -> str:
        return row.named()

    def changes(self, row: Control) -> str:
        return list_link("trading.riskchange", "all changes", control=row.kind, q=row.named())

    @admin.display(description="reason")
    def why(self, row: Control) -> str:
        return short(row.reason)

    @admin.display(description="reason")
    def last_reason(self, row: Control) -> str:
        return row.reason


_change = change


@admin.register(KillSwitch)
class KillSwitchAdmin(ControlAdmin):
    """While one is on, no order that it reaches is placed or sent."""

    form = SwitchForm
    key = ("scope", "subject")
    settings = ("is_on",)
    list_display = ("name", "state", "why", "actor", "at")
    fields = ("scope", "subject", "state", "last_reason", *ControlAdmin.trail)
    list_filter = (choices_filter("state", {"on": Q(is_on=True), "off": Q(is_on=False)}), SCOPES)
    search_fields = ("subject",)
    ordering = ("-is_on", "-pk")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"is_on": True}

    def save_model(self, request: HttpRequest, obj: Control, form: forms.ModelForm, change: bool) -> None:  # type: ignore[type-arg]
        if obj.pk is not None and not self.has_change_permission(request, obj):
            raise PermissionDenied
        super().save_model(request, obj, form, change)
        if not isinstance(obj, KillSwitch) or not obj.is_on:
            return
        if (told := never_met(Scope(obj.scope), obj.subject)) is not None:
            messages.warning(request, told)

    def name(self, row: KillSwitch) -> str:
        return row.named()

    def state(self, row: KillSwitch) -> str:
        return badge("on", "danger") if row.is_on else badge("off", "success")


@admin.register(RestrictedSymbol)
class RestrictedSymbolAdmin(ControlAdmin):
    """Symbols that are not traded. A time that is past lifts a restriction."""

    key = ("symbol", "side")
    settings = ("expires_at",)
    list_display = ("symbol", "sides", "state", "expires_at", "why", "actor", "at")
    fields = ("symbol", "sides", "state", "expires_at", "last_reason", *ControlAdmin.trail)
    list_filter = (choices_filter("side", {"both": Q(side=""), **{side.value: Q(side=side.value) for side in Side}}),)
    search_fields = ("symbol",)
    ordering = ("symbol", "side")

    def sides(self, row: RestrictedSymbol) -> str:
        return row.side or "both"

    def state(self, row: RestrictedSymbol) -> str:
        lifted = row.expires_at is not None and row.expires_at <= timezone.now()
        return badge("lifted", "success") if lifted else badge("restricted", "danger")


@admin.register(RiskLimit)
class RiskLimitAdmin(ControlAdmin):
    """Numbers that no order, or no sum of orders, may exceed. Without a value a limit is lifted."""

    key = ("rule", "scope", "subject")
    settings = ("value",)
    list_display = ("rule", "reach", "number", "why", "actor", "at")
    fields = ("rule", "scope", "subject", "number", "last_reason", *ControlAdmin.trail)
    list_filter = (choices_filter("rule", {rule.value: Q(rule=rule.value) for rule in LimitRule}), SCOPES)
    search_fields = ("subject",)
    ordering = ("rule", "scope", "subject")

    def reach(self, row: RiskLimit) -> str:
        return Scope(row.scope).named(row.subject)

    @admin.display(description="value")
    def number(self, row: RiskLimit) -> str:
        return badge("lifted", "success") if row.value is None else plain(row.value)


@admin.register(RiskChange)
class RiskChangeAdmin(ReadOnlyAdmin):
    """Every change of a control: what it was, what it is since, who changed it and why."""

    list_display = ("control", "subject", "before", "after", "actor", "why", "at")
    fields = ("control", "subject", "before", "after", "actor", "reason", "at")
    list_filter = (
        choices_filter(
            "control", {each.kind: Q(control=each.kind) for each in (KillSwitch, RestrictedSymbol, RiskLimit)}
        ),
    )
    search_fields = ("^subject", "actor")
    search_help_text = "What was changed, or its beginning, or who changed it"

    @admin.display(description="reason")
    def why(self, row: RiskChange) -> str:
        return short(row.reason)


@admin.register(Denial)
class DenialAdmin(ReadOnlyAdmin):
    """Orders that were not placed, one row for as long as the same rule stood against them."""

    list_display = ("symbol", "state", "rule", "side", "shares", "what", "times", "strategy", "first_at", "last_at")
    fields: Sequence[str] = (
        "symbol",
        "state",
        "rule",
        "side",
        "shares",
        "text",
        "looked_at",
        "times",
        "strategy",
        "broker",
        "first_at",
        "last_at",
        "not_before",
        "ended_at",
    )
    list_filter = (
        choices_filter("state", {"stands": Q(ended_at=None), "over": Q(ended_at__isnull=False)}),
        choices_filter("rule", {rule.value: Q(rule=rule.value) for rule in Rule}),
    )
    search_fields = ("symbol",)

    def state(self, row: Denial) -> str:
        return badge("stands", "danger") if row.ended_at is None else badge("over", "success")

    @admin.display(description="text")
    def what(self, row: Denial) -> str:
        return short(row.text)

    @admin.display(description="figures")
    def looked_at(self, row: Denial) -> str:
        return pretty_json(row.figures)


@admin.register(RiskCheck)
class RiskCheckAdmin(ReadOnlyAdmin):
    """Why each order was let through, and the figures that were looked at."""

    list_display = (
        "client_order_id",
        "order",
        "symbol",
        "side",
        "asked_shares",
        "allowed_shares",
        "price_usd",
        "notional_usd",
        "strategy",
        "checked_at",
    )
    fields = (*list_display[:-2], "strategy", "broker", "checked_at", "looked_at")
    list_filter = (choices_filter("side", {side.value: Q(side=side.value) for side in Side}),)
    search_fields = ("symbol", "^client_order_id", "order_id")
    search_help_text = "A symbol, a client order id or its beginning, or a hedge's number"
    ordering = ("-checked_at", "-pk")

    def order(self, row: RiskCheck) -> str:
        if row.order_id is None:
            return page_link("", None)
        return list_link("trading.offchaintrade", f"order {row.order_id}", id__exact=row.order_id)

    @admin.display(description="figures")
    def looked_at(self, row: RiskCheck) -> str:
        return pretty_json(row.figures)


@admin.register(BrokerFact)
class BrokerFactAdmin(ReadOnlyAdmin):
    """What each broker said last, and whether it can be asked."""

    list_display = ("broker", "kind", "subject", "state", "as_of", "not_before", "tries", "why")
    fields = ("broker", "kind", "subject", "state", "answered", "as_of", "not_before", "tries", "trouble")
    list_filter = (
        choices_filter("kind", {kind.value: Q(kind=kind.value) for kind in FactKind}),
        choices_filter("state", {"answered": Q(trouble=None), "in_trouble": Q(trouble__isnull=False)}),
    )
    search_fields = ("subject",)
    ordering = ("broker", "kind", "subject")

    def state(self, row: BrokerFact) -> str:
        if row.trouble is not None:
            return badge("in trouble", "danger")
        return badge("never asked", "info") if row.as_of is None else badge("answered", "success")

    @admin.display(description="trouble")
    def why(self, row: BrokerFact) -> str:
        return short(row.trouble)

    @admin.display(description="answer")
    def answered(self, row: BrokerFact) -> str:
        return "-" if row.body is None else pretty_json(row.body)
