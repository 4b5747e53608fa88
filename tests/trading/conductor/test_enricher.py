"""The enricher: gas and the oracle's price, whichever comes, and never in a hedge's way."""

import pytest

from tests.support.books import books
from tests.support.chains import V6
from tests.support.made_chain import MadeChain, take
from tests.support.near_node import NearNode
from tests.support.replay_node import Refusal, recorded
from tests.support.stations import MODES, Stations
from trading.conductor.enricher import TRIES
from trading.conductor.work import Enrichment

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain():
    chain = MadeChain("tAAPL")
    chain.mine(take("SELL", "1.5", "tAAPL"), take("SELL", "0.1", "tAAPL"))
    chain.mine(take("SELL", "0.2", "tAAPL"))
    return chain


def filled(chain, **options) -> Stations:
    stations = Stations(node=NearNode(chain.recording()), **options)
    stations.read()
    stations.process()
    return stations


def gas(stations: Stations) -> list[tuple[int, int | None] | None]:
    trades = sorted(books(stations.ledger).trades.values(), key=lambda t: (t.fill.block_number, t.trade.log_index))
    return [t.gas and (t.gas.gas_used, t.gas.effective_gas_price) for t in trades]


WHOLE = [(200_000, 1_000_000_101), (200_001, 1_000_000_101), (200_000, 1_000_000_102)]


@pytest.mark.parametrize("mode", MODES)
def test_gas_comes_from_the_receipt(chain, mode):
    stations = filled(chain, mode=mode)
    assert gas(stations) == [None, None, None]
    stations.run(stations.enricher)
    assert gas(stations) == WHOLE
    assert stations.enricher.untried() == []


@pytest.mark.parametrize("mode", MODES)
def test_the_price_comes_from_the_trace_and_both_are_kept_once(mode):
    stations = Stations(node=NearNode(recorded(V6)), chain=recorded(V6), mode=mode)
    stations.node.replay.set_head(120)
    stations.read()
    stations.process()
    stations.run(stations.enricher)

    once = books(stations.ledger)
    assert sum(trade.pyth is not None for trade in once.trades.values()) > 3
    Enrichment.objects.all().delete()
    stations.run(stations.enricher)
    assert books(stations.ledger) == once


def test_a_fill_is_hedged_before_anything_is_known_of_it(chain):
    stations = filled(chain)
    stations.node.replay.refuses = lambda method, params: Refusal(-32603, "internal error")
    stations.run(stations.enricher)
    stations.hedge()
    assert stations.hedges() == ["BUY 1 AAPL"]
    assert gas(stations) == [None, None, None]


@pytest.mark.parametrize("fault", ["429", "500", "503"])
def test_what_was_asked_in_vain_is_asked_again_later(chain, fault):
    stations = filled(chain)
    stations.node.replay.fail(fault, times=10_000)
    stations.run(stations.enricher)
    assert gas(stations) == [None, None, None]
    assert {row.tries for row in Enrichment.objects.all()} == {1}
    stations.run(stations.enricher)
    assert {row.tries for row in Enrichment.objects.all()} == {1}

    stations.node.replay._faults.clear()
    stations.forward(5)
    stations.run(stations.enricher)
    assert gas(stations) == WHOLE


def test_one_fill_whose_receipt_is_missing_holds_no_other_up(chain):
    stations = filled(chain)
    missing = chain._blocks[1]["transactions"][0]
    receipt = stations.node.replay._receipts.pop(missing)

    stations.run(stations.enricher)
    assert gas(stations) == [None, *WHOLE[1:]]
    assert "no receipt" in Enrichment.objects.get(gas_note__isnull=False).gas_note

    stations.node.replay._receipts[missing] = receipt
    stations.forward(5)
    stations.run(stations.enricher)
    assert gas(stations) == WHOLE


