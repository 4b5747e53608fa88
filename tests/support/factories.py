"""Plain rows, each with what its table demands and no more; a test names what it is about."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

from django.contrib.auth import get_user_model

from audit_trail.payloads.models import ApiCallLog, ApiPayload
from eventstore.access.tokens import ApiToken
from eventstore.models import EventArchive, Projection, StoredEvent, StoredSeal
from trading.broker_auth.logins import BrokerLogin
from trading.broker_auth.outbox import AuthNote
from trading.broker_auth.tokens import BrokerToken
from trading.broker_auth.view import SchwabAuthView
from trading.brokers.dry_run.models import DryRunOrder
from trading.chain.token_table import Token
from trading.conductor.checkpoints import ChainBlock, ChainCheckpoint
from trading.conductor.exposure_age import Exposure
from trading.conductor.inbox import QueuedLog
from trading.conductor.leases import StationLease
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

NOON = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)

_numbers = count(1)


def number():
    """Count, so that no two rows share a key."""
    return next(_numbers)


def tx_hash(n):
    return f"0x{n:064x}"


def queued_log(**facts):
    n = number()
    return QueuedLog.objects.create(
        **{
            "tx_hash": tx_hash(n),
            "log_index": 7,
            "block_number": 1000 + n,
            "block_hash": tx_hash(1000 + n),
            "block_timestamp": NOON,
            "event_data": '{"TakeOrderV3":{"address":"0xab","topic":"0xcd","data":"0x"}}',
            "created_at": NOON,
        }
        | facts
    )


def fill_facts(n, facts):
    return {
        "tx_hash": tx_hash(n),
        "log_index": 7,
        "token_symbol": "tAAPL",
        "base_symbol": "AAPL",
        "amount": Decimal("1.5"),
        "side": "BUY",
        "price_usdc": Decimal("200.25"),
        "usdc_amount": Decimal("300.375"),
        "block_number": 1000 + n,
        "block_hash": tx_hash(1000 + n),
        "block_timestamp": NOON,
        "unlinked_shares": Decimal(0),
    } | facts


def onchain_trade(**facts):
    return OnchainTrade.objects.create(**{"created_at": NOON} | fill_facts(number(), facts))


def onchain_trade_view(**facts):
    fill = fill_facts(number(), facts)
    id = f"{fill['tx_hash']}:{fill['log_index']}"
    return OnChainTradeView.objects.create(**{"id": id, "recorded_at": NOON} | fill)


def order_facts(n, facts):
    return {
        "symbol": "AAPL",
        "shares": Decimal(3),
        "side": "SELL",
        "broker": "dry_run",
        "client_order_id": f"ht-test-{n}-1",
        "broker_order_id": f"DRY-{n:06d}",
        "detailed_status": "filled",
        "accepted_shares": Decimal(3),
        "filled_shares": Decimal(3),
        "average_price_usd": Decimal("200.1"),
        "price_cents": 20010,
        "placed_at": NOON,
        "ended_at": NOON,
    } | facts


def order(**facts):
    n = facts.pop("id", None) or number()
    return OffchainTrade.objects.create(id=n, **{"status": "FILLED"} | order_facts(n, facts))


def open_order(**facts):
    return order(
        **{"status": "SUBMITTED", "detailed_status": "submitted", "filled_shares": Decimal(0), "ended_at": None} | facts
    )


def order_view(**facts):
    n = facts.pop("execution_id", None) or number()
    return OffchainOrderView.objects.create(execution_id=n, **{"status": "Filled"} | order_facts(n, facts))


def position_facts(n, facts):
    return {
        "symbol": f"S{n}",
        "net_position": Decimal("1.5"),
        "accumulated_long": Decimal("1.5"),
        "onchain_bought": Decimal("1.5"),
        "threshold": "1 share",
        "last_price_usdc": Decimal("200.25"),
        "last_price_at": NOON,
        "last_price_block": 1000,
        "last_price_log_index": 7,
        "last_updated": NOON,
    } | facts


def position(**facts):
    return TradeAccumulator.objects.create(**position_facts(number(), facts))


def position_view(**facts):
    return PositionView.objects.create(**position_facts(number(), facts))


def link(**facts):
    given = {"trade": facts.pop("trade", None) or onchain_trade(), "execution": facts.pop("execution", None) or order()}
    given |= {"contributed_shares": Decimal("1.5"), "created_at": NOON}
    return TradeExecutionLink.objects.create(**given | facts)


def netting_link(**facts):
    given = {
        "trade": facts.pop("trade", None) or onchain_trade(),
        "opposite": facts.pop("opposite", None) or onchain_trade(side="SELL"),
        "execution": facts.pop("execution", None) or order(),
    }
    return NettingLink.objects.create(netted_shares=Decimal("0.5"), created_at=NOON, **given | facts)


def link_view(**facts):
    given = {"trade_id": f"{tx_hash(number())}:7", "execution_id": number()} | facts
    return TradeLinkView.objects.create(**{"contributed_shares": Decimal("1.5"), "created_at": NOON} | given)


def netting_link_view(**facts):
    given = {"trade_id": f"{tx_hash(number())}:7", "opposite_id": f"{tx_hash(number())}:8", "execution_id": number()}
    return NettingLinkView.objects.create(**{"netted_shares": Decimal("0.5"), "created_at": NOON} | given | facts)


def backlogged_event(**facts):
    n = number()
    return BackloggedEvent.objects.create(
        **{
            "group": n,
            "aggregate_type": "Position",
            "aggregate_id": f"S{n}",
            "version": 1,
            "type": "PositionEvent::Initialized",
            "schema": 1,
            "data": '{"symbol":"AAPL"}',
            "metadata": "{}",
            "happened_at": NOON,
            "not_before": NOON,
            "last_error": "OperationalError: disk I/O error",
        }
        | facts
    )


def event(**facts):
    n = number()
    return StoredEvent.objects.create(
        **{
            "aggregate_type": "Position",
            "aggregate_id": f"S{n}",
            "version": 1,
            "type": "PositionEvent::Initialized",
            "schema": 1,
            "data": '{"symbol":"AAPL"}',
            "metadata": "{}",
            "recorded_at": NOON,
            "hash": f"{n:064x}",
        }
        | facts
    )


def projection(**facts):
    return Projection.objects.create(**{"name": f"projection {number()}", "version": 1, "updated_at": NOON} | facts)


def seal(**facts):
    n = number()
    return StoredSeal.objects.create(
        **{
            "number": n,
            "after_number": n,
            "up_to_number": n + 1,
            "events": 1,
            "numbers": str(n + 1),
            "marks": "0" * 8,
            "root": f"{n:064x}",
            "previous": "",
            "sealed_at": "2026-03-02T12:00:00.000000Z",
            "hash": f"{n:064x}",
        }
        | facts
    )


def archive(**facts):
    n = number()
    return EventArchive.objects.create(
        **{
            "number": n,
            "after_number": n,
            "up_to_number": n + 1,
            "first_seal": n,
            "last_seal": n,
            "events": 1,
            "file": f"events-{n}.jsonl.gz",
            "sha256": f"{n:064x}",
            "archived_at": NOON,
        }
        | facts
    )


def notice(**facts):
    n = number()
    given = {"kind": "parked_log", "subject": f"log {n}", "text": "It can't be decoded."} | facts
    return Notice.objects.create(**{"opened_at": NOON, "last_met_at": NOON} | given)


def symbol_wait(**facts):
    n = number()
    times = {"not_before": NOON + timedelta(minutes=1), "first_at": NOON, "last_at": NOON}
    return SymbolWait.objects.create(**{"symbol": f"S{n}", "reason": "buying power"} | times | facts)


def order_work(**facts):
    return OrderWork.objects.create(**{"order_id": number(), "not_before": NOON} | facts)


def heartbeat(**facts):
    return StationHeartbeat.objects.create(
        **{"station": "hedger", "process": f"host:{number()}", "last_turn_at": NOON} | facts
    )


def lease(**facts):
    return StationLease.objects.create(
        **{"name": f"s{number()}", "holder": "conductors", "until": NOON + timedelta(minutes=2)} | facts
    )


def exposure(**facts):
    return Exposure.objects.create(**{"symbol": f"S{number()}", "since_at": NOON} | facts)


def moved_fill(**facts):
    return MovedFill.objects.create(**{"symbol": "AAPL", "trade_type": "OFFCHAIN", "trade_id": str(number())} | facts)


def profit_row(**facts):
    given = {
        "symbol": "AAPL",
        "at": NOON,
        "trade_type": "ONCHAIN",
        "trade_id": f"{tx_hash(number())}:7",
        "venue": "raindex",
        "side": "BUY",
        "shares": Decimal(2),
        "usd": Decimal(400),
        "price_usd": Decimal(200),
        "cumulative_usd": Decimal(0),
        "net_shares_after": Decimal(2),
        "rank": 0,
        "major": 100,
        "minor": 7,
    }
    return ProfitRow.objects.create(**given | facts)


def excluded_fill(**facts):
    given = {
        "symbol": "AAPL",
        "at": NOON,
        "trade_type": "ONCHAIN",
        "trade_id": f"{tx_hash(number())}:7",
        "side": "BUY",
        "shares": Decimal(2),
        "reason": "the fill has no dollars that we know of",
    }
    return ExcludedFill.objects.create(**given | facts)


def enrichment(**facts):
    return Enrichment.objects.create(**{"id": f"{tx_hash(number())}:7", "not_before": NOON} | facts)


def checkpoint(**facts):
    given = {"orderbook": f"0x{number():040x}", "chain_id": 8453, "next_block": 1000, "range_size": 500} | facts
    return ChainCheckpoint.objects.create(**{"updated_at": NOON} | given)


def block(**facts):
    n = number()
    return ChainBlock.objects.create(**{"number": 1000 + n, "hash": tx_hash(1000 + n), "timestamp": NOON} | facts)


def token(**facts):
    return Token.objects.create(**{"address": f"0x{number():040x}", "symbol": "tAAPL", "decimals": 18} | facts)


def symbol_lock(**facts):
    return SymbolLock.objects.create(**{"symbol": f"S{number()}", "locked_at": NOON} | facts)


def dry_run_order(**facts):
    n = number()
    return DryRunOrder.objects.create(
        **{
            "client_order_id": f"ht-test-{n}-1",
            "symbol": "AAPL",
            "side": "SELL",
            "shares": Decimal(3),
            "behaviour": "fill",
            "fill_seconds": Decimal(0),
            "submitted_at": NOON,
        }
        | facts
    )


def table_sample(**facts):
    given = {"table": f"table_{number()}", "rows": 1000, "bytes": 81920, "sampled_at": NOON}
    return TableSample.objects.create(**given | facts)


def ledger_mode(**facts):
    return LedgerMode.objects.update_or_create(id=1, defaults={"mode": "dual"} | facts)[0]


def installation(**facts):
    return Installation.objects.update_or_create(id=1, defaults={"mark": "k3v9x2bc"} | facts)[0]


def api_token(**facts):
    n = number()
    given = {"key": f"key{n}", "digest": f"{n:064x}", "name": "dashboards", "scopes": "orders:read", "created_at": NOON}
    user, _ = get_user_model().objects.get_or_create(username="anna")
    return ApiToken.objects.create(**given | {"user": user, "expires_at": NOON} | facts)


def api_payload(**facts):
    return ApiPayload.objects.create(
        **{
            "type": "request",
            "source": "alpaca",
            "captured_at": NOON,
            "headers": '[["Accept","application/json"]]',
            "body": '{"symbol":"AAPL","qty":"1.50"}',
            "encoding": "text",
            "size_bytes": 30,
            "secrets": 0,
            "truncated": False,
            "sha256": "ab" * 32,
        }
        | facts
    )


def api_call(**facts):
    """A call that was answered."""
    n = number()
    given = {
        "reference": f"ht-test-{n}-1",
        "purpose": "submit",
        "source": "alpaca",
        "method": "POST",
        "endpoint": "https://paper-api.example.com/v2/orders",
        "sent_at": NOON,
        "ended_at": NOON,
        "http_status_code": 200,
        "duration_ms": 12,
    } | facts
    given.setdefault("request_payload", api_payload(source=given["source"]))
    if given["http_status_code"] is not None:
        given.setdefault("response_payload", api_payload(source=given["source"], type="response"))
    return ApiCallLog.objects.create(**given)


def api_call_under_way(**facts):
    return api_call(**{"ended_at": None, "http_status_code": None, "duration_ms": None} | facts)


def schwab_auth_view(**facts):
    given = {
        "state": "Authenticated",
        "login_at": NOON,
        "refreshed_at": NOON,
        "expires_at": NOON + timedelta(minutes=30),
        "refresh_expires_at": NOON + timedelta(days=7),
        "last_updated": NOON,
    }
    return SchwabAuthView.objects.update_or_create(id="schwab", defaults=given | facts)[0]


def broker_token(**facts):
    n = number()
    given = {
        "broker": f"broker-{n}",
        "kind": "access",
        "ciphertext": f"{n:064x}",
        "key_id": "0a1b2c3d",
        "fetched_at": NOON,
        "expires_at": NOON + timedelta(minutes=30),
    }
    return BrokerToken.objects.create(**given | facts)


def broker_login(**facts):
    return BrokerLogin.objects.create(**{"broker": f"broker-{number()}", "login_at": NOON} | facts)


def auth_note(**facts):
    given = {"broker": "schwab", "command": '{"type":"lose","lost_at":"2026-03-02T12:00:00Z","reason":"why"}'}
    return AuthNote.objects.create(**given | {"noted_at": NOON} | facts)


CHANGED = {"reason": "as agreed", "actor": "operator", "at": NOON}


def kill_switch(**facts):
    return KillSwitch.objects.create(**{"scope": "symbol", "subject": f"S{number()}", "is_on": False} | CHANGED | facts)


def restricted_symbol(**facts):
    return RestrictedSymbol.objects.create(**{"symbol": f"S{number()}"} | CHANGED | facts)


def risk_limit(**facts):
    given = {"rule": "max_order_shares", "scope": "symbol", "subject": f"S{number()}", "value": Decimal("10.5")}
    return RiskLimit.objects.create(**given | CHANGED | facts)


def risk_change(**facts):
    given = {"control": "limit", "subject": f"S{number()}", "before": None, "after": '{"value":"10.5"}'}
    return RiskChange.objects.create(**given | CHANGED | facts)


def denial(**facts):
    return Denial.objects.create(
        **{
            "broker": "dry_run",
            "strategy": "hedge",
            "symbol": f"S{number()}",
            "rule": "session_closed",
            "side": "SELL",
            "shares": Decimal(3),
            "text": "the market is closed",
            "figures": '{"clock_open":"no"}',
            "times": 1,
            "first_at": NOON,
            "last_at": NOON,
            "not_before": NOON,
        }
        | facts
    )


def risk_check(**facts):
    n = number()
    return RiskCheck.objects.create(
        **{
            "client_order_id": f"ht-test-{n}-1",
            "order_id": n,
            "broker": "dry_run",
            "strategy": "hedge",
            "symbol": "AAPL",
            "side": "SELL",
            "asked_shares": Decimal(3),
            "allowed_shares": Decimal(3),
            "price_usd": Decimal("200.1"),
            "notional_usd": Decimal("600.3"),
            "figures": '{"quote_price_usd":"200.1"}',
            "checked_at": NOON,
        }
        | facts
    )


def broker_fact(**facts):
    given = {"broker": "dry_run", "kind": "quote", "subject": f"S{number()}", "body": "{}", "as_of": NOON}
    return BrokerFact.objects.create(**given | {"not_before": NOON} | facts)


def operator_request(**facts):
    given = {"verb": "recheck_order", "subject": "17", "actor": "ada", "reason": "to see", "asked_at": NOON}
    return OperatorRequest.objects.create(**given | facts)
