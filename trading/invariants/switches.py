"""Switches: when which kill switch was on, by the record of its changes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from trading.risk.controls import KillSwitch, RiskChange
from trading.risk.scopes import Scope

MARGIN = timedelta(minutes=1)
"""Who throws a switch reads the clock before it waits for whoever places an order: so near to a change nothing is
certain of times alone."""

FOR_EVER = datetime.max.replace(tzinfo=UTC)


class _On(NamedTuple):
    since: datetime
    until: datetime


class Switches:
    """Every stretch in which a kill switch was on."""

    def __init__(self) -> None:
        self._on: dict[str, list[_On]] = {}
        began: dict[str, datetime] = {}
        for subject, after, at in _changes():
            if msgspec.json.decode(after)["is_on"]:
                began.setdefault(subject, at)
            elif subject in began:
                self._on.setdefault(subject, []).append(_On(began.pop(subject), at))
        for subject, since in began.items():
            self._on.setdefault(subject, []).append(_On(since, FOR_EVER))

    def on_at(self, at: datetime, *, broker: str, symbol: str, strategy: str) -> str | None:
        """The switch that was certainly on at a time and reached such an order; None where none was."""
        for scope, subject in (
            (Scope.GLOBAL, ""),
            (Scope.BROKER, broker),
            (Scope.SYMBOL, symbol),
            (Scope.STRATEGY, strategy),
        ):
            named = scope.named(subject)
            if any(each.since + MARGIN <= at and at + MARGIN <= each.until for each in self._on.get(named, [])):
                return named
        return None


def _changes() -> Iterator[tuple[str, str, datetime]]:
    rows = RiskChange.objects.filter(control=KillSwitch.kind).order_by("id")
    yield from rows.values_list("subject", "after", "at").iterator(chunk_size=500)
