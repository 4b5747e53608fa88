"""The order finder: asks Alpaca for orders, by our id, by theirs, and for all of a kind."""

import re
from datetime import datetime, timedelta

import msgspec

from trading.brokers.alpaca.answers import Json, Unreadable, object_of, objects_of
from trading.brokers.alpaca.order_lists import every_order
from trading.brokers.alpaca.order_reports import Reported, is_equity, read_order, unreadable
from trading.brokers.alpaca.refusals import refusal_of
from trading.brokers.alpaca.session import AlpacaSession, must_be_an_answer
from trading.brokers.http import Answer
from trading.brokers.orders import OrderReport
from trading.brokers.outcomes import BrokerUnavailable, NoSuchOrder, UnusableReport
from trading.brokers.recording import Reference
from trading.values.arithmetic import plain
from trading.values.identifiers import BrokerOrderId, ClientOrderId

LONGEST_CHAIN = 20
QUEUED_FOR = timedelta(days=5)
"""So long an order may wait for the open, over the longest weekend. Alpaca then lists it under the time of the open."""

_ENTERS_WITHIN = timedelta(minutes=1)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class OrderFinder:
    """Finds orders. Each order is as Alpaca says, or there is an error; none is made up and none left out."""

    def __init__(self, session: AlpacaSession) -> None:
        self._session = session

    def named(self, client_order_id: ClientOrderId, *, purpose: str) -> Reported | None:
        """Find the order of our id as it stands, replaced or not; None only where Alpaca says that it has none."""
        what = f"looking for {client_order_id}"
        answer = self._session.call(
            "GET",
            "/v2/orders:by_client_order_id",
            Reference(order=client_order_id, purpose=purpose),
            params={"client_order_id": client_order_id},
        )
        if (refusal := refusal_of(answer)) is not None and refusal.finds_nothing:
            return None
        found = _order_in(answer, what)
        if found.report.client_order_id != client_order_id:
            raise UnusableReport(f"{what}: Alpaca answered with the order {found.report.client_order_id}")
        return found

    def numbered(self, broker_order_id: BrokerOrderId, *, purpose: str) -> Reported:
        """Find the order of their id as it stands, replaced or not. Raises NoSuchOrder."""
        what = f"asking for order {broker_order_id}"
        must_be_theirs(broker_order_id)
        answer = self._session.call("GET", f"/v2/orders/{broker_order_id}", Reference(purpose=purpose))
        if (refusal := refusal_of(answer)) is not None and refusal.finds_nothing:
            raise NoSuchOrder(f"Alpaca has no order {broker_order_id}: {refusal.told()}")
        found = _order_in(answer, what)
        if found.report.broker_order_id != broker_order_id:
            raise UnusableReport(f"{what}: Alpaca answered with the order {found.report.broker_order_id}")
        return found

    def newest(self, found: Reported) -> OrderReport:
        """Follow an order that was replaced at Alpaca to the one in its place, under the ids that we know."""
        known = found.report
        chain = [known.broker_order_id]
        while found.replaced:
            if found.report.filled_shares:
                # Whether its successor counts these too is told nowhere, and a wrong guess loses or doubles a fill.
                raise UnusableReport(
                    f"order {chain[-1]} was replaced at Alpaca when {plain(found.report.filled_shares)} shares of it "
                    f"were filled. Look at it and at {found.replaced_by} there, and settle the order by hand"
                )
            if found.replaced_by is None or found.replaced_by in chain or len(chain) > LONGEST_CHAIN:
                raise UnusableReport(
                    f"order {chain[-1]} was replaced at Alpaca: expected one further order in its place, "
                    f"was {found.replaced_by}"
                )
            chain.append(BrokerOrderId(found.replaced_by))
            try:
                found = self.numbered(chain[-1], purpose="report of a replacement")
            except NoSuchOrder as error:
                raise UnusableReport(f"order {chain[-2]} was replaced, and not by an order: {error}") from None
        if len(chain) == 1:
            return known
        return msgspec.structs.replace(
            found.report,
            broker_order_id=known.broker_order_id,
            client_order_id=known.client_order_id,
            notes=(f"replaced at Alpaca by {', then '.join(chain[1:])}", *found.report.notes),
        )

    def open_orders(self) -> list[OrderReport]:
        listed = self._listed("open", after=None, until=None, purpose="open orders")
        return [report for report in listed if not report.status.is_end]

    def entered(self, *, since: datetime, until: datetime) -> list[OrderReport]:
        listed = self._listed("all", after=since - _ENTERS_WITHIN, until=until + QUEUED_FOR, purpose="orders")
        return [report for report in listed if since <= report.submitted_at <= until]

    def _listed(
        self, status: str, *, after: datetime | None, until: datetime | None, purpose: str
    ) -> list[OrderReport]:
        what = f"listing {purpose}"
        asked_at: list[datetime] = []

        def page(params: dict[str, str]) -> list[Json]:
            answer = self._session.ask("/v2/orders", Reference(purpose=purpose), what=what, params=params)
            asked_at.append(answer.asked_at)
            return objects_of(answer)

        try:
            rows = every_order(page, status=status, after=after, until=until)
        except Unreadable as error:
            raise BrokerUnavailable(f"{what}: {error}") from None
        # As of the first page: no later than any of them was true.
        reports = [read_order(row, asked_at=asked_at[0]).report for row in rows if _is_ours_to_read(row)]
        return sorted(reports, key=lambda report: report.submitted_at)


def must_be_theirs(broker_order_id: BrokerOrderId) -> None:
    """Raise NoSuchOrder where this can't be an id of Alpaca's; it would not be taken in a path either."""
    if not _UUID.fullmatch(broker_order_id):
        raise NoSuchOrder(f"Alpaca has no order {broker_order_id!r}: expected a UUID")


def _order_in(answer: Answer, what: str) -> Reported:
    must_be_an_answer(answer, what)
    try:
        row = object_of(answer)
    except Unreadable as error:
        # No report at all, as where a proxy answers with a page: nothing is known, and it is asked again.
        raise BrokerUnavailable(f"{what}: {error}") from None
    return read_order(row, asked_at=answer.asked_at)


def _is_ours_to_read(row: Json) -> bool:
    try:
        return is_equity(row)
    except Unreadable as error:
        raise unreadable(row, error) from None
