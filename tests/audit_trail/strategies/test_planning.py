"""Planning: a whole day in one step. Rows: Q1, Q2, Q3, Q12, Q16, L8, L12, L16, L20; B-str-7, B-str-8, B-aud-9."""

import json
import random
from datetime import timedelta

import msgspec
import pytest

from audit_trail.strategies.guards import RefusalKind, Stance
from audit_trail.strategies.parameters import Environment, Merging, OnEmpty
from audit_trail.strategies.planning import plan
from audit_trail.strategies.plans import Plan, Refused
from audit_trail.strategies.records import BlockedSymbol, CongressTrade, RunState
from audit_trail.strategies.registry import REGISTRY
from audit_trail.strategies.signals import Opinion, Reason, Signal
from audit_trail.strategies.strategy import Registry, Strategy
from tests.audit_trail.strategies.situations import (
    BARS_RUN,
    CONGRESS_RUN,
    INSIDER_RUN,
    NOW,
    RUNS,
    account,
    bars,
    congress_trade,
    d,
    insider_trade,
    limits,
    parameters,
    position,
    ref,
    run,
    safety,
    score,
    setting,
    situation,
)
from tests.audit_trail.strategies.test_asking import NoParameters
from trading.values.sides import Side


def decided(records=(), *, given=None, registry=REGISTRY, **changes):
    return plan(situation(records, **changes), parameters=given or parameters(), registry=registry)


def orders(records=(), **changes):
    found = decided(records, **changes)
    assert isinstance(found, Plan), found
    return [(one.side.value, one.symbol, "all" if one.closes_position else one.notional_usd) for one in found.orders]


def refused(records=(), **changes):
    found = decided(records, **changes)
    assert isinstance(found, Refused), found
    return [refusal.kind for refusal in found.refusals]


def reasons(found):
    return {(one.symbol, one.reason) for one in found.dropped}


AAPL = [congress_trade("AAPL"), score(), insider_trade("AAPL"), *bars("AAPL", 120)]
BRK = [congress_trade("BRK.B", "B"), score("B"), *bars("BRK.B", 500)]


def test_a_day_from_records_to_orders():
    # AAPL: 0.5 and 0.6 by halves are 0.55 of 40 shares; BRK.B: 0.5 of 40.
    assert orders(AAPL + BRK, positions=(position("MSFT", 500),)) == [
        ("SELL", "MSFT", "all"),
        ("BUY", "AAPL", d(2_640)),
        ("BUY", "BRK.B", d(10_000)),
    ]


def test_an_order_names_everything_it_rests_on():
    trade, scored, bought, *history = AAPL

    (order,) = decided(AAPL).orders

    assert order.strategies == ("congressional", "insider")
    assert set(order.records) == {trade.ref, scored.ref, bought.ref}
    assert {ref.run_id for ref in order.records} == {CONGRESS_RUN, INSIDER_RUN, None}
    assert set(order.price_records) == {bar.ref for bar in history}
    assert order.runs == (CONGRESS_RUN, INSIDER_RUN, BARS_RUN)
    assert order.known_at == max(record.known_at for record in AAPL) <= NOW
    assert (order.strength, order.trigger) == (d("5.5"), "congressional_buy+insider_buy")
    assert order.reference_price_usd == d(120)
    assert [(one.strategy, one.version, one.score, one.weight) for one in order.origins] == [
        ("congressional", "1.1.0", d("0.5"), d("0.5")),
        ("insider", "1.0.0", d("0.6"), d("0.5")),
    ]


def test_an_order_names_what_the_scores_of_whom_it_follows_were_reckoned_from_and_the_runs_that_brought_it():
    sold = congress_trade("MSFT", transaction_type="Sale", ref=ref("quiver_congress", 68))
    unfollowed = congress_trade("MSFT", "B", transaction_type="Sale", ref=ref("quiver_congress", 69))
    scored = score(trades=(sold.ref,), average_return_pct=d("5.10"))
    history = bars("AAPL", 120)

    (order,) = decided(
        [congress_trade("AAPL"), scored, sold, unfollowed, score("B", trades=(unfollowed.ref,)), *history]
    ).orders

    assert order.score_records == (sold.ref,)
    assert sold.ref not in order.records
    assert order.runs == (68, CONGRESS_RUN, INSIDER_RUN, BARS_RUN)
    (said,) = order.rationale["source_data"]["strategies"]
    (politician,) = said["facts"]["politicians"]
    assert (politician["score"], politician["average_return_pct"], politician["scored_trades"]) == ("6", "5.1", 1)


