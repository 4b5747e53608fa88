"""The kill switch over HTTP: which switches are on, and one thrown by whoever may do so."""

from typing import Any

from django.urls import path
from django.utils import timezone
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from trading.risk.controls import KillSwitch, NoReason, throw
from trading.risk.scopes import NotASubject, Scope
from trading.values.symbols import NotASymbol

FIELDS = {"on", "scope", "subject", "reason"}


class MayThrow(IsAuthenticated):
    """Whoever may look at kill switches sees them; who may change them in the admin may throw them here."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        right = "view" if request.method in SAFE_METHODS else "change"
        allowed = request.user.has_perm(f"trading.{right}_killswitch") or request.user.has_perm(
            "trading.change_killswitch"
        )
        return super().has_permission(request, view) and allowed


class KillSwitches(APIView):
    """The kill switches that were ever thrown, and throwing one: `{"on": true, "reason": "…"}`."""

    permission_classes = [MayThrow]
    parser_classes = [JSONParser]

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


urlpatterns = [path("", KillSwitches.as_view(), name="kill-switch")]


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
        if not isinstance(word, str) or "\0" in word:
            raise ParseError(f"{name}: expected a text, was {word!r}"[:200])
    if words["scope"] not in set(Scope):
        raise ParseError(f"scope: expected one of {', '.join(Scope)}, was {words['scope']!r}"[:200])
    return on, Scope(words["scope"]), words["subject"], words["reason"]


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
                    "at": switch.at,
                }
                for switch in switches
            ],
        }
    )
