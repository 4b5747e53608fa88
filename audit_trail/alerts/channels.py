"""Channels: ways to people, by addresses of the apprise library: e-mail, Slack, Telegram, webhooks and many more.

What apprise offers in an address and would harm us is refused or overruled: certificates are always looked at, nothing
is sent in clear text to another machine, redirects are not followed, failures count as such, and the library reads no
files of its own and keeps none. It tries once: the outbox tries again.
"""

import hashlib
import re
import threading
from collections.abc import Collection
from typing import TYPE_CHECKING
from urllib.parse import unquote

from trading.values.secret import Secret

if TYPE_CHECKING:
    from apprise import AppriseAsset, NotifyBase

SENDS_WITHIN_SECONDS = 20
LONGEST_BODY = 8000
"""Signs of a message where the service would take more: nobody reads further."""

HERE = ("127.0.0.1", "localhost", "::1")
_SHORTEST_SECRET = 4


class UnusableChannel(ValueError):
    """An address can't be used, or only in a way that would give something away. The message holds nothing of it."""


class NotDelivered(Exception):
    """The service did not take a message, or nobody knows whether it did. The text holds nothing of the address."""


class Channel:
    """One address. It shows itself by its scheme and a hash."""

    def __init__(self, url: Secret, *, only_critical: bool = False) -> None:
        """Read the address; nothing is sent. Raises UnusableChannel."""
        self._url = url
        self._plugin = _plugin(url)
        self.only_critical = only_critical
        self.name = channel_name(url)

    def __repr__(self) -> str:
        return f"Channel({self.name})"

    @property
    def longest_body(self) -> int:
        """How many signs one message may have; a service that writes some of them longer has room for it."""
        room = self._plugin.body_maxlen - (0 if self._plugin.title_maxlen > 0 else 100)
        return max(min(room * 8 // 10, LONGEST_BODY), 60)

    def send(self, title: str, body: str, *, is_critical: bool = False) -> None:
        """Send a message, once. Raises NotDelivered."""
        answers: list[str] = []

        def ask() -> None:
            answers.append(self._asked(title, body, is_critical))

        # Time-outs are between bytes, so a service that trickles would hold us for ever; and a thread of apprise's own
        # would keep the process from ending.
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(SENDS_WITHIN_SECONDS)
        refusal = answers[0] if answers else f"no answer within {SENDS_WITHIN_SECONDS} seconds, so it may have come"
        if refusal:
            raise NotDelivered(without_address(refusal, self._url)[:300])

    def _asked(self, title: str, body: str, is_critical: bool) -> str:
        """Send, and return why it was not taken, or nothing."""
        from apprise import Apprise, NotifyFormat, NotifyType

        service = Apprise(self._plugin, asset=self._plugin.asset)
        kind = NotifyType.FAILURE if is_critical else NotifyType.WARNING
        try:
            result = service.notify(body=body, title=title, notify_type=kind, body_format=NotifyFormat.TEXT)
        except Exception as error:  # noqa: BLE001  # many services, each with errors of its own: told, and tried again
            return f"apprise failed: {type(error).__name__}: {error}"
        if result:
            return ""
        return " ".join(dict.fromkeys(entry.message for entry in result.logs())) or "apprise does not say why"


def channel_name(url: Secret) -> str:
    """Name a channel by its scheme and a hash of its address. That is slow to make: no password is guessed by it."""
    text = url.reveal()
    told = hashlib.scrypt(text.encode(), salt=b"hedgetrail alert channel", n=2**14, r=8, p=1, dklen=4)
    return f"{text.partition('://')[0].lower()[:30]}-{told.hex()}"


def without_address(text: str, url: Secret) -> str:
    """Take out of a text whatever stands in an address, but for its scheme."""
    for part in sorted(parts_of(url.reveal()), key=len, reverse=True):
        text = text.replace(part, "***")
    return text


def parts_of(url: str) -> set[str]:
    """What stands in an address behind its scheme, as a whole and piece by piece, but for this machine's own names."""
    _, _, rest = url.partition("://")
    found = {rest, *re.split(r"[/?&=:@#+,;]", rest)}
    return {
        word
        for part in found
        for word in (part, unquote(part))
        if len(word) >= _SHORTEST_SECRET and word not in HERE and not _is_small_number(word)
    }


def _is_small_number(word: str) -> bool:
    """A port, or a count; to hide each of them would hide the text."""
    return word.isdigit() and len(word) < 8


def _plugin(url: Secret) -> "NotifyBase":
    from apprise import Apprise

    plugin = Apprise.instantiate(url.reveal(), asset=_asset())
    if plugin is None:
        raise UnusableChannel("apprise knows no such scheme, or a part is missing")
    if not plugin.verify_certificate:
        raise UnusableChannel("it asks not to look at certificates (verify=no)")
    if not _is_encrypted(plugin, url) and str(getattr(plugin, "host", "")) not in HERE:
        raise UnusableChannel("it sends in clear text to another machine; schemes that end with s do not")
    plugin.redirects = False  # A POST would become a GET, or go to somebody else.
    plugin.optional = False  # Else a failure would be called a success.
    plugin.retry = 0
    return plugin


def _is_encrypted(plugin: "NotifyBase", url: Secret) -> bool:
    # E-mail says by itself how it goes, since providers that are known are always called safely.
    if (mode := getattr(plugin, "secure_mode", None)) is not None:
        return str(getattr(mode, "value", mode)) != "insecure"
    return url.reveal().partition("://")[0].lower() in _words(plugin.secure_protocol)


def _words(protocols: str | Collection[str] | None) -> tuple[str, ...]:
    return (protocols,) if isinstance(protocols, str) else tuple(protocols or ())


def _asset() -> "AppriseAsset":
    from apprise import AppriseAsset

    return AppriseAsset(
        app_id="Hedgetrail",
        app_desc="Hedgetrail",
        app_url="",
        async_mode=False,
        http_redirects=False,
        interpret_escapes=False,
        interpret_emojis=False,
        pem_autogen=False,
        pgp_autogen=False,
        storage_mode="memory",
        service_timeout=0,
        allow_templates=False,
        language="en",
        timezone="UTC",
    )
