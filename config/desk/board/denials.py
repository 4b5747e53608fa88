"""Denials: orders that the risk gate does not let through, and the switches that are thrown."""

from typing import NamedTuple

from trading.risk.controls import KillSwitch
from trading.risk.records import Denial

SHOWN = 10


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
