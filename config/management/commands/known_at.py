"""`manage.py known_at`: what was known of a symbol at a moment."""

from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from audit_trail.reports.known import KnownThen, what_was_known
from audit_trail.reports.periods import past_moment_asked
from audit_trail.reports.symbol import MOST
from audit_trail.reports.telling import cell
from config.reporting import ReportCommand, add_limit, limit_of
from trading.values.arithmetic import plain
from trading.values.symbols import symbol


class Command(ReportCommand):
    help = (
        "Tell what was known, decided, held and hedged of a symbol at a moment: each thing as it was then, and nothing "
        "that came later."
    )
    columns = {
        "records": (),
        "decisions": ("decided_at", "strategy", "side", "shares", "notional_usd", "status_then"),
        "executions": ("placed_at", "our_order", "requested_shares", "filled_shares_then", "average_price_usd_then"),
        "hedge_orders": ("placed_at", "order", "side", "requested_shares", "filled_shares_then", "status_then"),
        "prices": ("at", "source", "price_usd"),
    }

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("symbol", metavar="SYMBOL", help="as AAPL")
        parser.add_argument("at", metavar="TIME", help="as 2026-03-02T09:30-05:00; of a day, its midnight in New York")
        add_limit(parser, usual=MOST)
        super().add_arguments(parser)

    def ask(self, options: Mapping[str, Any], *, now: datetime) -> KnownThen:
        at = past_moment_asked(options["at"], now=now)
        return what_was_known(symbol=symbol(options["symbol"]), at=at, limit=limit_of(options))

    def words(self, report: KnownThen) -> list[str]:
        told = [
            f"{report.symbol} as of {cell(report.at)}",
            (
                f"{len(report.records)} records known, {len(report.decisions)} decisions stored, "
                f"{len(report.hedge_orders)} hedge orders placed"
            ),
            f"held by decisions: {plain(report.held_by_decisions_shares)} shares",
        ]
        if report.position is None:
            told.append(f"no hedge position: {report.position_unknown}")
        else:
            net, pending = report.position.state["net"], report.position.state["pending"]
            under_way = "no order under way" if not pending else f"order {pending['order_id']} under way"
            told.append(f"hedge position: {net} shares at version {report.position.version}, {under_way}")
        if report.cut:
            told.append(f"only the newest are told of {', '.join(report.cut)}: ask for more with --limit")
        return told
