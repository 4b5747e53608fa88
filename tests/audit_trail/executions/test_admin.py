"""Decisions and executions in the admin: an operator finds what failed, and reads why, without leaving the browser."""

import pytest

from tests.audit_trail.decisions.drafts import decided, draft, stored
from tests.audit_trail.decisions.sources import told
from tests.support import decided as make
from tests.trading.admin.conftest import operator  # noqa: F401  # a fixture
from tests.trading.admin.pages import links_in, list_of, page_of, rows_in, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture(name="at_the_desk")
def _at_the_desk(operator):  # noqa: F811
    return operator


def test_decisions_to_look_at_are_one_filter(at_the_desk):
    blocked = {"status": "pending", "failed_at": None, "failure_kind": None, "reason": None}
    failed = make.decision()
    waiting = make.decision(**blocked, blocked_by="price_collar", blocked_reason="too far off")
    lost = make.decision(**blocked | {"status": "unknown", "reason": "no answer came"})
    make.decision(**blocked)
    make.decision(**blocked | {"status": "executed"})

    answer = at_the_desk.get(list_of("audit_trail.tradedecision"), {"to_look_at": "yes"})

    assert rows_in(answer) == [lost, waiting, failed]
    assert "pending, blocked" in text_of(answer)
    assert "too far off" in text_of(answer)


def test_failed_trades_are_one_filter_and_the_page_of_one_says_why_with_both_payloads(at_the_desk):
    failed = make.execution()
    make.execution(status="unsent", reason=None, http_status_code=None)

    answer = at_the_desk.get(list_of("audit_trail.tradeexecution"), {"result": "failed trades"})
    page = at_the_desk.get(page_of(failed))

    assert rows_in(answer) == [failed]
    assert "insufficient buying power" in text_of(page)
    assert f"payload {failed.request_payload_id}" in text_of(page)
    assert f"payload {failed.response_payload_id}" in text_of(page)
    assert page_of(failed.trade_decision) in links_in(page)


def test_from_a_decision_links_lead_to_its_executions_records_and_runs(at_the_desk):
    run, records = told("a", "b")
    decision = decided(records=tuple(records), runs=(run.pk,))
    other = stored(draft("MSFT"))[0]
    make.execution(trade_decision=other)
    attempt = make.execution(trade_decision=decision)

    page = at_the_desk.get(page_of(decision))
    found = [row for link in links_in(page) for row in rows_in(at_the_desk.get(link)) if "trade_decision" in link]

    assert "A. Senator" in text_of(page)
    assert attempt in found
    assert {row.record_id for row in found if hasattr(row, "record_id")} == set(records)
    assert {row.run_id for row in found if hasattr(row, "run_id")} == {run.pk}
    assert {row.trade_decision_id for row in found} == {decision.pk}