def test_what_is_closed_since_nobody_speaks_of_it_rests_on_no_score():
    found = decided(AAPL, positions=(position("MSFT", 500),)).orders

    assert {order.symbol: order.score_records for order in found} == {"MSFT": (), "AAPL": ()}


def test_a_rationale_says_why_in_the_shape_that_is_kept():
    trade, scored, bought, *_ = AAPL

    (order,) = decided(AAPL, positions=(position("AAPL", 1_200),)).orders

    found = json.loads(json.dumps(order.rationale))
    assert {name: found[name] for name in ("signal_strength", "confidence_score", "trigger_event")} == {
        "signal_strength": "5.5",
        "confidence_score": "0.55",
        "trigger_event": "congressional_buy+insider_buy",
    }
    source = found["source_data"]
    assert source["quiver_trade_ids"] == sorted([trade.ref.record_id, bought.ref.record_id])
    assert source["politician_names"] == ["Member P000197"]
    assert source["insider_names"] == ["Jane Doe"]
    assert source["trade_dates"] == ["2025-12-27", "2026-01-11"]
    assert source["consensus_detected"] is False
    assert {"source": "politician_scores", "record_id": scored.ref.record_id, "version": 1, "run_id": None} in source[
        "records"
    ]
    assert [one["name"] for one in source["strategies"]] == ["congressional", "insider"]
    assert found["market_context"] == {
        "current_price": "120",
        "priced_on": "2026-01-15",
        "volume_20d_avg": "1000",
        "volatility": "0.020833",
        "atr": "2.5",
        "atr_source": "atr_14",
        "sessions": 15,
        "implied_stop_loss": "5",
    }
    assert found["portfolio_context"] == {
        "existing_position": "10",
        "current_value": "1200",
        "target_value": "2640",
        "sized_value": "2640",
        "limited_by": [],
        "buying_power": "50000",
        "portfolio_value": "100000",
        "account_as_of": "2026-01-16T14:59:00+00:00",
    }


def test_a_position_is_closed_on_the_silence_of_all_that_were_asked():
    closing = decided(BRK, positions=(position("MSFT", 500),)).orders[0]

    assert (closing.symbol, closing.side, closing.closes_position) == ("MSFT", Side.SELL, True)
    assert (closing.strength, closing.trigger) == (d(10), "rebalance_sell_off")
    assert closing.strategies == ("congressional", "insider")
    assert (closing.records, closing.runs) == ((), (CONGRESS_RUN, INSIDER_RUN))
    assert closing.known_at == RUNS[0].ended_at
    assert closing.reference_price_usd == d(50)
    assert closing.rationale["source_data"]["reason"] == "position no longer in target"


def test_the_same_situation_in_another_order_is_the_same_plan():
    records = AAPL + BRK + [congress_trade("F", "C"), score("C"), *bars("F", 9)]
    positions = [position("MSFT", 500), position("F", 800), position("GM", 200)]
    expected = decided(records, positions=tuple(positions))
    random.shuffle(records)
    random.shuffle(positions)

    assert decided(records, positions=tuple(positions), runs=RUNS[::-1]) == expected


@pytest.mark.parametrize(
    ("changes", "refusals"),
    [
        ({"runs": ()}, [RefusalKind.NO_RUN] * 2),
        ({"runs": RUNS[:1]}, [RefusalKind.NO_RUN]),
        ({"runs": (RUNS[0], run("quiver_insiders", 9, state=RunState.FAILED))}, [RefusalKind.RUN_FAILED]),
        ({"account": account(None)}, [RefusalKind.EQUITY_UNKNOWN]),
        ({"account": account(number="PA99999999")}, [RefusalKind.OTHER_ACCOUNT]),
        ({"positions": None}, [RefusalKind.POSITIONS_UNKNOWN]),
        ({"given": parameters(environment=Environment.LIVE)}, [RefusalKind.OTHER_ENVIRONMENT]),
    ],
)
def test_nothing_is_decided_and_nothing_sold_where_a_guard_does_not_hold(changes, refusals):
    assert refused(AAPL, **{"positions": (position("MSFT", 500),), **changes}) == refusals


