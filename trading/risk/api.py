"""The kill switch over HTTP: which switches are on, and one thrown by whoever may do so."""

from typing import Any

from django.urls import path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from eventstore.hashing import moment
from eventstore.rest.views import ApiView
from trading.risk.controls import KillSwitch, NoReason, throw
from trading.risk.scopes import NotASubject, Scope
from trading.values.symbols import NotASymbol

FIELDS = {"on", "scope", "subject", "reason"}


class SwitchSerializer(serializers.Serializer[Any]):
    """A kill switch as it was thrown last."""

    scope = serializers.ChoiceField(choices=list(Scope))
    subject = serializers.CharField(allow_blank=True, help_text="which broker, symbol or strategy; else empty")
    on = serializers.BooleanField()
    reason = serializers.CharField()
    actor = serializers.CharField()
    at = serializers.DateTimeField()


class SwitchesSerializer(serializers.Serializer[Any]):
    """Every kill switch that was ever thrown."""

    any_on = serializers.BooleanField(help_text="whether any is on")
    switches = SwitchSerializer(many=True)


class ThrowSerializer(serializers.Serializer[Any]):
    """Which kill switch to throw, and why."""

    on = serializers.BooleanField(help_text="true: nothing is placed or sent that it reaches")
    reason = serializers.CharField(help_text="it is kept with the change")
    scope = serializers.ChoiceField(choices=list(Scope), default=Scope.GLOBAL.value)
    subject = serializers.CharField(default="", allow_blank=True, help_text="which broker, symbol or strategy")


class KillSwitchView(ApiView):
    """The kill switches that were ever thrown, and throwing one: `{"on": true, "reason": "…"}`."""

    scope, right, write_right = "kill_switch", "trading.view_killswitch", "trading.change_killswitch"
    answer, asked = SwitchesSerializer, ThrowSerializer
    example = {
        "any_on": True,
        "switches": [
            {
                "scope": "symbol",
                "subject": "AAPL",
                "on": True,
                "reason": "earnings call",
                "actor": "anna",
                "at": "2026-03-02T14:30:02.104233Z",
            }
        ],
    }

    def get(self, request: Request) -> Response:
        return _state()

    def post(self, request: Request) -> Response:
        on, scope, subject, reason = _asked(request.data)
        try:
            throw(scope, subject, on=on, reason=reason, actor=request.user.get_username(), at=timezone.now())
        except (NotASubject, NotASymbol) as error:
            raise ParseError(f"subject: {error}") from error
        except NoReason as error:
            raise ParseError(f"reason: {error}") from error
        return _state()


urlpatterns = [path("", KillSwitchView.as_view(), name="kill-switch")]


def _asked(data: Any) -> tuple[bool, Scope, str, str]:
    """Read what is asked for. Only true and false are a yes and a no: neither "false" nor 0 is."""
    if not isinstance(data, dict):
        raise ParseError("expected an object with `on` and `reason`")
    if unknown := sorted(set(data) - FIELDS):
        raise ParseError(f"expected {', '.join(sorted(FIELDS))} and nothing else, found {', '.join(unknown)}"[:300])
    on = data.get("on")
    if on is not True and on is not False:
        raise ParseError(f"on: expected true or false, was {on!r}"[:200])
    words = {name: data.get(name, default) for name, default in (("scope", "global"), ("subject", ""), ("reason", ""))}
    for name, word in words.items():
        if not isinstance(word, str) or "\0" in word or not _is_text(word):
            raise ParseError(f"{name}: expected a text, was {word!r}"[:200])
    if words["scope"] not in set(Scope):
        raise ParseError(f"scope: expected one of {', '.join(Scope)}, was {words['scope']!r}"[:200])
    return on, Scope(words["scope"]), words["subject"], words["reason"]


def _is_text(word: str) -> bool:
    # JSON can hold halves of letters, which no database keeps.
    return not any("\ud800" <= letter <= "\udfff" for letter in word)


def _state() -> Response:
    switches = list(KillSwitch.objects.order_by("id"))
    return Response(
        {
            "any_on": any(switch.is_on for switch in switches),
            "switches": [
                {
                    "scope": switch.scope,
                    "subject": switch.subject,
                    "on": switch.is_on,
                    "reason": switch.reason,
                    "actor": switch.actor,
                    "at": moment(switch.at),
                }
                for switch in switches
            ],
        }
    )
