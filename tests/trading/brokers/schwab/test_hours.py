"""Hours: the regular session by Schwab's word, through holidays, half days and changes of the clock (G3-38)."""

from datetime import UTC, date, datetime

import pytest

from tests.trading.brokers.schwab.schwab_json import AT, REFUSAL, recorded
from trading.brokers.outcomes import BrokerUnavailable, NotAuthorised, NotOffered, UnusableAnswer

PATH = "/marketdata/v1/markets/equity"


def day(text, start="09:30:00-05:00", end="16:00:00-05:00", **changes):
    hours = {
        "date": text,
        "marketType": "EQUITY",
        "product": "EQ",
        "productName": "equity",
        "isOpen": True,
        "sessionHours": {
            "preMarket": [{"start": f"{text}T07:00:00-05:00", "end": f"{text}T09:30:00-05:00"}],
            "regularMarket": [{"start": f"{text}T{start}", "end": f"{text}T{end}"}],
            "postMarket": [{"start": f"{text}T16:00:00-05:00", "end": f"{text}T20:00:00-05:00"}],
        },
    }
    return {"equity": {"EQ": {**hours, **changes}}}


def closed(text):
    """A closed day, as it is reported to be told: another name for the product, and no hours."""
    return {"equity": {"equity": {"date": text, "marketType": "EQUITY", "product": "equity", "isOpen": False}}}


def answers(httpserver, body, **how):
    httpserver.expect_request(PATH).respond_with_json(body, **how)


def calendar(httpserver, *bodies):
    for body in bodies:
        [[hours]] = [products.values() for products in body.values()]
        httpserver.expect_request(PATH, query_string={"date": hours["date"]}).respond_with_json(body)


# The clock.


@pytest.mark.parametrize(
    ("now", "is_open", "opens", "closes"),
    [
        ("Thu, 20 Nov 2025 14:29:59 GMT", False, 14, 21),
        ("Thu, 20 Nov 2025 14:30:00 GMT", True, None, 21),
        ("Thu, 20 Nov 2025 20:59:59 GMT", True, None, 21),
        ("Thu, 20 Nov 2025 21:00:00 GMT", False, None, None),
        # The hours of before and after are no time for orders at the market.
        ("Thu, 20 Nov 2025 22:00:00 GMT", False, None, None),
    ],
)
def test_the_market_is_open_from_the_first_second_to_the_last(broker, wall, httpserver, now, is_open, opens, closes):
    wall.shows = now
    answers(httpserver, day("2025-11-20"))

    clock = broker.clock()

    assert clock.is_open is is_open
    assert clock.next_open_at == (opens and datetime(2025, 11, 20, opens, 30, tzinfo=UTC))
    assert clock.next_close_at == (closes and datetime(2025, 11, 20, closes, 0, tzinfo=UTC))
    assert (clock.as_of, clock.broker_time.utcoffset()) == (AT, AT.utcoffset())
    assert dict(httpserver.log[0][0].args) == {}


def test_the_time_is_the_brokers_and_not_ours(broker, wall, httpserver):
    wall.shows = "Thu, 20 Nov 2025 13:00:00 GMT"
    answers(httpserver, day("2025-11-20"))

    assert broker.clock().broker_time == datetime(2025, 11, 20, 13, tzinfo=UTC)


@pytest.mark.parametrize("shows", ["", "noon"])
def test_without_the_brokers_time_it_is_not_known_whether_the_market_is_open(broker, wall, httpserver, shows):
    wall.shows = shows
    answers(httpserver, day("2025-11-20"))

    with pytest.raises(UnusableAnswer, match="Date header"):
        broker.clock()


@pytest.mark.parametrize(
    "body",
    [
        closed("2025-11-20"),
        day("2025-11-20", isOpen=False, sessionHours=None),
        day("2025-11-20", isOpen=False),
        {"equity": {"equity": {"isOpen": False}}},
    ],
)
def test_a_closed_day_is_closed_whatever_it_is_called(broker, httpserver, body):
    answers(httpserver, body)

    clock = broker.clock()

    assert (clock.is_open, clock.next_open_at, clock.next_close_at) == (False, None, None)


