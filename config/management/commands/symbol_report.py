"""`manage.py symbol_report`: everything about one symbol in a period."""

from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from audit_trail.reports.symbol import MOST, SymbolActivity, symbol_activity
from config.reporting import ReportCommand, add_limit, add_period, limit_of, period_of, period_told
from trading.values.arithmetic import plain
from trading.values.symbols import symbol


class Command(ReportCommand):
    help = (
        "Tell everything about a symbol in a period, of the last thirty days by default: the data that came, "
        "decisions, executions, and hedges beside them."
    )
    columns = {
        "decisions_made": ("decided_at", "strategy", "side", "shares", "notional_usd", "status", "failure_kind"),
        "trades_executed": ("placed_at", "our_order", "status", "filled_shares", "average_price_usd", "reason"),
        "data_ingested": ("known_at", "kind", "disclosed_on", "traded_on", "who", "transaction", "amount_usd"),
        "hedge_orders": ("placed_at", "order", "side", "requested_shares", "filled_shares", "status"),
        "hedge_fills": ("at", "venue", "side", "shares", "price_usd", "realised_usd"),
    }

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("symbol", metavar="SYMBOL", help="as AAPL")
        add_period(parser)
        add_limit(parser, usual=MOST)
        super().add_arguments(parser)

    def ask(self, options: Mapping[str, Any], *, now: datetime) -> SymbolActivity:
        return symbol_activity(
            symbol=symbol(options["symbol"]), period=period_of(options, now=now), limit=limit_of(options)
        )

    def words(self, report: SymbolActivity) -> list[str]:
        done, hedges = report.summary, report.hedges
        told = [
            f"{report.symbol} {period_told(report.since, report.until)}",
            (
                f"{done.decisions} decisions: {done.executed} executed, {done.partially_executed} in part, "
                f"{done.failed} failed, {done.cancelled} cancelled; {done.pending} pending and {done.under_way} under "
                "way"
            ),
            f"success rate {plain(done.success_rate_percent)}%, executed of all decisions",
            f"{hedges.orders} hedge orders: {hedges.filled} filled, {hedges.under_way} under way",
        ]
        if report.waiting_fills:
            told.append(f"{report.waiting_fills} fills moved and may be missing until their profit is computed")
        if report.cut:
            told.append(f"only the newest are told of {', '.join(report.cut)}: ask for more with --limit")
        return told
