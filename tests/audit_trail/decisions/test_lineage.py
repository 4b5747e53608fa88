"""Lineage: each decision keeps the very versions of records, and the runs, that it rests on."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext

from audit_trail.decisions.drafts import NotADraft
from audit_trail.decisions.lineage import TradeDecisionRecord, TradeDecisionRun, records_behind
from audit_trail.decisions.models import TradeDecision
from audit_trail.ingestion.models import DataIngestionRun
from audit_trail.ingestion.records import SourceRecord
from tests.audit_trail.decisions.drafts import AT, decided, draft, stored
from tests.audit_trail.decisions.sources import a_run, told

pytestmark = pytest.mark.django_db


def kept(decision):
    return (
        [
            (one.record_id, one.role)
            for one in TradeDecisionRecord.objects.filter(trade_decision=decision).order_by("id")
        ],
        [one.run_id for one in TradeDecisionRun.objects.filter(trade_decision=decision).order_by("id")],
    )


def test_a_decision_keeps_its_records_and_every_run_that_was_looked_through():
    run, (first, second, scored, price) = told("a", "b", "c", "d")
    found_nothing = a_run()
    rests_on = {"records": (second, first), "score_records": (scored, first), "price_records": (price,)}

    decision = decided(**rests_on, runs=(run.pk, found_nothing.pk))

    assert kept(decision) == (
        [(first, "signal"), (second, "signal"), (first, "score"), (scored, "score"), (price, "price")],
        [run.pk, found_nothing.pk],
    )


def test_what_it_rests_on_is_told_signals_first_then_what_scores_were_reckoned_from_then_prices():
    _, (price, scored, other, signal) = told("a", "b", "c", "d")

    decision = decided(records=(signal,), score_records=(signal, other, scored), price_records=(price,))

    assert [(one.role, one.record_id) for one in records_behind(decision)] == [
        ("signal", signal),
        *(("score", one) for one in (scored, other, signal)),
        ("price", price),
    ]


def test_to_store_asks_no_more_of_the_database_however_many_trades_a_score_was_reckoned_from():
    _, records = told(*(f"trade {number}" for number in range(60)))

    few = statements("AAPL", score_records=tuple(records[:3]))

    assert few == statements("MSFT", score_records=tuple(records))


def statements(symbol, **given):
    with CaptureQueriesContext(connection) as asked:
        decided(symbol, **given)
    return len(asked)


@pytest.mark.parametrize("role", ["whim", ""])
def test_the_table_takes_no_other_role(role):
    decision, (_, (record,)) = decided(), told("a")

    with pytest.raises(IntegrityError), transaction.atomic():
        TradeDecisionRecord.objects.create(trade_decision=decision, record_id=record, role=role)


def test_it_is_the_version_that_was_known_though_the_source_says_something_else_later():
    _, (before,) = told("a")
    decision = decided(records=(before,))
    _, (after,) = told("a", least_usd="15001", at=AT + timedelta(days=1))

    assert after != before
    assert kept(decision)[0] == [(before, "signal")]
    assert SourceRecord.objects.get(pk=before).superseded_at == AT + timedelta(days=1)


def test_to_store_again_adds_no_lineage():
    _, (first, second) = told("a", "b")
    decision = decided(records=(first,))

    assert decided(records=(first, second)) == decision
    assert kept(decision)[0] == [(first, "signal")]


def test_what_a_decision_rests_on_can_not_be_deleted():
    run, (record,) = told("a")
    decided(records=(record,), runs=(run.pk,))

    with pytest.raises(ProtectedError):
        SourceRecord.objects.get(pk=record).delete()
    with pytest.raises(ProtectedError):
        DataIngestionRun.objects.get(pk=run.pk).delete()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"records": (4711,)}, "found none numbered 4711"),
        ({"score_records": (4711,)}, "found none numbered 4711"),
        ({"price_records": (4711,)}, "found none numbered 4711"),
        ({"runs": (4711,)}, "expected completed runs, found none numbered 4711"),
    ],
)
def test_what_is_not_there_is_nothing_to_rest_on_and_nothing_is_stored(given, said):
    with pytest.raises(NotADraft, match=said):
        stored(draft("MSFT"), draft(**given))

    assert not TradeDecision.objects.exists()


def test_a_run_that_failed_is_nothing_to_rest_on():
    with pytest.raises(NotADraft, match="expected completed runs"):
        decided(runs=(a_run(failed=True).pk,))


def test_l14_a_record_that_came_after_what_the_draft_says_it_knew_is_refused():
    run, (record,) = told("a")

    for name in ("records", "score_records", "price_records"):
        with pytest.raises(NotADraft, match="rests on a record that came into our tables at 2026-03-02T16:00:00"):
            decided(**{name: (record,)}, known_at=AT - timedelta(seconds=1))
    late = a_run(at=AT + timedelta(hours=1))
    with pytest.raises(NotADraft, match=f"expected runs that had ended by .*, was {late.pk}"):
        decided(runs=(run.pk, late.pk))
