"""Left open: the orders of ours that have not ended in the account we traded in, before we trade in another one."""

from dataclasses import dataclass

from audit_trail.decisions.drafts import TradedAccount
from audit_trail.decisions.storing import NoAccount, traded_account
from audit_trail.executions.known import DecisionOrders
from audit_trail.executions.orders import PlacedOrder
from trading.brokers.market import Account
from trading.ledger.book import Ledger
from trading.offchain_order.aggregate import OPEN, OffchainOrder, OrderState
from trading.values.arithmetic import plain


@dataclass(frozen=True)
class LeftOpen:
    """What another account is not asked about."""

    former: TradedAccount
    decisions: tuple[PlacedOrder, ...]
    hedges: tuple[OffchainOrder, ...]

    def told_of_decisions(self) -> list[str]:
        return [
            f"order {order.client_order_id} of decision {order.decision_id} ({order.state}, {order.request.side} "
            f"{order.request.symbol})"
            for order in self.decisions
        ]

    def told_of_hedges(self) -> list[str]:
        return [
            f"hedge {order.order_id} ({order.state}, {order.side} {plain(order.requested_shares)} {order.symbol})"
            for order in self.hedges
        ]


def left_open(broker: str, account: Account, ledger: Ledger) -> LeftOpen | None:
    """What is open at a broker in the account confirmed so far; None where this account is that one, or none was."""
    try:
        former = traded_account(broker)
    except NoAccount:
        return None
    if former == TradedAccount(broker, account.number, bool(account.paper)):
        return None
    # Hedges do not know their account: all of the broker's are taken to be of the one that was traded in, but for those
    # of which nothing was sent yet. They go to this one.
    placed = [order for order in ledger.memory().orders(OPEN) if order.broker == broker]
    hedges = [order for order in placed if order.state is not OrderState.PLACED]
    return LeftOpen(former, tuple(DecisionOrders(broker).open()), tuple(hedges))
