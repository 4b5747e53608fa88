"""Decision watch: whether executions and the legacy order log say the same, for whoever calls from a schedule."""

from django.utils import timezone

from audit_trail.executions.comparing import compare
from config.backstop import BUSY, LASTS
from trading.conductor.leases import lease
from trading.notices.models import close_notice, open_notice

NOTICE = "legacy_orders_differ"
SUBJECT = "alpaca_orders"


def compare_once() -> str:
    """Compare, open or close the notice, and tell what was found."""
    now = timezone.now()
    with lease("legacy_order_comparison", now=now, lasts=LASTS) as held:
        if not held:
            return BUSY
        found = compare()
        if not found.differences:
            close_notice(NOTICE, SUBJECT, at=now)
            return f"{found.orders} orders, no difference"
        open_notice(
            NOTICE,
            SUBJECT,
            f"{len(found.differences)} differences between trade_executions and alpaca_orders, the first is "
            f"{found.differences[0]}. Nothing was changed; `manage.py compare_orders` tells all of them",
            at=now,
        )
        return f"{found.orders} orders, {len(found.differences)} differences"
