"""Signing in with an authenticator: the codes that somebody's phone shows."""

from base64 import b32encode
from datetime import timedelta

from django.utils import timezone
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from config.signing.devices import renew_recovery

LOGIN, CODE, SECOND_FACTOR = "/admin/login/", "/admin/login/code/", "/admin/second-factor/"


def authenticator(user):
    """Give somebody an authenticator that has been confirmed, and recovery codes."""
    device = TOTPDevice.objects.create(user=user, name="authenticator", confirmed=True)
    renew_recovery(user)
    return device


def code_of(device, *, later=0):
    """The six digits that it shows now, or so many half minutes later."""
    device.refresh_from_db()
    return f"{totp(device.bin_key, device.step, device.t0, device.digits, later):06}"


def wrong_code(device):
    """Six digits that it does not show about now."""
    shown = {code_of(device, later=later) for later in range(-4, 5)}
    return next(code for code in (f"{number:06}" for number in range(1000)) if code not in shown)


def waited():
    """As if whoever mistook a code had waited long enough."""
    long_ago = timezone.now() - timedelta(days=1)
    for kind in (TOTPDevice, StaticDevice):
        kind.objects.filter(throttling_failure_count__gt=0).update(throttling_failure_timestamp=long_ago)


def secrets_of(user):
    """All of somebody's that no page may show: the key as it is stored and as it is typed, and recovery codes."""
    found = []
    for device in TOTPDevice.objects.filter(user=user):
        letters = b32encode(device.bin_key).decode()
        found += [device.key, letters, " ".join(letters[at : at + 4] for at in range(0, len(letters), 4))]
    for device in StaticDevice.objects.filter(user=user):
        found += device.token_set.values_list("token", flat=True)
    return found


def signed_in(client, user):
    """Sign a client in as if with the code, where the user has an authenticator."""
    client.force_login(user)
    device = TOTPDevice.objects.filter(user=user, confirmed=True).first()
    if device is not None:
        session = client.session
        session[DEVICE_ID_SESSION_KEY] = device.persistent_id
        session.save()
    return client
