"""Pages of reports in the admin: a form for what is asked, the answer's sums, and each of its lists."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.generic import RedirectView

from audit_trail.executions.explaining import NoSuchTrade, decision_of, headline, what_led_to
from audit_trail.reports.asking import QUESTIONS, NotAnswerable, Question
from eventstore.cells import NOTHING, page_link, preformatted, short, shown

MOST_SHOWN = 100
"""So many rows of a list stand on the page; all that were asked for are in the CSV."""

HINTS = {
    "symbol": "AAPL",
    "since": "2026-03-02",
    "until": "2026-03-31",
    "at": "2026-03-02T09:30-05:00",
    "day": "2026-03-02",
    "strategy": "all",
    "limit": "500",
    "trade": "an id of a decision, an execution or an order",
}
LONGEST_CELL = 120
_OF_A_TRADE = ("decision", "execution")


def report_page(request: HttpRequest, name: str) -> HttpResponse:
    """Show a report that is asked for, or the form to ask."""
    _only_for_readers(request)
    question = QUESTIONS.get(name)
    if question is None:
        raise Http404(f"there is no report {name!r}")
    given = {word: request.GET.get(word, "").strip() for word in question.words}
    report, problems = None, []
    # A page that is opened without a word is no bad question.
    if any(given.values()) or not question.needed:
        try:
            report = question.ask(given, now=timezone.now())
        except NotAnswerable as error:
            problems.append(str(error))
    answered = {} if report is None else _answer(name, question, given, report)
    return _page(request, question.title, given, problems, **answered)


def trade_page(request: HttpRequest) -> HttpResponse:
    """Show a trade from run to fill."""
    _only_for_readers(request)
    trade, problems, answered = request.GET.get("trade", "").strip(), [], {}
    if trade:
        try:
            decision = decision_of(trade.replace("\0", "�"))  # PostgreSQL keeps no such text.
            told = msgspec.json.format(msgspec.json.encode(what_led_to(decision)), indent=2).decode()
            facts = [["decision", page_link("audit_trail.tradedecision", decision.pk, headline(decision))]]
            links = [("JSON", reverse("report-trade", args=[decision.decision_id]))]
            answered = {"facts": _table(("what", "told"), facts), "links": links, "told": preformatted(told)}
        except NoSuchTrade as error:
            problems.append(str(error))
    return _page(request, "Trade", {"trade": trade}, problems, **answered)


urlpatterns = [
    path("", RedirectView.as_view(url="day/"), name="report-pages"),
    path("trade/", admin.site.admin_view(trade_page), name="report-trade-page"),
    path("<str:name>/", admin.site.admin_view(report_page), name="report-page"),
]


def _only_for_readers(request: HttpRequest) -> None:
    if not request.user.has_perm("audit_trail.view_tradedecision"):
        raise PermissionDenied


def _page(
    request: HttpRequest, title: str, given: dict[str, str], problems: list[str], **answered: Any
) -> TemplateResponse:
    context = {
        **admin.site.each_context(request),
        "title": title,
        "words": [(word, text, HINTS[word]) for word, text in given.items()],
        "problems": problems,
        **answered,
    }
    return TemplateResponse(request, "admin/audit_trail/report.html", context)


def _answer(name: str, question: Question, given: dict[str, str], report: Any) -> dict[str, Any]:
    api, words = _api_of(name, given)
    lists = []
    for table in question.told.tables:  # type: ignore[attr-defined]  # of every report
        rows = getattr(report, table)
        if rows:
            header = [label for label, _ in _flat(rows[0])]
            cells = [[_cell(value) for _, value in _flat(row)] for row in rows[:MOST_SHOWN]]
            title = _label(table) + (f", the first {MOST_SHOWN} of {len(rows)}" if len(rows) > MOST_SHOWN else "")
            address = f"{api}?{urlencode({**words, 'format': 'csv', 'table': table})}"
            lists.append((title, address, _table(header, cells)))
    facts = [[label, _cell(value)] for label, value in _flat(report) if not isinstance(value, tuple) or label == "cut"]
    query = f"?{urlencode(words)}" if words else ""
    return {"facts": _table(("what", "told"), facts), "links": [("JSON", f"{api}{query}")], "lists": lists}


def _api_of(name: str, given: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Where the API tells the same, and the words that it is asked by there."""
    words = {word: text for word, text in given.items() if text}
    match name:
        case "symbol":
            return reverse("report-symbol", args=[words.pop("symbol")]), words
        case "day" if "day" in words:
            return reverse("report-day", args=[words.pop("day")]), words
        case "day":
            return reverse("report-today"), words
        case _:
            return reverse(f"report-{name}"), words


def _table(headers: Any, rows: list[list[str]]) -> dict[str, Any]:
    return {"headers": list(headers), "rows": rows}


def _flat(told: msgspec.Struct) -> Iterator[tuple[str, Any]]:
    """The fields of a report or a row; those of what is in it stand beside them."""
    for name, value in zip(told.__struct_fields__, msgspec.structs.astuple(told), strict=True):
        if isinstance(value, msgspec.Struct):
            yield from _flat(value)
        elif name in _OF_A_TRADE and value is not None:
            place = f"{reverse('report-trade-page')}?{urlencode({'trade': value})}"
            yield _label(name), format_html('<a href="{}" class="text-link">{}</a>', place, value)
        else:
            yield _label(name), value


def _cell(value: Any) -> str:
    match value:
        case tuple():
            return ", ".join(str(one) for one in value) or NOTHING
        case dict():
            return ", ".join(f"{name} {_cell(one)}" for name, one in value.items()) or NOTHING
        case SafeString():
            return value
        case str():
            return short(value, LONGEST_CELL)
        case _:
            return shown(value)


def _label(name: str) -> str:
    return name.replace("_", " ")
