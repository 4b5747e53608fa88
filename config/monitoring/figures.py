"""Figures: how much of everything there is, read from the tables at the moment they are asked for.

Each question goes through an index and is counted up to a bound, so that none grows with what was ever stored.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, QuerySet

from audit_trail.decisions.models import Status, TradeDecision
from audit_trail.executions.models import TradeExecution
from audit_trail.executions.orders import OrderState as ExecutionState
from config.monitoring.metrics import COUNTED_AT_MOST, DAY, Sample
from config.monitoring.queues import counted, queues
from config.read_side import ReadSide
from trading.conductor.checkpoints import ChainBlock, ChainCheckpoint
from trading.conductor.exposure_age import Exposure
from trading.conductor.heartbeat import SILENT_AFTER
from trading.conductor.work import StationHeartbeat, SymbolWait
from trading.growth.disk import database_folder, disk_of
from trading.growth.samples import TableSample
from trading.ledger.watching import KIND as LEDGER_DIFFERENCE
from trading.notices.models import Notice
from trading.offchain_order.aggregate import ENDS, OPEN
from trading.risk.controls import KillSwitch
from trading.risk.records import Denial


def figures(side: ReadSide, *, now: datetime) -> Iterator[Sample]:
    """Read every figure but the durations of stages."""
    yield from _chain(now)
    yield from _queues(side, now)
    yield from _orders(side, now)
    yield from _decisions(now)
    yield from _operator(now)
    yield from _stations(now)
    yield from _room(now)


def _chain(now: datetime) -> Iterator[Sample]:
    newest = ChainBlock.objects.order_by("-timestamp").values_list("timestamp", flat=True).first()
    if newest is not None:
        yield Sample("feed_lag_seconds", _seconds(now - newest))
    for checkpoint in ChainCheckpoint.objects.order_by("orderbook"):
        named = (checkpoint.orderbook,)
        yield Sample("checkpoint_age_seconds", _seconds(now - checkpoint.updated_at), named)
        yield Sample("checkpoint_block", checkpoint.next_block - 1, named)


def _queues(side: ReadSide, now: datetime) -> Iterator[Sample]:
    for queue in queues(side):
        yield Sample("queue_depth", queue.waiting, (queue.name,))
        age = 0 if queue.oldest_at is None else _seconds(now - queue.oldest_at)
        yield Sample("queue_oldest_seconds", age, (queue.name,))


def _orders(side: ReadSide, now: datetime) -> Iterator[Sample]:
    is_open = side.orders.filter(detailed_status__in=sorted(OPEN))
    yield from _by("orders_open", _states(is_open, "detailed_status"), sorted(OPEN))
    ended = side.orders.filter(ended_at__gte=now - DAY).order_by("-ended_at")
    yield from _by("orders_ended_last_day", _states(ended, "detailed_status"), sorted(ENDS))
    rules = Denial.objects.filter(ended_at=None).order_by().values_list("rule").annotate(count=Count("id"))
    yield from (Sample("denials_standing", count, (rule,)) for rule, count in rules)


def _decisions(now: datetime) -> Iterator[Sample]:
    for metric, model, dated, states in (
        ("decisions_last_day", TradeDecision, "decided_at", Status.values),
        ("executions_last_day", TradeExecution, "placed_at", [state.value for state in ExecutionState]),
    ):
        for state in states:  # Each by itself: the index begins with the status.
            rows: QuerySet[Any] = model._default_manager.filter(**{"status": state, f"{dated}__gte": now - DAY})
            yield Sample(metric, counted(rows), (state,))


def _operator(now: datetime) -> Iterator[Sample]:
    for exposure in Exposure.objects.order_by("symbol"):
        yield Sample("exposure_age_seconds", _seconds(now - exposure.since_at), (exposure.symbol,))
    yield Sample("symbols_halted", SymbolWait.objects.filter(halted_at__isnull=False).count())
    yield Sample("kill_switches_on", KillSwitch.objects.filter(is_on=True).count())
    kinds = Notice.objects.filter(closed_at=None).order_by("kind").values_list("kind").annotate(count=Count("id"))
    opened = dict(kinds)
    yield from (Sample("notices_open", count, (kind,)) for kind, count in opened.items())
    yield Sample("ledger_differs", int(LEDGER_DIFFERENCE in opened))


def _stations(now: datetime) -> Iterator[Sample]:
    newest: dict[str, datetime] = {}
    for beat in StationHeartbeat.objects.order_by("last_turn_at"):
        newest[beat.station] = beat.last_turn_at
    at_work = StationHeartbeat.objects.filter(last_turn_at__gt=now - SILENT_AFTER)
    failures = dict(at_work.order_by("station").values_list("station").annotate(least=Min("failures")))
    for station in sorted(newest):
        yield Sample("station_turn_age_seconds", _seconds(now - newest[station]), (station,))
    yield from (Sample("station_failures", count, (station,)) for station, count in failures.items())


def _room(now: datetime) -> Iterator[Sample]:
    sampled_at = TableSample.objects.order_by("-sampled_at").values_list("sampled_at", flat=True).first()
    if sampled_at is not None:
        for size in TableSample.objects.filter(sampled_at=sampled_at).order_by("table"):
            if size.bytes is not None:
                yield Sample("table_bytes", size.bytes, (size.table,))
            if size.rows is not None:
                yield Sample("table_rows", size.rows, (size.table,))
        yield Sample("table_sample_age_seconds", _seconds(now - sampled_at))
    yield Sample("disk_free_bytes", disk_of(database_folder()).free_bytes)


def _states(rows: QuerySet[Any], column: str) -> Counter[str]:
    return Counter(rows.values_list(column, flat=True)[:COUNTED_AT_MOST])


def _by(metric: str, counted: Counter[str], every: Iterable[str]) -> Iterator[Sample]:
    """One sample a state, those that none stands in too: a line that comes and goes can't be watched."""
    return (Sample(metric, counted[state], (str(state),)) for state in every)


def _seconds(span: timedelta) -> float:
    return max(span.total_seconds(), 0)
