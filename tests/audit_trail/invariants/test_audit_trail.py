"""Each invariant of the audit trail fires: on a day that was really fetched, decided and traded, broken in one way."""

from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from audit_trail.decisions.lineage import TradeDecisionRecord
from audit_trail.decisions.models import TradeDecision
from audit_trail.executions.legacy import WORDS
from audit_trail.executions.models import ExecutionFill, TradeExecution
from audit_trail.ingestion.models import DataIngestionRun
from audit_trail.ingestion.records import SourceRecord
from audit_trail.invariants.calls import _ended_there
from audit_trail.invariants.every import OF_THE_AUDIT_TRAIL
from audit_trail.payloads.models import ApiCallLog
from config.invariants import EVERY
from config.venues.faults import refuse
from tests.simulation.real.judge import COMMITTED
from tests.support.commands import run
from tests.support.damage import guarded_again, names, sql, violations
from tests.support.pipeline import opened_pipeline
from tests.support.stations import fresh_books
from tests.trading.invariants import test_hedge
from trading.invariants.every import OF_THE_HEDGE
from trading.ledger.mode import Mode
from trading.offchain_order.aggregate import ENDS
from trading.risk.controls import throw
from trading.risk.scopes import Scope

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def traded(django_db_setup, django_db_blocker):
    """A day with public records, decisions of them, and orders, of which the broker refused one."""
    with django_db_blocker.unblock(), fresh_books(), pytest.MonkeyPatch.context() as patched:
        for name in ("LEDGER", "LEGACY_PROJECTION"):
            patched.delenv(name, raising=False)
        with opened_pipeline(patched) as (alpaca, _):
            alpaca.faults.add(refuse(422, "submit", message="this asset is not tradable"))
            with pytest.raises(SystemExit):
                run("trade_day", "--follow", "5")
            yield


@pytest.fixture(autouse=True)
def day(traded):
    yield
    guarded_again()


def look(*, later=0, since=None):
    now = timezone.now() + timedelta(minutes=later)
    return violations((*OF_THE_AUDIT_TRAIL, *OF_THE_HEDGE), mode=Mode.DUAL, now=now, since=since)


def executed(place=0) -> TradeExecution:
    rows = TradeExecution.objects.filter(status="filled").select_related("trade_decision").order_by("pk")
    return rows[place]


# What is broken, by the one invariant that must tell.


def call_is_kept_whole():
    call = ApiCallLog.objects.exclude(response_payload=None)[0]
    sql("UPDATE api_call_logs SET ended_at = %s WHERE id = %s", call.ended_at + timedelta(seconds=1), call.pk)


def payload_is_as_it_was():
    call = ApiCallLog.objects.filter(purpose="submit", http_status_code=200)[0]
    sql("UPDATE api_payloads SET body = '{}', encoding = 'text' WHERE id = %s", call.response_payload_id)


def nothing_is_sent_unmeant():
    call = ApiCallLog.objects.filter(purpose="submit", http_status_code=200)[0]
    sql("UPDATE api_call_logs SET reference = 'htd-nobody-0-1' WHERE id = %s", call.pk)


def order_was_taken_once():
    sql("UPDATE api_call_logs SET http_status_code = 200 WHERE purpose = 'submit' AND http_status_code = 422")


def only_our_own_is_cancelled():
    call = ApiCallLog.objects.filter(purpose="account")[0]
    sql(
        "UPDATE api_call_logs SET purpose = 'cancel', method = 'DELETE', endpoint = endpoint || '/orders/somebodys'"
        " WHERE id = %s",
        call.pk,
    )


def run_did_what_it_counts():
    sql(
        "UPDATE data_ingestion_runs SET records_created = records_created + 1, records_fetched = records_fetched + 1"
        " WHERE id = %s",
        a_run().pk,
    )


def record_has_its_run():
    _updated_instead(a_record())


def versions_follow_each_other():
    record = a_record()
    _updated_instead(record)
    sql("UPDATE source_records SET version = 2 WHERE id = %s", record.pk)


def day_says_what_it_meant():
    sql("UPDATE planned_days SET orders = orders + 1")


def decision_says_why():
    sql("UPDATE trade_decisions SET trigger_event = 'a whim' WHERE id = %s", executed().trade_decision_id)


def lineage_was_known():
    used = TradeDecisionRecord.objects.order_by("pk")[0]
    sql("UPDATE source_records SET known_at = %s WHERE id = %s", timezone.now(), used.record_id)


def decision_stands_as_its_executions():
    sql(
        "UPDATE trade_decisions SET status = 'failed', failure_kind = 'other', reason = 'it took long' WHERE id = %s",
        executed().trade_decision_id,
    )


def execution_is_one_order():
    first, second = executed(0), executed(1)
    for table, column in (("trade_executions", "broker_order_id"), ("alpaca_orders", "alpaca_order_id")):
        sql(
            f"UPDATE {table} SET {column} = %s WHERE client_order_id = %s",  # noqa: S608
            first.broker_order_id,
            second.client_order_id,
        )


