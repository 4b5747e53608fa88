"""`manage.py strategy_performance`: what each strategy decided and what came of it."""

from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from audit_trail.reports.strategies import StrategiesPerformance, StrategyPerformance, strategy_performance
from config.reporting import ReportCommand, add_period, period_of, period_told
from trading.values.arithmetic import plain


class Command(ReportCommand):
    help = (
        "Tell what strategies decided in a period, of the last thirty days by default, and what came of it; how good "
        "signals were stands apart from trouble in carrying them out."
    )
    columns = {"strategies": ()}

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("strategy", nargs="?", metavar="STRATEGY", help="one alone")
        add_period(parser)
        super().add_arguments(parser)

    def ask(self, options: Mapping[str, Any], *, now: datetime) -> StrategiesPerformance:
        return strategy_performance(period=period_of(options, now=now), strategy=options["strategy"])

    def words(self, report: StrategiesPerformance) -> list[str]:
        told = [f"decisions made {period_told(report.since, report.until)}"]
        for row in report.strategies:
            told += ["", *_told(row)]
        return told if report.strategies else [*told, "none"]


def _told(row: StrategyPerformance) -> list[str]:
    done, signals = row.summary, row.signals
    within = "" if row.within is None else f", in decisions of the {row.within}"
    rate = done.success_rate_of_ended_percent
    told = [
        f"{row.strategy}{within}",
        (
            f"  {done.decisions} decisions: {done.executed} executed, {done.partially_executed} in part, "
            f"{done.failed} failed, {done.cancelled} cancelled, {done.pending} pending, {done.submitted} submitted, "
            f"{done.unknown} unknown"
        ),
        f"  success rate {plain(done.success_rate_percent)}% of all"
        + ("" if rate is None else f", {plain(rate)}% of those that have ended"),
        f"  signals: mean strength {plain(signals.mean_signal_strength)}; {_moved(row)}",
    ]
    if row.failures:
        told.append("  failed by " + ", ".join(f"{kind} {count}" for kind, count in row.failures.items()))
    return told


def _moved(row: StrategyPerformance) -> str:
    signals = row.signals
    unknown = f"of {signals.moves_unknown} fills no later price is known"
    if signals.mean_move_percent is None:
        return unknown
    return (
        f"after {signals.moved_as_bet} of {signals.moves_known} fills the price moved as was bet, by "
        f"{plain(signals.mean_move_percent)}% in the mean; {unknown}"
    )
