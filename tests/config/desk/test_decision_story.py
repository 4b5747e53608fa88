"""The story of a decision: why it was made, by which records, how it was carried out, and why it came to nothing."""

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.venues.faults import cut_after, refuse
from tests.audit_trail.decisions.drafts import AT
from tests.audit_trail.decisions.sources import told as told_records
from tests.audit_trail.executions.desk import attempt_of, fresh
from tests.audit_trail.executions.test_at_alpaca import at  # noqa: F401  # a fixture
from tests.config.desk.looking import content_links, entries, someone_who_may, words
from tests.support import decided, ingested
from tests.support import factories as make
from tests.support.factories import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def on_its_day(monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOON + timedelta(hours=4))


@pytest.fixture
def failed(at, on_its_day):  # noqa: F811
    """A decision by two records of a run that made a call, which the broker refused for want of money."""
    ingestion, records = told_records("a", "b", at=AT - timedelta(days=2))
    make.api_call(run_id=ingestion.run_id, reference=None, purpose="congress", source="quiverquant", method="GET")
    at.venue.faults.add(refuse(403, "submit"))
    desk, decision = at.desk(), at.decide(records=tuple(records), runs=(ingestion.pk,))
    desk.execute()
    return fresh(decision)


def story(client, row):
    answer = client.get(f"/decisions/{row.decision_id}/")
    assert answer.status_code == 200, words(answer)
    return answer


def test_why_a_decision_failed_stands_at_the_top_with_what_the_broker_said(boss, failed):
    answer = story(boss, failed)

    told, html = words(answer), answer.content.decode()
    assert told.index("It failed insufficient_buying_power") < told.index("Why it was decided")
    assert "The last call that was refused: POST" in told
    assert "was answered with HTTP 403" in told
    assert "A failed decision is never tried again" in told
    anchor = html.partition("The last call that was refused")[2].partition('href="#')[2].partition('"')[0]
    said = html.partition(f'<article id="{anchor}"')[2].partition("</article>")[0]
    assert "&quot;symbol&quot;: &quot;AAPL&quot;" in said.partition("<h4>Response</h4>")[0]
    assert "insufficient buying power" in said.partition("<h4>Response</h4>")[2]


def test_it_is_told_from_what_was_known_to_its_end(boss, failed):
    answer = story(boss, failed)

    kinds = [kind for kind in entries(answer) if kind != "call"]
    assert kinds == ["run", "known", "decision", "risk check", "attempt", "attempt rejected", "decision failed"]
    assert "Attempt 1 was stored as htd-" in words(answer)


def test_what_data_led_to_it_is_shown_as_it_was_received_with_the_run_and_the_payload(boss, failed):
    answer = story(boss, failed)

    told, found = words(answer), content_links(answer)
    assert "congress trade" in told
    assert '"key": "a"' in told
    assert '"key": "b"' in told
    assert "A. Senator" in told  # The rationale.
    assert any("/dataingestionrun/" in link for link in found)
    assert any("/sourcerecord/" in link for link in found)
    assert any("/apipayload/" in link for link in found)


def test_signals_are_shown_before_scores_and_these_before_prices_however_many_there_are(boss, on_its_day):
    row = decided.decision()
    for role, count in (("price", 20), ("score", 40), ("signal", 2)):
        for _ in range(count):
            decided.record_of_decision(trade_decision=row, role=role)

    answer = story(boss, row)

    shown = re.findall(r"<td>(signal|score|price)</td>", answer.content.decode())
    assert shown == ["signal"] * 2 + ["score"] * 40 + ["price"] * 8
    assert "All records of it" in words(answer)


def test_every_link_of_a_story_leads_to_a_page_that_is_there(boss, failed):
    found = set(content_links(story(boss, failed)))

    assert len(found) > 12
    for link in found:
        assert boss.get(link).status_code == 200, link


def test_an_executed_decision_is_told_with_each_fill(boss, at, on_its_day):  # noqa: F811
    desk, row = at.desk(), at.decide()
    desk.execute()
    at.exchange.fill(at.exchange.orders[0])
    desk.poll(5)

    answer = story(boss, row)

    told = words(answer)
    assert "The broker had filled 4 shares more, 4 in all, at $271.49." in told
    assert "and is filled (HTTP 200), 4 filled at $271.49." in told
    assert "wrong-title" not in answer.content.decode()
    assert f"manage.py recheck_decisions {row.decision_id}" in told
    assert "cancel_decision" not in told


def test_of_a_decision_of_unknown_outcome_it_is_said_what_may_be_done(boss, at, on_its_day):  # noqa: F811
    at.venue.faults.add(cut_after("submit"))
    desk, row = at.desk(), at.decide()
    desk.execute()

    answer = story(boss, row)

    assert "It is not known what became of its order" in words(answer)
    assert "It is never sent again." in words(answer)
    assert f"manage.py recheck_decisions {row.decision_id}" in words(answer)
    assert f"manage.py cancel_decision {row.decision_id} --reason …" in words(answer)
    assert attempt_of(row).client_order_id in words(answer)