def execution_was_let_through():
    sql("DELETE FROM risk_checks WHERE client_order_id = %s", executed().client_order_id)


def decided_before_it_was_executed():
    row = executed()
    before = row.trade_decision.created_at - timedelta(hours=1)
    sql("UPDATE trade_executions SET created_at = %s WHERE id = %s", before, row.pk)


def strongest_is_executed_first():
    last = TradeExecution.objects.filter(trade_decision__side="BUY").select_related("trade_decision").order_by("-pk")[0]
    was = f'"signal_strength":"{last.trade_decision.signal_strength}"'
    sql(
        "UPDATE trade_decisions SET signal_strength = '999', strength_order = 999000000,"
        " decision_rationale = replace(decision_rationale, %s, %s) WHERE id = %s",
        was,
        '"signal_strength":"999"',
        last.trade_decision_id,
    )


def execution_fills_add_up():
    fill = ExecutionFill.objects.order_by("pk")[0]
    sql("UPDATE execution_fills SET filled_shares = '12345' WHERE id = %s", fill.pk)


def decisions_hold_what_was_filled():
    sql("UPDATE decision_holdings SET sold_shares = '77' WHERE symbol = %s", executed().trade_decision.symbol)


def legacy_orders_agree():
    sql("UPDATE alpaca_orders SET reason = 'another' WHERE client_order_id = %s", executed().client_order_id)


BREAKS = (
    call_is_kept_whole,
    payload_is_as_it_was,
    nothing_is_sent_unmeant,
    order_was_taken_once,
    only_our_own_is_cancelled,
    run_did_what_it_counts,
    record_has_its_run,
    versions_follow_each_other,
    day_says_what_it_meant,
    decision_says_why,
    lineage_was_known,
    decision_stands_as_its_executions,
    execution_is_one_order,
    execution_was_let_through,
    decided_before_it_was_executed,
    strongest_is_executed_first,
    execution_fills_add_up,
    decisions_hold_what_was_filled,
    legacy_orders_agree,
)


def a_run() -> DataIngestionRun:
    """That of insiders: of members of Congress every record counts for a score that a decision rests on."""
    return DataIngestionRun.objects.filter(task_name="insider", records_created__gt=1).order_by("pk")[0]


def a_record() -> SourceRecord:
    """One that no decision rests on."""
    return SourceRecord.objects.filter(runs__run=a_run(), decisions=None).order_by("pk")[0]


def _updated_instead(record: SourceRecord) -> None:
    """Let the run say that it updated a record that it created, and count so."""
    sql("UPDATE data_ingestion_run_records SET operation = 'updated' WHERE record_id = %s", record.pk)
    sql(
        "UPDATE data_ingestion_runs SET records_created = records_created - 1, records_updated = records_updated + 1"
        " WHERE id = %s",
        a_run().pk,
    )


def test_a_day_that_was_really_traded_breaks_nothing():
    assert look() == []


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.__name__)
def test_what_is_broken_in_one_way_is_told_by_the_one_invariant_that_is_about_it(broken):
    broken()

    found = look()

    assert names(found) == {broken.__name__}
    assert all(each.expected and each.found and each.look_at for each in found)
    # All of it is of today.
    assert names(look(since=timezone.now() - timedelta(days=1))) == names(found)


def test_an_order_that_was_sent_under_a_kill_switch_is_told():
    for on, minutes in ((True, -30), (False, 30)):
        throw(Scope.GLOBAL, "", on=on, reason="too late", actor="anna", at=timezone.now() + timedelta(minutes=minutes))

    assert names(look()) == {"nothing_is_sent_unmeant", "nothing_is_placed_while_stopped"}


def test_an_order_that_was_sent_before_it_was_committed_is_told():
    row = executed()
    call = ApiCallLog.objects.get(purpose="submit", reference=row.client_order_id)
    sent = row.placed_at - timedelta(milliseconds=1)
    sql("UPDATE api_call_logs SET sent_at = %s WHERE id = %s", sent, call.pk)
    sql("UPDATE api_payloads SET captured_at = %s WHERE id = %s", sent, call.request_payload_id)

    (found,) = look()

    assert found.invariant == "nothing_is_sent_unmeant"
    assert COMMITTED.fullmatch(found.expected)[1] == row.placed_at.isoformat()
    assert found.found == sent.isoformat()


def test_an_order_that_the_broker_took_twice_is_told():
    row = executed()
    sql(
        "UPDATE api_call_logs SET http_status_code = 200, reference = %s"
        " WHERE purpose = 'submit' AND http_status_code = 422",
        row.client_order_id,
    )

    found = [each for each in look() if each.invariant == "order_was_taken_once"]

    assert {(each.expected, each.found) for each in found} == {("one call by which the broker took it", "2")}
    assert len(found) == 2


def test_what_was_filled_and_is_held_nowhere_is_told():
    name = executed().trade_decision.symbol
    sql("DELETE FROM decision_holdings WHERE symbol = %s", name)

    found = [each for each in look() if each.invariant == "decisions_hold_what_was_filled"]

    assert found
    assert all("and no holding of it" in each.found for each in found)


