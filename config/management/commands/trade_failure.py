"""`manage.py trade_failure`: why did this trade fail?"""

from typing import Any

from audit_trail.decisions.models import TradeDecision
from audit_trail.executions.explaining import why_it_failed
from config.explaining import ExplainingCommand


class Command(ExplainingCommand):
    help = "Tell why a trade failed or waits: kind and reason, what was sent and what came back. Exit code 1 if not."

    def tell(self, decision: TradeDecision) -> dict[str, Any]:
        return why_it_failed(decision)
