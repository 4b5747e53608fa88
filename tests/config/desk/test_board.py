"""What the board says: whether money is at risk, which symbol is most exposed, whether today's fills are hedged."""

import re
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.desk.board import standing
from config.desk.board.exposures import exposures
from config.desk.board.fills import basis_points, fills_of_today
from config.monitoring.health import HEDGING_STATIONS
from config.read_side import LEGACY_TABLES, VIEWS
from tests.support import decided
from tests.support import factories as make

pytestmark = pytest.mark.django_db

# A Monday, while the market is open.
NOW = datetime(2026, 3, 2, 16, 0, 0, tzinfo=UTC)


def ago(**span):
    return NOW - timedelta(**span)


def decision(at, **facts):
    return decided.decision(known_at=at, decided_at=at, **facts)


@pytest.fixture(autouse=True)
def conducting(monkeypatch):
    """A conductor that gets on, at the time of the test."""
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    make.checkpoint(updated_at=ago(seconds=2), next_block=18)
    make.block(timestamp=ago(seconds=4))
    for station in HEDGING_STATIONS:
        make.heartbeat(station=station, process="host:1:a", last_turn_at=ago(seconds=1))


@pytest.fixture
def chief(client, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("chief"))
    return client


def words(answer):
    """The page as it is read out."""
    text = re.sub(r"<(script|style|head)\b.*?</\1>", "", answer.content.decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def board(client):
    answer = client.get("/live")
    assert answer.status_code == 200
    return words(answer)


def test_all_is_well_where_fills_are_hedged_and_nothing_waits(chief):
    told = board(chief)

    assert told.startswith("Fills are hedged, and nothing waits for an operator.")
    assert "No symbol is past its threshold." in told
    assert "No fill today." in told
    assert "Feed lag 4 s" in told


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="on SQLite a reader holds writers off a test's database")
def test_all_of_it_is_of_one_moment_whatever_is_written_meanwhile(chief, monkeypatch):
    hedges = standing.hedges

    def take_in_a_fill():
        make.onchain_trade(created_at=ago(minutes=9), unlinked_shares=Decimal("0.1"))
        connection.close()

    def after_a_fill(side):
        writer = threading.Thread(target=take_in_a_fill)
        writer.start()
        writer.join()
        return hedges(side)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(standing, "hedges", after_a_fill)
        assert "No fill today." in board(chief)

    assert "The one fill of today is not covered whole yet." in board(chief)


def test_fills_within_their_threshold_are_not_called_hedged(chief):
    make.onchain_trade(created_at=ago(minutes=9), unlinked_shares=Decimal("0.1"))

    told = board(chief)

    assert told.startswith("No hedge is due, and nothing waits for an operator. No symbol is past its threshold.")
    assert "The one fill of today is not covered whole yet." in told


@pytest.mark.parametrize(
    ("row", "facts", "sentence"),
    [
        (make.notice, {"kind": "overfill"}, "Fills are hedged, and something waits for an operator. "),
        (make.exposure, {"symbol": "AAPL", "since_at": ago(minutes=6)}, "Money is at risk: "),
        (make.kill_switch, {"is_on": True, "scope": "global", "subject": ""}, "Money is at risk: "),
    ],
)
def test_what_is_the_matter_stands_first(chief, row, facts, sentence):
    row(**facts)

    assert board(chief).startswith(sentence)


@pytest.mark.parametrize(
    "row", [lambda: make.position(symbol="AAPL"), lambda: make.open_order(detailed_status="unknown")]
)
def test_while_something_is_past_its_threshold_or_under_way_fills_are_not_called_hedged(chief, row):
    row()

    assert board(chief).startswith("Fills are being hedged, and nothing waits for an operator.")


def test_dust_is_said_to_be_some(chief):
    make.onchain_trade(created_at=ago(seconds=9), amount=Decimal("0.00000001"), usdc_amount=Decimal("0.000002"))

    assert "buy less than 0.0001 AAPL" in board(chief)


