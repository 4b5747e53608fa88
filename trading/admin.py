"""Admin of the trading app, collected from where it belongs so that Django finds it."""

from trading.broker_auth import admin as broker_auth
from trading.brokers.dry_run import admin as dry_run
from trading.chain import admin as chain
from trading.conductor import admin as conductor
from trading.growth import admin as growth
from trading.ledger import admin as ledger
from trading.notices import admin as notices
from trading.offchain_order import admin as offchain_order
from trading.onchain_trade import admin as onchain_trade
from trading.pnl import admin as pnl
from trading.position import admin as position
from trading.risk import admin as risk
from trading.submission import admin as submission

__all__ = [
    "broker_auth",
    "chain",
    "conductor",
    "dry_run",
    "growth",
    "ledger",
    "notices",
    "offchain_order",
    "onchain_trade",
    "pnl",
    "position",
    "risk",
    "submission",
]
