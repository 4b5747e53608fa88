"""Hours: when the regular session of stocks is, by Schwab's word for each day."""

from datetime import UTC, date, datetime, timedelta

from trading.brokers.http import Answer
from trading.brokers.market import MarketClock, TradingSession
from trading.brokers.outcomes import NotOffered, UnusableAnswer
from trading.brokers.recording import Reference
from trading.brokers.schwab.answers import (
    Json,
    Unreadable,
    flag_of,
    json_of,
    object_of,
    objects_of,
    text_of,
    time_of,
    zoned_of,
)
from trading.brokers.schwab.session import SchwabSession

MOST_DAYS = 45
"""Each weekday is a call; a longer span would take a whole minute's worth of them."""

_SATURDAY = 5


class SchwabHours:
    """What Schwab says of the stock market's days."""

    def __init__(self, *, session: SchwabSession) -> None:
        self._session = session

    def clock(self) -> MarketClock:
        """Tell whether the regular session is on. Only today is asked for, so after the close no next open is told."""
        what = "asking for today's hours"
        answer = self._ask(None)
        now = time_of(answer)
        if now is None:
            raise UnusableAnswer(f"{what}: expected the broker's time in a Date header, was none")
        session = _session(answer, what, None)
        if session is None or now >= session.closes_at:
            opens_at = closes_at = None
        else:
            opens_at = session.opens_at if now < session.opens_at else None
            closes_at = session.closes_at
        return MarketClock(
            is_open=session is not None and session.opens_at <= now < session.closes_at,
            broker_time=now,
            next_open_at=opens_at,
            next_close_at=closes_at,
            as_of=answer.asked_at,
        )

    def sessions(self, *, first: date, last: date) -> list[TradingSession]:
        """List sessions, a call for each weekday. Schwab tells of today and a year ahead, and refuses earlier days."""
        days = [first + timedelta(days=count) for count in range((last - first).days + 1)]
        if len(days) > MOST_DAYS:
            raise NotOffered(f"Schwab is asked for each day: expected at most {MOST_DAYS} days, was {len(days)}")
        told = [
            _session(self._ask(day), f"asking for the hours of {day}", day) for day in days if day.weekday() < _SATURDAY
        ]
        return [session for session in told if session is not None]

    def _ask(self, day: date | None) -> Answer:
        return self._session.call(
            "GET",
            "/marketdata/v1/markets/equity",
            reference=Reference(purpose="clock" if day is None else "sessions"),
            params=None if day is None else {"date": day.isoformat()},
        )


def _session(answer: Answer, what: str, asked: date | None) -> TradingSession | None:
    """Read a day's regular session; None on a day that Schwab calls closed, and on no other."""
    body = json_of(answer, what=what)
    try:
        hours = _hours(object_of(body, name="the answer"))
        is_open = flag_of(hours, "isOpen")
        if not is_open and hours.get("date") is None:
            return None
        day = date.fromisoformat(text_of(hours, "date")[:10])
        if asked not in (None, day):
            raise Unreadable(f"expected the hours of {asked}, was of {day}")
        if not is_open:
            return None
        session_hours = object_of(hours.get("sessionHours"), name="sessionHours")
        regular = objects_of(session_hours, "regularMarket")
        if not regular:
            raise Unreadable("expected the hours of the regular session of an open day, was none")
        opens_at, closes_at = zoned_of(regular[0], "start"), zoned_of(regular[0], "end")
        if opens_at.date() != day or opens_at >= closes_at:
            raise Unreadable(f"expected a session on {day}, was {opens_at.isoformat()} to {closes_at.isoformat()}")
    except ValueError as error:
        raise UnusableAnswer(f"{what}: {error}") from None
    return TradingSession(day=day, opens_at=_utc(opens_at), closes_at=_utc(closes_at))


def _hours(body: Json) -> Json:
    """Find the one product of the market, whatever it is called: EQ on open days, reportedly equity on closed ones."""
    products = object_of(body.get("equity"), name="equity")
    if not products:
        raise Unreadable("expected the hours of a product of the market, was none")
    return object_of(next(iter(products.values())), name="the hours")


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)
