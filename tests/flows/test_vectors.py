"""The older engine's cases, through the stations, in every ledger mode.

Where ours differ, what the older engine did stands beside. It cut the remainders when an order was placed; ours change
when the broker fills, so a hedge here is filled before the remainders are compared.
"""

from decimal import Decimal

import pytest

from tests.support.books import Books, books
from tests.support.made_chain import MadeChain, know_tokens, log_of, take
from tests.support.near_node import NearNode
from tests.support.stations import MODES, Clock, Stations, fresh_books, notices
from tests.support.venue import Venue
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import BrokerUnavailable, OutcomeUnknown
from trading.conductor.by_hand import process_transaction
from trading.conductor.inbox import QueuedLog
from trading.conductor.watcher import queue
from trading.offchain_order.aggregate import OrderState
from trading.values.identifiers import TradeId

pytestmark = [pytest.mark.django_db, pytest.mark.parametrize("mode", MODES)]

TOKENS = ("AAPL0x", "MSFT0x", "TSLA0x", "GME0x", "GMEs1", "tGME", "INVALID0x")


@pytest.fixture
def stations(mode):
    know_tokens(*TOKENS)
    return Stations(mode=mode)


class History:
    """Fills one after the other, each hedged as far as it goes; told in short: `SELL 0.5 AAPL0x`."""

    def __init__(self, stations: Stations) -> None:
        self.stations = stations
        self.names: dict[str, str] = {}
        self.after: list[list[str]] = []

    def play(self, *fills: str) -> "History":
        for fill in fills:
            side, shares, token = fill.split()
            log = log_of(take(side, shares, token), block=100 + len(self.names))
            self.names[str(TradeId(log.tx_hash, log.log_index))] = f"t{len(self.names) + 1}"
            queue([log], now=self.stations.clock())
            self.stations.lockstep()
            self.after.append(self.stations.hedges())
        return self

    @property
    def kept(self) -> Books:
        return books(self.stations.ledger)

    def links(self, order: int = 1) -> dict[str, str]:
        return {self.names[trade]: f"{shares}" for trade, shares in self.kept.contributions(order).items()}

    def nettings(self) -> set[tuple[frozenset[str], str]]:
        return {
            (frozenset({self.names[trade], self.names[opposite]}), f"{shares}")
            for trade, opposite, _, shares, _ in self.kept.nettings
        }


@pytest.mark.parametrize(
    ("fills", "hedges", "links", "net"),
    [
        pytest.param(["SELL 0.5 AAPL0x"], [[]], {}, "-0.5", id="V1"),
        pytest.param(["SELL 1.5 MSFT0x"], [["BUY 1 MSFT"]], {"t1": "1"}, "-0.5", id="V2"),
        pytest.param(
            ["SELL 0.3 AAPL0x", "SELL 0.4 AAPL0x", "SELL 0.4 AAPL0x"],
            [[], [], ["BUY 1 AAPL"]],
            {"t1": "0.3", "t2": "0.4", "t3": "0.3"},
            "-0.1",
            id="V3",
        ),
        pytest.param(
            ["SELL 0.3 AAPL0x", "SELL 0.5 AAPL0x", "SELL 0.4 AAPL0x"],
            [[], [], ["BUY 1 AAPL"]],
            {"t1": "0.3", "t2": "0.5", "t3": "0.2"},
            "-0.2",
            id="V4",
        ),
        pytest.param(
            ["BUY 0.3 MSFT0x", "BUY 0.4 MSFT0x", "BUY 0.5 MSFT0x"],
            [[], [], ["SELL 1 MSFT"]],
            {"t1": "0.3", "t2": "0.4", "t3": "0.3"},
            "0.2",
            id="V5",
        ),
        pytest.param(
            ["SELL 0.4 AAPL0x", "SELL 0.8 AAPL0x"],
            [[], ["BUY 1 AAPL"]],
            {"t1": "0.4", "t2": "0.6"},
            "-0.2",
            id="V6",
        ),
        pytest.param(["BUY 1.2 TSLA0x"], [["SELL 1 TSLA"]], {"t1": "1"}, "0.2", id="V7"),
        pytest.param(
            ["SELL 0.8 AAPL0x", "SELL 0.3 AAPL0x"],
            [[], ["BUY 1 AAPL"]],
            {"t1": "0.8", "t2": "0.2"},
            "-0.1",
            id="V8",
        ),
        pytest.param(
            ["SELL 0.6 GME0x", "SELL 0.3 GMEs1", "SELL 0.2 tGME"],
            [[], [], ["BUY 1 GME"]],
            {"t1": "0.6", "t2": "0.3", "t3": "0.1"},
            "-0.1",
            id="V10",
        ),
        pytest.param(["BUY 2 INVALID0x"], [["SELL 2 INVALID"]], {"t1": "2"}, "0", id="a ticker that nobody has"),
    ],
)
def test_fills_and_the_order_that_they_come_to(stations, fills, hedges, links, net):
    history = History(stations).play(*fills)

    assert history.after == hedges
    assert history.links() == links
    (position,) = history.kept.positions.values()
    assert position.net == Decimal(net)
    assert (position.accumulated_long, position.accumulated_short) == (max(position.net, 0), max(-position.net, 0))
    assert position.pending is None
    assert len(history.kept.trades) == len(fills)


def test_v9_two_symbols_are_two_positions(stations):
    history = History(stations).play("BUY 1.5 AAPL0x", "SELL 1.5 MSFT0x")

    assert stations.hedges() == ["SELL 1 AAPL", "BUY 1 MSFT"]
    assert (history.links(1), history.links(2)) == ({"t1": "1"}, {"t2": "1"})
    assert (stations.net("AAPL"), stations.net("MSFT")) == (Decimal("0.5"), Decimal("-0.5"))


