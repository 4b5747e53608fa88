"""Denials: orders that the risk gate does not let through, and the switches that are thrown."""

from datetime import datetime, timedelta
from typing import NamedTuple

from trading.risk.controls import KillSwitch
from trading.risk.records import Denial
from trading.risk.scopes import HEDGE

SHOWN = 10
A_MOMENT = timedelta(seconds=10)
"""A denial that is so young may be of a figure that is being asked for."""


class Held(NamedTuple):
    """What is held back, and by whom."""

    denials: list[Denial]
    more: int
    switches: list[KillSwitch]


def held() -> Held:
    standing = list(Denial.objects.filter(ended_at=None).order_by("-last_at")[: SHOWN + 90])
    return Held(
        denials=standing[:SHOWN],
        more=max(len(standing) - SHOWN, 0),
        switches=list(KillSwitch.objects.filter(is_on=True).order_by("scope", "subject")),
    )


def denied_for_a_while(*, now: datetime) -> set[str]:
    """The symbols whose hedges the gate has been denying."""
    rows = Denial.objects.filter(ended_at=None, strategy=HEDGE, first_at__lte=now - A_MOMENT)
    return set(rows.values_list("symbol", flat=True))