def test_the_most_exposed_symbol_is_the_one_of_which_most_dollars_are_open(chief):
    make.position(symbol="AAPL", net_position=Decimal(9), accumulated_long=Decimal(9))
    make.position(symbol="TSLA", net_position=Decimal("1.25"), accumulated_long=Decimal("1.25"))
    make.exposure(symbol="AAPL", since_at=ago(seconds=30))
    make.exposure(symbol="TSLA", since_at=ago(minutes=2))

    told = board(chief)

    assert "Most exposed: AAPL , 9 shares ( $1,802.25 ), past its threshold since 30 s ago ." in told
    assert told.index("AAPL 9 shares") < told.index("TSLA 1.25 shares")


def test_what_is_past_its_threshold_is_so_by_the_books_of_now(chief):
    """The watch of exposures comes by every few seconds: what it noted may be over, or not noted yet."""
    make.position(symbol="AAPL", net_position=Decimal("0.5"), accumulated_long=Decimal("0.5"))
    make.exposure(symbol="AAPL", since_at=ago(seconds=3))
    assert "No symbol is past its threshold." in board(chief)

    make.position(symbol="TSLA", net_position=Decimal("1.5"), accumulated_long=Decimal("1.5"))
    assert "Most exposed: TSLA , 1.5 shares ( $300.38 ), past its threshold just now." in board(chief)


@pytest.mark.parametrize(
    ("why", "facts"),
    [
        (make.denial, {"symbol": "TSLA", "rule": "kill_switch", "first_at": ago(seconds=11)}),
        (make.symbol_wait, {"symbol": "TSLA", "reason": "rejected"}),
    ],
)
def test_what_is_held_back_is_not_called_hedged(chief, why, facts):
    make.position(symbol="TSLA")
    why(**facts)
    assert board(chief).startswith("TSLA is held back, the rest is hedged, and nothing waits for an operator.")

    make.position(symbol="AAPL")
    assert board(chief).startswith("TSLA is held back, the rest is being hedged, and nothing waits for an operator.")


def test_a_denial_of_this_moment_and_one_within_the_threshold_hold_nothing_back(chief):
    make.position(symbol="AAPL")
    make.denial(symbol="AAPL", first_at=ago(seconds=2))
    make.position(symbol="TSLA", net_position=Decimal("0.5"), accumulated_long=Decimal("0.5"))
    make.denial(symbol="TSLA", first_at=ago(minutes=2))

    assert board(chief).startswith("Fills are being hedged, and nothing waits for an operator.")


@pytest.mark.parametrize(
    ("threshold", "net", "filling"),
    [("1 share", "0.5", "0.5"), ("$100", "-0.25", "0.500625"), ("1 share", "7", "2"), ("4 shares", "1", "0.25")],
)
def test_a_bar_is_filled_as_far_as_the_net_is_to_its_threshold_and_ends_at_twice_it(threshold, net, filling):
    net = Decimal(net)
    long, short = max(net, Decimal(0)), max(-net, Decimal(0))
    make.position(symbol="AAPL", net_position=net, accumulated_long=long, accumulated_short=short, threshold=threshold)

    [found] = exposures(LEGACY_TABLES)

    assert (found.net_shares, found.filling) == (net, Decimal(filling))
    assert found.is_past == (Decimal(filling) >= 1)


def test_a_flat_position_is_no_exposure_and_a_halted_one_is():
    make.position(symbol="AAPL", net_position=Decimal(0), accumulated_long=Decimal(0))
    make.position(symbol="TSLA", net_position=Decimal(0), accumulated_long=Decimal(0))
    make.symbol_wait(symbol="TSLA", halted_at=ago(minutes=1), reason="rejected five times")

    [found] = exposures(LEGACY_TABLES)

    assert (found.symbol, found.status, found.reason) == ("TSLA", "halted", "rejected five times")


def in_legacy_tables():
    hedged = make.onchain_trade(created_at=ago(minutes=9))
    make.link(trade=hedged, execution=make.order(symbol="AAPL"))
    waiting = make.onchain_trade(created_at=ago(minutes=8))
    make.link(trade=waiting, execution=make.open_order(symbol="AAPL"))
    make.onchain_trade(created_at=ago(minutes=7), base_symbol="TSLA", unlinked_shares=Decimal("0.3"))
    make.onchain_trade(created_at=ago(minutes=7), base_symbol="TSLA", side="SELL", unlinked_shares=Decimal("0.1"))
    make.onchain_trade(created_at=ago(minutes=6), reorged_at=ago(minutes=1), unlinked_shares=Decimal(1))
    make.onchain_trade(created_at=ago(days=1), unlinked_shares=Decimal(1))
    return LEGACY_TABLES