def test_an_order_that_the_broker_took_is_not_booked_as_one_that_was_not_sent():
    row = executed()
    sql(
        "UPDATE trade_executions SET status = 'unsent', broker_order_id = NULL, reason = 'too late' WHERE id = %s",
        row.pk,
    )

    found = [each for each in look() if each.invariant == "order_was_taken_once"]

    assert [each.expected for each in found] == ["the broker's id of an order that it took"]


def sent_at(call: ApiCallLog, at: datetime) -> None:
    sql("UPDATE api_call_logs SET sent_at = %s, ended_at = %s WHERE id = %s", at, at, call.pk)
    for payload in (call.request_payload_id, call.response_payload_id):
        sql("UPDATE api_payloads SET captured_at = %s WHERE id = %s", at, payload)


@pytest.fixture
def sent_after_its_end() -> str:
    """An order that was filled and, as the calls have it, sent two minutes later. Its name."""
    row = executed()
    sent_at(
        ApiCallLog.objects.get(purpose="submit", reference=row.client_order_id), row.ended_at + timedelta(minutes=2)
    )
    return row.client_order_id


def test_an_order_that_was_first_sent_after_its_end_is_told(sent_after_its_end):
    assert "nothing_is_sent_unmeant" in names(look())


@pytest.fixture
def sent_again_after_its_end(sent_after_its_end) -> str:
    """That order, where a call that told nothing had sent it before its end. Its name."""
    earlier = ApiCallLog.objects.filter(purpose="submit", http_status_code=422)[0]
    sql("UPDATE api_call_logs SET id = 0 - id, reference = %s WHERE id = %s", sent_after_its_end, earlier.pk)
    earlier.pk = -earlier.pk
    sent_at(earlier, TradeExecution.objects.get(client_order_id=sent_after_its_end).placed_at)
    return sent_after_its_end


def test_one_that_had_left_before_may_be_sent_again_while_the_broker_does_not_show_it(sent_again_after_its_end):
    # Where the broker has no id for it, its end is our own word; one that it has shown is not sent again.
    no_id = "UPDATE trade_executions SET broker_order_id = NULL, status = 'failed', filled_shares = '0'"
    shown = "UPDATE api_call_logs SET http_status_code = 200 WHERE http_status_code = 404 AND reference = %s"
    assert "nothing_is_sent_unmeant" not in names(look())

    for told in (f"{no_id} WHERE client_order_id = %s", shown):
        with transaction.atomic():
            sql(told, sent_again_after_its_end)
            assert "nothing_is_sent_unmeant" in names(look())
            transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("state", "is_told"),
    [
        ("filled", False),
        ("cancelled", False),
        ("expired", False),
        ("rejected", False),
        ("failed", True),
        ("unsent", True),
    ],
)
def test_one_that_ended_by_our_own_word_was_not_to_be_sent_though_the_broker_has_it_by_now(
    sent_again_after_its_end, state, is_told
):
    sql("UPDATE trade_executions SET status = %s WHERE client_order_id = %s", state, sent_again_after_its_end)
    assert TradeExecution.objects.get(client_order_id=sent_again_after_its_end).broker_order_id is not None

    assert ("nothing_is_sent_unmeant" in names(look())) is is_told


def test_which_ends_are_the_brokers_word_is_known_of_hedges_and_of_the_legacy_log_too():
    hedges = {state.value for state in ENDS if _ended_there(state.value, "1")}
    legacy = {word for word in WORDS.values() if _ended_there(word, "1")}

    assert {state.value for state in ENDS} - hedges == {"failed"}
    assert legacy == {"filled", "canceled", "expired", "rejected"}
    assert not any(_ended_there(state.value, None) for state in ENDS)


def test_a_decision_of_whose_order_nobody_knows_is_told():
    row = executed()
    sql("UPDATE trade_executions SET status = 'unknown', ended_at = NULL WHERE id = %s", row.pk)
    sql("UPDATE trade_decisions SET status = 'unknown' WHERE id = %s", row.trade_decision_id)
    sql("UPDATE alpaca_orders SET status = 'unknown', ended_at = NULL WHERE client_order_id = %s", row.client_order_id)

    assert look(later=5) == []
    assert names(look(later=16)) == {"unknown_decision_is_told"}


def test_nothing_older_is_looked_at_than_what_is_asked_for():
    decision_says_why()
    payload_is_as_it_was()

    assert look(since=timezone.now() + timedelta(minutes=1)) == []


def test_each_invariant_is_shown_to_fire():
    by_the_clock = {
        "open_exposure_is_told",
        "unknown_order_is_told",
        "unknown_decision_is_told",
        "due_work_is_not_passed_by",
    }
    by_both_memories = {"memories_agree", "log_is_as_recorded", "fills_only_grow"}
    broken = {each.__name__ for each in (*BREAKS, *test_hedge.BREAKS)}

    assert broken | by_the_clock | by_both_memories == set(EVERY)
    assert TradeDecision.objects.exists()
