"""A day is kept whole: what was decided, what was left out with its reason, and that nothing was decided."""

import json
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from audit_trail.days.keeping import Asked, keep
from audit_trail.days.models import DroppedCandidate, PlannedDay
from audit_trail.decisions.drafts import TradedAccount
from audit_trail.strategies.asking import Heard
from audit_trail.strategies.guards import Refusal, RefusalKind, Stance
from audit_trail.strategies.parameters import Environment
from audit_trail.strategies.plans import Plan, Refused, Summary
from audit_trail.strategies.records import RecordRef
from audit_trail.strategies.signals import Dropped, Reason
from audit_trail.strategies.targets import Exposure
from tests.support.factories import NOON

pytestmark = pytest.mark.django_db

ASKED = Asked(name="insider", account=TradedAccount("alpaca", "PA123", True), environment=Environment.PAPER)
HEARD = (Heard(strategy="insider", version="1.2.0"),)


def dropped(symbol="AAPL", reason=Reason.NOT_A_PURCHASE, text="it is no purchase but Sale", strategy="insider", ids=()):
    refs = tuple(RecordRef(source="quiver_insiders", record_id=number, run_id=1) for number in ids)
    return Dropped(strategy=strategy, symbol=symbol, reason=reason, text=text, records=refs)


def a_plan(*left_out):
    nothing = Decimal(0)
    exposure = Exposure(
        long_count=0, short_count=0, long_usd=nothing, short_usd=nothing, gross_pct=nothing, net_pct=nothing
    )
    summary = Summary(
        signals={"insider": 0},
        netted_symbols=0,
        targets=0,
        limited=0,
        target_exposure=exposure,
        by_strategy_usd={},
        dropped={},
    )
    return Plan(
        as_of=NOON,
        stance=Stance.KEEP,
        orders=(),
        targets=(),
        heard=HEARD,
        dropped=left_out,
        summary=summary,
        findings=("look at insider",),
    )


def test_every_dropped_candidate_is_a_row_with_its_reason():
    day = keep(a_plan(dropped("AAPL"), dropped("MSFT", Reason.NO_PRICE, "no price", None)), ASKED)

    rows = DroppedCandidate.objects.filter(day=day).order_by("symbol")
    assert [(row.symbol, row.reason, row.text, row.strategy_name) for row in rows] == [
        ("AAPL", "not_a_purchase", "it is no purchase but Sale", "insider"),
        ("MSFT", "no_price", "no price", None),
    ]
    assert (day.dropped_count, day.versions, json.loads(day.findings)) == (
        2,
        '{"insider":"1.2.0"}',
        ["look at insider"],
    )


def test_records_that_are_left_out_in_the_same_words_are_one_row_that_names_them_all():
    words = ("AAPL", Reason.TOO_SMALL, "too small", "insider")

    day = keep(a_plan(dropped(*words, (7,)), dropped(*words, (3,)), dropped(*words, (7,)), dropped("AAPL")), ASKED)

    small = DroppedCandidate.objects.get(day=day, reason="too_small")
    assert (small.record_count, json.loads(small.records)) == (2, [3, 7])
    assert day.dropped_count == 2


def test_a_refused_day_says_why_and_is_no_decision_to_hold():
    refusal = Refusal(kind=RefusalKind.NO_RUN, text="expected a run, found none")

    day = keep(Refused(as_of=NOON, refusals=(refusal,)), ASKED)

    assert (day.outcome, day.stance, day.orders) == ("refused", None, 0)
    assert json.loads(day.refusals) == [{"kind": "no_run", "text": "expected a run, found none"}]


def test_a_day_of_many_left_out_takes_few_statements(django_assert_max_num_queries):
    day_of_many = a_plan(*(dropped(f"S{number}") for number in range(2_500)))

    with django_assert_max_num_queries(25):
        keep(day_of_many, ASKED)


@pytest.mark.parametrize("change", ["UPDATE dropped_candidates SET text = 'x'", "DELETE FROM planned_days"])
def test_what_was_left_out_is_not_told_otherwise_later(change):
    keep(a_plan(dropped()), ASKED)

    with pytest.raises(DatabaseError, match="stays as it was"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)

    assert PlannedDay.objects.count() == DroppedCandidate.objects.count() == 1
