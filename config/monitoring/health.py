"""Health: whether an installation does just now what it is for, told from rows alone, by reasons why not.

One that hedges is judged by whether fills are hedged. One that only decides has no chain and no conductor: it is judged
by its schedules, its sources, and whether the newest day that was due was decided.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple

from django.db.models import Q

from audit_trail.days.drafting import PORTFOLIO
from audit_trail.days.models import Outcome, PlannedDay
from audit_trail.executions.poller import DecisionPoller
from audit_trail.payloads.models import ApiCallLog
from config.decision_environment import trades_daily
from config.environment import BROKERS
from config.purpose import hedges
from trading.conductor.checkpoints import ChainCheckpoint
from trading.conductor.exposure_age import Exposure, open_in_session
from trading.conductor.heartbeat import FAILURES_BEFORE_A_NOTICE, SILENT_AFTER
from trading.conductor.inbox import QueuedLog
from trading.conductor.work import StationHeartbeat
from trading.ledger.backlog import BackloggedEvent
from trading.market_hours.calendar import NEW_YORK, session_at, session_of
from trading.notices.models import Notice
from trading.risk.controls import KillSwitch
from trading.risk.facts import OF_THE_ACCOUNT, BrokerFact
from trading.risk.scopes import Scope
from trading.submission.pauses import BrokerPause

HEDGING_STATIONS = ("watcher", "processor", "refresher", "hedger", "dispatcher", "poller")
"""Without any one of them no fill becomes a hedge."""

WAITS_TOO_LONG = timedelta(minutes=5)
"""Of what waits in a queue that is worked off within a second."""

RECENTLY = timedelta(minutes=5)
IN_VAIN = 3
"""So many calls in a row without an answer are no chance."""

SCHEDULES_SILENT_AFTER = timedelta(minutes=3)
"""What is scheduled for every minute may be late behind a task that takes long."""

DECIDED_BY = time(11)
"""In New York: an hour after a day is decided on schedule."""

OF_A_SOURCE = ("ingestion_failed", "ingestion_overdue", "nothing_ingested")
"""Notices that say that there is nothing to decide on."""


class What(StrEnum):
    """What may keep us from hedging, or from deciding."""

    CHECKPOINT = "checkpoint"
    HEARTBEAT = "heartbeat"
    BROKER = "broker"
    QUEUE = "queue"
    BACKLOG = "backlog"
    EXPOSURE = "exposure"
    KILL_SWITCH = "kill_switch"
    SCHEDULES = "schedules"
    SOURCE = "source"
    DECISIONS = "decisions"


class Reason(NamedTuple):
    """Why we do not hedge, or not all, in words; it names no secret and no account."""

    what: What
    text: str


class Limits(NamedTuple):
    """How old things may be."""

    checkpoint: timedelta
    exposure: timedelta


def reasons(limits: Limits, *, now: datetime) -> list[Reason]:
    """Tell every reason why this installation does not do what it is for just now; none where it does."""
    looks: list[Callable[[Limits, datetime], Iterator[Reason]]]
    if hedges():
        looks = [_checkpoints, _heartbeats, _broker, _queue, _backlog, _exposures, _kill_switches]
    else:
        looks = [_schedules, _sources, _decided, _broker, _backlog, _kill_switches]
    return [reason for look in looks for reason in look(limits, now)]


def _checkpoints(limits: Limits, now: datetime) -> Iterator[Reason]:
    found = list(ChainCheckpoint.objects.order_by("orderbook"))
    if not found:
        yield Reason(What.CHECKPOINT, "no block of the chain was read yet")
    for checkpoint in found:
        if (age := now - checkpoint.updated_at) > limits.checkpoint:
            yield Reason(
                What.CHECKPOINT,
                f"the chain was last read {seconds(age)} s ago, up to block {checkpoint.next_block - 1}; expected "
                f"{seconds(limits.checkpoint)} s at most",
            )


def _heartbeats(limits: Limits, now: datetime) -> Iterator[Reason]:
    newest: dict[str, StationHeartbeat] = {}
    well: set[str] = set()
    for beat in StationHeartbeat.objects.filter(station__in=HEDGING_STATIONS).order_by("last_turn_at"):
        newest[beat.station] = beat
        if now - beat.last_turn_at <= SILENT_AFTER and beat.failures < FAILURES_BEFORE_A_NOTICE:
            well.add(beat.station)
    if not newest:
        yield Reason(What.HEARTBEAT, "no conductor has given any station a turn")
        return
    for station in HEDGING_STATIONS:
        if station in well:
            continue
        if station not in newest:
            yield Reason(What.HEARTBEAT, f"the {station} had no turn")
        elif now - (last := newest[station]).last_turn_at > SILENT_AFTER:
            yield Reason(What.HEARTBEAT, f"the {station} had its last turn {seconds(now - last.last_turn_at)} s ago")
        else:
            yield Reason(What.HEARTBEAT, f"the {station} failed {last.failures} times in a row")


def _broker(limits: Limits, now: datetime) -> Iterator[Reason]:
    for pause in BrokerPause.objects.filter(not_before__gt=now, times__gte=IN_VAIN).order_by("broker"):
        yield Reason(What.BROKER, f"{pause.broker} takes no calls of ours, {pause.times} times in a row")
    unanswered = BrokerFact.objects.filter(
        kind__in=[kind.value for kind in OF_THE_ACCOUNT], tries__gte=IN_VAIN, not_before__gt=now - RECENTLY
    )
    for fact in unanswered.order_by("broker", "kind"):
        yield Reason(What.BROKER, f"{fact.broker} was asked for the {fact.kind} {fact.tries} times in vain")
    for broker in BROKERS:
        calls = list(ApiCallLog.objects.filter(source=broker).order_by("-id")[:IN_VAIN])
        if len(calls) == IN_VAIN and all(_in_vain(call, now) for call in calls):
            yield Reason(What.BROKER, f"the last {IN_VAIN} calls to {broker} were in vain")


def _in_vain(call: ApiCallLog, now: datetime) -> bool:
    status = call.http_status_code
    failed = call.error is not None or (status is not None and status >= 500)
    return failed and call.ended_at is not None and now - call.ended_at <= RECENTLY


def _queue(limits: Limits, now: datetime) -> Iterator[Reason]:
    # In the order of an index, so that the oldest is read and no other.
    waiting = QueuedLog.objects.filter(processed=False).order_by("block_number", "log_index")
    oldest = waiting.values_list("created_at", flat=True).first()
    if oldest is not None and now - oldest > WAITS_TOO_LONG:
        yield Reason(What.QUEUE, f"a log has waited to be processed for {seconds(now - oldest)} s")


def _backlog(limits: Limits, now: datetime) -> Iterator[Reason]:
    oldest = BackloggedEvent.objects.order_by("id").values_list("happened_at", flat=True).first()
    if oldest is not None and now - oldest > WAITS_TOO_LONG:
        yield Reason(What.BACKLOG, f"the event store has not taken an event for {seconds(now - oldest)} s")


def _exposures(limits: Limits, now: datetime) -> Iterator[Reason]:
    session = session_at(now)
    for exposure in Exposure.objects.order_by("symbol"):
        waited = open_in_session(exposure.since_at, session, now=now)
        if waited is not None and waited >= limits.exposure:
            yield Reason(What.EXPOSURE, f"{exposure.symbol} has been past its threshold for {seconds(waited)} s")


def _kill_switches(limits: Limits, now: datetime) -> Iterator[Reason]:
    everything = Q(scope=Scope.GLOBAL.value) | Q(scope=Scope.BROKER.value)
    for switch in KillSwitch.objects.filter(everything, is_on=True).order_by("scope", "subject"):
        yield Reason(What.KILL_SWITCH, f"the kill switch ({switch.named()}) is on")


def _schedules(limits: Limits, now: datetime) -> Iterator[Reason]:
    polled = StationHeartbeat.objects.filter(station=DecisionPoller.name)
    newest = polled.order_by("-last_turn_at").values_list("last_turn_at", flat=True).first()
    if newest is None:
        yield Reason(What.SCHEDULES, "no schedule was run yet, by qcluster or cron")
    elif (age := now - newest) > SCHEDULES_SILENT_AFTER:
        yield Reason(
            What.SCHEDULES,
            f"the schedule that polls orders of decisions last went well {seconds(age)} s ago; expected "
            f"{seconds(SCHEDULES_SILENT_AFTER)} s at most",
        )


def _sources(limits: Limits, now: datetime) -> Iterator[Reason]:
    for notice in Notice.objects.filter(closed_at=None, kind__in=OF_A_SOURCE).order_by("id"):
        yield Reason(What.SOURCE, f"{notice.kind}: {notice.subject}")


def _decided(limits: Limits, now: datetime) -> Iterator[Reason]:
    """Where days are decided on schedule, look at the newest that was due. A day by hand counts as well."""
    if not trades_daily():
        return
    day = _newest_due(now)
    newest = PlannedDay.objects.filter(trading_day=day, strategy_name=PORTFOLIO).order_by("-id").first()
    if newest is None:
        yield Reason(What.DECISIONS, f"nothing was decided for {day}")
    elif newest.outcome != Outcome.DECIDED:
        yield Reason(What.DECISIONS, f"{day} was refused: its page under Planned days says why")


def _newest_due(now: datetime) -> date:
    here = now.astimezone(NEW_YORK)
    day = here.date() if here.time() >= DECIDED_BY else here.date() - timedelta(days=1)
    while session_of(day) is None:
        day -= timedelta(days=1)
    return day


def seconds(span: timedelta) -> int:
    return max(int(span.total_seconds()), 0)
