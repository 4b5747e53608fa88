"""Links: which fills an order was placed for, in chain order, exact, and what becomes of them at its end."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.trading.ledger import agreement
from tests.trading.ledger.steps import AT, Steps, tx_hash
from trading.ledger.compare import compare
from trading.ledger.mode import Mode
from trading.ledger.tables import NettingLink, OffchainTrade, OnchainTrade, TradeExecutionLink
from trading.onchain_trade.aggregate import AlreadyFilled, OnChainTrade
from trading.onchain_trade.commands import Migrate
from trading.values.identifiers import TradeId
from trading.values.sides import Side

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[Mode.DUAL, Mode.EVENTS])
def steps(request):
    steps = Steps(request.param)
    yield steps
    agreement.hold_states(steps.ledger)
    agreement.hold_links(steps.ledger)
    assert list(compare(steps.ledger.mode)) == []


def order_of(number):
    row = OffchainTrade.objects.get(pk=number)
    return f"{row.side} {row.shares} {row.symbol}"


def places():
    """Fills by their places in the story, from 1."""
    keys = OnchainTrade.objects.order_by("id").values_list("id", flat=True)
    return {key: place for place, key in enumerate(keys, start=1)}


def links_of(number):
    """The fills that an order was placed for, with the shares that it took of each."""
    rows = TradeExecutionLink.objects.filter(execution_id=number).order_by("id")
    return [(places()[row.trade_id], row.contributed_shares) for row in rows]


def effective_links_of(number):
    rows = TradeExecutionLink.objects.filter(execution_id=number).order_by("id")
    return {places()[row.trade_id]: row.contributed_shares - row.released_shares for row in rows}


def netted():
    rows = NettingLink.objects.order_by("id")
    return [(places()[row.trade_id], places()[row.opposite_id], row.netted_shares) for row in rows]


def left_open():
    return {places()[row.id]: row.unlinked_shares for row in OnchainTrade.objects.exclude(unlinked_shares=0)}


def unallocated(number):
    row = OffchainTrade.objects.get(pk=number)
    return row.unallocated_shares, row.unallocated_cause


def d(text):
    return Decimal(text)


# The reference's vectors: fills, each followed by a hedge if one is due; the order, its links, and what is left open.
VECTORS = {
    "V1": ([("SELL", "0.5", "AAPL0x")], [], {1: "0.5"}),
    "V2": ([("SELL", "1.5", "MSFT0x")], [("BUY 1 MSFT", {1: "1"})], {1: "0.5"}),
    "V3": (
        [("SELL", "0.3", "AAPL0x"), ("SELL", "0.4", "AAPL0x"), ("SELL", "0.4", "AAPL0x")],
        [("BUY 1 AAPL", {1: "0.3", 2: "0.4", 3: "0.3"})],
        {3: "0.1"},
    ),
    "V4": (
        [("SELL", "0.3", "AAPL0x"), ("SELL", "0.5", "AAPL0x"), ("SELL", "0.4", "AAPL0x")],
        [("BUY 1 AAPL", {1: "0.3", 2: "0.5", 3: "0.2"})],
        {3: "0.2"},
    ),
    "V5": (
        [("BUY", "0.3", "MSFT0x"), ("BUY", "0.4", "MSFT0x"), ("BUY", "0.5", "MSFT0x")],
        [("SELL 1 MSFT", {1: "0.3", 2: "0.4", 3: "0.3"})],
        {3: "0.2"},
    ),
    "V6": (
        [("SELL", "0.4", "AAPL0x"), ("SELL", "0.8", "AAPL0x")],
        [("BUY 1 AAPL", {1: "0.4", 2: "0.6"})],
        {2: "0.2"},
    ),
    "V7": ([("BUY", "1.2", "TSLA0x")], [("SELL 1 TSLA", {1: "1"})], {1: "0.2"}),
    "V8": (
        [("SELL", "0.8", "AAPL0x"), ("SELL", "0.3", "AAPL0x")],
        [("BUY 1 AAPL", {1: "0.8", 2: "0.2"})],
        {2: "0.1"},
    ),
    "V9": (
        [("BUY", "1.5", "AAPL0x"), ("SELL", "1.5", "MSFT0x")],
        [("SELL 1 AAPL", {1: "1"}), ("BUY 1 MSFT", {2: "1"})],
        {1: "0.5", 2: "0.5"},
    ),
    "V10": (
        [("SELL", "0.6", "GME0x"), ("SELL", "0.3", "GMEs1"), ("SELL", "0.2", "tGME")],
        [("BUY 1 GME", {1: "0.6", 2: "0.3", 3: "0.1"})],
        {3: "0.1"},
    ),
    # Here the reference leaves 0.5 of the buy unlinked for ever; we net it with the sell that is left open, so that
    # what stays open is the net: -0.2 once the order is filled.
    "V16": (
        [("SELL", "0.8", "AAPL0x"), ("BUY", "0.5", "AAPL0x"), ("SELL", "0.9", "AAPL0x")],
        [("BUY 1 AAPL", {1: "0.8", 3: "0.2"})],
        {3: "0.2"},
    ),
    "0.1 ten times is 1 exactly": (
        [("SELL", "0.1", "tAAPL")] * 10,
        [("BUY 1 AAPL", dict.fromkeys(range(1, 11), "0.1"))],
        {},
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_vector(name, steps):
    fills, expected, expected_open = VECTORS[name]
    orders = []
    for side, amount, token in fills:
        trade = steps.fill(side, amount, token)
        symbol = OnchainTrade.objects.get(tx_hash=trade.tx_hash).base_symbol
        orders += [number for number in [steps.hedge(symbol)] if number is not None]

    assert [(order_of(number), dict(links_of(number))) for number in orders] == [
        (order, {place: d(shares) for place, shares in links.items()}) for order, links in expected
    ]
    assert left_open() == {place: d(shares) for place, shares in expected_open.items()}
    assert all(unallocated(number) == (0, None) for number in orders)
    if name == "V16":
        assert netted() == [(3, 2, d("0.5"))]


def test_v15_a_fill_that_is_known_changes_nothing(steps):
    steps.fill("SELL", "1.5", block=7, tx=tx_hash("V15"))
    order = steps.hedge()
    before = agreement.dump(agreement.LEGACY_TABLES), links_of(order)

    with pytest.raises(AlreadyFilled):
        steps.fill("SELL", "1.5", block=7, tx=tx_hash("V15"))

    assert steps.hedge() is None
    assert (agreement.dump(agreement.LEGACY_TABLES), links_of(order)) == before
    assert steps.position().net == d("-1.5")


def test_fills_are_covered_in_the_order_of_the_chain_and_not_of_arrival(steps):
    steps.fill("BUY", "0.4", block=12, log_index=3)
    steps.fill("BUY", "0.4", block=12, log_index=1)
    steps.fill("BUY", "0.4", block=9, log_index=8)

    assert links_of(steps.hedge()) == [(3, d("0.4")), (2, d("0.4")), (1, d("0.2"))]


def test_fills_are_netted_oldest_first_and_the_open_ones_add_up_to_the_net(steps):
    for side, amount in [("BUY", "0.6"), ("SELL", "0.3"), ("BUY", "0.9"), ("SELL", "0.1"), ("BUY", "0.5")]:
        steps.fill(side, amount)

    order = steps.hedge()

    assert order_of(order) == "SELL 1 AAPL"
    assert links_of(order) == [(1, d("0.6")), (3, d("0.4"))]
    assert netted() == [(3, 2, d("0.3")), (3, 4, d("0.1"))]
    assert left_open() == {3: d("0.1"), 5: d("0.5")}
    assert steps.position().open_net == d("0.6")


def test_what_an_order_does_not_fill_is_given_back_newest_first_and_covered_again(steps):
    for _ in range(3):
        steps.fill("BUY", "1")
    order = steps.hedge()
    steps.submit(order)
    steps.partly_fill(order, "0.5")
    steps.cancel(order, "1.5")

    assert effective_links_of(order) == {1: 1, 2: d("0.5"), 3: 0}
    assert left_open() == {2: d("0.5"), 3: 1}
    assert steps.position().net == d("1.5")
    # The shares that came back trigger the next hedge by themselves.
    again = steps.hedge()
    assert order_of(again) == "SELL 1 AAPL"
    assert links_of(again) == [(2, d("0.5")), (3, d("0.5"))]


def test_a_rejected_order_gives_everything_back(steps):
    steps.fill("SELL", "2.5")
    order = steps.hedge()
    steps.fail(order)

    assert effective_links_of(order) == {1: 0}
    assert left_open() == {1: d("2.5")}
    assert order_of(steps.hedge()) == "BUY 2 AAPL"


def test_an_overfill_covers_open_fills_and_the_rest_is_unallocated_with_its_cause(steps):
    steps.fill("BUY", "1.25")
    order = steps.hedge()
    steps.submit(order)
    steps.complete(order, "1.5")

    assert links_of(order) == [(1, d("1.25"))]
    assert unallocated(order) == (d("0.25"), "overfill")
    assert steps.position().net == d("-0.25")
    # The next order hedges what no fill explains, and says so.
    steps.fill("SELL", "0.75")
    back = steps.hedge()
    assert links_of(back) == [(2, d("0.75"))]
    assert unallocated(back) == (d("0.25"), "overfill")


def test_a_late_fill_covers_open_fills_and_the_rest_is_unallocated(steps):
    steps.fill("BUY", "1.5")
    order = steps.hedge()
    steps.submit(order)
    steps.cancel(order, "0.5")
    steps.fill_late(order, "2")

    assert effective_links_of(order) == {1: d("1.5")}
    assert unallocated(order) == (d("0.5"), "late fill")
    assert steps.position().net == d("-0.5")
    steps.fill("SELL", "1")
    back = steps.hedge()
    assert unallocated(back) == (0, None)  # Its one share is the fill's; what is unexplained is still open.
    assert left_open() == {}
    assert steps.position().open_net == d("-0.5")


def test_links_of_a_reorged_fill_stay_marked_and_the_next_hedge_takes_the_exposure_back(steps):
    gone = steps.fill("BUY", "2")
    order = steps.hedge()
    steps.submit(order)
    steps.complete(order)
    steps.reorg(gone)

    (link,) = TradeExecutionLink.objects.all()
    assert (link.contributed_shares, link.released_shares, link.reorged) == (2, 0, True)
    assert left_open() == {}
    assert steps.position().net == -2
    back = steps.hedge()
    assert order_of(back) == "BUY 2 AAPL"
    assert links_of(back) == []
    assert unallocated(back) == (2, "reorg")


def test_a_fill_that_comes_back_for_less_is_explained_the_same_in_both_memories(steps):
    """Its row in the view is its only one; what the reorg left behind is told by the links."""
    fill = steps.fill("BUY", "3", block=5)
    order = steps.hedge()
    steps.submit(order)
    steps.complete(order)
    steps.reorg(fill)
    steps.fill("BUY", "1", block=6, tx=fill.tx_hash)

    back = steps.hedge()

    assert order_of(back) == "BUY 2 AAPL"
    assert unallocated(back) == (2, "reorg")
    assert left_open() == {2: 1}


def test_a_fill_that_comes_back_can_be_linked_to_its_order_a_second_time(steps):
    fill = steps.fill("BUY", "2", block=5)
    order = steps.hedge()
    steps.submit(order)
    steps.reorg(fill)
    steps.fill("BUY", "2", block=6, tx=fill.tx_hash)
    steps.complete(order, "3.5")

    rows = TradeExecutionLink.objects.order_by("id")
    assert [(places()[r.trade_id], r.contributed_shares, r.reorged) for r in rows] == [
        (1, 2, True),
        (2, d("1.5"), False),
    ]
    assert left_open() == {2: d("0.5")}
    assert steps.position().net == d("-1.5")


def test_after_a_reorg_another_fill_may_stand_at_the_place_of_one_that_was_hedged(steps):
    """A transaction with two fills of ours comes back at another index, and the second takes the name of the first."""
    fill = steps.fill("SELL", "2", block=5)
    steps.hedge()
    steps.reorg(fill)

    steps.fill("BUY", "5", block=6, tx=fill.tx_hash)

    assert list(compare(steps.ledger.mode)) == []
    assert steps.position().net == 5


def test_a_reorg_opens_the_fills_again_that_were_netted_with_it(steps):
    steps.fill("BUY", "1")
    sold = steps.fill("SELL", "0.75")
    steps.fill("BUY", "1")
    steps.submit(order := steps.hedge())
    assert netted() == [(3, 2, d("0.75"))]

    steps.reorg(sold)

    assert left_open() == {3: 1}
    assert [row.reorged for row in NettingLink.objects.all()] == [True]
    steps.complete(order)
    assert order_of(steps.hedge()) == "SELL 1 AAPL"


def test_a_fill_without_a_block_number_is_older_than_all_others(steps):
    """Only a migrated fill is, and PostgreSQL would put it last of itself."""
    steps.fill("BUY", "0.5", block=3)
    migrated = TradeId(tx_hash("migrated"), 0)
    with steps.step() as step, step.group("migrate"):
        migrate = Migrate(
            symbol="AAPL",
            token_symbol="tAAPL",
            side=Side.BUY,
            amount=d("0.5"),
            price_usdc=None,
            block_timestamp=AT - timedelta(days=9),
        )
        step.handle(OnChainTrade, migrated, migrate)
    steps.fill("BUY", "0.5", block=4)

    assert links_of(steps.hedge()) == [(2, d("0.5")), (1, d("0.5"))]


def test_dollars_hedge_fractions_and_link_them_exactly():
    steps = Steps(threshold_text="$100")
    steps.fill("BUY", "0.123456789", price="900")

    order = steps.hedge(digits=6)

    assert order_of(order) == "SELL 0.123456 AAPL"
    assert links_of(order) == [(1, d("0.123456"))]
    assert left_open() == {1: d("0.000000789")}


def test_an_order_may_end_and_the_next_be_placed_in_one_step(steps):
    steps.fill("BUY", "2")
    steps.submit(order := steps.hedge())
    steps.fill("BUY", "1")

    with steps.step() as step:
        steps.complete_in(step, order)
        again = steps.hedge_in(step)

    assert order_of(again) == "SELL 1 AAPL"
    assert links_of(again) == [(2, 1)]
