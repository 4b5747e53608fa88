"""From public records to decisions and trades, by the commands that a day is made of, at venues of our own."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit_trail.days.models import DroppedCandidate, PlannedDay
from audit_trail.days.reading import WHOLE
from audit_trail.decisions.lineage import Role, TradeDecisionRecord, TradeDecisionRun
from audit_trail.decisions.models import TradeDecision
from audit_trail.ingestion.models import DataIngestionRun
from audit_trail.ingestion.records import SourceRecord
from audit_trail.sources.quiver.congress.models import CongressTrade
from audit_trail.strategies.parameters import Environment, load
from audit_trail.strategies.registry import REGISTRY
from config.days import PARAMETERS
from config.sources import FEEDS, LOOKED_BACK
from config.venues.faults import refuse
from config.venues.quiver_rows import congress_row, insider_row
from tests.support.commands import run
from tests.support.pipeline import opened_pipeline
from trading.conductor.reconciling.identity import TradingAccount
from trading.risk.controls import RestrictedSymbol

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def venues(monkeypatch):
    with opened_pipeline(monkeypatch) as opened:
        yield opened


@pytest.fixture
def ingested(venues):
    run("ingest", "congress")
    run("ingest", "insider")
    return venues


def code_of(*command):
    with pytest.raises(CommandError) as error:
        call_command(*command)
    return error.value.returncode


def test_a_whole_day_goes_from_records_to_trades_that_are_explained(ingested):
    planned = run("run_strategy", "portfolio")
    executed = run("execute_decisions", "--follow", "5")

    decisions = list(TradeDecision.objects.order_by("-strength_order", "id"))
    assert len(decisions) > 2
    assert f"{len(decisions)} decisions of today, {len(decisions)} of them new" in planned
    assert all(f"{one.decision_id} {one.side} {one.symbol}: pending" in planned for one in decisions)
    assert {decision.strategy_name for decision in decisions} == {"portfolio"}
    assert {decision.status for decision in decisions} == {"executed"}, executed
    runs = set(DataIngestionRun.objects.values_list("pk", flat=True))
    for decision in decisions:
        assert set(TradeDecisionRun.objects.filter(trade_decision=decision).values_list("run_id", flat=True)) == runs
    traced = json.loads(run("trade_lineage", str(decisions[0].decision_id), "--json"))
    signals = [one for one in traced["records"] if one["used_for"] == "signal"]
    assert {one["row"]["Ticker"] for one in signals} == {decisions[0].symbol}
    assert traced["records"][: len(signals)] == signals
    assert len(traced["runs"]) == 2
    assert [one["status"] for one in traced["executions"]] == ["filled"]


def test_b_aud_8_what_two_strategies_say_of_one_class_of_shares_is_one_decision_and_one_order(venues):
    """BRK.B, from records of both sources to shares that are held."""
    alpaca, quiver = venues
    day = f"{timezone.now().date() - timedelta(days=3)}T00:00:00.000"
    quiver.congress[:] = [
        congress_row(Ticker="BRK.B", Traded=day, Filed=day, Name=name, BioGuideID=number)
        for name, number in (("Ada Example", "E000001"), ("Bob Example", "E000002"))
    ]
    quiver.insiders[:] = [insider_row(Ticker="BRK.B", Date=day, fileDate=day)]
    run("ingest", "congress")
    run("ingest", "insider")

    run("run_strategy", "portfolio")
    run("execute_decisions", "--follow", "5")

    (decision,) = TradeDecision.objects.all()
    assert (decision.symbol, decision.side, decision.status) == ("BRK.B", "BUY", "executed")
    rests_on = TradeDecisionRecord.objects.filter(trade_decision=decision, role=Role.SIGNAL)
    kinds = list(rests_on.order_by("record__kind").values_list("record__kind", flat=True))
    assert kinds == ["congress_trade", "congress_trade", "insider_trade"]
    brought_by = TradeDecisionRun.objects.filter(trade_decision=decision).values_list("run__task_name", flat=True)
    assert len(set(brought_by)) == 2
    assert len(alpaca.asked("submit")) == 1
    assert alpaca.exchange.account().shares_of("BRK.B") > 0


def test_what_a_decision_rests_on_are_the_purchases_of_its_symbol(ingested):
    run("run_strategy", "portfolio")

    for decision in TradeDecision.objects.filter(side="BUY"):
        rests_on = TradeDecisionRecord.objects.filter(trade_decision=decision, role=Role.SIGNAL)
        records = SourceRecord.objects.filter(pk__in=rests_on.values("record"))
        assert {record.symbol for record in records} == {decision.symbol}
        assert max(record.known_at for record in records) <= decision.known_at <= decision.decided_at


def test_whom_a_decision_follows_was_scored_by_all_that_the_person_traded_in_a_year_and_these_are_its_lineage(
    ingested, client, django_user_model
):
    run("run_strategy", "portfolio")
    client.force_login(django_user_model.objects.create_superuser("boss"))

    told = {decision: politicians_of(decision) for decision in TradeDecision.objects.filter(side="BUY")}
    assert any(told.values())
    for decision, politicians in told.items():
        trades = CongressTrade.objects.filter(bioguide_id__in=[one["politician"] for one in politicians])
        rows = TradeDecisionRecord.objects.filter(trade_decision=decision, role=Role.SCORE)
        assert set(rows.values_list("record_id", flat=True)) == set(trades.values_list("record_id", flat=True))
        assert sum(one["scored_trades"] for one in politicians) == rows.count()
        story = client.get(f"/decisions/{decision.decision_id}/").content.decode()
        assert ("<td>score</td>" in story) is bool(politicians)


def politicians_of(decision):
    said = json.loads(decision.decision_rationale)["source_data"]["strategies"]
    return [politician for one in said for politician in one["facts"].get("politicians", [])]


def test_to_decide_again_on_the_same_day_adds_nothing(ingested):
    run("run_strategy", "portfolio")
    before = list(TradeDecision.objects.order_by("id").values())

    again = run("run_strategy", "portfolio")

    assert f"{len(before)} decisions of today, 0 of them new" in again
    assert list(TradeDecision.objects.order_by("id").values()) == before


@pytest.mark.parametrize("strategy", ["congressional", "insider"])
def test_a_plan_stores_nothing_and_sends_nothing(ingested, strategy):
    alpaca, _ = ingested

    planned = run("run_strategy", strategy, "--plan")

    assert f"({strategy})" in planned
    assert "orders are meant as of" in planned
    assert not TradeDecision.objects.exists()
    assert alpaca.asked("submit") == []


def test_one_strategy_of_several_does_not_decide_alone(ingested):
    with pytest.raises(CommandError, match=r"which would sell what the others hold.*Nothing was stored"):
        call_command("run_strategy", "insider")

    assert not TradeDecision.objects.exists()


def test_without_data_nothing_is_decided_and_nothing_is_sold(venues):
    """L16: no data is not no signals."""
    assert code_of("run_strategy", "portfolio") == 4
    assert not TradeDecision.objects.exists()


@pytest.mark.parametrize("left", ["failed", "old", "empty"])
def test_data_that_is_not_whole_and_fresh_is_nothing_to_decide_by(ingested, left, capsys):
    _, quiver = ingested
    if left == "failed":
        quiver.faults.add(refuse(403))
        assert code_of("ingest", "congress") == 1
    elif left == "empty":
        quiver.congress.clear()
        run("ingest", "congress")
    else:
        long_ago = timezone.now() - timedelta(hours=30)
        DataIngestionRun.objects.update(started_at=long_ago, completed_at=long_ago)

    assert code_of("run_strategy", "portfolio") == 4
    assert not TradeDecision.objects.exists()


@pytest.mark.parametrize(
    "narrowed",
    [
        ("--ticker", "AAPL"),
        ("--until", (timezone.now() - timedelta(days=2)).date().isoformat()),
        ("--since", (timezone.now() - timedelta(days=20)).date().isoformat()),
    ],
    ids=["a ticker", "an older day", "a few days"],
)
def test_a_run_of_a_part_is_nothing_to_decide_by_and_stops_nobody(venues, narrowed):
    run("ingest", "insider")
    run("ingest", "congress", *narrowed)
    assert code_of("run_strategy", "portfolio") == 4

    run("ingest", "congress")
    whole = run("run_strategy", "portfolio", "--plan")
    run("ingest", "congress", "--since", "2020-01-01", "--until", "2020-01-02")
    for _ in range(3):
        run("ingest", "congress", "--since", timezone.now().date().isoformat())

    assert run("run_strategy", "portfolio", "--plan").count("\n") == whole.count("\n")


@pytest.mark.parametrize("environment", Environment)
def test_no_strategy_looks_further_back_than_a_whole_run_reaches_and_ingest_asks_for(environment):
    for name, one in load(PARAMETERS, environment=environment, registry=REGISTRY).strategies.items():
        assert timedelta(days=one.params.lookback_days) <= WHOLE <= min(LOOKED_BACK[task] for task in FEEDS), name


def test_a_restricted_symbol_is_not_begun(ingested):
    wanted = run("run_strategy", "portfolio", "--plan")
    symbol = wanted.split(":")[0].split()[1]
    RestrictedSymbol.objects.create(symbol=symbol, reason="a lawyer said so", actor="anna", at=timezone.now())

    assert f" {symbol}:" not in run("run_strategy", "portfolio", "--plan")


def test_a_broker_that_does_not_answer_leaves_nothing_decided(ingested):
    alpaca, _ = ingested
    alpaca.faults.add(refuse(503), times=20)

    assert code_of("run_strategy", "portfolio") == 1
    assert not TradeDecision.objects.exists()


def test_an_unconfirmed_account_is_nothing_to_decide_for(ingested):
    TradingAccount.objects.all().delete()

    with pytest.raises(CommandError, match="confirm_account"):
        call_command("run_strategy", "portfolio")


def test_each_record_that_came_to_nothing_is_told_with_the_decisions_of_the_day(ingested):
    planned = run("run_strategy", "portfolio")

    (day,) = PlannedDay.objects.all()
    assert day.outcome == "decided"
    assert [row.decision for row in day.decisions.order_by("decision_id")] == list(TradeDecision.objects.order_by("id"))
    followed = set(TradeDecisionRecord.objects.values_list("record_id", flat=True))
    left_out = {number for row in day.dropped.all() for number in json.loads(row.records)}
    looked_at = set(SourceRecord.objects.filter(superseded_at=None).values_list("pk", flat=True))
    assert followed | left_out == looked_at
    assert "left out, " in planned


def test_a_day_that_is_refused_is_kept_with_its_reasons(venues):
    assert code_of("run_strategy", "portfolio") == 4
    assert code_of("run_strategy", "portfolio", "--plan") == 4

    (day,) = PlannedDay.objects.all()
    assert (day.outcome, day.orders) == ("refused", 0)
    assert {one["kind"] for one in json.loads(day.refusals)} == {"no_run"}
    assert "nothing was decided: expected a run" in run("why_not", "AAPL")


def test_why_a_symbol_was_not_traded_is_one_command(ingested):
    run("run_strategy", "portfolio")
    row = DroppedCandidate.objects.filter(symbol__regex="^[A-Z]{1,5}$").first()

    told = run("why_not", row.symbol)

    assert row.text in told
    assert "nothing about ZZZZ was left out" in run("why_not", "ZZZZ")
    assert code_of("why_not", "ZZZZ", "--since", "2026-03-02", "--until", "2026-03-01") == 2


def test_to_decide_again_is_told_as_such(ingested):
    run("run_strategy", "portfolio")
    run("run_strategy", "portfolio")

    first, again = PlannedDay.objects.order_by("id")
    assert {row.new for row in first.decisions.all()} == {True}
    assert {row.new for row in again.decisions.all()} == {False}
    assert first.orders == again.orders
