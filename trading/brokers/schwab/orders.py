"""Orders: sent once, looked up by Schwab's id, listed by when they were entered. Schwab knows no ids of ours."""

import re
from datetime import datetime, timedelta

import msgspec
import structlog

from trading.brokers.http import refuse_by_status
from trading.brokers.orders import CLOCK_SKEW, OrderReport, OrderRequest, same_order
from trading.brokers.outcomes import (
    BrokerError,
    NoSuchOrder,
    NotAuthorised,
    NotCancellable,
    OutcomeUnknown,
    UnusableReport,
)
from trading.brokers.port import Clock
from trading.brokers.recording import Reference
from trading.brokers.schwab.accounts import SchwabAccount
from trading.brokers.schwab.answers import (
    Json,
    Unreadable,
    object_of,
    order_json_of,
    refusal,
    told,
    unpacked,
)
from trading.brokers.schwab.listing import LISTED_FOR, OrderList
from trading.brokers.schwab.placing import order_json, order_taken
from trading.brokers.schwab.replacements import listed_reports, newest_report, report_under_its_name
from trading.brokers.schwab.reports import (
    is_replaced,
    may_be_entered,
    may_be_of,
    number_of_order,
    report_of,
    stranger,
)
from trading.values.identifiers import BrokerOrderId
from trading.values.symbols import Symbol

log = structlog.get_logger(__name__)

# A little less than Schwab tells of, since its clock is not ours.
_OPEN_FOR = LISTED_FOR - timedelta(hours=1)
_NUMBER = re.compile(r"[0-9]{1,19}")


