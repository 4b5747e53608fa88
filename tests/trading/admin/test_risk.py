"""What is at risk: positions, orders, waits and notices, as an operator reads them."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from tests.support import factories as make
from tests.trading.admin.pages import links_in, list_of, page_of, rows_in, text_of

pytestmark = pytest.mark.django_db

TINY = Decimal("0.0000001")
LONG = Decimal("12345678901234567890.123456789012345678901234567890123456789")


@pytest.mark.parametrize(
    ("net", "seen"),
    [
        (TINY, "0.0000001"),
        (LONG, "12345678901234567890.123456789012345678901234567890123456789"),
        (Decimal("-100"), "-100"),
        (Decimal(0), "0"),
    ],
)
@pytest.mark.parametrize("factory", [make.position, make.position_view])
def test_a_net_is_shown_plain_and_whole(operator, factory, net, seen):
    row = factory(net_position=net, symbol="TSLA")

    assert f" {seen} " in text_of(operator.get(list_of(row._meta.label_lower)))
    page = text_of(operator.get(page_of(row)))
    assert f"TSLA {seen} " in page
    assert "E-" not in page


@pytest.mark.parametrize("factory", [make.position, make.position_view])
def test_a_position_tells_what_its_order_leaves_open(operator, factory):
    order = make.open_order(symbol="TSLA", shares=Decimal(2))
    make.order_view(execution_id=order.pk, symbol="TSLA")
    row = factory(
        symbol="TSLA",
        net_position=Decimal("2.5"),
        accumulated_long=Decimal("2.5"),
        pending_execution_id=order.pk,
        pending_side="SELL",
        pending_shares=Decimal(2),
        pending_filled_shares=Decimal("0.5"),
    )

    page = operator.get(page_of(row))

    assert f"{order.pk}: SELL 2, 0.5 filled" in text_of(page)
    assert " 1 " in text_of(page)  # 2.5 less the 1.5 that the order has still to sell.
    assert " 500.625 " in text_of(page)
    assert "200.25 at 2026-03-02 12:00:00 UTC" in text_of(page)
    assert "at threshold" in text_of(page)


def test_a_position_without_a_price_says_so(operator):
    make.position(last_price_usdc=None, last_price_at=None)

    seen = text_of(operator.get(list_of("trading.tradeaccumulator")))

    assert seen.count("unpriced") >= 2


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"net": "flat"}, ["FLAT"]),
        ({"net": "open"}, ["BUSY", "LONG"]),
        ({"order": "under_way"}, ["BUSY"]),
        ({"order": "none"}, ["FLAT", "LONG"]),
        ({"price": "unpriced"}, ["FLAT"]),
        ({"q": "long"}, ["LONG"]),
        ({"q": "LON"}, []),
    ],
)
@pytest.mark.parametrize("model", ["trading.tradeaccumulator", "trading.positionview"])
def test_positions_are_found(operator, model, query, found):
    factory = make.position if model == "trading.tradeaccumulator" else make.position_view
    factory(symbol="LONG")
    factory(symbol="FLAT", net_position=Decimal(0), last_price_usdc=None)
    factory(symbol="BUSY", pending_execution_id=make.open_order(symbol="BUSY").pk)

    assert [row.symbol for row in rows_in(operator.get(list_of(model), query))] == found


@pytest.mark.parametrize("factory", [make.order, make.order_view])
def test_an_order_tells_its_four_quantities_apart(operator, factory):
    row = factory(shares=Decimal("10.5"), accepted_shares=Decimal("10.25"), filled_shares=Decimal("3.125"))

    listed = operator.get(list_of(row._meta.label_lower))

    assert [column(listed, name) for name in ("requested", "accepted", "filled", "remaining")] == [
        "10.5",
        "10.25",
        "3.125",
        "7.375",
    ]


def test_an_order_tells_why_and_what_no_trade_covers(operator):
    row = make.order(
        status="FAILED",
        detailed_status="rejected",
        reason="insufficient buying power",
        unallocated_shares=Decimal("0.75"),
        unallocated_cause="overfill",
    )

    page = text_of(operator.get(page_of(row)))

    for said in ("rejected", "insufficient buying power", "0.75", "overfill", row.client_order_id, row.broker_order_id):
        assert said in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"open": "open"}, [2]),
        ({"open": "ended"}, [3, 1]),
        ({"state": "rejected"}, [3]),
        ({"broker": "alpaca"}, [3]),
        ({"side": "BUY"}, [3]),
        ({"unallocated": "some"}, [1]),
        ({"q": "2"}, [2]),
        ({"q": "tsla"}, [2]),
        ({"q": "ht-mark-3-1"}, [3]),
        ({"q": "ht-mark-"}, [3, 2, 1]),
        ({"q": "THEIRS-1"}, [1]),
        ({"q": "ht-mark- tsla"}, [2]),
    ],
)
@pytest.mark.parametrize("model", ["trading.offchaintrade", "trading.offchainorderview"])
def test_orders_are_found(operator, model, query, found):
    def factory(n, **facts):
        facts |= {"client_order_id": f"ht-mark-{n}-1", "broker_order_id": f"THEIRS-{n}"}
        return (
            make.order(id=n, **facts) if model == "trading.offchaintrade" else make.order_view(execution_id=n, **facts)
        )

    factory(1, unallocated_shares=Decimal(1))
    factory(2, symbol="TSLA", status="SUBMITTED", detailed_status="submitted", ended_at=None)
    factory(3, status="FAILED", detailed_status="rejected", side="BUY", broker="alpaca")

    assert [row.pk for row in rows_in(operator.get(list_of(model), query))] == found


def test_open_notices_come_first(operator):
    older = make.notice()
    closed = make.notice(closed_at=make.NOON)
    newer = make.notice()

    assert rows_in(operator.get(list_of("trading.notice"))) == [newer, older, closed]
    assert rows_in(operator.get(list_of("trading.notice"), {"state": "open"})) == [newer, older]
    assert rows_in(operator.get(list_of("trading.notice"), {"state": "closed"})) == [closed]
    assert rows_in(operator.get(list_of("trading.notice"), {"q": older.subject})) == [older]


def test_halted_and_waiting_symbols_are_told_apart(operator):
    waiting, halted = make.symbol_wait(symbol="AAPL"), make.symbol_wait(symbol="TSLA", halted_at=make.NOON)

    assert rows_in(operator.get(list_of("trading.symbolwait"), {"state": "waiting"})) == [waiting]
    assert rows_in(operator.get(list_of("trading.symbolwait"), {"state": "halted"})) == [halted]
    assert "buying power" in text_of(operator.get(page_of(halted)))


def test_a_station_tells_how_long_it_has_been_silent(operator):
    make.heartbeat(last_turn_at=timezone.now() - timedelta(hours=1))

    seen = operator.get(list_of("trading.stationheartbeat"))

    assert 3600 <= int(text_of(seen).split(" s ")[0].split()[-1]) < 3700
    assert "bg-red-100" in seen.content.decode()


def test_every_link_of_a_hedge_leads_somewhere(operator):
    place = {"tx_hash": make.tx_hash(999), "log_index": 7, "block_number": 5, "block_hash": make.tx_hash(5)}
    block = make.block(number=5, hash=make.tx_hash(5))
    log = make.queued_log(**place, processed=True, outcome="fill")
    place["unlinked_shares"] = Decimal("0.5")
    trade, trade_view = make.onchain_trade(**place), make.onchain_trade_view(**place)
    sell = make.onchain_trade(side="SELL")
    order = make.open_order(client_order_id="ht-k3v9x2bc-17-1")
    order_view = make.order_view(execution_id=order.pk, client_order_id="ht-k3v9x2bc-17-1")
    pending = {"pending_execution_id": order.pk, "pending_side": "SELL", "pending_shares": Decimal(3)}
    position = make.position(symbol="AAPL", **pending)
    position_view = make.position_view(symbol="AAPL", **pending)
    link, netting = (
        make.link(trade=trade, execution=order),
        make.netting_link(trade=trade, opposite=sell, execution=order),
    )
    link_view = make.link_view(trade_id=trade_view.pk, execution_id=order.pk)
    netting_view = make.netting_link_view(trade_id=trade_view.pk, opposite_id=trade_view.pk, execution_id=order.pk)
    rows = [block, log, trade, trade_view, order, order_view, position, position_view]
    rows += [link, netting, link_view, netting_view]
    rows += [
        make.dry_run_order(client_order_id=order.client_order_id),
        make.api_call(reference=order.client_order_id),
        make.symbol_wait(symbol="AAPL"),
        make.operator_request(verb="resume_symbol", subject="AAPL"),
        make.operator_request(subject=str(order.pk)),
        make.symbol_lock(symbol="AAPL"),
        make.order_work(order_id=order.pk),
        make.enrichment(id=trade_view.pk),
        make.token(),
        make.backlogged_event(),
        make.event(aggregate_type="Position", aggregate_id="AAPL"),
        make.event(aggregate_type="OnChainTrade", aggregate_id=trade_view.pk),
        make.event(aggregate_type="OffchainOrder", aggregate_id=str(order.pk)),
    ]

    links = set()
    for row in rows:
        links |= set(links_in(operator.get(page_of(row)))) | set(links_in(operator.get(list_of(row._meta.label_lower))))
    answers = {link: operator.get(link) for link in links}

    assert len(links) > 25
    assert {link: answer.status_code for link, answer in answers.items() if answer.status_code != 200} == {}
    # Only the backlogged event's own stream holds nothing yet.
    empty = [link for link, answer in answers.items() if "?" in link and not rows_in(answer)]
    assert [link for link in empty if "storedevent" not in link] == []
    assert len(empty) == 1


def test_the_page_of_an_order_names_the_trades_that_it_covers(operator):
    order = make.order()
    link = make.link(execution=order, released_shares=Decimal("0.25"))

    page = operator.get(page_of(order))

    assert "1.5 shares, 0.25 released of " in text_of(page)
    assert page_of(link.trade) in links_in(page)


def test_a_row_that_is_not_there_is_no_error(operator):
    row = make.notice()
    url = page_of(row)
    row.delete()

    assert operator.get(url).status_code == 302


def column(answer, name):
    """Return the cell of a column in the one row of a list."""
    model_admin = answer.context["cl"].model_admin
    (row,) = rows_in(answer)
    cell = model_admin._column(name)(row)
    assert f">{cell}<" in answer.content.decode()
    return cell
