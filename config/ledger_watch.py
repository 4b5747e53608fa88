"""Ledger watch: one look at whether both memories say the same, for whoever calls from a schedule."""

from django.utils import timezone

from config.backstop import BUSY, LASTS
from config.environment import ledger_settings
from trading.conductor.leases import lease
from trading.ledger.mode import Mode, mode_or_none
from trading.ledger.watching import look


def compare_once() -> str:
    """Compare the memories as the mode in force asks for, open or close the notice, and tell what was found.

    A comparison may take longer than the time to the next one, which then is left out.
    """
    settings, now = ledger_settings(), timezone.now()
    with lease("ledger_comparison", now=now, lasts=LASTS) as held:
        if not held:
            return BUSY
        mode = mode_or_none() or Mode(settings.mode)
        return str(look(mode, legacy_projection=settings.legacy_projection, now=now))
