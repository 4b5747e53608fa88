"""Planning: what each channel is to be told of, found by looking at the notices.

Nobody who opens a notice has to know of channels, and nothing is lost where nobody looks for a while: what was not told
is found by there being no delivery of it.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet

from audit_trail.alerts.models import About, AlertChannel, AlertDelivery, DeliveryState, is_free
from audit_trail.alerts.outbox import CHANNEL_FAILING
from audit_trail.alerts.severity import HOLDS_BACK, KINDS, NOT_IN_A_HURRY, Severity, severity_of
from trading.market_hours.calendar import NEW_YORK, session_of
from trading.notices.models import Notice

MOST_AT_ONCE = 500
SUMMED_UP_AFTER = timedelta(minutes=30)
"""The close: half past four in New York, and half past one on a half day."""

WAITS_FOR_ITS_CHANNEL = timedelta(days=1)
NOT_REMINDED = tuple(kind for kind, standing in KINDS.items() if not standing.is_reminded)


def plan(channel: AlertChannel, *, only_critical: bool, remind_every: timedelta | None, at: datetime) -> None:
    """Store what a channel is to be told of. Whatever is stored already is not stored twice, whoever else plans."""
    _skip_what_is_over(channel, at=at)
    rows = [*_opened(channel, only_critical=only_critical, at=at), *_resolved(channel, at=at)]
    if remind_every is not None:
        rows += _reminders(channel, told_before=at - remind_every, at=at)
    if not only_critical:
        rows += _summary(channel, at=at)
    AlertDelivery.objects.bulk_create(rows, ignore_conflicts=True)


def give_up_on_others(names: Iterable[str], *, at: datetime) -> int:
    """Give up what has waited for a day for channels that are not there any more. Return how much it was."""
    lost = AlertDelivery.objects.filter(state=DeliveryState.PENDING, created_at__lte=at - WAITS_FOR_ITS_CHANNEL)
    return lost.exclude(channel__in=list(names)).update(
        state=DeliveryState.FAILED,
        ended_at=at,
        held_by=None,
        last_error="ALERT_URLS does not name its channel any more",
    )


def last_summed_up(at: datetime) -> date:
    """The last trading day whose summary is due at a moment."""
    day = at.astimezone(NEW_YORK).date()
    while (session := session_of(day)) is None or session.closes_at + SUMMED_UP_AFTER > at:
        day -= timedelta(days=1)
    return day


def _skip_what_is_over(channel: AlertChannel, *, at: datetime) -> None:
    """Leave out what nobody was told of in time. That money was at risk is told even when it is over."""
    untold = channel.deliveries.filter(
        is_free(at), state=DeliveryState.PENDING, attempts=0, notice__closed_at__isnull=False, asked_by=None
    )
    untold.filter(Q(about=About.OPENED, severity=Severity.WARNING) | Q(about=About.REMINDED)).update(
        state=DeliveryState.SKIPPED, ended_at=at, held_by=None, last_error="it was over before it was told"
    )


def _opened(channel: AlertChannel, *, only_critical: bool, at: datetime) -> Iterator[AlertDelivery]:
    told = AlertDelivery.objects.filter(channel=channel, about=About.OPENED, notice=OuterRef("pk"))
    untold = Notice.objects.filter(Q(closed_at=None) | Q(opened_at__gte=channel.first_seen_at), ~Exists(told)).exclude(
        kind=CHANNEL_FAILING, subject=channel.pk
    )
    untold = untold.exclude(kind__in=NOT_IN_A_HURRY) if only_critical else untold
    notices = list(untold.order_by("id")[:MOST_AT_ONCE])
    last_told = _last_told(channel, at=at) if notices else {}
    for notice in notices:
        severity = severity_of(notice.kind)
        row = _row(channel, notice, About.OPENED, at=at)
        if notice.closed_at is not None and severity is Severity.WARNING:
            row.state, row.ended_at, row.last_error = DeliveryState.SKIPPED, at, "it was over before it was told"
        elif (before := last_told.get((notice.kind, notice.subject))) is not None:
            row.next_attempt_at = max(at, before + HOLDS_BACK[severity])
        yield row


def _last_told(channel: AlertChannel, *, at: datetime) -> dict[tuple[str, str], datetime]:
    """When each matter was told last, of those that came and went lately."""
    told = channel.deliveries.filter(
        about=About.OPENED, state=DeliveryState.SENT, ended_at__gt=at - max(HOLDS_BACK.values())
    ).order_by("ended_at")
    rows = told.values_list("notice__kind", "notice__subject", "ended_at")
    return {(kind, subject): when for kind, subject, when in rows if when is not None}


def _resolved(channel: AlertChannel, *, at: datetime) -> Iterator[AlertDelivery]:
    """Tell that a matter is over to whoever was told that it is open, and of nothing since."""
    is_told = AlertDelivery.objects.filter(channel=channel, about=About.RESOLVED, notice=OuterRef("notice"))
    told_open = channel.deliveries.filter(
        ~Exists(is_told), about=About.OPENED, state=DeliveryState.SENT, said_over=False, notice__closed_at__isnull=False
    )
    for delivery in told_open.select_related("notice").order_by("id")[:MOST_AT_ONCE]:
        if (notice := delivery.notice) is not None:
            yield _row(channel, notice, About.RESOLVED, at=at)


def _reminders(channel: AlertChannel, *, told_before: datetime, at: datetime) -> Iterator[AlertDelivery]:
    of_open: QuerySet[AlertDelivery] = channel.deliveries.filter(
        about__in=[About.OPENED, About.REMINDED], notice__closed_at=None
    ).exclude(notice__kind__in=NOT_REMINDED)
    due = (
        of_open.order_by()
        .values("notice")
        .annotate(last=Max("ended_at"), turn=Max("turn"), waiting=Count("id", filter=Q(state=DeliveryState.PENDING)))
        .filter(waiting=0, last__lte=told_before)
    )
    turns = {row["notice"]: row["turn"] for row in due}
    for notice in Notice.objects.filter(id__in=turns).order_by("id") if turns else []:
        yield _row(channel, notice, About.REMINDED, at=at, turn=turns[notice.pk] + 1)


def _summary(channel: AlertChannel, *, at: datetime) -> Iterator[AlertDelivery]:
    day = last_summed_up(at)
    session = session_of(day)
    if session is None or session.closes_at + SUMMED_UP_AFTER < channel.first_seen_at:
        return  # Nobody was there to be told.
    if not channel.deliveries.filter(summary_day=day).exists():
        yield AlertDelivery(
            channel=channel,
            about=About.SUMMARY,
            summary_day=day,
            severity=Severity.WARNING,
            created_at=at,
            next_attempt_at=at,
        )


def _row(channel: AlertChannel, notice: Notice, about: About, *, at: datetime, turn: int = 0) -> AlertDelivery:
    return AlertDelivery(
        channel=channel,
        about=about,
        notice=notice,
        turn=turn,
        severity=severity_of(notice.kind),
        created_at=at,
        next_attempt_at=at,
    )
