"""Replacements: an order that somebody put another in place of, at Schwab and not through us, is followed to it.

Schwab's documents do not say how the two are linked. An order that either of them names as the other is taken; else
the only order like it that was entered when it closed. Where that leaves a doubt, nothing is booked and we say so.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from trading.brokers.orders import OrderReport
from trading.brokers.outcomes import NoSuchOrder, UnusableReport
from trading.brokers.schwab.answers import Json, Unreadable, instant_of, number_of, objects_of
from trading.brokers.schwab.reports import is_replaced, number_of_order, report_of, report_of_itself, same_leg, stranger
from trading.values.arithmetic import plain
from trading.values.identifiers import BrokerOrderId

MOST_FOLLOWED = 20

_MOST_NAMED = 5
_AROUND = timedelta(seconds=60)

LookUp = Callable[[BrokerOrderId], Json]
Entered = Callable[[datetime, datetime], dict[BrokerOrderId, Json]]


class _Successors(msgspec.Struct, frozen=True):
    """The orders that may have taken the place of another: the one that is named as it, or all that are like it."""

    rows: list[Json]
    is_named: bool
    how: str


def newest_report(raw: Json, *, look_up: LookUp, entered: Entered) -> OrderReport:
    """Report an order, or the newest that took its place, with a note. Raises UnusableReport where none can be told.

    Where Schwab names no order and the only one like it was taken, the report has that for a doubt.
    """
    notes: tuple[str, ...] = ()
    doubt = None
    for _ in range(MOST_FOLLOWED):
        if not is_replaced(raw):
            report = report_of(raw)
            return msgspec.structs.replace(report, notes=(*notes, *report.notes), doubt=doubt)
        number = number_of_order(raw)
        try:
            successors = _the_one(raw, number, look_up, entered)
        except Unreadable as error:
            raise UnusableReport(f"order {number}, which was replaced at Schwab: {error}") from error
        raw = successors.rows[0]
        note = f"order {number} was replaced at Schwab by {number_of_order(raw)}, {successors.how}"
        notes = (*notes, note)
        if not successors.is_named:
            doubt = doubt or f"Schwab does not say so, but it seems that {note}"
    raise UnusableReport(f"expected an order that was replaced at most {MOST_FOLLOWED} times: {'; '.join(notes)}")


def listed_reports(rows: dict[BrokerOrderId, Json], *, look_up: LookUp, entered: Entered) -> list[OrderReport]:
    """Report the orders of a list that may have been sent by us. Raises UnusableReport.

    We send new orders only, so one that is named as another's replacement goes by the other's name, and once. Where
    none is named, each that may be it is listed under its own name with a doubt: it may be an order of ours.
    """
    links: dict[BrokerOrderId, BrokerOrderId] = {}
    doubts: dict[BrokerOrderId, str] = {}
    for number, row in rows.items():
        successors = _successors_in_a_list(row, number, look_up, entered) if is_replaced(row) else None
        if successors is None:
            continue
        numbers = [number_of_order(successor) for successor in successors.rows]
        if successors.is_named:
            links[number] = numbers[0]
        else:
            doubt = f"it may have taken the place of order {number}, which was replaced at Schwab"
            doubts.update(dict.fromkeys(numbers, doubt))
    hidden = _replacements(links)
    reports = [
        report_under_its_name(row, look_up=look_up, entered=entered)
        for number, row in rows.items()
        if number not in hidden and stranger(row) is None
    ]
    return [
        msgspec.structs.replace(report, doubt=doubts.get(report.broker_order_id, report.doubt)) for report in reports
    ]


def _replacements(links: dict[BrokerOrderId, BrokerOrderId]) -> set[BrokerOrderId]:
    """Gather the orders that go by another's name. Those of a ring have no first one, and none of them is hidden."""
    found: set[BrokerOrderId] = set()
    for first in links.keys() - set(links.values()):
        number = links.get(first)
        while number is not None and number not in found:
            found.add(number)
            number = links.get(number)
    return found


def _successors_in_a_list(raw: Json, number: BrokerOrderId, look_up: LookUp, entered: Entered) -> _Successors | None:
    try:
        return _successors(raw, number, look_up, entered)
    except (Unreadable, UnusableReport, NoSuchOrder) as error:
        # A stop that was replaced may have a market order for its successor; of an option's nothing need be known.
        if stranger(raw) is not None:
            return None
        raise UnusableReport(f"order {number}, which was replaced at Schwab: {error}") from error


def report_under_its_name(raw: Json, *, look_up: LookUp, entered: Entered) -> OrderReport:
    """Report an order by its own name, time and terms: as its newest stands where that is certain, else as cancelled.

    Whether it is ours is told by what it was entered as, and not by what somebody made of it since. Raises
    UnusableReport where the order itself can't be read; what is not certain of its newest is the report's doubt.
    """
    if not is_replaced(raw):
        return report_of(raw)
    own = report_of_itself(raw)
    try:
        newest = newest_report(raw, look_up=look_up, entered=entered)
    except UnusableReport as unusable:
        return msgspec.structs.replace(own, doubt=str(unusable))
    doubt = newest.doubt or _changed(own, newest)
    if doubt is not None:
        return msgspec.structs.replace(own, notes=newest.notes, doubt=doubt)
    return msgspec.structs.replace(newest, broker_order_id=own.broker_order_id, submitted_at=own.submitted_at)


def _changed(own: OrderReport, newest: OrderReport) -> str | None:
    """Tell that an order was made another one when it was replaced."""
    if _terms(own) == _terms(newest):
        return None
    return f"it was replaced at Schwab by order {newest.broker_order_id}, which asks for something else"


def _terms(report: OrderReport) -> tuple[object, ...]:
    return report.symbol, report.side, report.requested_shares, report.limit_price_usd


def _the_one(raw: Json, number: BrokerOrderId, look_up: LookUp, entered: Entered) -> _Successors:
    filled = number_of(raw, "filledQuantity")
    if filled != 0:
        # Whether the new order counts them again is not known; booked twice or not at all would both be wrong.
        raise UnusableReport(
            f"order {number} was replaced at Schwab after {plain(filled)} shares of it were filled, and how the new "
            "order counts them is not known. Look at both at Schwab; `fail_order --none-of-them` ends ours, then set "
            "the position by hand"
        )
    successors = _successors(raw, number, look_up, entered)
    if len(successors.rows) != 1:
        raise UnusableReport(
            f"order {number} was replaced at Schwab, and which order took its place can't be told: expected one, found "
            f"{len(successors.rows)}. Look at Schwab which it is; `fail_order --none-of-them` ends ours, then set the "
            "position by hand"
        )
    return successors


def _successors(raw: Json, number: BrokerOrderId, look_up: LookUp, entered: Entered) -> _Successors:
    since = instant_of(raw, "enteredTime")
    named = _numbers(raw) - {number}
    if len(named) <= _MOST_NAMED:
        # The same list is where an order may name those that it replaced itself: they are older.
        newer = [row for row in map(look_up, sorted(named)) if instant_of(row, "enteredTime") >= since]
        if len(newer) == 1:
            return _Successors(rows=newer, is_named=True, how="which it names")

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
        return _Successors(rows=naming, is_named=True, how="which names it")
    how = "the only order like it that was entered when it closed"
    return _Successors(rows=list(alike.values()), is_named=False, how=how)


def _numbers(raw: Json) -> set[BrokerOrderId]:
    return {number_of_order(other) for other in objects_of(raw, "replacingOrderCollection")}
