"""What was known: only what was public and with us at the moment of deciding. Rows: L14 (look-ahead)."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from audit_trail.strategies.known import NotAMoment
from audit_trail.strategies.records import CongressTrade, NotARecord, RecordRef
from audit_trail.strategies.signals import Reason
from tests.audit_trail.strategies.situations import NOW, congress_trade, known, score

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("known_at", "disclosed_at", "was_known"),
    [
        (NOW, NOW, True),
        (NOW + SECOND, NOW - SECOND, False),  # Public, and not with us yet.
        (NOW - SECOND, NOW + SECOND, False),  # A date of disclosure that lies ahead is believed.
        (NOW, None, True),  # What nobody discloses was known when we had it.
        (NOW + SECOND, None, False),
    ],
)
def test_a_record_counts_from_when_it_was_public_and_with_us(known_at, disclosed_at, was_known):
    trade = congress_trade(known_at=known_at, disclosed_at=disclosed_at)

    found = known(trade)

    assert (found.of(CongressTrade) == [trade]) is was_known
    assert [dropped.reason for dropped in found.dropped] == ([] if was_known else [Reason.NOT_KNOWN_YET])


def test_what_was_traded_long_ago_and_told_today_was_not_known_yesterday():
    late = congress_trade(transaction_date=NOW.date() - timedelta(days=44), known_at=NOW, disclosed_at=NOW)

    assert known(late, as_of=NOW - timedelta(days=1)).of(CongressTrade) == []


def test_the_newest_version_that_was_known_counts_and_the_older_one_is_told():
    first = congress_trade(ref=RecordRef("quiver_congress", 7, 1, 1), known_at=NOW - timedelta(days=2))
    second = congress_trade("MSFT", ref=RecordRef("quiver_congress", 7, 2, 2), known_at=NOW - timedelta(days=1))
    third = congress_trade("NVDA", ref=RecordRef("quiver_congress", 7, 3, 3), known_at=NOW + SECOND)

    found = known(third, first, second)

    assert found.of(CongressTrade) == [second]
    assert [(one.reason, one.records) for one in found.dropped] == [
        (Reason.SUPERSEDED, (first.ref,)),
        (Reason.NOT_KNOWN_YET, (third.ref,)),
    ]


def test_two_different_records_under_one_number_and_version_are_refused():
    ref = RecordRef("quiver_congress", 7, 1)

    with pytest.raises(NotARecord, match="expected one record as"):
        known(congress_trade(ref=ref), congress_trade("MSFT", ref=ref))


def test_the_order_of_the_records_says_nothing():
    records = [congress_trade(ticker) for ticker in ("B", "A", "C")] + [score("X"), score("Y")]
    shuffled = random.sample(records, len(records))

    assert known(*records).of(CongressTrade) == known(*shuffled).of(CongressTrade)


def test_the_day_is_the_markets():
    # Four in the morning in London is still the evening before in New York.
    assert known(as_of=datetime(2026, 1, 17, 4, tzinfo=UTC)).day == date(2026, 1, 16)


def test_a_moment_without_a_zone_is_none():
    with pytest.raises(NotAMoment):
        known(as_of=datetime(2026, 1, 17, 4))  # noqa: DTZ001


def test_a_time_without_a_zone_makes_no_record():
    with pytest.raises(NotARecord, match="known_at as a time with a zone"):
        congress_trade(known_at=datetime(2026, 1, 17, 4))  # noqa: DTZ001
