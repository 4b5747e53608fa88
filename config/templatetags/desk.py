"""Desk: how amounts, times and spans are written on its pages. What is shortened keeps every digit a touch away."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html

from audit_trail.payloads.bodies import indented as indented_text
from config.terminal.sections import age, ago
from eventstore.cells import list_link
from trading.values.arithmetic import cut, plain

register = template.Library()

SHOWN_DIGITS = 4
NOTHING = "–"


@register.filter
def shares(value: Decimal | None) -> str:
    """A number of shares to four decimals, cut; the whole of it stands in the title."""
    return NOTHING if value is None else _short(value, _cut(value))


@register.filter
def exact(value: Decimal | None) -> str:
    """A number with every digit that it has."""
    return NOTHING if value is None else plain(value)


@register.filter
def usd(value: Decimal | None) -> str:
    """Dollars to the cent, half to even; every digit stands in the title."""
    if value is None:
        return NOTHING
    cents = value.quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN)
    return _short(value, f"{'−' if cents < 0 else ''}${abs(cents):,.2f}")


@register.filter
def basis_points(value: Decimal | None) -> str:
    """Basis points to a tenth, with their sign; every digit stands in the title."""
    return NOTHING if value is None else _short(value, f"{value.quantize(Decimal('0.1')):+f}")


@register.filter
def words(name: str) -> str:
    """A name of the books as words: `parked_log` is a parked log."""
    return name.replace("_", " ")


@register.filter
def span(value: timedelta | None) -> str:
    """A span in its two largest units: `2 min 5 s`."""
    return NOTHING if value is None else age(value)


@register.filter
def percent(part: Decimal) -> str:
    """A part of one as a length for SVG."""
    return f"{min(max(part, Decimal(0)), Decimal(1)) * 100:.2f}%"


@register.filter
def half(part: Decimal) -> Decimal:
    """A part of two as a part of one."""
    return part / 2


@register.simple_tag
def since(at: datetime | None, now: datetime) -> str:
    """How long ago it was, counted on by the page; the moment itself stands in the title."""
    if at is None:
        return NOTHING
    return format_html('<time datetime="{0}" title="{0}" data-ages>{1}</time>', _utc(at), ago(at, now))


@register.simple_tag
def clock(at: datetime | None) -> str:
    """The time of day in UTC, with the whole moment in the title."""
    if at is None:
        return NOTHING
    return format_html('<time datetime="{0}" title="{0}">{1}</time>', _utc(at), f"{at.astimezone(UTC):%H:%M:%S}")


@register.simple_tag
def story(kind: str, subject: Any) -> str:
    """Link to the page that tells all of a symbol, an order or a decision; a fill is told by its row."""
    match kind:
        case "symbol":
            return _link("desk-symbol", subject, subject)
        case "order":
            return _link("desk-order", subject, f"order {subject}")
        case "fill":
            text = f"{subject.side.lower()} {_cut(subject.shares)} {subject.symbol}"
            return list_link("trading.onchaintrade", text, tx_hash=subject.tx_hash)
        case "decision":
            return _link("desk-decision", subject.decision_id, f"{subject.side.lower()} {subject.symbol}")
        case _:
            raise ValueError(f"expected symbol, order, fill or decision, was {kind!r}")


@register.simple_tag
def moment(at: datetime | None) -> str:
    """The whole moment in UTC, to the thousandth of a second."""
    if at is None:
        return NOTHING
    told = f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3]
    return format_html('<time datetime="{0}" title="{0}">{1} UTC</time>', _utc(at), told)


@register.filter
def later(value: timedelta | None) -> str:
    """How long after the one before something was: to the hundredth of a second while it is short."""
    if value is None:
        return ""
    if value < timedelta(minutes=1):
        return "at once" if not value else f"{value.total_seconds():.2f} s later"
    return f"{age(value)} later"


@register.filter
def indented(text: str) -> str:
    """JSON with its lines; what is none stays as it is."""
    return indented_text(text)


def _link(page: str, key: Any, text: str) -> str:
    return format_html('<a href="{}">{}</a>', reverse(page, args=[key]), text)


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _cut(value: Decimal) -> str:
    """A number to four decimals; dust is said to be some."""
    shown = cut(value, digits=SHOWN_DIGITS)
    return plain(shown) if shown or not value else f"{'−' if value < 0 else ''}less than 0.0001"


def _short(value: Decimal, text: str) -> str:
    exact = plain(value)
    return text if exact == text else format_html('<span title="{}">{}</span>', exact, text)