BLOCK = {
    "status": "pending",
    "failed_at": None,
    "failure_kind": None,
    "reason": None,
    "blocked_by": "restricted_symbol",
    "blocked_reason": "until Friday",
    "blocked_figures": '{"limit":1.10000000000000000001}',
    "blocked_at": NOON,
}


def test_what_blocks_a_decision_is_told_with_its_figures(boss, on_its_day):
    answer = story(boss, decided.decision(**BLOCK))

    told = words(answer)
    assert "It is pending, and restricted_symbol stands in its way until Friday." in told
    assert '"limit": 1.10000000000000000001' in told
    assert "blocked" in entries(answer)
    assert any("restrictedsymbol" in link for link in content_links(answer))


def test_a_decision_of_a_day_that_is_over_is_told_to_be_one(boss, on_its_day):
    row = decided.decision(
        trading_day=date(2026, 2, 27), **BLOCK | dict.fromkeys(name for name in BLOCK if name.startswith("blocked"))
    )

    told = words(story(boss, row))

    assert "It is pending, and was for 2026-02-27" in told
    assert "Nobody carried it out on its day." in told


def test_a_cancelled_one_says_who_and_why(boss, on_its_day):
    row = decided.decision(
        **BLOCK | {"status": "cancelled", "cancelled_at": NOON, "cancelled_by": "dora", "reason": "a merger"}
    )

    told = words(story(boss, row))

    assert "It was cancelled by dora a merger." in told
    assert "was cancelled by dora: a merger." in told


def test_notices_and_denials_about_it_are_told(boss, on_its_day):
    row = decided.decision()
    attempt = decided.execution(trade_decision=row)
    make.notice(kind="decision_order_stuck", subject=attempt.client_order_id, text="it is not known", opened_at=NOON)
    make.denial(symbol="AAPL", strategy=row.strategy_name, rule="buying_power", text="too dear", first_at=NOON)
    make.denial(symbol="AAPL", strategy="another", rule="holdings", text="of another", first_at=NOON)

    told = words(story(boss, row))

    assert "Operators were told (decision order stuck): it is not known." in told
    assert "by buying_power: too dear." in told
    assert "of another" not in told


def test_what_a_row_says_is_shown_as_text(boss, on_its_day):
    row = decided.decision(reason="<script>alert(1)</script>", trigger_event="<b>bold</b>")

    html = story(boss, row).content.decode()

    assert "<script>alert" not in html
    assert "<b>bold" not in html


def test_of_a_decision_that_is_not_there_a_sentence_is_said(boss):
    answer = boss.get("/decisions/7d0e7a16-5f2b-4c52-9a3e-3d63c52f2f7e/")

    assert answer.status_code == 404
    assert "There is no decision 7d0e7a16-5f2b-4c52-9a3e-3d63c52f2f7e." in words(answer)


def test_who_may_not_see_records_or_calls_sees_the_decision_without(client, django_user_model, failed):
    client.force_login(someone_who_may(django_user_model, "audit_trail.view_tradedecision"))

    answer = client.get(f"/decisions/{failed.decision_id}/")

    assert answer.status_code == 200
    assert entries(answer) == ["known", "decision", "decision failed"]
    told = words(answer)
    assert "What it rests on" not in told
    assert "What was said with the broker" not in told
    assert "It failed insufficient_buying_power" in told


def test_who_may_not_see_decisions_sees_no_story_of_one(client, django_user_model):
    row = decided.decision()
    client.force_login(someone_who_may(django_user_model, "trading.view_tradeaccumulator"))

    assert client.get(f"/decisions/{row.decision_id}/").status_code == 403
    client.logout()
    assert client.get(f"/decisions/{row.decision_id}/").headers["Location"].startswith("/admin/login/")


def filled_up(count):
    row = decided.decision()
    attempt = decided.execution(trade_decision=row)
    make.risk_check(client_order_id=attempt.client_order_id, order_id=None)
    filled = Decimal(0)
    for _ in range(count):
        record, run = ingested.record(), ingested.run()
        ingested.run_record(run=run, record=record)
        make.api_call(run_id=run.run_id, reference=None)
        decided.record_of_decision(trade_decision=row, record=record)
        decided.run_of_decision(trade_decision=row, run=run)
        make.api_call(reference=attempt.client_order_id)
        filled += 1
        decided.fill(trade_execution=attempt, shares=Decimal(1), filled_shares=filled)
        make.denial(symbol="AAPL", strategy=row.strategy_name, rule=f"rule {count} {filled}", first_at=NOON)
        make.notice(kind=f"kind {filled}", subject=attempt.client_order_id)
    return row


def statements(client, row):
    with CaptureQueriesContext(connection) as asked:
        story(client, row)
    return len(asked)


def test_it_asks_no_more_of_the_database_however_much_there_is_to_tell(boss, on_its_day):
    few, many = filled_up(3), filled_up(18)

    assert statements(boss, few) == statements(boss, many) <= 20
