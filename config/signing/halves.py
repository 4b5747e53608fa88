"""Halves: who has said a right password and owes the code. Until it comes they are nobody, to every page."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

HALF = "signing_in"
LASTS = timedelta(minutes=5)


@dataclass(frozen=True)
class Half:
    """Somebody who has said a right password, and where they want to go."""

    user: User
    backend: str
    onward: str


def hold(request: HttpRequest, user: User, *, onward: str, now: datetime) -> None:
    """Keep in mind who it is that owes a code. Whoever was signed in here before is not any more."""
    request.session.flush()
    request.session[HALF] = {
        "user": user.pk,
        "backend": getattr(user, "backend", ""),
        "password": user.get_session_auth_hash(),  # So that a password that was changed meanwhile is asked for again.
        "onward": onward,
        "at": now.isoformat(),
    }


def held(request: HttpRequest, *, now: datetime) -> Half | None:
    """Return who owes a code, if it is not too long ago."""
    kept = request.session.get(HALF)
    if kept is None or now - datetime.fromisoformat(kept["at"]) >= LASTS:
        return None
    user = User.objects.filter(pk=kept["user"], is_active=True, is_staff=True).first()
    if user is None or not constant_time_compare(kept["password"], user.get_session_auth_hash()):
        return None
    return Half(user, kept["backend"], kept["onward"])


def let_go(request: HttpRequest) -> None:
    request.session.pop(HALF, None)
