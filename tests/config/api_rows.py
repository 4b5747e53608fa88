"""Rows of every kind that the API tells of."""

from datetime import timedelta
from decimal import Decimal

from django.db import transaction

from audit_trail.decisions.lineage import TradeDecisionRecord, TradeDecisionRun
from eventstore.store import Draft, append
from tests.eventstore.samples import AT, METADATA, Opened, coins, deposits
from tests.support import decided, ingested
from tests.support import factories as make
from tests.support.factories import NOON


def one_of_each(n=1, first=0):
    """Make n rows for each list, in both memories."""
    for i in range(first, first + n):
        at = NOON + timedelta(seconds=i)
        trade, opposite = make.onchain_trade(), make.onchain_trade()
        order = make.order(symbol=f"S{i}")
        make.link(trade=trade, execution=order)
        make.netting_link(trade=trade, opposite=opposite, execution=order)
        make.onchain_trade_view()
        make.order_view()
        make.position(symbol=f"S{i}")
        make.position_view(symbol=f"S{i}")
        make.link_view()
        make.netting_link_view()
        make.notice()
        make.risk_limit(scope="symbol", subject=f"S{i}")
        make.restricted_symbol(symbol=f"S{i}")
        make.risk_change()
        make.denial(symbol=f"S{i}")
        make.risk_check(checked_at=at)
        make.api_call(reference="ht-k3v9x2ab-17-1")
        make.profit_row()
        make.heartbeat()
        execution = decided.execution()
        decided.fill(trade_execution=execution, shares=Decimal("0.1"))
        TradeDecisionRecord.objects.create(
            trade_decision=execution.trade_decision, record=ingested.record(), role="signal"
        )
        TradeDecisionRun.objects.create(trade_decision=execution.trade_decision, run=ingested.run(started_at=at))
    if not first:
        make.kill_switch()
        make.checkpoint()
        make.queued_log()


def a_stream():
    """Append a stream of a type that is known."""
    with transaction.atomic():
        append([Draft("Account", "A:1", 1, Opened(limit=coins("5.0"), opened_at=AT), METADATA)], at=AT)
        append(deposits("A:1", 2, amount="1.50"), at=AT + timedelta(seconds=1))
