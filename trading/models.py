"""Models of the trading app, collected from where they belong so that Django finds them."""

from trading.broker_auth.logins import BrokerLogin
from trading.broker_auth.outbox import AuthNote
from trading.broker_auth.tokens import BrokerToken
from trading.broker_auth.view import SchwabAuthView
from trading.brokers.dry_run.models import DryRunOrder, DryRunOutage
from trading.chain.token_table import Token
from trading.conductor.checkpoints import ChainBlock, ChainCheckpoint
from trading.conductor.exposure_age import Exposure
from trading.conductor.inbox import QueuedLog
from trading.conductor.leases import StationLease
from trading.conductor.reconciling.holding_checks import HoldingBaseline, HoldingCheck
from trading.conductor.reconciling.identity import TradingAccount
from trading.conductor.verbs.requests import OperatorRequest
from trading.conductor.work import Enrichment, OrderWork, StationHeartbeat, SymbolWait
from trading.growth.samples import TableSample
from trading.ledger.backlog import BackloggedEvent
from trading.ledger.link_views import NettingLinkView, TradeLinkView
from trading.ledger.mode import Installation, LedgerMode
from trading.ledger.moved import MovedFill
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
from trading.pnl.models import ExcludedFill, ProfitRow
from trading.position.view import PositionView
from trading.risk.controls import KillSwitch, RestrictedSymbol, RiskChange, RiskLimit
from trading.risk.facts import BrokerFact
from trading.risk.records import Denial, RiskCheck
from trading.submission.absence import Absence
from trading.submission.pauses import BrokerPause
from trading.submission.sendings import Sending

__all__ = [
    "Absence",
    "AuthNote",
    "BackloggedEvent",
    "BrokerFact",
    "BrokerLogin",
    "BrokerPause",
    "BrokerToken",
    "ChainBlock",
    "ChainCheckpoint",
    "Denial",
    "DryRunOrder",
    "DryRunOutage",
    "Enrichment",
    "ExcludedFill",
    "Exposure",
    "HoldingBaseline",
    "HoldingCheck",
    "Installation",
    "KillSwitch",
    "LedgerMode",
    "MovedFill",
    "NettingLink",
    "NettingLinkView",
    "Notice",
    "OffchainOrderView",
    "OffchainTrade",
    "OnChainTradeView",
    "OnchainTrade",
    "OperatorRequest",
    "OrderWork",
    "PositionView",
    "ProfitRow",
    "QueuedLog",
    "RestrictedSymbol",
    "RiskChange",
    "RiskCheck",
    "RiskLimit",
    "SchwabAuthView",
    "Sending",
    "StationHeartbeat",
    "StationLease",
    "SymbolLock",
    "SymbolWait",
    "TableSample",
    "Token",
    "TradeAccumulator",
    "TradeExecutionLink",
    "TradeLinkView",
    "TradingAccount",
]
