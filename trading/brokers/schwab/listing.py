"""Listing: every order entered in a span of time, or an error."""

from datetime import UTC, datetime, timedelta

from trading.brokers.outcomes import BrokerUnavailable, NotOffered, UnusableAnswer
from trading.brokers.port import Clock
from trading.brokers.recording import Reference
from trading.brokers.schwab.accounts import SchwabAccount
from trading.brokers.schwab.answers import Json, Unreadable, object_of, order_json_of
from trading.brokers.schwab.reports import number_of_order
from trading.values.identifiers import BrokerOrderId

LISTED_FOR = timedelta(days=60)
"""Schwab lists no order that was entered earlier."""

MOST_LISTED = 3000
"""Schwab's own limit. An answer of as many may have been cut, so the span is asked for in halves."""

_SHORTEST = timedelta(milliseconds=1)


class OrderList:
    """Asks for the orders of the account as Schwab tells them."""

    def __init__(self, *, account: SchwabAccount, clock: Clock) -> None:
        self._account, self._clock = account, clock

    def entered(self, since: datetime, until: datetime, *, purpose: str) -> dict[BrokerOrderId, Json]:
        """List all orders entered in a span, each once. Raises NotOffered where Schwab has forgotten a part of it."""
        if since.tzinfo is None or until.tzinfo is None:
            raise ValueError(f"expected times with a zone, was {since!r} to {until!r}")
        oldest = self._clock() - LISTED_FOR
        if since < oldest:
            raise NotOffered(
                f"Schwab lists the orders of {LISTED_FOR.days} days: expected a span from {oldest.isoformat()} on, was "
                f"one from {since.isoformat()}. Look an older order up by its id, or at Schwab"
            )
        first, last = _floor(since), _ceiling(until)
        return self._span(first, last, purpose) if first <= last else {}

    def _span(self, first: datetime, last: datetime, purpose: str) -> dict[BrokerOrderId, Json]:
        rows = self._page(first, last, purpose)
        if len(rows) < MOST_LISTED:
            return {number_of_order(row): row for row in rows}
        if last - first <= _SHORTEST:
            raise UnusableAnswer(f"expected fewer than {MOST_LISTED} orders entered at {_written(first)}, was as many")
        # The halves share their border: an order entered at it is listed by both, and kept once.
        middle = _floor(first + (last - first) / 2)
        return self._span(first, middle, purpose) | self._span(middle, last, purpose)

    def _page(self, first: datetime, last: datetime, purpose: str) -> list[Json]:
        what = f"listing orders from {_written(first)} to {_written(last)}"
        answer = self._account.call(
            "GET",
            "/orders",
            reference=Reference(purpose=purpose),
            params={
                "fromEnteredTime": _written(first),
                "toEnteredTime": _written(last),
                "maxResults": str(MOST_LISTED),
            },
        )
        rows = order_json_of(answer, what=what)
        if not isinstance(rows, list):
            raise BrokerUnavailable(f"{what}: expected a list of orders, was {rows!r:.80}")
        try:
            return [object_of(row, name="an order") for row in rows]
        except Unreadable as error:
            raise BrokerUnavailable(f"{what}: {error}") from None


def _floor(at: datetime) -> datetime:
    at = at.astimezone(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _ceiling(at: datetime) -> datetime:
    floor = _floor(at)
    return floor if floor == at else floor + timedelta(milliseconds=1)


def _written(at: datetime) -> str:
    """As in 2025-11-20T14:30:00.000Z, the one form that Schwab takes."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