def test_one_receipt_that_can_not_be_read_holds_no_other_up(chain):
    stations = filled(chain)
    receipts = stations.node.replay._receipts
    odd = chain._blocks[1]["transactions"][0]
    receipts[odd] |= {"logs": [log | {"removed": None} for log in receipts[odd]["logs"]]}

    stations.run(stations.enricher)

    assert gas(stations) == [None, *WHOLE[1:]]
    assert Enrichment.objects.get(gas_note__isnull=False).gas_note.startswith("MalformedLog")


def test_gas_of_another_block_than_the_fills_is_not_taken(chain):
    """A node that lags on a fork that was left has the transaction in a block that is gone."""
    stations = filled(chain)
    receipts = stations.node.replay._receipts
    moved = chain._blocks[1]["transactions"][0]
    receipts[moved] |= {"blockHash": "0x" + "ab" * 32, "logs": []}

    stations.run(stations.enricher)

    assert gas(stations) == [None, *WHOLE[1:]]
    row = Enrichment.objects.get(gas_note__isnull=False)
    assert "in another block" in row.gas_note
    assert row.not_before is not None


def test_after_so_many_tries_it_is_let_be_and_the_reason_is_kept(chain):
    stations = filled(chain)
    stations.node.replay._receipts.pop(chain._blocks[1]["transactions"][0])
    for _ in range(TRIES + 3):
        stations.run(stations.enricher)
        stations.forward(10_000)

    row = Enrichment.objects.get(gas_note__isnull=False)
    assert (row.tries, row.not_before) == (TRIES, None)
    asked = stations.node.replay.counters["eth_getTransactionReceipt"]
    stations.forward(10_000)
    stations.run(stations.enricher)
    assert stations.node.replay.counters["eth_getTransactionReceipt"] == asked


def test_many_fills_in_vain_leave_the_next_ones_their_turn(chain):
    for _ in range(30):
        chain.mine(take("BUY", "0.01", "tAAPL"))
    stations = filled(chain)
    in_vain = [tx for block in chain._blocks[:30] for tx in block["transactions"]]
    for tx in in_vain:
        stations.node.replay._receipts.pop(tx)

    stations.run(stations.enricher)

    assert sum(each is not None for each in gas(stations)) == 33 - len(in_vain)


def test_a_node_without_traces_is_asked_once_for_each(chain):
    stations = Stations(node=NearNode(recorded(V6), traces=False), chain=recorded(V6))
    stations.node.replay.set_head(110)
    stations.read()
    stations.process()
    for _ in range(3):
        stations.run(stations.enricher)
        stations.forward(10_000)

    trades = books(stations.ledger).trades.values()
    assert all(trade.gas is not None and trade.pyth is None for trade in trades)
    assert stations.node.replay.counters["debug_traceTransaction"] == len(trades)
    assert all("offers no traces" in row.pyth_note for row in Enrichment.objects.all())


def test_gas_beyond_its_column_is_noted_and_not_stored(chain):
    stations = filled(chain)
    for tx, receipt in list(stations.node.replay._receipts.items()):
        stations.node.replay._receipts[tx] = receipt | {"gasUsed": hex(2**63), "effectiveGasPrice": hex(2**70)}
    stations.run(stations.enricher)
    assert gas(stations) == [None, None, None]
    assert stations.enricher.untried() == []


def test_a_fill_that_a_reorg_took_meanwhile_is_not_enriched(chain, monkeypatch):
    stations = filled(chain)
    receipt = stations.node.receipt

    def reorged_meanwhile(tx):
        found = receipt(tx)
        monkeypatch.undo()
        stations.node.replay.reorg(101, without=[tx for block in chain._blocks for tx in block["transactions"]])
        stations.forward(5)
        stations.read()
        return found

    monkeypatch.setattr(stations.node, "receipt", reorged_meanwhile)
    stations.run(stations.enricher)

    assert gas(stations) == [None, None, None]
    assert stations.net("AAPL") == 0
    # What was noted of a fill that went would keep it from being asked about if it came back.
    assert not Enrichment.objects.exists()
