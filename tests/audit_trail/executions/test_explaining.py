"""Explaining: what led to a trade and why one failed, from whichever id of it somebody has in hand."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from audit_trail.executions.explaining import NoSuchTrade, decision_of
from config.venues.faults import refuse
from tests.audit_trail.decisions.drafts import AT
from tests.audit_trail.decisions.sources import told
from tests.audit_trail.executions.desk import attempt_of, fresh
from tests.audit_trail.executions.test_at_alpaca import at  # noqa: F401  # a fixture
from tests.support import factories as make
from tests.support.commands import refused, run

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed(at):  # noqa: F811
    """A decision by two records of a run that made a call, which the broker refused for want of money."""
    ingestion, records = told("a", "b", at=AT - timedelta(days=2))
    make.api_call(run_id=ingestion.run_id, reference=None, purpose="congress", source="quiverquant", method="GET")
    at.venue.faults.add(refuse(403, "submit"))
    desk, decision = at.desk(), at.decide(records=tuple(records), runs=(ingestion.pk,))
    desk.execute()
    return fresh(decision)


def test_what_data_led_to_this_trade_is_one_command_from_its_id(failed):
    answer = json.loads(run("trade_lineage", str(failed.decision_id), "--json"))

    assert (answer["symbol"], answer["side"], answer["shares"]) == ("AAPL", "BUY", "4")
    assert answer["rationale"]["source_data"]["politician_names"] == ["A. Senator"]
    assert [(one["kind"], one["row"]["key"], one["used_for"]) for one in answer["records"]] == [
        ("congress_trade", "a", "signal"),
        ("congress_trade", "b", "signal"),
    ]
    (found,) = answer["runs"]
    assert (found["task"], found["source"], found["records_fetched"]) == ("congress", "quiverquant_congress", 2)
    assert [call["made"].split()[0] for call in found["calls"]] == ["GET"]
    assert [one["status"] for one in answer["executions"]] == ["rejected"]


def test_a_trade_is_told_from_run_to_fill_with_every_time(at):  # noqa: F811
    ingestion, records = told("a", at=AT - timedelta(days=2))
    make.api_call(run_id=ingestion.run_id, reference=None, purpose="congress", source="quiverquant", method="GET")
    desk, decision = at.desk(), at.decide(records=tuple(records), runs=(ingestion.pk,))
    desk.execute()
    at.exchange.fill(at.exchange.orders[0])
    desk.poll(5)

    answer = json.loads(run("trade_lineage", str(decision.decision_id), "--json"))

    (found,), (record,), (attempt,) = answer["runs"], answer["records"], answer["executions"]
    (filled,) = attempt["fills"]
    steps = [
        *(found["started_at"], found["completed_at"]),
        *(record["known_at"], answer["decided_at"], attempt["placed_at"], filled["booked_at"]),
    ]
    assert None not in [*steps, *(call["ended_at"] for call in attempt["calls"])]
    assert steps == sorted(steps)
    assert (filled["shares"], filled["filled_shares"], filled["is_late"]) == ("4", "4", False)
    assert (attempt["submitted_at"], attempt["ended_at"], answer["executed_at"]) != (None,) * 3
    assert answer["failed_at"] is None


def test_why_this_trade_failed_is_one_command_from_its_id(failed):
    told_, _, body = run("trade_failure", str(failed.decision_id)).partition("\n")
    answer = json.loads(body)

    assert told_.startswith(
        "congressional 1.0.0: BUY 4 shares of AAPL on 2026-03-02, failed (insufficient_buying_power)"
    )
    assert (answer["kind"], answer["status"]) == ("insufficient_buying_power", "failed")
    (attempt,) = answer["executions"]
    assert (attempt["http_status_code"], attempt["request"]["symbol"]) == (403, "AAPL")
    assert "insufficient buying power" in attempt["response"]["message"]
    # Looked for, sent and refused, and looked for again: a try before it might have been taken unanswered.
    assert [call["http_status_code"] for call in attempt["calls"]] == [404, 403, 404]


def test_a_trade_is_found_by_every_id_that_it_has(at):  # noqa: F811
    desk, decision = at.desk(), at.decide()
    desk.execute()
    attempt = attempt_of(decision)

    for name in (decision.decision_id, attempt.execution_id, attempt.client_order_id, attempt.broker_order_id):
        assert decision_of(str(name)) == decision


@pytest.mark.parametrize("name", ["ht-nobody-1-1", "7d0e7a16-5f2b-4c52-9a3e-3d63c52f2f7e"])
@pytest.mark.parametrize("command", ["trade_lineage", "trade_failure"])
def test_an_id_of_nothing_is_said_to_be_one(command, name):
    with pytest.raises(NoSuchTrade):
        decision_of(name)
    assert f"found none for '{name}'" in refused(command, name)[1]


def test_a_trade_that_did_not_fail_is_not_explained_as_failed(at):  # noqa: F811
    decision = at.decide()
    assert "did not fail: it is pending" in refused("trade_failure", str(decision.decision_id))[1]


def test_amounts_keep_each_digit_that_they_were_stored_with(at):  # noqa: F811
    decision = at.decide(shares=Decimal("4.000000000000000001"))
    decision.blocked_by, decision.blocked_reason = "price_collar", "too far"
    decision.blocked_figures, decision.blocked_at = '{"limit":1.10000000000000000001}', AT
    decision.save()

    assert '"shares": "4.000000000000000001"' in run("trade_lineage", str(decision.decision_id))
    assert '"limit": 1.10000000000000000001' in run("trade_failure", str(decision.decision_id))