def in_views():
    hedged = make.onchain_trade_view(recorded_at=ago(minutes=9))
    make.link_view(trade_id=hedged.id, execution_id=make.order_view(symbol="AAPL").execution_id)
    waiting = make.onchain_trade_view(recorded_at=ago(minutes=8))
    order = make.order_view(symbol="AAPL", detailed_status="submitted", ended_at=None)
    make.link_view(trade_id=waiting.id, execution_id=order.execution_id)
    make.onchain_trade_view(recorded_at=ago(minutes=7), base_symbol="TSLA", unlinked_shares=Decimal("0.3"))
    make.onchain_trade_view(recorded_at=ago(minutes=7), base_symbol="TSLA", side="SELL", unlinked_shares=Decimal("0.1"))
    make.onchain_trade_view(recorded_at=ago(minutes=6), reorged_at=ago(minutes=1), unlinked_shares=Decimal(1))
    make.onchain_trade_view(recorded_at=ago(days=1), unlinked_shares=Decimal(1))
    return VIEWS


@pytest.mark.parametrize("made", [in_legacy_tables, in_views])
def test_each_fill_of_today_is_hedged_under_way_or_not_covered_yet(made):
    today = fills_of_today(made(), now=NOW)

    assert (today.fills, today.hedged, today.under_way, today.uncovered) == (4, 1, 1, 2)
    assert today.uncovered_by_symbol == [("TSLA", Decimal("0.2"))]
    assert today.sentence == "Of 4 fills today: 1 hedged, 1 with an order under way, 2 not covered whole yet."


def test_it_is_said_when_every_fill_of_today_is_hedged(chief):
    make.link(trade=make.onchain_trade(created_at=ago(minutes=9)), execution=make.order())

    assert "Every fill of today is hedged: 1 of 1." in board(chief)


def test_of_a_single_fill_it_is_said_how_it_stands(chief):
    fill = make.onchain_trade(created_at=ago(minutes=9), unlinked_shares=Decimal("0.1"))
    assert "The one fill of today is not covered whole yet." in board(chief)

    make.link(trade=fill, execution=make.open_order(symbol=fill.base_symbol, placed_at=ago(minutes=1)))
    fill.unlinked_shares = Decimal(0)
    fill.save()
    assert "The one fill of today has an order under way." in board(chief)


def test_a_fill_stands_beside_the_price_that_the_oracle_had(chief):
    make.onchain_trade(created_at=ago(seconds=9), price_usdc=Decimal("201"), pyth_price=Decimal("200"))
    make.onchain_trade(created_at=ago(seconds=8), price_usdc=None, usdc_amount=None)

    told = board(chief)

    assert "buy 1.5 AAPL $201.00 $200.00 +50.0" in told
    assert "buy 1.5 AAPL unpriced – –" in told


def test_no_oracle_is_no_difference():
    assert (
        basis_points(Decimal(1), None) is basis_points(None, Decimal(1)) is basis_points(Decimal(1), Decimal(0)) is None
    )


def test_an_order_of_unknown_outcome_stands_before_the_others(chief):
    make.open_order(symbol="AAPL", placed_at=ago(minutes=3))
    unknown = make.open_order(symbol="TSLA", detailed_status="unknown", placed_at=ago(minutes=1), reason="no answer")

    told = board(chief)

    assert "1 of unknown outcome." in told
    first = told[told.index("The broker is being asked.") :]
    assert first.split()[5:7] == ["order", str(unknown.pk)]


def test_a_station_that_is_silent_and_a_ledger_that_differs_are_told(chief):
    make.heartbeat(station="poller", process="host:1:a2", last_turn_at=ago(minutes=30))
    make.notice(kind="ledger_difference", subject="AAPL", opened_at=ago(minutes=4))

    told = board(chief)

    assert "differs since 4 min ago" in told


def test_what_is_held_back_is_told_with_its_rule_and_its_switch(chief):
    make.denial(symbol="AAPL", rule="max_order_shares", text="9 shares are more than 5", times=4)
    make.kill_switch(scope="symbol", subject="TSLA", is_on=True, actor="dora", reason="odd prices", at=ago(minutes=1))

    told = board(chief)

    assert "max order shares 9 shares are more than 5" in told
    assert "TSLA" in told
    assert "by dora 1 min ago : odd prices" in told


