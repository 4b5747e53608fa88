"""Outdated: what the broker said of the holdings before our last fill in a symbol says nothing of what is held now.

A sale that is reckoned by it would find nothing to sell, and fail for good. So it is asked for anew first.
"""

from datetime import datetime

from audit_trail.executions.models import DecisionHolding
from audit_trail.executions.wanted import Wanted
from trading.brokers.market import Holdings
from trading.risk.facts import FactKind, ask_again
from trading.risk.gate import Denied
from trading.risk.rules import Rule
from trading.values.sides import Side


def last_change(wanted: Wanted) -> datetime | None:
    """When something of the symbol was last filled for decisions, where it matters: before a sale."""
    if wanted.side is not Side.SELL:
        return None
    rows = DecisionHolding.objects.filter(
        broker=wanted.account.broker, account_number=wanted.account.number, symbol=wanted.symbol
    )
    return rows.values_list("changed_at", flat=True).first()


def ask_again_where_outdated(wanted: Wanted, *, now: datetime) -> None:
    """Let the holdings be asked for at once where they are of before our last fill."""
    changed_at = last_change(wanted)
    if changed_at is not None:
        ask_again(wanted.account.broker, FactKind.HOLDINGS, of_before=changed_at, now=now)


def outdated(wanted: Wanted, holdings: Holdings | None) -> Denied | None:
    """Tell that the holdings are of before our last fill, as a denial that is over once they are asked for anew."""
    changed_at = last_change(wanted)
    if holdings is None or changed_at is None or holdings.as_of >= changed_at:
        return None
    return Denied(
        rule=Rule.HOLDINGS_FACTS,
        text=f"expected the holdings as of {changed_at.isoformat()} or later, when {wanted.symbol} was last filled, "
        f"was {holdings.as_of.isoformat()}",
        figures={"holdings_as_of": holdings.as_of.isoformat(), "filled_at": changed_at.isoformat()},
    )
