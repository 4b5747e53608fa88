"""What was known: each thing as it was at a moment, and nothing that came later."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from audit_trail.decisions.models import TradeDecision
from audit_trail.reports.known import what_was_known
from tests.audit_trail.decisions.sources import told
from tests.audit_trail.reports.rows import CANCELLED, PENDING, filled
from tests.support import decided, ingested
from tests.support import factories as make
from tests.support.commands import refused, run
from tests.support.factories import NOON
from tests.trading.ledger.steps import AT, Steps
from trading.values.symbols import Symbol

pytestmark = pytest.mark.django_db

S = timedelta(seconds=1)


def known(at=NOON, symbol="AAPL", **asked):
    return what_was_known(symbol=Symbol(symbol), at=at, **asked)


def stored(decision, at):
    """Let a decision have been stored at a time."""
    TradeDecision.objects.filter(pk=decision.pk).update(created_at=at)
    return decision


def test_a_record_is_told_in_the_version_that_was_known_with_the_run_that_brought_it():
    first, _ = told("a", at=NOON)
    second, _ = told("a", at=NOON + 60 * S, least_usd="15001")

    assert known(NOON - S).records == ()
    (record,) = known(NOON + 59 * S).records
    assert (record.told.version, record.told.amount_usd, record.told.run) == (1, 1001, first.run_id)
    (record,) = known(NOON + 60 * S).records
    assert (record.told.version, record.told.amount_usd, record.told.run) == (2, 15001, second.run_id)
    assert record.row == '{"key":"a"}'


def test_nothing_of_a_record_tells_that_another_version_came_later():
    told("a", at=NOON)
    told("a", at=NOON + 60 * S, least_usd="15001")

    answer = run("known_at", "AAPL", "2026-03-02T12:00:30Z", "--json")

    assert "superseded" not in answer
    assert "15001" not in answer


@pytest.mark.parametrize(
    ("after", "status", "shares"),
    [(-1, None, 0), (0, "pending", 0), (1, "submitted", 0), (2, "submitted", 0), (3, "executed", Decimal("4.5"))],
)
def test_a_decision_stands_as_it_stood(after, status, shares):
    decision = stored(filled(submitted_at=NOON + S, executed_at=NOON + 2 * S), NOON)
    attempt = decision.executions.get()
    attempt.placed_at = NOON + S
    attempt.save()
    # It was filled a second before we came to know of it.
    decided.fill(
        trade_execution=attempt,
        shares=Decimal("4.5"),
        filled_shares=Decimal("4.5"),
        filled_at=NOON + 2 * S,
        booked_at=NOON + 3 * S,
    )

    found = known(NOON + after * S)

    assert [row.status_then for row in found.decisions] == ([] if status is None else [status])
    assert [row.filled_shares_then for row in found.executions] == ([] if after < 1 else [shares])
    assert found.held_by_decisions_shares == shares


@pytest.mark.parametrize(("became", "status"), [({}, "failed"), (CANCELLED, "cancelled"), (PENDING, "pending")])
def test_an_end_is_told_once_it_had_come(became, status):
    stored(decided.decision(**became), NOON - S)
    TradeDecision.objects.update(decided_at=NOON - S, known_at=NOON - S)

    assert [row.status_then for row in known(NOON - S).decisions] == ["pending"]
    assert [row.status_then for row in known(NOON).decisions] == [status]


def test_a_decision_that_was_made_and_not_yet_stored_was_not_there():
    stored(decided.decision(decided_at=NOON), NOON + S)
    assert known(NOON).decisions == ()
    assert len(known(NOON + S).decisions) == 1


def test_the_hedge_position_is_read_from_the_log_as_it_was():
    book = Steps()
    book.fill("BUY", "1.5")
    first = book.now
    book.fill("BUY", "2")
    book.hedge("AAPL")

    assert known(AT - timedelta(days=1)).position is None
    then, now = known(first), known(book.now)
    assert (then.position.state["net"], then.position.state["pending"], then.hedge_orders) == ("1.5", None, ())
    assert now.position.state["net"] == "3.5"
    assert [row.status_then for row in now.hedge_orders] == ["open"]
    assert now.prices[0].source == "fill on chain"


def test_an_order_that_ended_later_was_open():
    make.order(placed_at=NOON - S, ended_at=NOON + S)
    make.order(symbol="TSLA", placed_at=NOON)

    (then,) = known(NOON).hedge_orders
    (later,) = known(NOON + S).hedge_orders

    assert (then.status_then, then.filled_shares_then, then.ended_at) == ("open", None, None)
    assert (later.status_then, later.filled_shares_then) == ("filled", 3)
    assert known(NOON - 2 * S).hedge_orders == ()


def test_prices_are_the_newest_that_were_known_of_each_source():
    make.risk_check(checked_at=NOON - 2 * S, price_usd=Decimal("199"))
    make.risk_check(checked_at=NOON - S, price_usd=Decimal("200"))
    make.risk_check(checked_at=NOON + S, price_usd=Decimal("201"))
    stored(decided.decision(reference_price_usd=Decimal("198.5")), NOON)
    quoted = {"symbol": "AAPL", "bid_usd": None, "ask_usd": None, "last_usd": "202"}
    quoted |= {"quoted_at": "2026-03-02T12:00:05Z", "as_of": "2026-03-02T12:00:05Z"}
    make.broker_fact(kind="quote", subject="AAPL", body=json.dumps(quoted), as_of=NOON + 5 * S)

    assert [(price.source, price.price_usd) for price in known().prices] == [
        ("reference of a decision", Decimal("198.5")),
        ("risk check of an order", 200),
    ]
    assert known(NOON + 5 * S).prices[0].source == "quote of dry_run"


def test_long_lists_are_cut_at_the_newest():
    for n in range(3):
        ingested.record(known_at=NOON - n * S)

    found = known(limit=2)

    assert ([row.told.known_at for row in found.records], found.cut) == ([NOON, NOON - S], ("records",))


def test_it_takes_as_many_statements_for_many_as_for_few(django_assert_max_num_queries):
    Steps().fill("BUY", "1.5")
    for count in (1, 5):
        for _ in range(count):
            stored(filled(), NOON)
            ingested.run_record(record=ingested.record())
            make.order(placed_at=NOON)
        with django_assert_max_num_queries(18):
            known(AT + timedelta(days=90))


def test_the_command_tells_it():
    told("a", at=NOON)
    stored(decided.decision(), NOON)

    text = run("known_at", "aapl", "2026-03-02T12:00Z")

    assert "AAPL as of 2026-03-02T12:00:00Z\n1 records known, 1 decisions stored, 0 hedge orders placed" in text
    assert "no hedge position: Position-AAPL has no events" in text
    rows = run("known_at", "AAPL", "2026-03-02T12:00Z", "--csv", "-").splitlines()
    assert rows[0].startswith("known_at,record,kind,version")
    assert rows[1].endswith('"{""key"":""a""}"')
    assert "expected a day in New York" in refused("known_at", "AAPL", "noon")[1]