def test_a_source_of_a_strategy_that_is_not_asked_is_not_needed():
    given = parameters(congress="1", insiders="0")

    assert orders(AAPL, given=given, runs=RUNS[:1]) == [("BUY", "AAPL", d(2_400))]


def broken(known, parameters):
    raise RuntimeError("no table of the committees")


def with_strategies(*rules):
    """A registry and parameters of strategies that say what their rules say, of equal weight."""
    strategies = [
        Strategy(
            name=f"rule_{number}",
            version="1",
            parameters=NoParameters,
            sources=("quiver_congress",),
            candidates=(CongressTrade,),
            rule=rule,
        )
        for number, rule in enumerate(rules)
    ]
    weight = str(d(1) / len(strategies))
    settings = {one.name: setting(weight, NoParameters()) for one in strategies}
    return {"registry": Registry(*strategies), "given": parameters(strategies=settings)}


def silent(known, parameters):
    return Opinion(signals=())


def test_one_strategy_that_fails_stops_the_day_and_sells_nothing():
    found = decided(positions=(position("MSFT", 500),), **with_strategies(silent, broken))

    assert isinstance(found, Refused)
    assert [(one.kind, one.text) for one in found.refusals] == [
        (
            RefusalKind.STRATEGY_FAILED,
            "expected rule_1 1 to say something, has failed: RuntimeError: no table of the committees",
        )
    ]


def test_all_strategies_failing_is_not_the_same_as_nothing_to_buy():
    held = (position("MSFT", 500),)

    assert refused(positions=held, **with_strategies(broken, broken)) == [RefusalKind.ALL_STRATEGIES_FAILED] * 2
    assert orders(positions=held, **with_strategies(silent, silent)) == [("SELL", "MSFT", "all")]


EIGHT = tuple(position(f"S{letter}", 5_750) for letter in "ABCDEFGH")


def test_with_nothing_to_hold_paper_closes_all_eight_and_live_none():
    paper = decided([], positions=EIGHT)
    live = decided(
        [],
        positions=EIGHT,
        account=account(paper=False),
        expected_account=account_of_live(),
        given=parameters(environment=Environment.LIVE, safety=safety(on_empty_target=OnEmpty.KEEP)),
    )

    assert (paper.stance, len(paper.orders)) == (Stance.LIQUIDATE, 8)
    assert all(order.closes_position for order in paper.orders)
    assert (live.stance, live.orders) == (Stance.KEEP, ())
    assert reasons(live) == {(one.symbol, Reason.KEPT_AS_IT_IS) for one in EIGHT}
    assert "no target at all: 8 positions stay as they are" in live.findings


def account_of_live():
    return msgspec.structs.replace(situation().expected_account, paper=False)


def test_what_is_wanted_and_has_no_price_is_neither_sold_nor_counted_out():
    unpriced = [congress_trade("MSFT", "B"), score("B")]

    found = decided(AAPL + unpriced, positions=(position("MSFT", 94_000),))

    # $95,000 of room, and $94,000 of it taken by what stays.
    assert [(order.symbol, order.notional_usd) for order in found.orders] == [("AAPL", d(1_000))]
    assert {("MSFT", Reason.NO_PRICE), ("MSFT", Reason.KEPT_AS_IT_IS)} <= reasons(found)


def test_without_a_price_of_anything_nothing_is_decided():
    assert refused([congress_trade(), score()], positions=(position("MSFT", 500),)) == [RefusalKind.NO_PRICES]