def test_decisions_of_today_are_counted_and_those_that_failed_are_named(chief):
    decision(ago(hours=1), status="executed")
    decision(ago(hours=1), status="failed", symbol="MSFT", reason="insufficient buying power")
    waits = {"status": "pending", "failed_at": None, "failure_kind": None, "reason": None}
    decision(ago(hours=1), symbol="NVDA", blocked_by="restricted", blocked_reason="until Friday", **waits)
    decision(ago(days=2), status="failed", symbol="GME", reason="long ago")

    told = board(chief)

    assert "1 pending, 1 executed, 1 failed" in told
    assert "failed buy MSFT insufficient buying power" in told
    assert "blocked buy NVDA until Friday" in told
    assert "GME" not in told


def test_an_amount_is_short_and_every_digit_is_a_touch_away(chief):
    make.position(
        symbol="AAPL", net_position=Decimal("0.123456789012345678"), accumulated_long=Decimal("0.123456789012345678")
    )

    html = chief.get("/live").content.decode()

    assert '<span title="0.123456789012345678">0.1234</span>' in html


def test_who_may_not_see_decisions_sees_none(client, django_user_model):
    someone = django_user_model.objects.create_user("someone", is_staff=True)
    someone.user_permissions.add(Permission.objects.get(codename="view_tradeaccumulator"))
    client.force_login(someone)
    decision(ago(hours=1), status="failed")

    answer = client.get("/")

    assert answer.status_code == 200
    assert "Decisions of today" not in words(answer)


def test_who_is_not_signed_in_is_sent_to_sign_in_and_a_part_says_so(client):
    assert client.get("/").headers["Location"] == "/admin/login/?next=/"
    assert client.get("/live").status_code == 401
    assert client.get("/charts").status_code == 401


def test_charts_tell_profit_backwards_from_its_end_and_fills_beside_the_oracle(chief):
    make.position(symbol="AAPL")
    make.position(symbol="TSLA")
    make.profit_row(symbol="AAPL", at=ago(minutes=9), cumulative_usd=Decimal(0))
    make.profit_row(symbol="AAPL", at=ago(minutes=8), realised_usd=Decimal("1.5"), cumulative_usd=Decimal("1.5"))
    make.profit_row(symbol="TSLA", at=ago(minutes=7), realised_usd=Decimal("-0.4"), cumulative_usd=Decimal("-0.4"))
    make.onchain_trade(block_timestamp=ago(minutes=9), price_usdc=Decimal("99.9"), pyth_price=Decimal(100))

    told = chief.get("/charts").json()

    assert told["profit"]["usd"] == ["0", "1.5", "1.1"]
    assert told["beside"] == {"at": ["2026-03-02T15:51:00.000000Z"], "symbol": ["AAPL"], "basis_points": ["-10"]}


def test_what_waits_is_told_in_words_with_its_number_and_when_that_was_so(chief):
    make.open_order(symbol="AAPL", placed_at=ago(minutes=3))

    told = words(chief.get("/pace"))

    assert "1 order at the broker, the oldest 3 min ago" in told
    assert "As it stood 0 s ago ; asked again every 15 s." in told


def asked_with(client, rows):
    for n in rows:
        trade = make.onchain_trade(created_at=ago(minutes=9), base_symbol=f"A{n}", unlinked_shares=Decimal("0.1"))
        make.link(trade=trade, execution=make.open_order(symbol=f"A{n}", placed_at=ago(minutes=1)))
        make.position(symbol=f"A{n}")
        make.exposure(symbol=f"A{n}", since_at=ago(seconds=1))
        make.denial(symbol=f"A{n}")
        make.notice(kind="overfill", subject=f"order {n}")
        decision(ago(hours=1), status="failed", symbol=f"A{n}")
    with CaptureQueriesContext(connection) as asked:
        client.get("/live")
    return len(asked)


def test_it_asks_no_more_of_the_database_however_much_there_is_to_show(chief):
    few, many = asked_with(chief, range(1)), asked_with(chief, range(1, 10))

    assert few == many <= 65
