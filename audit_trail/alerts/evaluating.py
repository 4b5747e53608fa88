"""Evaluating: each rule's findings become notices, and what is no longer found closes them."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import NamedTuple

from audit_trail.alerts import rules
from audit_trail.alerts.figures import Figures
from audit_trail.alerts.queries import WatchedTask, figures_at
from audit_trail.alerts.thresholds import Thresholds
from trading.notices.models import Notice, close_notice, open_notice


class Rule(NamedTuple):
    """A rule, and the kind of notice that it opens."""

    kind: str
    find: Callable[[Figures, Thresholds], rules.Findings]


RULES = [
    Rule("ingestion_overdue", rules.ingestion_overdue),
    Rule("rows_unread", rules.rows_unread),
    Rule("decisions_failing", rules.decisions_failing),
    Rule("decisions_waiting", rules.decisions_waiting),
    Rule("calls_failing", rules.calls_failing),
    Rule("strategy_failing", rules.strategy_failing),
    Rule("payload_storage", rules.payload_storage),
    Rule("decision_executed_twice", rules.decision_executed_twice),
]


def evaluate(*, at: datetime, tasks: Collection[WatchedTask] = (), limits: Thresholds | None = None) -> list[str]:
    """Look at the figures, and open and close notices by them. Return what holds, as `kind subject`."""
    limits = limits or Thresholds()
    return settle(figures_at(at, tasks, limits), limits)


def settle(figures: Figures, limits: Thresholds) -> list[str]:
    """Open a notice for each finding, and close those of the rules that are not found any more."""
    told = set[tuple[str, str]]()
    for rule in RULES:
        for subject, text in rule.find(figures, limits).items():
            open_notice(rule.kind, subject, text, at=figures.at)
            told.add((rule.kind, subject))
    kinds = [rule.kind for rule in RULES]
    for kind, subject in Notice.objects.filter(kind__in=kinds, closed_at=None).values_list("kind", "subject"):
        if (kind, subject) not in told:
            close_notice(kind, subject, at=figures.at)
    return sorted(f"{kind} {subject}" for kind, subject in told)