class SchwabOrders:
    """The orders of one account."""

    def __init__(self, *, account: SchwabAccount, clock: Clock) -> None:
        self._account, self._clock = account, clock
        self._list = OrderList(account=account, clock=clock)

    def submit(self, request: OrderRequest) -> OrderReport:
        """Send an order once, and read back what was made of it.

        The answer names the order by its address, which is known to have been another order's. So it is read back; one
        that is not ours leaves the outcome unknown, and so does one that can't be read: its number is told with that,
        and is nobody's until it was looked at.
        """
        order = order_json(request)
        # Before anything is sent: from there on, no error may read as if nothing had been.
        account_hash = self._account.hash()
        reference = Reference(order=request.client_order_id, purpose="submit")
        answer = self._account.call("POST", "/orders", reference=reference, json=order)
        number = order_taken(answer, account_hash=account_hash, request=request)
        try:
            raw = self._look_up(number, order=request.client_order_id)
            difference = stranger(raw)
            report = None if difference else self._under_its_name(raw)
        except BrokerError as trouble:
            raise OutcomeUnknown(
                f"submitting {request.client_order_id}: Schwab took it as order {number}, and it can't be read back: "
                f"{type(trouble).__name__}: {trouble}",
                named=number,
            ) from trouble
        difference = difference if report is None else same_order(request, report)
        if report is None or difference is not None:
            raise OutcomeUnknown(
                f"submitting {request.client_order_id}: Schwab named order {number}, which is not ours: {difference}",
                named=number,
            )
        if report.doubt is not None:
            raise OutcomeUnknown(
                f"submitting {request.client_order_id}: Schwab took it as order {number}, and {report.doubt}",
                named=number,
            )
        return report

    def report(self, number: BrokerOrderId) -> OrderReport:
        """Report an order as its newest replacement stands. Raises UnusableReport where that one is but a guess.

        What is alike may be another order of ours: its fills would be booked twice.
        """
        newest = self._newest(self._look_up(number))
        if newest.doubt is not None:
            raise UnusableReport(
                f"{newest.doubt}. Nothing of that is booked: look at Schwab whether it is so. "
                "`fail_order --none-of-them` ends ours, then set the position by hand"
            )
        return msgspec.structs.replace(newest, broker_order_id=number)  # Ours goes by the name that we know.

    def cancel(self, number: BrokerOrderId) -> None:
        self._expect_a_number(number)
        what = f"cancelling order {number}"
        answer = unpacked(self._account.call("DELETE", f"/orders/{number}", reference=Reference(purpose="cancel")))
        if answer.status in (200, 201, 202, 204):
            return
        refuse_by_status(answer, changes=True, what=what)
        if answer.status == 403:
            raise NotAuthorised(f"{what}: Schwab forbids it (403): {told(answer)}")
        if refusal(answer) is None:
            raise OutcomeUnknown(f"{what}: expected status 200, was {answer.status}: {told(answer)}")
        if answer.status == 404:
            raise NoSuchOrder(f"{what}: Schwab has none of this id in our account: {told(answer)}")
        raise NotCancellable(f"{what}: Schwab refused it ({answer.status}): {told(answer)}")

    def open_orders(self) -> list[OrderReport]:
        """List the open ones of the last 60 days; an order that was replaced is not open, and the one after it is."""
        now = self._clock()
        rows = self._list.entered(now - _OPEN_FOR, now + CLOCK_SKEW, purpose="open orders")
        self._tell_strangers(rows)
        reports = [report_of(row) for row in rows.values() if stranger(row) is None and not is_replaced(row)]
        return _oldest_first([report for report in reports if not report.status.is_end])

    def entered(self, *, since: datetime, until: datetime, symbol: Symbol | None = None) -> list[OrderReport]:
        """List the orders entered in a span. One that Schwab names as another's replacement goes by the other's name.

        Under its own an order of ours that was replaced would be taken for one of which nobody knows yet. Where it is
        not named, all that may be it are listed with a doubt, so that no order of ours is hidden by a guess. Of other
        symbols than the one that is asked for nothing is read, and nothing that is wrong with them is in the way.
        """
        rows = self._list.entered(since, until, purpose="orders")
        known = dict(rows)

        def look_up(number: BrokerOrderId) -> Json:
            if number not in known:
                known[number] = self._look_up(number)
            return known[number]

        def entered(first: datetime, last: datetime) -> dict[BrokerOrderId, Json]:
            if first < since or last > until:
                return self._entered_around(first, last)
            return {number: row for number, row in rows.items() if may_be_entered(row, first, last)}

        wanted = {number: row for number, row in rows.items() if symbol is None or may_be_of(row, symbol)}
        self._tell_strangers(wanted)
        return _oldest_first(listed_reports(wanted, look_up=look_up, entered=entered))

    def _newest(self, raw: Json) -> OrderReport:
        return newest_report(raw, look_up=self._look_up, entered=self._entered_around)

    def _under_its_name(self, raw: Json) -> OrderReport:
        return report_under_its_name(raw, look_up=self._look_up, entered=self._entered_around)

    def _entered_around(self, since: datetime, until: datetime) -> dict[BrokerOrderId, Json]:
        return self._list.entered(since, until, purpose="replacement")

    def _look_up(self, number: BrokerOrderId, *, order: str | None = None) -> Json:
        self._expect_a_number(number)
        what = f"asking for order {number}"
        answer = self._account.call("GET", f"/orders/{number}", reference=Reference(order=order, purpose="report"))
        if answer.status == 404:
            raise NoSuchOrder(f"{what}: Schwab has none of this id in our account: {told(answer)}")
        try:
            raw = object_of(order_json_of(answer, what=what), name="an order")
        except Unreadable as error:
            raise UnusableReport(f"{what}: {error}") from None
        if number_of_order(raw) != number:
            raise UnusableReport(f"{what}: Schwab answered with order {number_of_order(raw)}")
        return raw

    def _expect_a_number(self, number: BrokerOrderId) -> None:
        if not _NUMBER.fullmatch(number):
            raise NoSuchOrder(f"expected an order's id at Schwab, which is a number, was {number!r}")

    def _tell_strangers(self, rows: dict[BrokerOrderId, Json]) -> None:
        """Name in the log what is left out of a list, since it can't be an order of ours."""
        for number, row in rows.items():
            if (why := stranger(row)) is not None:
                log.info("Order at Schwab is not for us to read", broker_order=number, why=why)


def _oldest_first(reports: list[OrderReport]) -> list[OrderReport]:
    return sorted(reports, key=lambda report: (report.submitted_at, int(report.broker_order_id)))
