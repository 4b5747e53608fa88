"""Models of the trading app, collected from where they belong so that Django finds them."""

from trading.brokers.dry_run.models import DryRunOrder, DryRunOutage
from trading.chain.token_table import Token
from trading.conductor.checkpoints import ChainBlock, ChainCheckpoint
from trading.conductor.inbox import QueuedLog
from trading.conductor.work import Enrichment, OrderWork, StationHeartbeat, SymbolWait
from trading.growth.samples import TableSample
from trading.ledger.backlog import BackloggedEvent
from trading.ledger.link_views import NettingLinkView, TradeLinkView
from trading.ledger.mode import Installation, LedgerMode
from trading.ledger.tables import (
    NettingLink,
    OffchainTrade,
    OnchainTrade,
    SymbolLock,
    TradeAccumulator,
    TradeExecutionLink,
)
from trading.notices.models import Notice
from trading.offchain_order.view import OffchainOrderView
from trading.onchain_trade.view import OnChainTradeView
from trading.position.view import PositionView
from trading.risk.controls import KillSwitch, RestrictedSymbol, RiskChange, RiskLimit
from trading.risk.facts import BrokerFact
from trading.risk.records import Denial, RiskCheck

__all__ = [
    "BackloggedEvent",
    "BrokerFact",
    "ChainBlock",
    "ChainCheckpoint",
    "Denial",
    "DryRunOrder",
    "DryRunOutage",
    "Enrichment",
    "Installation",
    "KillSwitch",
    "LedgerMode",
    "NettingLink",
    "NettingLinkView",
    "Notice",
    "OffchainOrderView",
    "OffchainTrade",
    "OnChainTradeView",
    "OnchainTrade",
    "OrderWork",
    "PositionView",
    "QueuedLog",
    "RestrictedSymbol",
    "RiskChange",
    "RiskCheck",
    "RiskLimit",
    "StationHeartbeat",
    "SymbolLock",
    "SymbolWait",
    "TableSample",
    "Token",
    "TradeAccumulator",
    "TradeExecutionLink",
    "TradeLinkView",
]
