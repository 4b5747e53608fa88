"""Own account: a broker is asked about an order, or sent it, in the account that it was decided for and in no other.

Another account does not have it, and says so: asked there often enough, an order that was filled would be booked as one
that the broker never had.
"""

from collections.abc import Callable
from datetime import datetime

from audit_trail.decisions.drafts import TradedAccount
from audit_trail.decisions.storing import traded_account
from audit_trail.executions.orders import PlacedOrder
from trading.conductor.reconciling.identity import what_is_wrong


class NotTheAccount(Exception):
    """The broker's account is not the one that was confirmed, or that of the order, or could not be asked for.

    Nothing was done.
    """


class OwnAccount:
    """Tells whether we are at the right account of one broker."""

    def __init__(self, broker: str, *, may_trade: Callable[[datetime], bool]) -> None:
        """`may_trade` tells whether the broker has us in the account that an operator confirmed."""
        self._broker, self._may_trade = broker, may_trade

    def traded(self, now: datetime) -> TradedAccount:
        """The account that the broker has us in, and that was confirmed. Raises NotTheAccount, NoAccount."""
        if not self._may_trade(now):
            raise NotTheAccount(
                f"the account at {self._broker} is not the one that was confirmed, or it could not be asked for: "
                f"{what_is_wrong(self._broker) or 'look at the notices'}"
            )
        return traded_account(self._broker)

    def require(self, order: PlacedOrder, now: datetime) -> None:
        """Let pass what concerns an order of this account. Raises NotTheAccount, NoAccount."""
        account = self.traded(now)
        if order.account != account:
            raise NotTheAccount(
                f"order {order.client_order_id} is of the {order.account}, and the {account} is traded in now, which "
                f"does not have it. Nothing is asked or sent: take the settings of the {order.account} and confirm it "
                "again, `manage.py confirm_account --reason …`; where that one is closed for good, `manage.py "
                "cancel_decision ID --not-there --reason …` ends what has no id of the broker's"
            )

    def is_left(self, order: PlacedOrder) -> bool:
        """Tell whether another account was confirmed since: nobody can ask about the order any more."""
        return order.account != traded_account(self._broker)
