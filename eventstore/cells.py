"""Cells: how values, links and states are shown in the admin."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.contrib.admin.utils import quote
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe

from eventstore.decimals import plain
from eventstore.unreadable import Unreadable

NOTHING = "-"
SHORT = 80


def shown(value: Any) -> str:
    """Show a value with every digit that it has: decimals plain, times in UTC."""
    match value:
        case None | "":
            return NOTHING
        case Unreadable():
            return badge(str(value), "danger")
        case bool():
            return "yes" if value else "no"
        case datetime():
            return time(value)
        case Decimal() if value.is_finite():
            return plain(value)
        case str():
            return value  # As it is, so that what is safe HTML stays so.
        case _:
            return str(value)


def time(at: datetime) -> str:
    utc = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return f"{utc.replace(tzinfo=None).isoformat(sep=' ')} UTC"


def short(text: str | None, length: int = SHORT) -> str:
    """Cut a long text, and say so; the whole of it stays a touch away."""
    if text is None or len(text) <= length:
        return shown(text)
    return format_html('<span title="{}">{}…</span>', text, text[:length])


def short_hash(text: str | None) -> str:
    if text is None or len(text) <= 14:
        return shown(text)
    return format_html('<span title="{}">{}…{}</span>', text, text[:8], text[-4:])


def badge(text: str, colour: str = "") -> str:
    """Mark a text: info, success, warning or danger; grey without a colour."""
    return mark_safe(  # noqa: S308  # the template escapes the text
        render_to_string("unfold/helpers/label.html", {"text": text, "type": colour}).strip()
    )


def pretty_json(text: str) -> str:
    """Show JSON indented, and what is none as the text that it is."""
    with suppress(ValueError, RecursionError):
        text = msgspec.json.format(text)  # Which leaves each number the digits that it has.
    return preformatted(text)


def preformatted(text: str) -> str:
    return format_html('<pre class="told">{}</pre>', text)


def page_link(model: str, pk: object, text: object = None) -> str:
    """Link to a row's page, as `page_link("trading.notice", 7)`; without a key there is none to link to."""
    if pk is None or pk == "":
        return NOTHING
    return _link(model, "change", [quote(str(pk))], {}, shown(pk if text is None else text))


def list_link(model: str, text: str, **lookups: object) -> str:
    """Link to the rows of a model that the lookups name."""
    return _link(model, "changelist", [], lookups, text)


def timeline_link(aggregate_type: str, aggregate_id: object, text: str = "timeline") -> str:
    """Link to a stream's events with the state after each."""
    return _link("eventstore.storedevent", "timeline", [aggregate_type, str(aggregate_id)], {}, text)


def lines(cells: Iterable[object]) -> str:
    """Show cells one below the other."""
    return format_html_join(mark_safe("<br>"), "{}", ([cell] for cell in cells)) or NOTHING


def _link(model: str, page: str, args: list[Any], lookups: dict[str, object], text: str) -> str:
    try:
        url = reverse(f"admin:{model.replace('.', '_')}_{page}", args=args)
    except NoReverseMatch:
        return text  # Not in this admin.
    query = f"?{urlencode(lookups)}" if lookups else ""
    return format_html('<a href="{}{}" class="text-link">{}</a>', url, query, text)
