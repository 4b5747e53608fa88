"""Answers: a station books all of a turn under the moment at which the turn began, so its calls are a little later.

Told by their times alone, a broker would have had an order before we called it. A step that an answer brought is told
where its answer came.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from audit_trail.payloads.models import ApiCallLog
from config.desk.stories.entries import Entry

OF_OUR_OWN = frozenset({"cause", "placed", "order placed", "submission started", "relinked", "migrated"})
"""Steps that no answer brings."""

SENDING = ("submit", "find")
LOOKING = ("report",)
A_LOOK = timedelta(seconds=1)
"""A look that brings nothing new leaves no step; so only one that was made at once may have brought it."""


def where_answered(steps: Sequence[Entry], calls: Iterable[ApiCallLog]) -> tuple[list[Entry], list[Entry]]:
    """The steps of our own, and those that an answer brought, at the time of that answer where it is known."""
    ended = [(call.sent_at, call.ended_at, call.purpose) for call in calls if call.ended_at is not None]
    moments = sorted({step.at for step in steps})
    following = dict(zip(moments, [*moments[1:], None], strict=True))
    ours = [step for step in steps if step.kind in OF_OUR_OWN]
    brought = [
        step._replace(at=_answered_at(step.at, following[step.at], ended))
        for step in steps
        if step.kind not in OF_OUR_OWN
    ]
    return ours, brought


def _answered_at(began: datetime, following: datetime | None, ended: list[tuple[datetime, datetime, str]]) -> datetime:
    """The end of the last call of the turn that began then; where there was none, that moment itself."""
    answers = [
        end
        for sent, end, purpose in ended
        if sent >= began
        and (following is None or sent < following)
        and (purpose.startswith(SENDING) or (purpose.startswith(LOOKING) and sent - began < A_LOOK))
    ]
    return max(answers, default=began)
