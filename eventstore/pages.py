"""Pages of the log in the admin: a stream as a timeline, with the state after each event and what it changed."""

from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html

from eventstore.aggregates import UnknownAggregateType, aggregate_of
from eventstore.cells import badge, lines, page_link, preformatted, shown, time
from eventstore.history import PAGE, CannotReplay, Change, Moment, NotATime, parsed_time, timeline, version_at
from eventstore.models import StoredEvent
from eventstore.reading import head
from eventstore.recorded import Stream

HEADERS = ["version", "recorded at", "event", "by", "what changed", "state after it"]


def timeline_page(request: HttpRequest, aggregate_type: str, aggregate_id: str, *, site: AdminSite) -> HttpResponse:
    """Show a page of a stream: the newest, the one after `after`, or the one that a time falls into."""
    try:
        aggregate_of(aggregate_type)
    except UnknownAggregateType as error:
        raise Http404(str(error)) from error
    if "\0" in aggregate_id:
        raise Http404("no stream has such a name")  # PostgreSQL keeps no such text.
    name, last = Stream(aggregate_type, aggregate_id), head(aggregate_type, aggregate_id)
    problems: list[str] = [] if last else [f"{name} has no events"]
    asked, marked = request.GET.get("at", "").strip(), None
    if asked:
        try:
            marked = version_at(aggregate_type, aggregate_id, parsed_time(asked))
            problems += [f"{name} had no event yet at {asked}"] if last and not marked else []
        except (NotATime, CannotReplay) as error:
            problems.append(str(error))
    after = _page_of(marked or last) if asked else _after(request.GET.get("after"), last)
    moments: list[Moment] = []
    try:
        moments = timeline(aggregate_type, aggregate_id, after=after)
    except CannotReplay as error:
        problems.append(str(error))
    missing = min(last, after + PAGE) - (moments[-1].recorded.version if moments else after)
    if moments and missing > 0:
        problems.append(f"the last {missing} events of this page can't be replayed by this program")
    numbers = [moment.recorded.number for moment in moments]
    in_table = set(StoredEvent.objects.filter(number__in=numbers).values_list("number", flat=True))
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": f"Timeline of {name}",
        "at": asked,
        "pages": _pages(after, last),
        "problems": problems,
        "table": {"headers": HEADERS, "rows": [_row(moment, marked, in_table) for moment in moments]},
    }
    return TemplateResponse(request, "admin/eventstore/timeline.html", context)


def _row(moment: Moment, marked: int | None, in_table: Collection[int]) -> list[str]:
    recorded = moment.recorded
    version = (
        page_link("eventstore.storedevent", recorded.number, recorded.version)
        if recorded.number in in_table
        else lines([shown(recorded.version), badge("in an archive", "info")])
    )
    by = [recorded.metadata.actor, recorded.metadata.correlation, recorded.metadata.causation]
    return [
        lines([version, badge("as it stood", "info")]) if recorded.version == marked else version,
        time(recorded.recorded_at),
        _folded(type(recorded.event).__name__, moment.data),
        lines(shown(part) for part in by if part is not None),
        lines(map(_change, moment.changed)),
        _folded("state", moment.state),
    ]


def _change(change: Change) -> str:
    return format_html("{}: {} → <strong>{}</strong>", change.field, _value(change.before), _value(change.after))


def _value(value: Any) -> str:
    return msgspec.json.encode(value).decode() if isinstance(value, list | dict) else shown(value)


def _folded(title: str, data: dict[str, Any]) -> str:
    pretty = msgspec.json.format(msgspec.json.encode(data)).decode()
    return format_html("<details><summary>{}</summary>{}</details>", title, preformatted(pretty))


def _after(text: str | None, last: int) -> int:
    """Where the page begins: as asked, or at the newest page; a page begins at a multiple of its length."""
    if text and text.isascii() and text.isdigit():
        return _page_of(min(int(text[:19]) + 1, max(last, 1)))
    return _page_of(last)


def _page_of(version: int) -> int:
    return max(version - 1, 0) // PAGE * PAGE


def _pages(after: int, last: int) -> Iterable[tuple[str, str]]:
    newest = _page_of(last)
    places = {"first": 0, "earlier": after - PAGE, "later": after + PAGE, "newest": newest}
    return [
        (title, f"?{urlencode({'after': place})}")
        for title, place in places.items()
        if 0 <= place <= newest and place != after
    ]
