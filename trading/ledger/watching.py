"""Watching: whether both memories still say the same, and a notice for as long as they do not."""

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from trading.ledger.compare import Difference, compare
from trading.ledger.mode import Mode
from trading.notices.models import close_notice, open_notice

KIND, SUBJECT = "ledger_difference", "ledgers"
MOST_TOLD = 5


class Looked(NamedTuple):
    """What a look came to: how many differences, and the first of them."""

    differences: int
    first: Sequence[Difference]

    def __str__(self) -> str:
        if not self.differences:
            return "no difference"
        rows = "; ".join(
            f"{each.kind} {each.subject}, {each.what}: legacy {each.legacy}, events {each.events}"
            for each in self.first
        )
        more = self.differences - len(self.first)
        return f"{self.differences} differences: {rows}" + (f"; and {more} more" if more else "")


def look(mode: Mode, *, legacy_projection: bool, now: datetime) -> Looked:
    """Compare the memories once; open the notice at the first difference, and close it when there is none."""
    found = compare(mode, legacy_projection=legacy_projection)
    first = list(islice(found, MOST_TOLD))
    looked = Looked(len(first) + sum(1 for _ in found), first)
    if looked.differences:
        open_notice(
            KIND,
            SUBJECT,
            f"{looked}. One of the memories is wrong in each: `manage.py compare_ledgers` shows all. Find out which "
            "one, and do not switch the ledger before",
            at=now,
        )
    else:
        close_notice(KIND, SUBJECT, at=now)
    return looked
