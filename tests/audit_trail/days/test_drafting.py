"""Drafting: what an order rests on becomes rows of ours, and what is none is left to the rationale."""

from audit_trail.days.drafting import drafts_of
from audit_trail.strategies.planning import plan
from audit_trail.strategies.registry import REGISTRY
from tests.audit_trail.strategies.situations import bars, congress_trade, parameters, score, situation


def test_a_draft_rests_on_the_trades_that_a_score_was_reckoned_from_and_not_on_the_score_itself():
    followed, sold = congress_trade("AAPL"), congress_trade("MSFT", transaction_type="Sale")
    scored, history = score(trades=(followed.ref, sold.ref)), bars("AAPL", 120)
    planned = plan(situation([followed, sold, scored, *history]), parameters=parameters(), registry=REGISTRY)

    (draft,) = drafts_of(planned, registry=REGISTRY)

    assert draft.records == (followed.ref.record_id,)
    assert draft.score_records == (followed.ref.record_id, sold.ref.record_id)
    assert set(draft.price_records) == {bar.ref.record_id for bar in history}
