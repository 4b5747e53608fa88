"""Forms: what a page asks an operator for each verb. What was said is read by the rules that commands go by."""

import re
import secrets
from copy import deepcopy

from django import forms
from django.http import QueryDict
from unfold.widgets import (  # type: ignore[import-untyped]
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from trading.conductor.verbs.asking import DETAILS, Asked, NotAskable, read
from trading.conductor.verbs.requests import Verb

_KEY = re.compile(r"[A-Za-z0-9_-]{22}")


def new_form_key() -> str:
    return secrets.token_urlsafe(16)


def _text(label: str, help_text: str) -> forms.Field:
    return forms.CharField(label=label, required=False, help_text=help_text, widget=UnfoldAdminTextInputWidget())


def _confirmation(label: str, help_text: str) -> forms.Field:
    return forms.BooleanField(label=label, required=False, help_text=help_text, widget=UnfoldBooleanWidget())


_FIELDS = {
    "shares": _text("Shares", "Above zero, every digit counts: 3, or 1.5 where the broker takes fractions."),
    "may_raise": _confirmation(
        "It may raise what is open (--may-raise)",
        "Without this, an order that would leave more open than before, or turn the net around, is refused.",
    ),
    "none_of_them": _confirmation(
        "None of them is it (--none-of-them)",
        "You looked at the orders at the broker that look like this one, and it is none of them. Needed only where the "
        "broker has such orders; the request is refused then, and names them.",
    ),
    "broker_order_id": _text("The broker's id", "Of the order at the broker that this one is, as the broker shows it."),
    "net": _text("Net shares", "Signed, every digit counts: 12.5 long, -3 short, 0 for nothing."),
}


class AskForm(forms.Form):
    """Asks for one verb, for one subject or several alike."""

    form_key = forms.CharField(required=False, widget=forms.HiddenInput)
    """What this page is known by, so that it asks once however often it is sent."""

    def __init__(self, verb: Verb, subjects: list[str], sent: QueryDict | None = None) -> None:
        super().__init__(sent, initial={"form_key": new_form_key()})
        self._verb, self._subjects = verb, subjects
        self.asked: list[Asked] = []
        for name in DETAILS.get(verb, {}):
            self.fields[name] = deepcopy(_FIELDS[name])
        self.fields["reason"] = forms.CharField(
            required=False,  # It is; the rules say so.
            widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "required": True}),
            help_text="Why, in your own words. It is kept with the request, with your name and the time.",
        )

    def clean_form_key(self) -> str:
        key = str(self.cleaned_data["form_key"])
        if not _KEY.fullmatch(key):
            self.renew_key()
            raise forms.ValidationError(
                "this page was not made here, or is broken; nothing was asked for. Send it again"
            )
        return key

    def clean(self) -> None:
        said = {name: _said(self.cleaned_data.get(name, "")) for name in DETAILS.get(self._verb, {})}
        for subject in self._subjects:
            try:
                asked = read(self._verb, subject, reason=self.cleaned_data.get("reason", ""), said=said)
            except NotAskable as error:
                self._tell(error.problems)
            else:
                self.asked.append(asked)

    def renew_key(self) -> None:
        """Let the page, when it is sent again, ask anew."""
        self.data = {name: self.data[name] for name in self.data} | {"form_key": new_form_key()}

    def _tell(self, problems: dict[str, str]) -> None:
        for name, problem in problems.items():
            field = name if name in self.fields else None
            if field not in self.errors and problem not in self.non_field_errors():
                self.add_error(field, problem)


def _said(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)
