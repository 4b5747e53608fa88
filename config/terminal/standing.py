"""Standing: all that an operator asks first, section by section, and what of it somebody has to see to."""

from collections.abc import Iterator
from datetime import datetime, time
from typing import Any

from audit_trail.decisions.models import Status, TradeDecision
from config.monitoring.health import Limits, reasons
from config.monitoring.queues import counted, queues
from config.purpose import hedges
from config.read_side import ReadSide, read_side
from config.terminal.asked import MOST, Asked
from config.terminal.orders import ANY_OPEN, orders
from config.terminal.positions import FLAT, OPEN, positions
from config.terminal.sections import Section
from trading.conductor.checkpoints import ChainBlock, ChainCheckpoint
from trading.conductor.heartbeat import FAILURES_BEFORE_A_NOTICE, SILENT_AFTER
from trading.conductor.inbox import Outcome, QueuedLog
from trading.conductor.work import StationHeartbeat, SymbolWait
from trading.growth.disk import database_folder, disk_of
from trading.ledger.mode import mode_or_none
from trading.market_hours.calendar import NEW_YORK
from trading.notices.models import open_notices
from trading.offchain_order.aggregate import OrderState
from trading.risk.controls import KillSwitch

NEEDED = "Needs an operator"


def standing(limits: Limits, *, now: datetime) -> list[Section]:
    """Tell how things stand. The first section is what somebody has to see to; a section may have no rows."""
    side = read_side()
    stand = positions(Asked(None, None, None, None, MOST))
    under_way = orders(Asked(None, None, ANY_OPEN, None, MOST))
    return [
        Section(NEEDED, ("what", "subject", "since_at", "text"), list(_needed(side, limits, now))),
        Section("Installation", ("what", "value"), list(_installation(side, now))),
        Section("Exposure", stand.columns, [row for row in stand.rows if row[2] not in (FLAT, OPEN)]),
        under_way._replace(title="Orders under way"),
        Section("Queues", ("queue", "waiting", "oldest_at"), queues(side)),
        Section("Stations", ("station", "status", "last_turn_at", "failures", "last_error"), list(stations(now))),
        Section("Kill switches", ("reaches", "by", "changed_at", "reason"), list(_kill_switches())),
        Section("Decisions today", ("status", "decisions"), list(_decisions(now))),
    ]


def _needed(side: ReadSide, limits: Limits, now: datetime) -> Iterator[tuple[Any, ...]]:
    notices = open_notices()
    told = {(notice.kind, notice.subject) for notice in notices}
    short = "not hedging" if hedges() else "not deciding"
    for reason in reasons(limits, now=now):
        yield short, reason.what.value, None, reason.text
    for notice in notices:
        yield f"notice {notice.kind}", notice.subject, notice.opened_at, notice.text
    for order in side.orders.filter(detailed_status=OrderState.UNKNOWN).order_by(side.order_number):
        number = getattr(order, side.order_number)
        yield "unknown order", f"order {number}", order.placed_at, order.reason
    for wait in SymbolWait.objects.filter(halted_at__isnull=False).order_by("symbol"):
        if ("symbol_halted", wait.symbol) not in told:
            yield "halted", wait.symbol, wait.halted_at, wait.reason


def _installation(side: ReadSide, now: datetime) -> Iterator[tuple[str, Any]]:
    yield "ledger", mode_or_none() or "none yet"
    yield "read from", side.name
    for checkpoint in ChainCheckpoint.objects.order_by("orderbook"):
        yield "order book", checkpoint.orderbook
        yield "read up to block", str(checkpoint.next_block - 1)
        yield "read further", now - checkpoint.updated_at
        if checkpoint.reread_from is not None:
            yield "read again from", str(checkpoint.reread_from)
    newest = ChainBlock.objects.order_by("-timestamp").values_list("timestamp", flat=True).first()
    yield "feed lag", None if newest is None else now - newest
    yield "parked logs", str(counted(QueuedLog.objects.filter(outcome=Outcome.PARKED)))
    disk = disk_of(database_folder())
    yield "free disk", f"{disk.free_percent}% under {disk.folder}"


def stations(now: datetime) -> Iterator[tuple[Any, ...]]:
    """Each station as it is in the process that gave it a turn last."""
    newest = {beat.station: beat for beat in StationHeartbeat.objects.order_by("last_turn_at")}
    for station, beat in sorted(newest.items()):
        silent, failing = now - beat.last_turn_at > SILENT_AFTER, beat.failures >= FAILURES_BEFORE_A_NOTICE
        status = "silent" if silent else "failing" if failing else "at work"
        yield station, status, beat.last_turn_at, beat.failures, beat.last_error


def _kill_switches() -> Iterator[tuple[Any, ...]]:
    for switch in KillSwitch.objects.filter(is_on=True).order_by("scope", "subject"):
        yield switch.named(), switch.actor, switch.at, switch.reason


def _decisions(now: datetime) -> Iterator[tuple[str, int]]:
    """Those of the market's day, by status; each asked for by itself, since the index begins with the status."""
    midnight = datetime.combine(now.astimezone(NEW_YORK).date(), time(), NEW_YORK)
    for status in Status.values:
        if made := counted(TradeDecision.objects.filter(status=status, decided_at__gte=midnight)):
            yield status, made
