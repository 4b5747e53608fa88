"""What every broker behind the port does, the same for the dry run and for those with real money."""

from tests.contracts.cancel_contract import CancelContract
from tests.contracts.market_contract import MarketContract
from tests.contracts.order_contract import OrderContract


class BrokerContract(OrderContract, CancelContract, MarketContract):
    """All of it; a subclass plays the venue: see played_venue."""
