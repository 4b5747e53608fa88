"""Verdict: whether money is at risk, in one word, with every reason."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from config.monitoring.health import Limits, reasons
from config.purpose import hedges
from trading.notices.models import Notice

NOTICES_SHOWN, NOTICES_COUNTED = 12, 500
MOST_NAMED = 4


class Stand(StrEnum):
    """How it stands."""

    WELL = "well"
    SEE_TO = "see to"
    """Fills are hedged, and something waits for an operator."""

    AT_RISK = "at risk"
    """Fills are not hedged, or not all."""


class Verdict(NamedTuple):
    """The word, and what it rests on."""

    stand: Stand
    reasons: list[str]
    notices: list[Notice]
    more_notices: int
    hedges: bool = True
    """Whether there are fills to hedge: not where an installation only decides."""

    is_at_work: bool = False
    """Something is past its threshold, or on its way to a broker or back, and not late yet."""

    held_back: Sequence[str] = ()
    """The symbols that are past their thresholds and that something stops."""

    has_open_rest: bool = False
    """Fills of today are open, each symbol's within its threshold."""

    @property
    def sentence(self) -> str:
        match self.stand:
            case Stand.WELL:
                return f"{self._what_goes_well}, and nothing waits for an operator."
            case Stand.SEE_TO:
                return f"{self._what_goes_well}, and something waits for an operator."
            case Stand.AT_RISK if self.hedges:
                return "Money is at risk: fills are not hedged, or not all."
            case Stand.AT_RISK:
                return "It does not decide as it should."

    @property
    def _what_goes_well(self) -> str:
        if not self.hedges:
            return "Days are decided"
        if self.held_back:
            return f"{_named(self.held_back)} held back, the rest is {'being hedged' if self.is_at_work else 'hedged'}"
        if self.is_at_work:
            return "Fills are being hedged"
        return "No hedge is due" if self.has_open_rest else "Fills are hedged"


def verdict(
    limits: Limits,
    *,
    now: datetime,
    is_at_work: bool = False,
    held_back: Sequence[str] = (),
    has_open_rest: bool = False,
) -> Verdict:
    """Judge as `/health/ready` does, and by what operators were told."""
    against = [reason.text for reason in reasons(limits, now=now)]
    notices = list(Notice.objects.filter(closed_at=None).order_by("id")[:NOTICES_COUNTED])
    stand = Stand.AT_RISK if against else Stand.SEE_TO if notices else Stand.WELL
    more = max(len(notices) - NOTICES_SHOWN, 0)
    return Verdict(stand, against, notices[:NOTICES_SHOWN], more, hedges(), is_at_work, held_back, has_open_rest)


def _named(symbols: Sequence[str]) -> str:
    if len(symbols) == 1:
        return f"{symbols[0]} is"
    if len(symbols) <= MOST_NAMED:
        return f"{', '.join(symbols[:-1])} and {symbols[-1]} are"
    return f"{', '.join(symbols[:MOST_NAMED])} and {len(symbols) - MOST_NAMED} more are"
