"""Trades of both venues: the newest of them are those that the SQL view gives, in its order."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import factories as make
from tests.support.factories import NOON
from trading.ledger.both_venues import UnifiedTrade, newest
from trading.offchain_order.view import OffchainOrderView
from trading.onchain_trade.view import OnChainTradeView

pytestmark = pytest.mark.django_db


def of_the_view(limit):
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(UnifiedTrade._fields)} FROM unified_trade_view"  # noqa: S608
            " ORDER BY created_at DESC, trade_type, trade_id LIMIT %s",
            [limit],
        )
        return [_plain(row) for row in cursor.fetchall()]


def _plain(row):
    """Numbers and times as one text, whichever of the two the database keeps them as."""
    times = [
        at.astimezone(UTC) if isinstance(at, datetime) else at and datetime.fromisoformat(at).replace(tzinfo=UTC)
        for at in row[:2]
    ]
    return (*times, *(None if cell is None else str(cell) for cell in row[2:]))


def at(minutes):
    return None if minutes is None else NOON + timedelta(minutes=minutes)


MINUTES = st.integers(0, 4)
MAYBE = st.one_of(st.none(), MINUTES)


@settings(max_examples=25, deadline=None)
@given(
    fills=st.lists(st.tuples(MINUTES, st.booleans()), max_size=8),
    ordered=st.lists(st.tuples(MINUTES, MAYBE, MAYBE, st.sampled_from(["0", "0.5", "12"])), max_size=12),
    limit=st.integers(0, 20),
)
def test_they_are_those_of_the_view_in_its_order(fills, ordered, limit):
    OnChainTradeView.objects.all().delete()
    OffchainOrderView.objects.all().delete()
    for minutes, reorged in fills:
        row = make.onchain_trade_view(reorged_at=NOON if reorged else None)
        OnChainTradeView.objects.filter(pk=row.pk).update(recorded_at=at(minutes))
    for number, (placed, submitted, ended, filled) in enumerate(ordered, start=5):
        make.order_view(
            execution_id=number,
            placed_at=at(placed),
            submitted_at=at(submitted),
            ended_at=at(ended),
            filled_shares=filled,
        )

    assert [_plain(trade) for trade in newest(limit=limit)] == of_the_view(limit)
