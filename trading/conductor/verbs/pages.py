"""Pages: where an operator asks for a verb in the admin. Looking changes nothing; sending stores requests, once."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from eventstore.cells import list_link, shown
from eventstore.offers import MOST_AT_ONCE
from trading.conductor.verbs.asking import ORDER_VERBS, NotAskable, subject_of
from trading.conductor.verbs.forms import AskForm
from trading.conductor.verbs.requests import AskedOtherwise, OperatorRequest, Verb, ask
from trading.conductor.verbs.standing import NoSuchSubject, headers, standings
from trading.conductor.verbs.words import WORDS

FOR_MANY = frozenset({Verb.RECHECK_ORDER, Verb.RESUME_ORDER, Verb.CANCEL_ORDER, Verb.RESUME_SYMBOL})
"""What may be asked for several subjects at once, with one reason."""


def may_ask(request: HttpRequest) -> bool:
    """Tell whether somebody may ask for anything: whoever may change operators' requests."""
    return request.user.has_perm("trading.change_operatorrequest")


def ask_path(verb: Verb, subjects: list[str]) -> str:
    """The page on which a verb is asked for."""
    place = reverse("admin:trading_operatorrequest_ask", args=[verb.value])
    return f"{place}?{urlencode([('subject', subject) for subject in subjects])}"


def link_of(verb: Verb, subject: str) -> str:
    """Link to the order, the position or the backlog that a verb is for."""
    if verb is Verb.DRAIN_BACKLOG:
        return list_link("trading.backloggedevent", subject)
    if verb in ORDER_VERBS:
        return list_link("trading.offchaintrade", f"order {subject}", id__exact=subject)
    return list_link("trading.tradeaccumulator", subject, symbol__exact=subject)


def ask_page(request: HttpRequest, verb_name: str, *, site: AdminSite) -> HttpResponse:
    """Show the form of a verb, with what will happen; sent, store what is asked for and go on to see it done."""
    if not may_ask(request):
        raise PermissionDenied
    verb, subjects = _asked_about(verb_name, request.GET.getlist("subject"))
    if request.method != "POST":
        return _shown(request, verb, subjects, AskForm(verb, subjects), site)
    form = AskForm(verb, subjects, request.POST)
    if form.is_valid() and (answer := _stored(request, form)) is not None:
        return answer
    return _shown(request, verb, subjects, form, site)


def _asked_about(verb_name: str, subjects: list[str]) -> tuple[Verb, list[str]]:
    if verb_name not in set(Verb):
        raise Http404(f"there is no verb {verb_name}")
    verb = Verb(verb_name)
    most = MOST_AT_ONCE if verb in FOR_MANY else 1
    if not 0 < len(subjects) <= most:
        raise Http404(f"expected between 1 and {most} subjects for {verb}, were {len(subjects)}")
    try:
        return verb, list(dict.fromkeys(subject_of(verb, subject) for subject in subjects))
    except NotAskable as error:
        raise Http404(str(error)) from error


def _stored(request: HttpRequest, form: AskForm) -> HttpResponse | None:
    """Store what is asked for, all of it or nothing; None where this page has asked for something else before."""
    now = timezone.now()
    try:
        with transaction.atomic():
            rows = [
                ask(
                    asked.verb,
                    asked.subject,
                    actor=request.user.get_username(),
                    reason=asked.reason,
                    now=now,
                    form_key=form.cleaned_data["form_key"],
                    **asked.details,
                )
                for asked in form.asked
            ]
    except AskedOtherwise as before:
        form.renew_key()
        form.add_error(
            None,
            f"this page was sent before: {before.request} was asked for then, as request {before.request.pk}, with "
            "other words. Nothing was asked for now; send the page again to ask for this as well",
        )
        return None
    if any(row.asked_at != now for row in rows):
        messages.info(request, "This was asked for already. It was not asked for again.")
    return _onward(rows)


def _onward(rows: list[OperatorRequest]) -> HttpResponse:
    if len(rows) == 1:
        return HttpResponseRedirect(reverse("admin:trading_operatorrequest_change", args=[rows[0].pk]))
    return HttpResponseRedirect(reverse("admin:trading_operatorrequest_changelist"))


def _shown(request: HttpRequest, verb: Verb, subjects: list[str], form: AskForm, site: AdminSite) -> HttpResponse:
    try:
        standing = standings(verb, subjects)
    except NoSuchSubject as error:
        raise Http404(str(error)) from error
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": WORDS[verb].title,
        "words": WORDS[verb],
        "subjects": [link_of(verb, subject) for subject in subjects],
        "table": {"headers": headers(verb), "rows": [[shown(cell) for cell in each.cells] for each in standing]},
        "in_the_way": [each.in_the_way for each in standing if each.in_the_way is not None],
        "form": form,
        "opts": OperatorRequest._meta,
    }
    return TemplateResponse(request, "admin/trading/ask.html", context)
