"""Pending: decisions of today that nobody acts on here, since they are for another account."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count

from audit_trail.decisions.drafts import TradedAccount
from audit_trail.decisions.models import Status, TradeDecision
from trading.risk.reading import day_began


def pending_elsewhere(account: TradedAccount, *, now: datetime) -> list[str]:
    """Tell of pending decisions of today that are for any other account than this one."""
    return list(_told(account, now))


def _told(account: TradedAccount, now: datetime) -> Iterator[str]:
    rows = TradeDecision.objects.filter(status=Status.PENDING, trading_day=day_began(now).date()).exclude(
        broker=account.broker, account_number=account.number, trading_mode=account.mode
    )
    found = rows.order_by().values_list("broker", "account_number", "trading_mode").annotate(Count("pk"))
    for broker, number, mode, count in found.order_by("broker", "account_number", "trading_mode"):
        yield (
            f"{count} decisions of today are pending for the {mode} account ending in {number[-4:]} at {broker}, and "
            f"{account.broker} is traded at now: they are not executed, set BROKER to {broker} or cancel them"
        )