def test_what_is_blocked_is_not_bought_and_not_sold_while_it_is_wanted():
    def blocked(symbol, hours=1):
        return BlockedSymbol(symbol=symbol, reason="not fractionable", expires_at=NOW + timedelta(hours=hours))

    held = (position("BRK.B", 500), position("MSFT", 500))

    found = decided(AAPL + BRK, positions=held, blocked=(blocked("BRK.B"), blocked("MSFT"), blocked("AAPL", -1)))

    # MSFT is not wanted any more: a block keeps nobody in. That of AAPL is over.
    assert [(order.side, order.symbol) for order in found.orders] == [(Side.SELL, "MSFT"), (Side.BUY, "AAPL")]
    assert {("BRK.B", Reason.BLOCKED), ("BRK.B", Reason.KEPT_AS_IT_IS)} <= reasons(found)


def test_what_was_not_known_yet_moves_nothing_and_is_told():
    late = [congress_trade("AAPL", known_at=NOW + timedelta(minutes=1)), score(), *bars("AAPL", 120)]

    found = decided(late)

    assert found.orders == ()
    assert ("AAPL", Reason.NOT_KNOWN_YET) in reasons(found)


def test_the_day_in_figures():
    given = parameters(merge_strategy=Merging.ADDITIVE, limits=limits(max_position_pct=d("0.04")))

    found = decided([*AAPL, *BRK, congress_trade("MSFT", "B", transaction_type="Sale")], given=given)

    # AAPL: 20 shares by 0.5 and by 0.6 are 10 and 12 at $120; BRK.B: 10 at $500, of which $4,000 may be held.
    assert found.summary.signals == {"congressional": 2, "insider": 1}
    assert found.summary.by_strategy_usd == {"congressional": d(6_200), "insider": d(1_440)}
    assert (found.summary.netted_symbols, found.summary.targets, found.summary.limited) == (2, 2, 1)
    assert found.summary.target_exposure.gross_pct == d("0.0664")
    assert found.summary.target_exposure.net_pct == d("0.0664")
    assert found.summary.dropped == {"not_a_purchase": 1}


def test_a_limit_that_leaves_out_most_is_a_finding():
    given = parameters(limits=limits(min_position_value_usd=d(5_000)))
    other = [congress_trade("MSFT", "C"), score("C"), *bars("MSFT", 100)]

    found = decided(AAPL + BRK + other, given=given)

    assert [order.symbol for order in found.orders] == ["BRK.B"]
    assert "2 of 3 symbols that were signalled became no target" in found.findings


def test_a_strategy_without_records_or_without_signals_is_a_finding():
    found = decided([congress_trade(transaction_type="Sale")])

    assert [finding for finding in found.findings if "makes no signal" in finding] == [
        "congressional makes no signal of 1 records: see why each was left out"
    ]
    assert "insider had no records to choose among: look at its source" in found.findings


def test_how_much_may_be_dropped_and_how_old_the_account_may_be_are_parameters():
    given = parameters(safety=safety(mostly_dropped_pct=d(0), max_account_age_minutes=1))
    two_minutes_old = account(known_at=NOW - timedelta(minutes=2))
    too_small = parameters(limits=limits(min_position_value_usd=d(5_000)), safety=safety(mostly_dropped_pct=d("0.4")))

    assert refused(AAPL, given=given, account=two_minutes_old) == [RefusalKind.STALE_ACCOUNT]
    assert any("became no target" in one for one in decided(AAPL + BRK, given=too_small).findings)
    assert orders(AAPL, account=two_minutes_old) == [("BUY", "AAPL", d(2_640))]


def test_signals_of_10_to_6_are_ordered_by_strength():
    scores = {"A": "0.9", "B": "0.7", "C": "0.8", "D": "0.6", "E": "1"}

    def ranked(known, parameters):
        return Opinion(signals=tuple(_signal(trade, scores[trade.ticker]) for trade in known.of(CongressTrade)))

    def _signal(trade, value):
        return Signal.resting_on(
            [trade], strategy="rule_0", symbol=trade.ticker, score=d(value), trigger="ranked", facts={}
        )

    records = [record for symbol in scores for record in (congress_trade(symbol), *bars(symbol, 120))]
    found = decided(records, **with_strategies(ranked))

    assert [(order.symbol, order.strength) for order in found.orders] == [
        ("E", d(10)),
        ("A", d(9)),
        ("C", d(8)),
        ("B", d(7)),
        ("D", d(6)),
    ]
