"""The environment of alerts: where they are sent, when nobody wants to be told, and how often what is open is told."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from audit_trail.alerts.channels import Channel, UnusableChannel
from audit_trail.alerts.quiet_hours import QuietHours
from config.environment import Variable, read
from trading.values.secret import Secret

ALERT_URLS = Variable(
    "ALERT_URLS",
    expected="addresses of the apprise library, with spaces or commas between them; before one that is to be told of "
    "critical alerts alone stands critical=",
    example="ALERT_URLS='mailtos://USER:PASSWORD@mail.example.com?to=desk@example.com critical=tgram://TOKEN/CHAT'",
    default="",
    secret=True,
)
ALERT_QUIET_HOURS = Variable(
    "ALERT_QUIET_HOURS",
    expected="two times of the wall clock and a time zone, between which warnings wait",
    example="ALERT_QUIET_HOURS='22:00-07:00 America/New_York'",
    default="",
)
ALERT_REMIND_HOURS = Variable(
    "ALERT_REMIND_HOURS",
    expected="whole hours after which what is open still is told again, from 1 to 720, or 0 for never",
    example="ALERT_REMIND_HOURS=24",
    default="12",
)

ALERT_VARIABLES = tuple(value for value in list(globals().values()) if isinstance(value, Variable))

ONLY_CRITICAL = "critical="


@dataclass(frozen=True)
class AlertSettings:
    """Whom to tell, and how."""

    channels: tuple[Channel, ...]
    quiet: QuietHours | None
    remind_every: timedelta | None


def alert_settings(environ: Mapping[str, str] | None = None) -> AlertSettings:
    """Read them; without ALERT_URLS there is no channel. Raises SettingError."""
    return AlertSettings(
        channels=read(ALERT_URLS, _channels, environ),
        quiet=read(ALERT_QUIET_HOURS, _quiet_hours, environ),
        remind_every=read(ALERT_REMIND_HOURS, _hours, environ),
    )


def urls_in(text: str) -> list[str]:
    """Take the addresses apart. A comma that no address begins after is a part of one."""
    return [url for url in re.split(rf"\s+|,\s*(?=(?:{ONLY_CRITICAL})?[A-Za-z][\w+.-]*://)", text.strip()) if url]


def _channels(text: str) -> tuple[Channel, ...]:
    found: dict[str, Channel] = {}
    for place, url in enumerate(urls_in(text), start=1):
        try:
            channel = Channel(Secret(url.removeprefix(ONLY_CRITICAL)), only_critical=url.startswith(ONLY_CRITICAL))
        except UnusableChannel as error:
            raise ValueError(f"address {place} can't be used: {error}") from None
        if channel.name in found:
            raise ValueError(f"address {place} stands there twice")
        found[channel.name] = channel
    return tuple(found.values())


def _quiet_hours(text: str) -> QuietHours | None:
    if not text:
        return None
    parts = re.fullmatch(r"([0-9]{2}:[0-9]{2})-([0-9]{2}:[0-9]{2})\s+([A-Za-z0-9_+/-]+)", text)
    if parts is None:
        raise ValueError
    begins, ends = (time.fromisoformat(each) for each in parts.groups()[:2])
    if begins == ends:
        raise ValueError("they begin when they end")
    try:
        return QuietHours(begins=begins, ends=ends, zone=ZoneInfo(parts[3]))
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"there is no time zone {parts[3]!r}") from None


def _hours(text: str) -> timedelta | None:
    if re.fullmatch(r"[0-9]{1,3}", text) is None or int(text) > 720:
        raise ValueError
    return timedelta(hours=int(text)) or None
