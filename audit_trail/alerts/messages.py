"""Messages: what people read. Several alerts stand in one, each with a number that stays, however often it is sent."""

from collections.abc import Callable, Sequence
from datetime import UTC, date
from typing import NamedTuple

from audit_trail.alerts.models import About, AlertDelivery
from audit_trail.alerts.severity import Severity

AT_LENGTH = 5
"""Of more alerts at once each is told in a line, so that the page can be read on a telephone."""

SHORT = 140
LONGEST = 1500


class Message(NamedTuple):
    """A title and a text, and which deliveries they tell."""

    title: str
    body: str
    deliveries: list[AlertDelivery]

    @property
    def over(self) -> list[int]:
        """The deliveries of matters that it says are over."""
        return [one.pk for one in self.deliveries if is_over(one)]

    @property
    def is_critical(self) -> bool:
        return any(one.severity == Severity.CRITICAL and not is_over(one) for one in self.deliveries)


def compose(
    deliveries: Sequence[AlertDelivery], *, mark: str, longest: int, summary_of: Callable[[date], str]
) -> list[Message]:
    """Write as few messages as hold all of it, none with more signs than `longest`."""
    alerts = [one for one in deliveries if one.summary_day is None]
    messages = _together(alerts, mark=mark, longest=longest)
    for one in deliveries:
        if (day := one.summary_day) is not None:
            body = _with_number(summary_of(day), one, mark=mark, longest=longest)
            messages.append(Message(f"Hedgetrail: {day}", body, [one]))
    return messages


def is_over(delivery: AlertDelivery) -> bool:
    return delivery.notice is not None and delivery.notice.closed_at is not None


def number_of(delivery: AlertDelivery, mark: str) -> str:
    """What a reader knows a delivery by, should it come twice: our installation's mark and a number of it."""
    return f"[{mark}-{delivery.pk}]"


def _together(alerts: Sequence[AlertDelivery], *, mark: str, longest: int) -> list[Message]:
    tell = _at_length if len(alerts) <= AT_LENGTH else _in_a_line
    parts: list[tuple[list[AlertDelivery], list[str]]] = []
    length = 0
    for one in alerts:
        text = _with_number(tell(one), one, mark=mark, longest=longest)
        if not parts or length + len(text) + 2 > longest:
            parts.append(([], []))
            length = 0
        parts[-1][0].append(one)
        parts[-1][1].append(text)
        length += len(text) + 2
    between = "\n\n" if tell is _at_length else "\n"
    return [Message(_title(told), between.join(texts), told) for told, texts in parts]


def _title(told: Sequence[AlertDelivery]) -> str:
    if len(told) == 1:
        return f"Hedgetrail: {_headline(told[0])}"
    over = sum(is_over(one) for one in told)
    critical = sum(one.severity == Severity.CRITICAL and not is_over(one) for one in told)
    parts = [f"{len(told)} alerts", f"{critical} critical" if critical else "", f"{over} over" if over else ""]
    return f"Hedgetrail: {', '.join(part for part in parts if part)}"


def _headline(one: AlertDelivery) -> str:
    notice = one.matter
    if notice.closed_at is not None:
        return f"over: {notice.kind} {notice.subject}"
    still = "still open, " if one.about == About.REMINDED else ""
    return f"{still}{one.get_severity_display()}: {notice.kind} {notice.subject}"


def _at_length(one: AlertDelivery) -> str:
    notice = one.matter
    since = f"since {notice.opened_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if notice.closed_at is not None:
        since += f", over since {notice.closed_at.astimezone(UTC):%Y-%m-%d %H:%M}"
    elif notice.times > 1:
        since += f", met {notice.times} times"
    return f"{_headline(one)}\n{_cut(notice.text, LONGEST)}\n{since}"


def _in_a_line(one: AlertDelivery) -> str:
    return f"{_headline(one)}: {_cut(' '.join(one.matter.text.split()), SHORT)}"


def _with_number(text: str, one: AlertDelivery, *, mark: str, longest: int) -> str:
    number = number_of(one, mark)
    return f"{_cut(text, longest - len(number) - 1)} {number}"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: max(longest - 1, 0)]}…"
