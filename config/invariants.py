"""Invariants: all that there are, held against the database as of one moment, for the command and the schedule."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from django.utils import timezone

from audit_trail.invariants.every import OF_THE_AUDIT_TRAIL
from config.backstop import BUSY, LASTS
from config.environment import ledger_settings
from eventstore.following import settled
from eventstore.moments import one_moment
from trading.conductor.leases import lease
from trading.invariants.every import OF_THE_HEDGE
from trading.invariants.looking import Look
from trading.invariants.violations import Invariant, Violation
from trading.ledger.compare import view_tables
from trading.ledger.mode import Mode, mode_or_none
from trading.notices.models import Notice, close_notice, open_notice

EVERY: dict[str, Invariant] = {each.name: each for each in (*OF_THE_HEDGE, *OF_THE_AUDIT_TRAIL)}

NOTICE, SUBJECT = "invariant_violated", "invariants"
MOST_TOLD = 3
A_WHOLE_LOOK_ON = 6
"""Sunday."""

LATELY = timedelta(days=2)


class Looked(NamedTuple):
    """How much one invariant looked at, and where it does not hold."""

    invariant: str
    rows: int
    violations: int

    def __str__(self) -> str:
        seen = "nothing to look at" if not self.rows else f"{self.rows} rows"
        return f"{self.invariant}: {seen}" + (f", {self.violations} VIOLATIONS" if self.violations else "")


def check(names: Sequence[str] = (), *, now: datetime, since: datetime | None = None) -> Iterator[Violation | Looked]:
    """Yield every violation, and after those of one invariant what it looked at; all as of one moment.

    To be read to its end, since the moment lasts as long; whoever writes meanwhile is not held up.
    """
    settings = ledger_settings()
    # Before the moment begins: up to there all is seen in it. PostgreSQL can't be asked within it.
    complete_to = settled()
    with one_moment(kept_in_place=view_tables()):
        mode = mode_or_none() or Mode(settings.mode)
        for name in names or EVERY:
            look = Look(
                mode=mode,
                legacy_projection=settings.legacy_projection,
                now=now,
                since=since,
                complete_to=complete_to,
            )
            count = 0
            for violation in EVERY[name].violations(look):
                count += 1
                yield violation
            yield Looked(name, look.looked_at, count)


def check_on_schedule() -> str:
    """Look, at what began lately; at everything once a week, and while something is known to be violated."""
    now = timezone.now()
    with lease("invariants", now=now, lasts=LASTS) as held:
        if not held:
            return BUSY
        known = Notice.objects.filter(kind=NOTICE, subject=SUBJECT, closed_at=None).exists()
        return watch(now=now, since=None if known or now.weekday() == A_WHOLE_LOOK_ON else now - LATELY)


def watch(*, now: datetime, since: datetime | None) -> str:
    """Look once; open the notice at the first violation, and close it when a whole look finds none."""
    found = check(now=now, since=since)
    violations = (each for each in found if isinstance(each, Violation))
    first = list(islice(violations, MOST_TOLD))
    count = len(first) + sum(1 for _ in violations)
    if not count:
        # What was found among older rows is still there, whatever the newer ones say.
        if since is None:
            close_notice(NOTICE, SUBJECT, at=now)
        return "no violation"
    told = "; ".join(map(str, first)) + (f"; and {count - len(first)} more" if count > len(first) else "")
    open_notice(
        NOTICE,
        SUBJECT,
        f"{count} violations of what must always hold: {told}. `manage.py check_invariants` shows all, and where to "
        "look; docs/invariants.md says what each means. Nothing was changed",
        at=now,
    )
    return f"{count} violations: {told}"