def test_v15_the_same_fill_again_changes_nothing(stations):
    history = History(stations).play("SELL 1.5 MSFT0x")
    before = history.kept

    QueuedLog.objects.update(processed=False)
    stations.lockstep()
    queue([log_of(take("SELL", "1.5", "MSFT0x"), block=100)], now=stations.clock())
    stations.lockstep()

    assert history.kept == before


def test_v16_opposite_fills_are_netted_and_the_rest_is_hedged(stations):
    """The older engine left the netted shares open for ever, so that a later order could be linked to them."""
    history = History(stations).play("SELL 0.8 AAPL0x", "BUY 0.5 AAPL0x", "SELL 0.9 AAPL0x")

    assert history.after == [[], [], ["BUY 1 AAPL"]]
    assert history.links() == {"t1": "0.8", "t3": "0.2"}
    assert history.nettings() == {(frozenset({"t2", "t3"}), "0.5")}
    assert stations.net("AAPL") == Decimal("-0.2")
    unlinked = {history.names[trade]: shares for trade, shares in history.kept.unlinked.items()}
    assert unlinked == {"t1": 0, "t2": 0, "t3": Decimal("0.2")}


def test_v17_below_the_threshold_nothing_is_placed(stations):
    History(stations).play("SELL 0.8 AAPL0x")
    for _ in range(3):
        stations.forward(60)
        stations.hedge()
    assert stations.hedges() == []


def test_v18_beside_an_order_under_way_nothing_is_placed(mode):
    know_tokens(*TOKENS)
    clock = Clock()
    stations = Stations(mode=mode, clock=clock, broker=Venue(clock))
    History(stations).play("BUY 1.5 AAPL0x", "BUY 1.5 AAPL0x")
    for _ in range(3):
        clock.forward(60)
        stations.hedge()
    assert stations.hedges() == ["SELL 1 AAPL"]
    assert stations.net("AAPL") == 3


@pytest.mark.parametrize("trouble", [None, BrokerUnavailable("away"), OutcomeUnknown("no answer")])
@pytest.mark.parametrize("minutes", [0, 15], ids=["V14", "V13"])
def test_v13_v14_an_old_order_is_asked_for_and_never_failed_by_its_age(mode, trouble, minutes):
    """The older engine failed it ten minutes after its position last changed, and placed a second one (V13)."""
    know_tokens(*TOKENS)
    clock = Clock()
    venue = Venue(clock)
    stations = Stations(mode=mode, clock=clock, broker=venue)
    if trouble is not None:
        venue.fail("submit", trouble, taken=isinstance(trouble, OutcomeUnknown))
    history = History(stations).play("SELL 1.5 AAPL0x")
    clock.forward(60 * minutes)

    history.play("SELL 1.5 AAPL0x")

    assert stations.hedges() == ["BUY 1 AAPL"]
    assert stations.position("AAPL").pending.order_id == 1
    assert not stations.only_order().has_ended
    assert stations.net("AAPL") == -3

    clock.forward(60)
    stations.hedge()
    venue.tell(OrderStatus.FILLED, "1")
    clock.forward(60)
    stations.hedge()
    assert len(venue.submitted) == 2
    assert [order.state for order in stations.orders()] == [OrderState.FILLED, OrderState.SUBMITTED]
    assert stations.hedges() == ["BUY 1 AAPL", "BUY 2 AAPL"]
    assert notices() == []


# Restarts and ways in.


def test_from_both_ways_in_a_log_is_one_fill(mode):
    """The watcher reads the blocks again from the start while the same transactions are processed by hand."""
    chain = MadeChain("AAPL0x")
    for shares in ("0.3", "0.4", "0.4"):
        chain.mine(take("SELL", shares, "AAPL0x"))
    stations = Stations(mode=mode, node=NearNode(chain.recording()), largest_range=2)
    transactions = [tx for block in chain._blocks for tx in block["transactions"]]

    for tx in [*transactions, transactions[0]]:
        process_transaction(
            stations.node, stations.processor, orderbook=stations.orderbook, tx_hash=tx, now=stations.clock()
        )
        stations.watcher.run_once(now=stations.clock())
    stations.read()
    stations.process()
    stations.hedge()

    assert len(books(stations.ledger).trades) == 3
    assert stations.hedges() == ["BUY 1 AAPL"]
    assert stations.net("AAPL") == Decimal("-0.1")


def test_a_restart_between_any_two_turns_changes_nothing(mode):
    know_tokens(*TOKENS)
    fills = [("SELL", "1.5"), ("BUY", "0.25"), ("SELL", "3"), ("BUY", "4"), ("SELL", "0.125")]
    logs = [log_of(take(side, shares, "AAPL0x"), block=100 + place) for place, (side, shares) in enumerate(fills)]

    with fresh_books():
        stations = Stations(mode=mode)
        queue(logs, now=stations.clock())
        stations.lockstep()
        expected = books(stations.ledger)

    queue(logs, now=Clock()())
    for _ in logs:
        for station in ("processor", "hedger", "dispatcher", "poller", "hedger"):
            restarted = Stations(mode=mode, batch=1)
            getattr(restarted, station).run_once(now=restarted.clock())

    found = books(Stations(mode=mode).ledger)
    assert without_marks(found) == without_marks(expected)
    assert QueuedLog.objects.filter(processed=False).count() == 0


def without_marks(kept: Books) -> list[object]:
    """The books, less what differs between two that begin anew."""
    orders = [(order.order_id, order.side, order.requested_shares, order.state) for order in kept.orders.values()]
    return [kept.trades, kept.positions, orders, kept.links, kept.nettings, kept.unlinked]
