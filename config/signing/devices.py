"""Devices: the authenticator on somebody's phone, by whose codes they sign in, and the codes for when it is lost.

Both are django-otp's rows, which let no code through twice and make whoever mistook one wait longer each time. A key is
told when it is made and never again: whoever knows it makes codes. No page, log or answer of the API shows it.
"""

import re
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

import segno
from django.contrib.auth.models import User
from django.db import transaction
from django.views.decorators.debug import sensitive_variables
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

NAME, NAME_OF_RECOVERY = "authenticator", "recovery codes"
RECOVERY_CODES = 8


class Word(Enum):
    """What is said to a code."""

    RIGHT = "right"
    WRONG = "wrong"
    TOO_SOON = "too soon"
    """It was not looked at: another was wrong just before."""


@dataclass(frozen=True)
class Key:
    """What an authenticator has to be told, once: as letters to type, and as a picture to look at."""

    letters: str
    picture: str

    def __repr__(self) -> str:
        return "Key(…)"


def device_of(user: User) -> TOTPDevice | None:
    """Return somebody's authenticator, if it has given its first code."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).order_by("id").first()


@sensitive_variables()
def begin(user: User) -> Key:
    """Make a new key for somebody who has no authenticator. One that was never confirmed is forgotten."""
    with transaction.atomic():
        TOTPDevice.objects.filter(user=user, confirmed=False).delete()
        device = TOTPDevice.objects.create(user=user, name=NAME, confirmed=False)
    letters = b32encode(device.bin_key).decode()
    picture = segno.make(device.config_url, micro=False).svg_inline(
        scale=5, light="#fff", svgclass="qr", lineclass=None
    )
    return Key(" ".join(re.findall("....", letters)), picture)


@sensitive_variables()
def confirm(user: User, code: str) -> list[str] | None:
    """Take an authenticator by its first code, and return the recovery codes. None where the code is not its own."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)  # So that of two pages one confirms.
        new = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=False).order_by("-id").first()
        if new is None or device_of(user) is not None or not (_is_of_six(code) and new.verify_token(code)):
            return None
        new.confirmed = True
        new.save(update_fields=["confirmed"])
        return renew_recovery(user)


@sensitive_variables()
def renew_recovery(user: User) -> list[str]:
    """Make new recovery codes, each good once, and return them; older ones are good no more."""
    codes = [StaticToken.random_token() for _ in range(RECOVERY_CODES)]
    with transaction.atomic():
        StaticDevice.objects.filter(user=user).delete()
        device = StaticDevice.objects.create(user=user, name=NAME_OF_RECOVERY)
        StaticToken.objects.bulk_create(StaticToken(device=device, token=code) for code in codes)
    return codes


def recovery_left(user: User) -> int:
    left: int = StaticToken.objects.filter(device__user=user).count()
    return left


@sensitive_variables()
def hear(user: User, code: str, *, now: datetime) -> tuple[Word, int]:
    """Say what a code is worth, and how many seconds to wait where it was too soon. What is right is so once."""
    kind = TOTPDevice if _is_of_six(code) else StaticDevice
    with transaction.atomic():
        # Locked: of two requests with one code, the second finds it used.
        device = kind.objects.select_for_update().filter(user=user, confirmed=True).order_by("id").first()
        if device is None:
            return Word.WRONG, 0
        may, why_not = device.verify_is_allowed()
        if not may:
            return Word.TOO_SOON, max(int((why_not["locked_until"] - now).total_seconds()) + 1, 1)
        return (Word.RIGHT if device.verify_token(code.lower()) else Word.WRONG), 0


def remove(user: User) -> int:
    """Take somebody's authenticator and recovery codes away. Return how many authenticators there were."""
    with transaction.atomic():
        StaticDevice.objects.filter(user=user).delete()
        had: int = TOTPDevice.objects.filter(user=user, confirmed=True).count()
        TOTPDevice.objects.filter(user=user).delete()
    return had


def _is_of_six(code: str) -> bool:
    return re.fullmatch(r"[0-9]{6}", code) is not None
