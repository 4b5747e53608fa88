"""Replacements: an order that somebody put another in place of, at Schwab and not through us, is followed to it.

Schwab's documents do not say how the two are linked. An order that either of them names as the other is taken; else
the only order like it that was entered when it closed. Where that leaves a doubt, nothing is booked and we say so.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from trading.brokers.orders import OrderReport
from trading.brokers.outcomes import UnusableReport
from trading.brokers.schwab.answers import Json, Unreadable, instant_of, number_of, objects_of
from trading.brokers.schwab.reports import is_replaced, number_of_order, report_of, same_leg, stranger
from trading.values.arithmetic import plain
from trading.values.identifiers import BrokerOrderId

MOST_FOLLOWED = 20

_MOST_NAMED = 5
_AROUND = timedelta(seconds=60)

LookUp = Callable[[BrokerOrderId], Json]
Entered = Callable[[datetime, datetime], dict[BrokerOrderId, Json]]


def newest_report(raw: Json, *, look_up: LookUp, entered: Entered) -> OrderReport:
    """Report an order, or the newest that took its place, with a note. Raises UnusableReport where none can be told."""
    notes: tuple[str, ...] = ()
    for _ in range(MOST_FOLLOWED):
        if not is_replaced(raw):
            report = report_of(raw)
            return msgspec.structs.replace(report, notes=(*notes, *report.notes))
        number = number_of_order(raw)
        try:
            raw, how = _replacement(raw, number, look_up, entered)
        except Unreadable as error:
            raise UnusableReport(f"order {number}, which was replaced at Schwab: {error}") from error
        notes = (*notes, f"order {number} was replaced at Schwab by {number_of_order(raw)}, {how}")
    raise UnusableReport(f"expected an order that was replaced at most {MOST_FOLLOWED} times: {'; '.join(notes)}")


def _replacement(raw: Json, number: BrokerOrderId, look_up: LookUp, entered: Entered) -> tuple[Json, str]:
    filled = number_of(raw, "filledQuantity")
    if filled != 0:
        # Whether the new order counts them again is not known; booked twice or not at all would both be wrong.
        raise UnusableReport(
            f"order {number} was replaced at Schwab after {plain(filled)} shares of it were filled, and how the new "
            "order counts them is not known. Look at both at Schwab, and set the position by hand"
        )
    since = instant_of(raw, "enteredTime")
    named = _numbers(raw) - {number}
    if len(named) <= _MOST_NAMED:
        # The same list is where an order may name those that it replaced itself: they are older.
        newer = [row for row in map(look_up, sorted(named)) if instant_of(row, "enteredTime") >= since]
        if len(newer) == 1:
            return newer[0], "which it names"

    closed_at = instant_of(raw, "closeTime")
    alike = {
        other: row
        for other, row in entered(closed_at - _AROUND, closed_at + _AROUND).items()
        if other != number
        and stranger(row) is None
        and same_leg(row) == same_leg(raw)
        and instant_of(row, "enteredTime") >= since
    }
    naming = [row for row in alike.values() if number in _numbers(row)]
    if len(naming) == 1:
        return naming[0], "which names it"
    if len(alike) == 1:
        return next(iter(alike.values())), "the only order like it that was entered when it closed"
    raise UnusableReport(
        f"order {number} was replaced at Schwab, and which order took its place can't be told: expected one, found "
        f"{len(alike)}. Look at Schwab which it is, and set the position by hand"
    )


def _numbers(raw: Json) -> set[BrokerOrderId]:
    return {number_of_order(other) for other in objects_of(raw, "replacingOrderCollection")}
