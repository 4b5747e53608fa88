"""Summary: a trading day in a few lines, for people who want to know after the close that all is well."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Q, Sum

from audit_trail.decisions.models import TradeDecision
from audit_trail.ingestion.models import DataIngestionRun
from trading.ledger.mode import Mode, mode_or_none
from trading.ledger.tables import OffchainTrade
from trading.market_hours.calendar import NEW_YORK
from trading.notices.models import Notice
from trading.offchain_order.view import OffchainOrderView

MOST_NOTICES = 10
MOST_REASONS = 3


def summary_text(day: date) -> str:
    """Tell what was fetched, decided and hedged on a day of the market, and what is open now."""
    since, until = _midnight(day), _midnight(day + timedelta(days=1))
    runs = Q(started_at__gte=since, started_at__lt=until)
    told = [
        f"Trading day {day.isoformat()}",
        _ingested(runs),
        _line("Decisions", TradeDecision.objects.filter(trading_day=day), "status"),
        *_failures(day),
        _line("Hedges", _hedges(since, until), "detailed_status"),
        *_open(),
    ]
    return "\n".join(told)


def _ingested(within: Q) -> str:
    found = DataIngestionRun.objects.filter(within).aggregate(
        runs=Count("id"),
        failed=Count("id", filter=Q(status="failed")),
        fetched=Sum("records_fetched", default=0),
        created=Sum("records_created", default=0),
    )
    failed = f", {found['failed']} failed" if found["failed"] else ""
    return f"Ingestion: {found['runs']} runs{failed}, {found['fetched']} records, {found['created']} new"


def _line(title: str, rows: Any, status: str) -> str:
    counts = dict(rows.order_by().values_list(status).annotate(count=Count("pk")))
    parts = [
        f"{sum(counts.values())}",
        *(f"{count} {word.replace('_', ' ')}" for word, count in sorted(counts.items())),
    ]
    return f"{title}: {', '.join(parts)}" if counts else f"{title}: none"


def _failures(day: date) -> Iterable[str]:
    failed = TradeDecision.objects.filter(trading_day=day, status="failed").order_by()
    kinds = failed.values_list("failure_kind").annotate(count=Count("pk")).order_by("-count", "failure_kind")
    if told := ", ".join(f"{kind} {count}" for kind, count in kinds[:MOST_REASONS]):
        yield f"Failed for: {told}"


def _hedges(since: datetime, until: datetime) -> Any:
    """Orders that ended on the day, as the memory in force has them."""
    orders: Any = OffchainOrderView if mode_or_none() is Mode.EVENTS else OffchainTrade
    return orders.objects.filter(ended_at__gte=since, ended_at__lt=until)


def _open() -> Iterable[str]:
    notices = list(Notice.objects.filter(closed_at=None).order_by("-id")[: MOST_NOTICES + 1])
    if not notices:
        yield "Open notices: none"
        return
    more = " and more" if len(notices) > MOST_NOTICES else ""
    yield f"Open notices: {', '.join(str(notice) for notice in notices[:MOST_NOTICES])}{more}"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), NEW_YORK).astimezone(UTC)
