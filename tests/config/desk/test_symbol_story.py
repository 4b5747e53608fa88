"""The story of a symbol: how it stands, whether today's fills are hedged, and what happened, from real flows."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.config.desk.looking import content_links, entries, someone_who_may, words
from tests.support import decided
from tests.support import factories as make
from tests.support.made_chain import block_hash, know_tokens, log_of, take
from tests.support.stations import MODES, Clock, Stations
from tests.support.venue import Venue
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import OrderRejected
from trading.conductor.reversal import revert_blocks
from trading.conductor.verbs.requests import Verb, ask
from trading.ledger.mode import Mode
from trading.risk.controls import RestrictedSymbol, change, throw
from trading.risk.scopes import Scope

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("django.utils.timezone.now", clock)
    return clock


@pytest.fixture
def venue(clock):
    return Venue(clock)


@pytest.fixture(params=MODES)
def stations(request, clock, venue):
    know_tokens("tAAPL", "tMSFT")
    return Stations(mode=request.param, clock=clock, broker=venue)


def fill(stations, side, shares, block, token="tAAPL"):
    stations.fill(log_of(take(side, shares, token, usdc=str(Decimal(shares) * 200)), block=block))


def hedged(stations, venue, *, filled):
    """Let what is due be placed, and what was placed be filled."""
    stations.hedge()
    stations.forward(1)
    venue.tell(OrderStatus.FILLED, filled)
    stations.hedge()


def symbol(client, name="AAPL", **asked):
    answer = client.get(f"/symbols/{name}/", asked)
    assert answer.status_code == 200, words(answer)
    return answer


def test_a_fill_and_its_hedge_are_told_newest_first_in_every_ledger(boss, stations, venue):
    fill(stations, "BUY", "2.5", 100)
    stations.forward(3)
    hedged(stations, venue, filled="2")

    answer = symbol(boss)

    assert entries(answer) == ["order filled", "order submitted", "order placed", "fill"]
    told = words(answer)
    assert "We bought 2.5 shares on chain at $200, $500 in all in block 100, transaction 0x" in told
    assert "Order 1 was placed: sell 2 shares at dry_run, as ht-" in told
    assert "Order 1 ended as filled, 2 of 2 shares filled at $200." in told
    # How long after the one before it each came.
    assert "1.00 s later order filled" in told
    assert "3.00 s later order placed" in told
    assert "Net 0.5 shares, $100.00 at the last price open" in told
    assert "/orders/1/" in content_links(answer)


def test_each_link_of_a_story_leads_to_a_page_that_is_there(boss, stations, venue, clock):
    fill(stations, "BUY", "2.5", 100)
    hedged(stations, venue, filled="2")
    make.notice(kind="overfill", subject="order 1", opened_at=clock())
    ask(Verb.RECHECK_ORDER, "1", actor="dora", reason="odd", now=clock())
    throw(Scope.SYMBOL, "AAPL", on=True, reason="odd prices", actor="dora", at=clock())
    decided.execution(trade_decision=decided.decision(decided_at=clock(), known_at=clock()), placed_at=clock())
    make.denial(symbol="AAPL", first_at=clock())

    found = content_links(symbol(boss))

    assert len(set(found)) > 12
    for link in set(found):
        assert boss.get(link).status_code == 200, link


@pytest.mark.parametrize("mode", MODES)
def test_whether_every_fill_of_today_is_hedged_is_answered_plainly(boss, mode, clock, venue):
    know_tokens("tAAPL")
    stations = Stations(mode=mode, clock=clock, broker=venue)
    fill(stations, "BUY", "1", 100)
    hedged(stations, venue, filled="1")

    assert "Every fill of today is hedged: 1 of 1." in words(symbol(boss))

    fill(stations, "SELL", "0.4", 101)
    fill(stations, "BUY", "1.6", 102)
    stations.hedge()  # An order of 1 share is under way; 0.4 shares cancel out, and 0.2 are open.

    told = words(symbol(boss))
    assert "Of 3 fills today: 2 hedged, 1 not covered whole yet. Open of them: 0.2 shares, net of sales." in told
    assert "sell 0.4 $200.00 hedged 0.4 netted with 0x" in told
    assert "open 1 by order 2 , under way 0.4 netted with 0x" in told
    assert "0.2 open" in told
    assert "buy 1 $200.00 hedged 1 by order 1" in told


def test_a_fill_of_yesterday_is_no_fill_of_today(boss, stations, venue, clock):
    fill(stations, "BUY", "0.5", 100)
    clock.forward(24 * 3600)

    told = words(symbol(boss))

    assert "No fill today." in told
    assert "We bought 0.5 shares" in told


def test_what_a_reorg_took_is_told_and_counts_no_more(boss, stations, clock):
    fill(stations, "BUY", "0.5", 100)
    stations.forward(5)
    revert_blocks(stations.ledger, [block_hash(100)], now=clock())

    answer = symbol(boss)

    assert entries(answer) == ["reorg", "fill"]
    assert "A reorg took block 100, and the fill in it: we had bought 0.5 shares" in words(answer)
    assert "No fill today." in words(answer)


def test_what_holds_a_symbol_back_stands_with_how_it_stands_now(boss, stations, clock):
    fill(stations, "BUY", "2", 100)
    throw(Scope.SYMBOL, "AAPL", on=True, reason="odd prices", actor="dora", at=clock())
    change(RestrictedSymbol(symbol="AAPL", side="SELL"), reason="a merger", actor="dora", at=clock())
    make.exposure(symbol="AAPL", since_at=clock() - timedelta(minutes=6))
    make.symbol_wait(symbol="AAPL", halted_at=clock(), reason="rejected five times")

    told = words(symbol(boss))

    assert "Kill switch on (symbol AAPL) , by dora 0 s ago : odd prices" in told
    assert "Restricted: AAPL SELL , by dora: a merger" in told
    assert "Past it since 6 min ago" in told
    assert "Halted since 0 s ago : rejected five times" in told
    assert (
        'dora set the kill switch (symbol AAPL) to {"is_on":true}, since “odd prices”. Before it was not there.' in told
    )


def test_denials_notices_and_requests_are_told_with_what_came_of_them(boss, stations, clock):
    fill(stations, "BUY", "2", 100)
    make.denial(
        symbol="AAPL", rule="max_order_shares", text="9 shares are more than 5", times=4, first_at=clock(), side="SELL"
    )
    make.notice(kind="symbol_halted", subject="AAPL", text="five rejections alike", opened_at=clock())
    make.notice(kind="order_denied", subject="AAPL (hedge)", text="it is too large", opened_at=clock())
    make.notice(kind="symbol_halted", subject="MSFT", text="of another symbol", opened_at=clock())
    ask(Verb.RESUME_SYMBOL, "AAPL", actor="dora", reason="mended", now=clock())

    told = words(symbol(boss))

    assert "by max_order_shares: 9 shares are more than 5. It was asked 4 times" in told
    assert "Operators were told (symbol halted): five rejections alike. It is open." in told
    assert "Operators were told (order denied): it is too large. It is open." in told
    assert "dora asked to resume symbol (AAPL), since “mended”. It is waiting." in told
    assert "of another symbol" not in told


def test_a_net_past_its_threshold_is_told_to_be_past_it(boss, stations):
    fill(stations, "BUY", "0.9", 100)
    assert "Past it since it is not past it" in words(symbol(boss))

    fill(stations, "BUY", "0.1", 101)
    assert "Past it since it is past it" in words(symbol(boss))


def test_a_rejected_hedge_says_why(boss, stations, venue):
    venue.fail("submit", OrderRejected("not enough buying power"))
    fill(stations, "BUY", "2", 100)
    stations.hedge()

    answer = symbol(boss)

    assert "order rejected" in entries(answer)
    assert "Order 1 ended as rejected, 0 of 2 shares filled: not enough buying power." in words(answer)


def test_decisions_and_their_attempts_stand_between_the_hedges(boss, clock):
    make.position(symbol="AAPL")
    failed = decided.decision(decided_at=clock(), known_at=clock(), failed_at=clock() + timedelta(seconds=2))
    decided.execution(trade_decision=failed, placed_at=clock() + timedelta(seconds=1))

    answer = symbol(boss)

    assert entries(answer) == ["decision failed", "attempt rejected", "decision"]
    told = words(answer)
    assert "decided to buy 4.5 shares of AAPL on 2026-03-02, by congressional_buy, with a strength of 8.5." in told
    assert "failed (insufficient_buying_power): insufficient buying power." in told
    assert "and is rejected (HTTP 403): insufficient buying power." in told
    assert f"/decisions/{failed.decision_id}/" in content_links(answer)


def test_a_symbol_of_decisions_alone_has_a_story_too(boss):
    decided.decision(symbol="BRK.B")

    answer = symbol(boss, "brk.b")

    assert entries(answer) == ["decision failed", "decision"]
    assert "Is every fill of today hedged?" not in words(answer)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("GME", "We have no position in GME, and nothing was decided or denied of it."),
        ("%24%24", "Expected a stock symbol such as AAPL or BRK.B, was &#x27;$$&#x27;."),
    ],
)
def test_of_what_is_not_there_a_sentence_is_said(boss, name, said):
    answer = boss.get(f"/symbols/{name}/")

    assert answer.status_code == 404
    assert said in answer.content.decode()


def test_what_was_changed_for_every_symbol_is_no_word_about_one(boss):
    throw(Scope.GLOBAL, "", on=True, reason="wrong prices", actor="anna", at=datetime(2026, 3, 2, tzinfo=UTC))

    assert boss.get("/symbols/GME/").status_code == 404

    throw(Scope.SYMBOL, "GME", on=True, reason="odd prices", actor="anna", at=datetime(2026, 3, 2, tzinfo=UTC))
    assert "odd prices" in words(symbol(boss, "GME"))


def test_profit_and_the_prices_of_chain_and_oracle_are_told(boss, clock):
    make.position(symbol="AAPL", last_price_at=clock())
    make.onchain_trade(
        created_at=clock(), pyth_price=Decimal("201.5"), pyth_confidence=Decimal(1), pyth_publish_time=clock()
    )
    make.profit_row(
        symbol="AAPL",
        at=clock(),
        cumulative_usd=Decimal("12.345"),
        lots='{"side":"BUY","lots":[{"shares":"2","usd":"390"}]}',
    )

    told = words(symbol(boss))

    assert "Last price $200.25" in told
    assert "Oracle price $201.50" in told
    assert "The oracle said $201.5." in told
    assert "Realised profit $12.34" in told
    assert "Not realised $10.00" in told


def test_who_may_not_see_a_kind_of_thing_sees_a_page_without_it(client, django_user_model, stations, venue, clock):
    fill(stations, "BUY", "2", 100)
    hedged(stations, venue, filled="2")
    decided.decision()
    make.notice(kind="overfill", subject="order 1", opened_at=clock())
    client.force_login(
        someone_who_may(django_user_model, "trading.view_tradeaccumulator", "trading.view_offchaintrade")
    )

    answer = client.get("/symbols/AAPL/")

    assert set(entries(answer)) == {"order filled", "order submitted", "order placed"}
    assert "Is every fill of today hedged?" not in words(answer)
    assert "Realised profit" not in words(answer)


def test_who_may_not_see_positions_sees_no_story_of_a_symbol(client, django_user_model):
    make.position(symbol="AAPL")
    client.force_login(someone_who_may(django_user_model, "trading.view_onchaintrade"))

    assert client.get("/symbols/AAPL/").status_code == 403
    client.logout()
    assert client.get("/symbols/AAPL/").headers["Location"].startswith("/admin/login/")


def test_older_entries_are_a_page_away_and_each_stands_on_one_page(boss, clock):
    """Of one moment too: a batch of fills is taken in at once."""
    make.position(symbol="AAPL")
    for n in range(50):
        make.onchain_trade(created_at=clock(), block_number=n + 1)
    for n in range(25):
        order = make.order(
            symbol="AAPL",
            placed_at=clock() + timedelta(seconds=10 * n),
            submitted_at=clock() + timedelta(seconds=10 * n),
            ended_at=clock() + timedelta(seconds=10 * n + 1),
        )
        make.notice(kind="late_fill", subject=f"order {order.pk}", opened_at=clock() + timedelta(seconds=10 * n + 1))
    seen, address = [], "/symbols/AAPL/"
    while address:
        answer = boss.get(address)
        assert answer.status_code == 200
        told = answer.context["story"].page.told
        seen += [(one.entry.rank, one.entry.key) for one in told]
        older = [link for link in content_links(answer) if "before=" in link]
        address = f"/symbols/AAPL/{older[0]}" if older else None
        assert len(told) <= 40

    assert len(seen) == len(set(seen)) == 50 + 25 * 4


@pytest.mark.parametrize("mode", [Mode.LEGACY, Mode.EVENTS])
def test_pages_of_fills_of_one_moment_follow_on_in_every_ledger(boss, mode, clock):
    make.ledger_mode(mode=mode)
    views = mode is Mode.EVENTS
    (make.position_view if views else make.position)(symbol="AAPL")
    for _ in range(45):
        (make.onchain_trade_view(recorded_at=clock()) if views else make.onchain_trade(created_at=clock()))

    first = symbol(boss)
    (older,) = [link for link in content_links(first) if "before=" in link]
    second = boss.get(f"/symbols/AAPL/{older}")

    keys = [[one.entry.key for one in answer.context["story"].page.told] for answer in (first, second)]
    assert [len(each) for each in keys] == [40, 5]
    assert not set(keys[0]) & set(keys[1])


@pytest.mark.parametrize(
    "before", ["nonsense", "2026-03-02T16:00:00~9~1", "2026-03-02T16:00:00+00:00~99~1", "2026-03-02T16:00:00+00:00~2~x"]
)
def test_a_place_that_is_none_is_said_to_be_one(boss, before):
    make.position(symbol="AAPL")

    answer = boss.get("/symbols/AAPL/", {"before": before})

    assert answer.status_code == 404
    assert "Expected a place as the link to older entries has it" in words(answer)


def test_a_place_of_another_ledgers_fills_is_said_to_be_none(boss):
    make.position(symbol="AAPL")

    answer = boss.get("/symbols/AAPL/", {"before": "2026-03-02T16:00:00+00:00~9~0xab:7"})

    assert answer.status_code == 404


def rows(clock, numbers):
    for n in numbers:
        at = clock() - timedelta(minutes=n)
        trade = make.onchain_trade(created_at=at)
        order = make.order(symbol="AAPL", placed_at=at, submitted_at=at, ended_at=at)
        make.link(trade=trade, execution=order)
        make.netting_link(trade=trade, execution=order, opposite=make.onchain_trade(created_at=at, side="SELL"))
        make.onchain_trade(created_at=at, reorged_at=at)
        decided.execution(trade_decision=decided.decision(decided_at=at, known_at=at), placed_at=at)
        make.denial(symbol="AAPL", rule=f"rule {n}", first_at=at, ended_at=at)
        make.notice(kind="late_fill", subject=f"order {order.pk}", opened_at=at)
        make.operator_request(subject=str(order.pk), asked_at=at)
        make.risk_change(control="kill_switch", subject="symbol AAPL", at=at)


def statements(client, address):
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(address)
    assert answer.status_code == 200
    return len(asked)


def test_it_asks_no_more_of_the_database_however_much_happened(boss, clock):
    make.position(symbol="AAPL")
    make.profit_row(symbol="AAPL", at=clock(), lots='{"side":"BUY","lots":[]}')
    rows(clock, range(5))
    few = statements(boss, "/symbols/AAPL/")
    rows(clock, range(5, 50))

    assert few == statements(boss, "/symbols/AAPL/") <= 32
