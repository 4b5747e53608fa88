"""Deadlines: what is unknown is told, what is due gets its turn, and nothing is held back for longer than it may be."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Max, Q

from trading.conductor.checkpoints import ChainCheckpoint
from trading.conductor.inbox import QueuedLog
from trading.conductor.leases import StationLease
from trading.conductor.verbs.requests import GIVEN_UP_AFTER, OperatorRequest, RequestState
from trading.conductor.work import OrderWork, StationHeartbeat, SymbolWait
from trading.invariants.looking import Look
from trading.invariants.orders import OPEN_STATES
from trading.invariants.violations import Wrong, invariant
from trading.ledger.backlog import BackloggedEvent
from trading.notices.models import Notice
from trading.offchain_order.aggregate import OrderState
from trading.risk.records import Denial
from trading.submission.pauses import BrokerPause
from trading.submission.sendings import SENDING_TAKES

KNOWN_WITHIN = timedelta(minutes=15)
"""Five looks at an order take six minutes at most; after so long either its end is known, or somebody knows of it."""

UNTOLD_FOR = SENDING_TAKES + KNOWN_WITHIN
"""A hedge may first be left to a sender that died, for as long as sending takes."""

PASSED_BY_FOR = timedelta(minutes=10)
"""What is due waits no longer than the slowest turn of a station whose turns go well."""

HALTED = "symbol_halted"


# What is unknown.


@invariant("V2")
def unknown_order_is_told(look: Look) -> Iterator[Wrong]:
    """An order whose outcome is not known is known soon, or an operator is told of it."""
    told = _open_subjects("order_stuck", HALTED, "broker_refuses_us", "wrong_account")
    paused = set(BrokerPause.objects.values_list("broker", flat=True))
    for order in look.each(look.all_orders().filter(detailed_status=OrderState.UNKNOWN)):
        since = order.sending_at or order.placed_at
        waited = since is not None and look.now - since >= UNTOLD_FOR
        known_of = {f"order {order.pk}", order.symbol, order.broker} & told
        if waited and not known_of and order.broker not in paused:
            yield Wrong(
                f"order {order.pk}",
                f"an outcome, or a notice, within {UNTOLD_FOR} of {since.isoformat()}",
                f"unknown without a word: {order.reason}",
                f"manage.py recheck_order {order.pk} --reason …; the orders at {order.broker}",
            )


# What is due.


@invariant("V3")
def due_work_is_not_passed_by(look: Look) -> Iterator[Wrong]:
    """While a station has its turns and they go well, whatever is due there is taken up."""
    turns = dict(StationHeartbeat.objects.filter(failures=0).values_list("station").annotate(last=Max("last_turn_at")))
    busy = set(BrokerPause.objects.values_list("broker", flat=True)) | _open_subjects("wrong_account")
    orders = look.all_orders().filter(detailed_status__in=OPEN_STATES).exclude(broker__in=busy)
    for station, rows in (
        ("dispatcher", orders.filter(broker_order_id=None)),
        ("poller", orders.filter(broker_order_id__isnull=False)),
    ):
        for page in look.pages(rows):
            work = OrderWork.objects.in_bulk([order.pk for order in page])
            for order in page:
                due = _due_at(order, work.get(order.pk))
                yield from _passed_by(f"order {order.pk}", due, station, turns)
    waiting = QueuedLog.objects.filter(processed=False).defer("event_data")
    for log in look.each(waiting):
        yield from _passed_by(f"log {log}", log.not_before or log.created_at, "processor", turns)
    for request in look.each(OperatorRequest.objects.filter(state__in=[RequestState.WAITING, RequestState.WORKING])):
        due = request.asked_at if request.begun_at is None else request.begun_at + GIVEN_UP_AFTER
        yield from _passed_by(f"request {request.pk} ({request})", due, "clerk", turns)


def _due_at(order: Any, work: OrderWork | None) -> datetime | None:
    """Until then it waits, or is left to the process that was sending it."""
    if work is None:
        due: datetime | None = order.submitted_at or order.placed_at
        return due
    if order.broker_order_id is None and work.sender_until is not None:
        return max(work.not_before, work.sender_until)
    return work.not_before


def _passed_by(subject: str, due: datetime | None, station: str, turns: dict[str, datetime]) -> Iterator[Wrong]:
    turn = turns.get(station)
    if turn is not None and due is not None and turn - due >= PASSED_BY_FOR:
        yield Wrong(
            subject,
            f"taken up by the {station} at {due.isoformat()}",
            f"left, and the {station} had a turn at {turn.isoformat()}",
            f"manage.py status; the log lines of the {station}",
        )


# What holds something back.


class Deadline(NamedTuple):
    """Rows that hold something back until a time, and how far ahead that may lie."""

    rows: Any
    column: str
    longest: timedelta


def deadlines() -> list[Deadline]:
    """All gates that end by themselves."""
    return [
        Deadline(SymbolWait.objects.filter(halted_at=None), "not_before", timedelta(minutes=15)),
        Deadline(Denial.objects.filter(ended_at=None), "not_before", timedelta(minutes=15)),
        Deadline(OrderWork.objects.all(), "not_before", timedelta(hours=1)),
        Deadline(OrderWork.objects.all(), "sender_until", SENDING_TAKES),
        Deadline(BrokerPause.objects.all(), "not_before", timedelta(hours=1)),
        Deadline(StationLease.objects.all(), "until", timedelta(hours=1)),
        Deadline(ChainCheckpoint.objects.all(), "lease_until", timedelta(minutes=1)),
        Deadline(QueuedLog.objects.filter(processed=False).defer("event_data"), "not_before", timedelta(minutes=1)),
        Deadline(BackloggedEvent.objects.all(), "not_before", timedelta(minutes=5)),
    ]


MARGIN = timedelta(minutes=1)
"""By so much the clocks of two hosts may differ."""


@invariant("V4")
def gate_ends_in_time(look: Look) -> Iterator[Wrong]:
    """Whatever holds a hedge back ends by itself when it should, or is a halt that an operator was told of."""
    for gate in deadlines():
        for row in look.each(gate.rows):
            until = getattr(row, gate.column)
            if until is not None and until > look.now + gate.longest + MARGIN:
                yield Wrong(
                    f"{row._meta.verbose_name} {row.pk}",
                    f"{gate.column} within {gate.longest} of now",
                    until.isoformat(),
                    f"the row in {row._meta.db_table}; whether a clock was wrong when it was written",
                )
    told = _open_subjects(HALTED)
    for wait in look.each(SymbolWait.objects.filter(~Q(halted_at=None))):
        if wait.symbol not in told:
            where = f"manage.py resume_symbol {wait.symbol} --reason …, once its cause is mended: {wait.reason}"
            yield Wrong(f"symbol {wait.symbol}", "an open notice that it is halted", "none", where)


def _open_subjects(*kinds: str) -> set[str]:
    return set(Notice.objects.filter(kind__in=kinds, closed_at=None).values_list("subject", flat=True))
