"""Remarks: what an operator is told of a decision's order, as a notice."""

from datetime import datetime

from audit_trail.executions.orders import PlacedOrder, Remark
from trading.notices.models import open_notice

STUCK = "decision_order_stuck"


def tell(remark: Remark, subject: str, now: datetime) -> None:
    """Open the notice that an operator is to have of an order. Raises ValueError where no page tells of its kind."""
    match remark.kind:
        case "late_fill":
            open_notice("late_fill", subject, remark.text, at=now)
        case "overfill":
            open_notice("overfill", subject, remark.text, at=now)
        case "decision_order_stuck":
            open_notice("decision_order_stuck", subject, remark.text, at=now)
        case "decision_order_stopped":
            open_notice("decision_order_stopped", subject, remark.text, at=now)
        case other:
            raise ValueError(f"expected a kind of notice that a page tells of, was {other}")


def stuck(order: PlacedOrder, tries: int, reason: str) -> Remark:
    """Say that it is not known what became of an order, or whether anything was filled after its end."""
    if not order.is_open:
        return Remark(
            STUCK,
            f"order {order} has ended as {order.state}, and whether anything was filled after that is not known after "
            f"{tries} tries: {reason}. It is asked for again, for a day. Look at it at {order.account.broker}; "
            f"`manage.py recheck_decisions {order.decision_id}` asks at once",
        )
    return Remark(
        STUCK,
        f"it is not known after {tries} tries what became of order {order}: {reason}. It is asked for again and never "
        f"sent a second time. Look at the orders at {order.account.broker}; `manage.py recheck_decisions "
        f"{order.decision_id}` asks at once, and `manage.py cancel_decision {order.decision_id}` cancels it there, or "
        "ends it with --not-there if it is not",
    )
