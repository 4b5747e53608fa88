"""`manage.py trade_lineage`: what data led to this trade?"""

from typing import Any

from audit_trail.decisions.models import TradeDecision
from audit_trail.executions.explaining import what_led_to
from config.explaining import ExplainingCommand


class Command(ExplainingCommand):
    help = "Tell what data led to a trade: its rationale, each record as it was received, the runs and their calls."

    def tell(self, decision: TradeDecision) -> dict[str, Any]:
        return what_led_to(decision)