@pytest.mark.parametrize(
    "body",
    [
        # "Closed" would be said of a day that is open.
        day("2025-11-20", isOpen=None),
        day("2025-11-20", isOpen="true"),
        day("2025-11-20", sessionHours=None),
        day("2025-11-20", sessionHours={"preMarket": []}),
        day("2025-11-20", sessionHours={"regularMarket": []}),
        day("2025-11-20", sessionHours={"regularMarket": [{"start": "2025-11-20T09:30:00-05:00"}]}),
        day("2025-11-20", start="09:30:00", end="16:00:00"),
        day("2025-11-20", start="16:00:00-05:00", end="09:30:00-05:00"),
        day("2025-11-20", date="2025-11-21"),
        day("2025-11-20", date="today"),
        {"equity": {}},
        {"equity": None},
        {"option": {}},
        [],
    ],
)
def test_hours_that_can_not_be_read_are_no_closed_day(broker, httpserver, body):
    answers(httpserver, body)

    with pytest.raises(UnusableAnswer, match="asking for today's hours"):
        broker.clock()


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, NotAuthorised), (403, NotAuthorised), (400, UnusableAnswer), (500, BrokerUnavailable)],
)
def test_hours_that_are_not_told_are_no_closed_day(broker, httpserver, status, error):
    answers(httpserver, REFUSAL, status=status)

    with pytest.raises(error):
        broker.clock()
    with pytest.raises(error):
        broker.sessions(first=date(2025, 11, 20), last=date(2025, 11, 20))


# The calendar.


def test_the_vendors_own_day_is_read(broker, httpserver):
    calendar(httpserver, recorded("GET /marketdata/v1/markets/equity")["body"])

    [session] = broker.sessions(first=date(2022, 4, 14), last=date(2022, 4, 14))

    assert session.day == date(2022, 4, 14)
    assert session.opens_at == datetime(2022, 4, 14, 13, 30, tzinfo=UTC)
    assert session.closes_at == datetime(2022, 4, 14, 20, 0, tzinfo=UTC)


def test_a_holiday_has_no_session_and_a_half_day_a_short_one(broker, memory, httpserver):
    """G3-38: Thanksgiving of 2025, and the Friday after it; nobody is asked about a weekend."""
    calendar(
        httpserver,
        day("2025-11-26"),
        closed("2025-11-27"),
        day("2025-11-28", end="13:00:00-05:00"),
        day("2025-12-01"),
    )

    sessions = broker.sessions(first=date(2025, 11, 26), last=date(2025, 12, 1))

    assert [(session.day.isoformat(), session.closes_at.hour) for session in sessions] == [
        ("2025-11-26", 21),
        ("2025-11-28", 18),
        ("2025-12-01", 21),
    ]
    assert [asked.args["date"] for asked, _ in httpserver.log] == [
        "2025-11-26",
        "2025-11-27",
        "2025-11-28",
        "2025-12-01",
    ]
    assert memory.sent[-1].reference.purpose == "sessions"


def test_the_day_that_the_clocks_are_changed_moves_the_session(broker, httpserver):
    """G3-38: the Friday before and the Monday after the ninth of March 2025."""
    calendar(
        httpserver,
        day("2025-03-07"),
        day("2025-03-10", start="09:30:00-04:00", end="16:00:00-04:00"),
    )

    friday, monday = broker.sessions(first=date(2025, 3, 7), last=date(2025, 3, 10))

    assert (friday.opens_at.hour, friday.closes_at.hour) == (14, 21)
    assert (monday.opens_at.hour, monday.closes_at.hour) == (13, 20)


def test_the_hours_of_another_day_are_not_taken_for_those_of_the_day(broker, httpserver):
    httpserver.expect_request(PATH, query_string={"date": "2025-11-27"}).respond_with_json(day("2025-11-28"))

    with pytest.raises(UnusableAnswer, match="expected the hours of 2025-11-27, was of 2025-11-28"):
        broker.sessions(first=date(2025, 11, 27), last=date(2025, 11, 27))


def test_a_long_span_is_not_asked_for(broker, httpserver):
    with pytest.raises(NotOffered, match="at most 45 days, was 46"):
        broker.sessions(first=date(2025, 11, 1), last=date(2025, 12, 16))
    assert httpserver.log == []


def test_a_weekend_and_a_span_that_ends_before_it_begins_have_no_sessions(broker, httpserver):
    assert broker.sessions(first=date(2025, 11, 22), last=date(2025, 11, 23)) == []
    assert broker.sessions(first=date(2025, 11, 23), last=date(2025, 11, 20)) == []
    assert httpserver.log == []
