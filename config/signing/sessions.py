"""Sessions: how long one lasts, whether it was begun with a code, and how all of somebody's are ended.

One ends eight hours after signing in, whatever is done in it, and after an hour in which nothing asked. A board that is
open and seen asks by itself: whoever looks at it is not signed out.
"""

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import DatabaseError
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.plugins.otp_totp.models import TOTPDevice

log = structlog.get_logger(__name__)

SIGNED_IN, SEEN = "signed_in_at", "seen_at"
SEEN_EVERY = timedelta(minutes=5)


@receiver(user_logged_in)
def note_signing_in(sender: Any, request: HttpRequest, **_: Any) -> None:
    """Note when a session began."""
    request.session[SIGNED_IN] = request.session[SEEN] = timezone.now().isoformat()


def is_over(session: SessionBase, now: datetime) -> bool:
    """Tell whether a session lasted long enough. One that does not say since when it lasts did, too."""
    if SIGNED_IN not in session or SEEN not in session:
        return True
    lasted = now - datetime.fromisoformat(session[SIGNED_IN])
    idle = now - datetime.fromisoformat(session[SEEN])
    return lasted >= timedelta(seconds=settings.SESSION_COOKIE_AGE) or idle >= timedelta(
        seconds=settings.SESSION_IDLE_SECONDS
    )


def note_seen(session: SessionBase, now: datetime) -> None:
    """Note that somebody is there, every few minutes."""
    if now - datetime.fromisoformat(session[SEEN]) < SEEN_EVERY:
        return
    was_changed, session[SEEN] = session.modified, now.isoformat()
    try:
        session.save()
    except DatabaseError as error:
        # A database that can't be written to now can be looked at all the same.
        log.warning("Use of a session not noted", error=type(error).__name__)
    session.modified = was_changed


def went_through(session: SessionBase, device: TOTPDevice) -> bool:
    """Tell whether a session was begun with a code, while this authenticator was somebody's."""
    return bool(session.get(DEVICE_ID_SESSION_KEY) == device.persistent_id)


def end_sessions(user: User, *, but: str | None = None, now: datetime) -> int:
    """End every session of somebody, but one, and return how many there were.

    One that can't be read is ended too: it may be theirs, and was written under another SECRET_KEY than this process's.
    """
    ended = 0
    for row in Session.objects.filter(expire_date__gt=now).exclude(session_key=but or "").iterator():
        told = row.get_decoded()
        if not told or told.get(SESSION_KEY) == str(user.pk):
            row.delete()
            ended += 1
    return ended
