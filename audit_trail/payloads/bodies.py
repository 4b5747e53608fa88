"""Bodies: what was sent or received as a reader is shown it, and in words whatever of it is not as it was."""

from typing import NamedTuple

import msgspec

from audit_trail.payloads.models import ApiPayload

SHOWN_CHARACTERS = 16 * 2**10
"""Of a longer body there is the beginning on a page; all of it is a link away."""

INDENTED_CHARACTERS = 2**20
"""A longer body is shown as it is, since to indent it takes its time."""


class Remark(NamedTuple):
    text: str
    is_warning: bool = False
    """It tells that something is missing."""


class Body(NamedTuple):
    """A body, JSON indented; no text once it was purged."""

    text: str | None
    remarks: tuple[Remark, ...]
    is_cut: bool = False


def told_body(payload: ApiPayload) -> Body:
    text, size = payload.text, Remark(f"{payload.size_bytes} bytes")
    if text is None:
        return Body(None, (Remark("purged", is_warning=True), size))
    remarks = [size]
    if payload.secrets:
        remarks.append(Remark(f"{payload.secrets} secrets were taken out"))
    if payload.truncated:
        remarks.append(Remark("only the beginning was kept", is_warning=True))
    if payload.encoding == ApiPayload.Encoding.BASE64:
        remarks.append(Remark("no text, so it is written as base64"))
    shown = indented(text)
    if len(shown) > SHOWN_CHARACTERS:
        return Body(f"{shown[:SHOWN_CHARACTERS]}…", tuple(remarks), is_cut=True)
    return Body(shown, tuple(remarks))


def indented(text: str) -> str:
    """Indent JSON, and leave what is none as it is."""
    if len(text) > INDENTED_CHARACTERS:
        return text
    try:
        return msgspec.json.format(text)  # Which leaves each number the digits that it has.
    except (msgspec.DecodeError, RecursionError):
        return text
